"""Files that the bot has sent: in memory, named as Telegram names them, never on the disk."""

import secrets
import unicodedata
from dataclasses import dataclass
from pathlib import PurePosixPath
from urllib.parse import quote

MAX_FILE = 5 << 20
"""Bytes of one file. Telegram takes 50 MB; what is sent here is far smaller."""
MAX_STORED = 32 << 20
"""Bytes of all files together; beyond that the oldest go."""
MAX_FILES = 1_000
"""How many files are kept at once; beyond that the oldest go."""
_MAX_STEM, _MAX_SUFFIX = 60, 20
_FORBIDDEN = frozenset("<>:\"/\\|?*&`'\x7f")
_TYPES = {".pdf": "application/pdf", ".txt": "text/plain", ".ics": "text/calendar"}


@dataclass(frozen=True, slots=True)
class Upload:
    """A file as it stood in a request."""

    name: str
    body: bytes


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A file that can be fetched again."""

    id: str
    """Unguessable: whoever knows it may read the file."""
    unique_id: str
    path: str
    """Where the bot downloads it, below `/file/bot<token>/`."""
    name: str
    body: bytes

    @property
    def media_type(self) -> str:
        """Its media type, by the suffix of its name."""
        return _TYPES.get(PurePosixPath(self.name).suffix.lower(), "application/octet-stream")

    @property
    def disposition(self) -> str:
        """Content-Disposition that saves it under its name, also in old browsers."""
        plain = "".join(c if c.isascii() else "_" for c in self.name)
        return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(self.name, safe='')}"


class Files:
    """The newest files, within `MAX_STORED` bytes and `MAX_FILES` files."""

    def __init__(self) -> None:
        self._by_id: dict[str, StoredFile] = {}
        self._by_path: dict[str, StoredFile] = {}
        self._size = 0
        self._count = 0

    def add(self, upload: Upload) -> StoredFile:
        """Keep a file; the oldest make room for it."""
        name = clean_name(upload.name)
        file = StoredFile(
            id=f"BQAC{secrets.token_urlsafe(24)}",
            unique_id=f"AgAD{secrets.token_urlsafe(8)}",
            path=f"documents/file_{self._count}{_plain_suffix(name)}",
            name=name,
            body=upload.body,
        )
        self._count += 1
        self._by_id[file.id] = self._by_path[file.path] = file
        self._size += len(file.body)
        while self._size > MAX_STORED or len(self._by_id) > MAX_FILES:
            oldest = self._by_id.pop(next(iter(self._by_id)))
            del self._by_path[oldest.path]
            self._size -= len(oldest.body)
        return file

    def get(self, file_id: str) -> StoredFile | None:
        """The file with this id, while it is kept."""
        return self._by_id.get(file_id)

    def at(self, path: str) -> StoredFile | None:
        """The file at this path, while it is kept. Paths are names, not places on a disk."""
        return self._by_path.get(path)


def clean_name(name: str) -> str:
    """A file's name as Telegram leaves it: letters, digits and harmless signs.

    After clean_filename in TDLib's filesystem.cpp: without folders, 60 characters and a suffix
    of 20, invisible characters and combining marks dropped, other signs a space. A semicolon ends
    the name, because Telegram's parser of multipart/form-data does not look at quotes.
    """
    base = name.partition(";")[0].replace("\\", "/").rpartition("/")[2]
    stem, dot, suffix = base.rpartition(".")
    if not dot:
        stem, suffix = suffix, ""
    parts = (_clean_part(stem, _MAX_STEM), _clean_part(suffix, _MAX_SUFFIX))
    return ".".join(filter(None, parts)) or "file"


def _clean_part(part: str, limit: int) -> str:
    kept = ""
    for character in part:
        if len(kept) == limit:
            break
        category = unicodedata.category(character)
        if category[0] == "M" or category == "Cf":
            continue
        allowed = category[0] in "LN" or " " <= character <= "~"
        shown = character if allowed and character not in _FORBIDDEN else " "
        if kept or shown not in " .":
            kept += shown
    return kept.rstrip(" .")


def _plain_suffix(name: str) -> str:
    suffix = PurePosixPath(name).suffix.lower()
    return suffix if suffix.isascii() and suffix[1:].isalnum() else ""
