"""The key that lies beside the database: it hashes chats, seals them, and knows its database."""

import hashlib
import hmac
import os
import secrets
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from bot.storage.store import StorageError

KEY_FILE = "bot.key"
NEXT_KEY_FILE = "bot.key.next"
"""Where a new key waits while rows are rewritten under it."""
KEY_BYTES = 32
NONCE_BYTES = 12
_SEALING_LABEL = b"optout-bot: chats of reminders"
"""What the sealing key is derived for: it differs from the key that hashes."""
_SEALED_AS = b"reminder"
"""The kind of row that a sealed chat belongs to; it opens in no other."""
_FINGERPRINT_LABEL = b"optout-bot: which key this is"
"""No decimal number, so that it is the hash of no chat."""

Random = Callable[[int], bytes]


class Key:
    """Turns chats into hashes, and into sealed chats that it opens again.

    The hash is HMAC-SHA-256 of the chat id: ids are few enough to try them all against a plain
    hash. Sealed is AES-GCM under a key derived from this one.
    """

    def __init__(self, secret: bytes, random: Random = os.urandom) -> None:
        """`random` gives so many bytes, never the same twice: they are the nonces."""
        self._secret = secret
        self._sealing = AESGCM(HKDF(SHA256(), KEY_BYTES, None, _SEALING_LABEL).derive(secret))
        self._random = random

    @property
    def fingerprint(self) -> bytes:
        """Tells keys apart and tells nothing of the key; the database keeps it."""
        return hmac.digest(self._secret, _FINGERPRINT_LABEL, hashlib.sha256)

    def hash(self, chat: int) -> bytes:
        """What a chat's rows are found by."""
        return hmac.digest(self._secret, str(chat).encode(), hashlib.sha256)

    def seal(self, chat: int) -> bytes:
        """A chat that only this key opens; another text each time."""
        nonce = self._random(NONCE_BYTES)
        # Eight bytes for every chat: the length says nothing.
        return nonce + self._sealing.encrypt(nonce, chat.to_bytes(8, signed=True), _SEALED_AS)

    def open(self, sealed: bytes) -> int | None:
        """The chat that was sealed; None when it was with another key, or is damaged."""
        try:
            plain = self._sealing.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], _SEALED_AS)
        except (InvalidTag, ValueError):
            return None
        return int.from_bytes(plain, signed=True)

    def __repr__(self) -> str:
        return "Key(…)"


def read_key(file: Path, random: Random = os.urandom) -> Key | None:
    """The key in a file; None when there is none.

    Raises:
        StorageError: when what stands there is no key.
    """
    try:
        secret = file.read_bytes()
    except FileNotFoundError:
        return None
    if len(secret) != KEY_BYTES:
        raise StorageError(
            f"{file.name} is damaged ({len(secret)} bytes instead of {KEY_BYTES}): put back the "
            "copy that you keep of it, or delete it and bot.sqlite3 to begin anew"
        )
    return Key(secret, random)


def make_key(file: Path, random: Random = os.urandom) -> Key:
    """A new key in a file that only this user may read; if somebody was quicker, theirs.

    It is there whole or not at all, whatever happens meanwhile.
    """
    draft = file.with_name(f"{file.name}.{secrets.token_hex(4)}")
    try:
        _write(draft, secrets.token_bytes(KEY_BYTES))
        with suppress(FileExistsError):
            # Unlike a rename, a link does not replace what another process has just made.
            os.link(draft, file)
    finally:
        draft.unlink(missing_ok=True)
    sync_folder(file.parent)
    made = read_key(file, random)
    if not made:
        raise StorageError(f"{file.name} was deleted while it was made: start again")
    return made


def sync_folder(folder: Path) -> None:
    """Have the names in a folder outlive a loss of power."""
    with suppress(OSError):  # not every system opens folders; then it does it by itself
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _write(file: Path, secret: bytes) -> None:
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as opened:
        opened.write(secret)
        opened.flush()
        os.fsync(opened.fileno())
