"""Is this really Meta's? Judges the addresses in what somebody pastes, by their hosts alone."""

import ipaddress
import re
from collections.abc import Collection
from dataclasses import dataclass
from enum import Enum
from urllib.parse import urlsplit

MOST = 5
"""Addresses of one message that are judged."""
_ADDRESS = re.compile(
    r"(?:(?:https?|ftp)://|www\.)[^\s<>\"“”„»«)\]]{1,2000}"
    r"|\b[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,8}"
    r"|(?<![\w@.-])(?:[\w-]{1,63}\.){1,8}(?:com|net|org|eu|info|xyz|top|site|online|shop|link|app|io|"
    r"me|cc|ru|cn|tk|be|fr|de|nl|at|ch|ie|it|es|pt|pl|uk|lu)\b(?:/[^\s<>\"]{0,2000})?",
    re.IGNORECASE,
)
_BRANDS = ("facebook", "instagram", "whatsapp", "threads", "messenger", "meta")
_LOOKS = str.maketrans(
    {"0": "o", "1": "l", "3": "e", "4": "a", "5": "s", "7": "t", "-": "", "_": ""}
)


class Verdict(Enum):
    """What an address is."""

    OFFICIAL = "official"
    """On a host of Meta's."""
    LISTED = "listed"
    """On a host that the bot itself links to: an authority, a consumer group."""
    LOOKALIKE = "lookalike"
    """Made to look like Meta's, or hiding where it leads."""
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Judged:
    """An address and what it is."""

    host: str
    """The host that it really leads to, shown without tricks (punycode as such)."""
    verdict: Verdict
    is_mail: bool = False


def judge_addresses(text: str, hosts: Collection[str], own: Collection[str]) -> list[Judged]:
    """The addresses in a text, each host once. `hosts`: all listed ones; `own`: those of Meta."""
    found: dict[str, Judged] = {}
    for match in _ADDRESS.finditer(text[:8_192]):
        judged = _judge(match[0].rstrip(".,;:!?'’"), hosts, own)
        if judged:
            found.setdefault(judged.host, judged)
        if len(found) == MOST:
            break
    return list(found.values())


def without_addresses(text: str) -> str:
    """The text without its addresses."""
    return _ADDRESS.sub(" ", text)


def _judge(address: str, hosts: Collection[str], own: Collection[str]) -> Judged | None:
    if "@" in address and "://" not in address and "/" not in address:
        host = _ascii(address.rpartition("@")[2])
        return Judged(host, _verdict(host, hosts, own), is_mail=True) if host else None
    try:
        parts = urlsplit(address if "://" in address else f"https://{address}")
        host = _ascii(parts.hostname or "")
    except ValueError:
        return None
    if not host:
        return None
    hidden = parts.username is not None or parts.scheme == "ftp" or _is_number(host)
    return Judged(host, Verdict.LOOKALIKE if hidden else _verdict(host, hosts, own))


def _verdict(host: str, hosts: Collection[str], own: Collection[str]) -> Verdict:
    if _is_under(host, own):
        return Verdict.OFFICIAL
    if _is_under(host, hosts):
        return Verdict.LISTED
    plain = _skeleton(host)
    if "xn--" in host or any(brand in plain for brand in _BRANDS):
        return Verdict.LOOKALIKE
    return Verdict.UNKNOWN


def _is_under(host: str, known: Collection[str]) -> bool:
    return any(host == one or host.endswith(f".{one}") for one in known)


def _skeleton(host: str) -> str:
    """The host as it looks at a glance: faceb00k, face-book."""
    return host.translate(_LOOKS).replace("rn", "m").replace("vv", "w")


def _ascii(host: str) -> str:
    """The host in lower case, letters of other alphabets as punycode."""
    host = host.lower().strip(".")
    try:
        return host.encode("idna").decode("ascii")
    except UnicodeError:
        return "xn--" if host else ""


def _is_number(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return host.isdecimal() or host.startswith("0x")
    return True
