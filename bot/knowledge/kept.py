"""Keeps what was read of the content, so that the next start need not parse it again.

Parsing strict YAML takes most of a start. One JSON file holds the values of each content file by the
hash of its bytes: a changed file is parsed, and one that cannot be used is written anew.
"""

import contextlib
import hashlib
import json
import os
from dataclasses import dataclass, field
from pathlib import Path

from bot.knowledge.strict_yaml import Reading, Value, load_bytes, parse

VERSION = 1
"""Raised whenever the same bytes give other values, or are refused."""
NAME = "content.json"


@dataclass
class Kept:
    """What was read before, and what was read this time."""

    folder: Path | None
    before: dict[str, Value] = field(default_factory=dict)
    now: dict[str, Value] = field(default_factory=dict)

    @classmethod
    def open(cls, folder: Path | None) -> "Kept":
        """What the folder holds; nothing where it holds nothing that can be used."""
        if folder is None:
            return cls(None)
        try:
            before = json.loads((folder / NAME).read_bytes())
            usable = before["version"] == VERSION and isinstance(before["files"], dict)
        except (OSError, ValueError, RecursionError, KeyError, TypeError):
            return cls(folder)
        return cls(folder, before["files"] if usable else {})

    def read(self, file: Path) -> Reading:
        """Read a file; raises ContentError like `strict_yaml.read`."""
        raw = load_bytes(file)
        digest = hashlib.sha256(raw).hexdigest()
        if digest in self.before:
            reading = Reading(file, self.before[digest], None)
        else:
            reading = parse(raw, file)
        self.now[digest] = reading.value
        return reading

    def save(self) -> None:
        """Keep what was read, if it is new; a folder that cannot be used is no error."""
        if self.folder is None or self.now.keys() == self.before.keys():
            return
        content = json.dumps({"version": VERSION, "files": self.now}, ensure_ascii=False)
        with contextlib.suppress(OSError):
            # Readable by all: who installs the bot is often another user than who runs it.
            self.folder.mkdir(mode=0o755, parents=True, exist_ok=True)
            begun = self.folder / f"{NAME}.{os.getpid()}.tmp"
            try:
                begun.write_bytes(content.encode())
                begun.replace(self.folder / NAME)
            finally:
                begun.unlink(missing_ok=True)
