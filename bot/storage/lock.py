"""One bot in one data folder."""

import errno
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bot.storage.store import StorageError

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

log = logging.getLogger(__name__)

LOCK_FILE = "bot.lock"
_UNKNOWN = {errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP}
"""What file systems say that know no locks."""


@contextmanager
def hold(folder: Path) -> Iterator[None]:
    """Hold a data folder, made if it is not there, against a second bot.

    The system lets go of it when the process ends, however it ends. Where it knows no locks,
    nothing is held.

    Raises:
        StorageError: when another process holds it, or the folder cannot be used.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(folder / LOCK_FILE, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise unusable(folder, error) from error
    try:
        _lock(descriptor, folder)
        yield
    finally:
        # The file stays: deleted, two could hold one each.
        os.close(descriptor)


def unusable(folder: Path, error: Exception) -> StorageError:
    """What to say of a data folder that cannot be used."""
    return StorageError(
        f"DATA_DIR {str(folder)!r} cannot be used: {error}. "
        "Point DATA_DIR to a folder that this user may write to"
    )


def _lock(descriptor: int, folder: Path) -> None:
    if fcntl is None:
        return
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise StorageError(
            f"another bot runs on DATA_DIR {str(folder)!r}: stop it first, "
            "or set DATA_DIR to a folder of its own"
        ) from error
    except OSError as error:
        if error.errno not in _UNKNOWN:
            raise unusable(folder, error) from error
        log.warning("the file system knows no locks: see that one bot alone runs here")
