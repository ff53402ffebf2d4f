"""Changes to content files that a command makes, line by line, so that all else stays as it was."""

from collections.abc import Collection
from pathlib import Path

from bot.knowledge.files import RawAnswer
from bot.knowledge.lineage import fingerprint
from bot.knowledge.loader import Examination
from bot.knowledge.model import FALLBACK_LANGUAGE
from bot.knowledge.strict_yaml import parse


def follow(examination: Examination, language: str, chosen: Collection[str] = ()) -> int:
    """Note that answers of a language follow the English and the facts of now.

    All topics where none is chosen. Gives how many answers were changed.
    """
    files, topics, facts = examination.files, examination.topics, examination.facts
    english = {raw.topic: raw for raw in files.answers() if raw.language == FALLBACK_LANGUAGE}
    changed = 0
    by_file: dict[Path, list[RawAnswer]] = {}
    for raw in files.answers():
        if raw.language == language and raw.topic in topics and (not chosen or raw.topic in chosen):
            by_file.setdefault(raw.reading.file, []).append(raw)
    for file, answers in by_file.items():
        lines = file.read_text(encoding="utf-8").split("\n")
        # From the end, so that an inserted line moves none that is still to come.
        for raw in sorted(answers, key=lambda r: -r.reading.line(r.topic)):
            own = [facts[name] for name in topics[raw.topic].facts if name in facts]
            wanted = fingerprint(raw, english.get(raw.topic), own)
            if raw.entry.get("follows") == wanted:
                continue
            changed += 1
            if "follows" in raw.entry:
                place = raw.reading.line(raw.topic, "follows") - 1
                lines[place] = f'  follows: "{wanted}"'
            else:
                place = raw.reading.line(raw.topic, "title")
                lines.insert(place, f'  follows: "{wanted}"')
        text = "\n".join(lines)
        parse(text.encode(), file)  # what would not be read is not written
        file.write_text(text, encoding="utf-8")
    return changed
