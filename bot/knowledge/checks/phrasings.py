"""A phrasing belongs to one topic."""

from collections.abc import Iterator

from bot.knowledge.checks.subject import Subject
from bot.knowledge.faults import Fault
from bot.knowledge.files import PHRASINGS_ONLY

RULES = {
    "phrasing-twice": "A phrasing under two topics, or twice under one, cannot tell topics apart.",
    "phrasing-empty": "A phrasing without letters or digits matches nothing.",
}


def find(subject: Subject) -> Iterator[Fault]:
    for language, readings in subject.files.own.items():
        seen: dict[str, str] = {}
        for reading in readings:
            entries = reading.value if isinstance(reading.value, dict) else {}
            alone = reading.file.stem in PHRASINGS_ONLY
            for label, entry in entries.items():
                lines = (
                    entry
                    if alone
                    else entry.get("phrasings", [])
                    if isinstance(entry, dict)
                    else []
                )
                place = (label,) if alone else (label, "phrasings")
                for n, text in enumerate(lines if isinstance(lines, list) else []):
                    form = _form(str(text))
                    if not form:
                        yield reading.fault("phrasing-empty", f'"{text}" has no letters',
                                            "delete it", *place, n)  # fmt: skip
                        continue
                    where = f"{language} {label}"
                    other = seen.setdefault(form, where)
                    if other != where or seen.get(f"{form}#{where}"):
                        yield reading.fault("phrasing-twice", f'"{text}" stands under {other} too',
                                            "keep it where a reader would expect it", *place, n)  # fmt: skip
                    seen[f"{form}#{where}"] = where


def _form(text: str) -> str:
    """Words alone, in lower case."""
    return " ".join("".join(c if c.isalnum() else " " for c in text.casefold()).split())
