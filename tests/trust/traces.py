"""Looks for traces of something in bytes, in all the forms in which it could have been kept."""

import hashlib
import json
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

from bot.knowledge.kept import NAME

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
    """Which of the things stand in which of the places, in any form."""
    needles = [
        (f"{name} {thing!r}", needle)
        for name, several in things.items()
        for thing in several
        for needle in dict.fromkeys(forms(thing))
    ]
    hits = []
    for place, content in places.items():
        lower = content.lower()
        for name, needle in needles:
            if needle in content or needle in lower:
                hits.append(f"{name} in {place}")
    return list(dict.fromkeys(hits))


def written_since(moment: float, folder: Path = CACHE) -> dict[Path, bytes]:
    """Files of a folder that were written after a moment (seconds from 1970).

    But for faq/ itself as it was read: phrasings are what people type, and a test beside this one
    may write it anew.
    """
    if not folder.is_dir():
        return {}
    return {
        file: file.read_bytes()
        for file in folder.rglob("*")
        if file.is_file() and file.name != NAME and file.stat().st_mtime >= moment
    }
