"""Copies of the database: whole, checked, readable by this user alone, and not for ever."""

import os
import re
import secrets
import sqlite3
from contextlib import closing, suppress
from datetime import date, datetime, timedelta
from pathlib import Path

from bot.storage.key import sync_folder
from bot.storage.schema import FILE
from bot.storage.store import DamagedError

FOLDER = "backups"
"""In the data folder."""
MOST_DAYS = 7
"""How long a copy is kept at most: what somebody had forgotten must not last in it."""
_STAMP = "%Y%m%dT%H%M%SZ"
_OURS = re.compile(
    r"bot-(\d{8})T\d{6}Z(?:-[a-z0-9-]+)?\.sqlite3(?:(?:\.[0-9a-f]{8}\.part)+(?:-journal)?)?"
    rf"|{re.escape(FILE)}\.damaged-(\d{{8}})T\d{{6}}Z(?:-wal)?"
)


def name_copy(now: datetime, why: str = "") -> str:
    """The name of a copy that is made now (in UTC): by it we know when to delete it."""
    return f"bot-{now.strftime(_STAMP)}{'-' if why else ''}{why}.sqlite3"


def name_damaged(now: datetime) -> str:
    """The name under which a damaged database is set aside now (in UTC)."""
    return f"{FILE}.damaged-{now.strftime(_STAMP)}"


def name_draft(file: Path) -> Path:
    """Where a copy is written until it is whole; left behind, it is deleted as old copies are."""
    return file.with_name(f"{file.name}.{secrets.token_hex(4)}.part")


def write_copy(connection: sqlite3.Connection, file: Path) -> None:
    """Copy an open database into a file while others go on using it.

    Only rows that are there get into it: nothing that was deleted. It is checked before it gets
    its name.

    Raises:
        DamagedError: when the copy turns out damaged.
    """
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = name_draft(file)
    try:
        os.close(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        connection.execute("VACUUM INTO ?", (str(draft),))
        with closing(sqlite3.connect(draft, isolation_level=None)) as copy:
            faults = faults_of(copy, "integrity_check")
        if faults:
            raise DamagedError(
                f"the copy is damaged ({faults}): check the disk, and `optout-bot health`"
            )
        with draft.open("rb+") as written:
            os.fsync(written.fileno())
        draft.replace(file)
    finally:
        draft.unlink(missing_ok=True)
    sync_folder(file.parent)


def faults_of(connection: sqlite3.Connection, check: str = "quick_check") -> str:
    """What SQLite finds damaged in a database, the first of it; empty: nothing."""
    ((found,),) = connection.execute(f"PRAGMA {check}(1)")
    return "" if found == "ok" else str(found).replace("\n", " ")


def is_ours(file: Path) -> bool:
    """Whether a name is one that we gave to a copy, so that we delete it in time."""
    return bool(_OURS.fullmatch(file.name))


def set_aside(folder: Path, now: datetime) -> Path:
    """Rename a damaged database, its log with it: together they may be rescued."""
    file, aside = folder / FILE, folder / name_damaged(now)
    file.replace(aside)
    with suppress(FileNotFoundError):
        file.with_name(f"{FILE}-wal").replace(aside.with_name(f"{aside.name}-wal"))
    file.with_name(f"{FILE}-shm").unlink(missing_ok=True)
    sync_folder(folder)
    return aside


def drop_copies(
    folder: Path, today: date, days: int = MOST_DAYS, *, spare: Path | None = None
) -> list[Path]:
    """Delete our copies in a folder that are so many days old, but for one that is spared."""
    old = []
    for file in sorted(folder.glob("bot*")):
        match = _OURS.fullmatch(file.name)
        if not match or file == spare:
            continue
        made = datetime.strptime(match[1] or match[2], "%Y%m%d").date()  # noqa: DTZ007
        if made + timedelta(days) <= today:
            file.unlink(missing_ok=True)
            old.append(file)
    return old
