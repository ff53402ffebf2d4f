"""The environment, read once into one frozen object."""

import ipaddress
import os
import re
import secrets
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

TOKEN_FORM = re.compile(r"\d{1,20}:[A-Za-z0-9_-]{3,256}")
LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")
TELEGRAM = "https://api.telegram.org/bot"
SECRET_FORM = re.compile(r"[A-Za-z0-9_-]{1,256}")
"""What Telegram takes as a webhook's secret token."""
WEBHOOK_PORTS = frozenset({None, 443, 80, 88, 8443})
"""Ports of an address that Telegram calls; None: the one of https."""


class SettingsError(Exception):
    """A setting has a value that cannot be meant; the message says which and what to do."""


class Secret:
    """A text that shows itself nowhere but where it is asked for."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """The text itself."""
        return self._text

    def __bool__(self) -> bool:
        return bool(self._text)

    def __repr__(self) -> str:
        return "Secret(…)"

    __str__ = __repr__


@dataclass(frozen=True, slots=True)
class Settings:
    """How this process is to run."""

    token: Secret = field(default_factory=lambda: Secret(""))
    """The bot's token; empty: the sandbox."""
    api_url: str = TELEGRAM
    """The Bot API server; `<api_url><token>/<method>`."""
    data_dir: Path = Path("data")
    port: int = 8080
    host: str = "127.0.0.1"
    log_level: str = "INFO"
    webhook_url: str = ""
    """Where Telegram brings updates; empty: they are fetched."""
    webhook_secret: Secret = field(default_factory=lambda: Secret(""))
    """What Telegram shows with each of them; empty: one is drawn at each start."""
    operator_name: str = ""
    operator_contact: str = ""
    admins: frozenset[int] = frozenset()
    """User ids whose commands for the host are heard."""
    metrics_port: int | None = None
    """Where Prometheus may fetch figures; None: nowhere."""
    metrics_host: str = "127.0.0.1"
    faq_dir: Path = Path()
    locales_dir: Path = Path()
    cache_dir: Path | None = None
    """Where what can be computed again is kept; None: nowhere."""


def read_settings(environment: Mapping[str, str] | None = None) -> Settings:
    """Read the settings from an environment (the process's own, if none is given).

    Raises:
        SettingsError: in one line, for the first value that cannot be meant.
    """
    env = {k: v.strip() for k, v in (os.environ if environment is None else environment).items()}
    level = env.get("LOG_LEVEL", "INFO").upper() or "INFO"
    if level not in LEVELS:
        raise SettingsError(f"LOG_LEVEL is {level!r}: use one of {', '.join(LEVELS)}")
    content = content_folder()
    token = _token(env)
    if env.get("WEBHOOK_URL") and not token:
        raise SettingsError("WEBHOOK_URL needs the bot's token: set BOT_TOKEN or BOT_TOKEN_FILE")
    return Settings(
        token=Secret(token),
        api_url=_api_url(env.get("BOT_API_URL", "")),
        data_dir=Path(env.get("DATA_DIR") or "data"),
        port=_port("PORT", env.get("PORT") or "8080"),
        host=_host("HOST", env.get("HOST", "")),
        log_level=level,
        webhook_url=_webhook_url(env.get("WEBHOOK_URL", "")),
        webhook_secret=Secret(_webhook_secret(env.get("WEBHOOK_SECRET", ""))),
        admins=_admins(env.get("ADMIN_IDS", "")),
        metrics_port=_port("METRICS_PORT", env["METRICS_PORT"])
        if env.get("METRICS_PORT")
        else None,
        metrics_host=_host("METRICS_HOST", env.get("METRICS_HOST", "")),
        operator_name=env.get("OPERATOR_NAME", ""),
        operator_contact=env.get("OPERATOR_CONTACT", ""),
        faq_dir=_folder(env, "FAQ_DIR", content / "faq"),
        locales_dir=_folder(env, "LOCALES_DIR", content / "locales"),
        cache_dir=_cache(env),
    )


def draw_secret() -> Secret:
    """A secret for the webhook, new at each start: Telegram is told it then."""
    return Secret(secrets.token_urlsafe(32))


def content_folder() -> Path:
    """Where faq/ and locales/ lie: beside the package in a checkout, inside it in a wheel.

    A wheel brings its own copy; a checkout is read as it is, so nothing is ever stale.
    """
    package = Path(__file__).resolve().parent
    inside = package / "_content"
    return inside if inside.is_dir() else package.parent


def _cache(env: Mapping[str, str]) -> Path | None:
    """Inside the virtual environment, whose code made what is kept; else where XDG says."""
    if sys.prefix != sys.base_prefix:
        return Path(sys.prefix) / "var" / "optout-bot"
    base = env.get("XDG_CACHE_HOME") or (f"{env['HOME']}/.cache" if env.get("HOME") else "")
    return Path(base) / "optout-bot" if Path(base).is_absolute() else None


def _token(env: Mapping[str, str]) -> str:
    token, file = env.get("BOT_TOKEN", ""), env.get("BOT_TOKEN_FILE", "")
    if token and file:
        raise SettingsError("BOT_TOKEN and BOT_TOKEN_FILE are both set: keep one")
    if file:
        try:
            token = Path(file).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise SettingsError(f"BOT_TOKEN_FILE cannot be read: {error}") from error
        if not token:
            raise SettingsError("BOT_TOKEN_FILE is empty: put the token from @BotFather in it")
    if token and not TOKEN_FORM.fullmatch(token):
        # Never show it: a mistyped token is nearly a token.
        raise SettingsError(
            "the bot's token does not look like one: it is digits, a colon and letters, "
            "such as 123456:ABC-DEF, as @BotFather gives it"
        )
    return token


def _api_url(url: str) -> str:
    if not url:
        return TELEGRAM
    try:
        parts = urlsplit(url)
        good = parts.scheme in {"http", "https"} and bool(parts.hostname) and not parts.query
        _ = parts.port
    except ValueError:
        good = False
    if not good:
        raise SettingsError(
            f"BOT_API_URL is {url!r}: write it like {TELEGRAM} or http://127.0.0.1:9000/bot"
        )
    return url


def _webhook_url(url: str) -> str:
    if not url:
        return ""
    try:
        parts = urlsplit(url)
        at_home = parts.scheme == "http" and parts.hostname in {"127.0.0.1", "::1", "localhost"}
        outside = parts.scheme == "https" and bool(parts.hostname) and parts.port in WEBHOOK_PORTS
        good = (at_home or outside) and not parts.query and not parts.fragment
    except ValueError:
        good = False
    if not good:
        raise SettingsError(
            f"WEBHOOK_URL is {url!r}: write it like https://bot.example.org/telegram, "
            "on port 443, 80, 88 or 8443"
        )
    return url


def _webhook_secret(secret: str) -> str:
    if secret and not SECRET_FORM.fullmatch(secret):
        raise SettingsError(
            "WEBHOOK_SECRET has a character that Telegram does not take: use letters, digits, "
            "_ and -, at most 256"
        )
    return secret


def _admins(text: str) -> frozenset[int]:
    numbers = [number.strip() for number in text.split(",") if number.strip()]
    if any(not re.fullmatch(r"[0-9]{1,19}", number) for number in numbers):
        raise SettingsError(
            "ADMIN_IDS holds something that is no user id: write numbers with commas between, "
            "such as 12345,67890"
        )
    return frozenset(map(int, numbers))


def _port(name: str, text: str) -> int:
    port = int(text) if re.fullmatch("[0-9]{1,5}", text) else -1
    if not 0 <= port <= 65_535:  # noqa: PLR2004
        raise SettingsError(f"{name} is {text!r}: use a number from 1 to 65535 (0: any free one)")
    return port


def _host(name: str, text: str) -> str:
    if not text or text == "localhost":
        return "127.0.0.1"
    try:
        return str(ipaddress.ip_address(text))
    except ValueError as error:
        raise SettingsError(f"{name} is {text!r}: use an address such as 127.0.0.1") from error


def _folder(env: Mapping[str, str], name: str, default: Path) -> Path:
    if not env.get(name):
        return default
    folder = Path(env[name])
    if not folder.is_dir():
        raise SettingsError(f"{name} is {env[name]!r}: there is no such folder")
    return folder
