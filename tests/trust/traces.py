"""Looks for traces of something in bytes, in all the forms in which it could have been kept."""

import hashlib
import json
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

CONTENT = Path(__file__).parents[2] / "faq"
CACHE = Path(sys.prefix) / "var" / "optout-bot"
"""Where the bot keeps what it can compute again, when it runs from a virtual environment."""


def forms(thing: str | bytes) -> Iterable[bytes]:
    """How a text or bytes may be written: as it is, in lower case, escaped, in hexadecimal."""
    if isinstance(thing, bytes):
        yield from (thing, thing.hex().encode(), thing.hex().upper().encode())
        return
    for text in (thing, thing.casefold()):
        yield text.encode("utf-8", "surrogatepass")
        yield text.encode("utf-16-le", "surrogatepass")
        yield json.dumps(text)[1:-1].encode()
        yield repr(text)[1:-1].encode("utf-8", "replace")


def hashes(text: str) -> Iterable[bytes]:
    """Hashes of a text without a key: ids are few enough to try them all."""
    for name in ("md5", "sha1", "sha256", "sha512", "blake2b", "blake2s"):
        yield hashlib.new(name, text.encode(), usedforsecurity=False).digest()


def found(things: Mapping[str, Iterable[str | bytes]], places: Mapping[object, bytes]) -> list[str]:
    """Which of the things stand in which of the places, in any form.

    In the cache stands the content as it was read: a phrasing there is no trace of who typed it.
    """
    ours = "".join(file.read_text("utf-8") for file in CONTENT.rglob("*.yaml")).casefold()
    needles = [
        (f"{name} {thing!r}", needle, isinstance(thing, str) and thing.casefold() in ours)
        for name, several in things.items()
        for thing in several
        for needle in dict.fromkeys(forms(thing))
    ]
    hits = []
    for place, content in places.items():
        lower = content.lower()
        cached = isinstance(place, Path) and place.is_relative_to(CACHE)
        for name, needle, is_content in needles:
            if (needle in content or needle in lower) and not (cached and is_content):
                hits.append(f"{name} in {place}")
    return list(dict.fromkeys(hits))


def written_since(moment: float, folder: Path = CACHE) -> dict[Path, bytes]:
    """Files of a folder that were written after a moment (seconds from 1970)."""
    if not folder.is_dir():
        return {}
    return {
        file: file.read_bytes()
        for file in folder.rglob("*")
        if file.is_file() and file.stat().st_mtime >= moment
    }
