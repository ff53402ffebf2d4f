"""Keeps a built matcher, so that the next start need not build it.

One file of arrays (NumPy's npz, never pickle), named by a hash of the phrasings and of what the
code makes of them: changed content gets a new file, and a file that cannot be read is built anew.
"""

import contextlib
import hashlib
import os
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np

from bot.matching.index import Index, Phrasing
from bot.matching.languages import Detector
from bot.matching.matcher import Matcher

VERSION = 7
"""Raised whenever the same phrasings give other arrays."""
MOST_KEPT = 3
"""Indexes that are kept, 20 MB each: the content in use, and what somebody is trying out beside."""
_UNUSABLE = (OSError, EOFError, KeyError, ValueError, TypeError, zipfile.BadZipFile)


def load_or_build(phrasings: Mapping[str, Iterable[Phrasing]], folder: Path | None) -> Matcher:
    """The matcher of these phrasings: from a file in the folder, or built and kept there.

    A folder that cannot be used (None, read-only, full) is no error: the matcher is built.
    """
    kept = {language: tuple(texts) for language, texts in sorted(phrasings.items())}
    if folder is None:
        return Matcher.build(kept)
    file = folder / f"index-{_fingerprint(kept)}.npz"
    try:
        return _load(file, kept)
    except _UNUSABLE:
        matcher = Matcher.build(kept)
    with contextlib.suppress(OSError):
        _keep(matcher, file)
    return matcher


def _fingerprint(phrasings: Mapping[str, tuple[Phrasing, ...]]) -> str:
    digest = hashlib.sha256(f"{VERSION} {np.__version__}".encode())
    for language, texts in phrasings.items():
        lines = sorted([f"{p.role.value}\0{p.label}\0{p.text}" for p in texts])
        whole = "\0".join([language, str(len(lines)), *lines])
        digest.update(whole.encode("utf-8", "surrogatepass"))
    return digest.hexdigest()[:32]


def _load(file: Path, phrasings: Mapping[str, tuple[Phrasing, ...]]) -> Matcher:
    with file.open("rb") as opened, np.load(opened, allow_pickle=False) as arrays:
        indexes = {}
        for language in phrasings:
            prefix = f"{language}/"
            own = {n.removeprefix(prefix): arrays[n] for n in arrays.files if n.startswith(prefix)}
            indexes[language] = Index.restore(language, own)
        return Matcher(indexes, Detector.restore(phrasings, arrays["detector"]))


def _keep(matcher: Matcher, file: Path) -> None:
    """Write whole or not at all, and drop what older content left."""
    # Readable by all: who installs the bot is often another user than who runs it.
    file.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
    arrays = {"detector": matcher.detector.table}
    for language, index in matcher.indexes.items():
        arrays |= {f"{language}/{name}": array for name, array in index.arrays().items()}
    begun = file.with_suffix(f".{os.getpid()}.tmp")
    try:
        with begun.open("wb") as opened:
            np.savez(opened, allow_pickle=False, **arrays)
        begun.replace(file)
    finally:
        begun.unlink(missing_ok=True)
    by_age = sorted(file.parent.glob("index-*.npz"), key=lambda kept: kept.stat().st_mtime)
    for old in by_age[:-MOST_KEPT]:
        old.unlink(missing_ok=True)
