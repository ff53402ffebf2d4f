"""Begins a new language: files with all ids, English text to translate, and a list of what is left."""

from pathlib import Path

import yaml
from babel import Locale, UnknownLocaleError

from bot.knowledge import formats
from bot.knowledge.files import PHRASINGS_ONLY, ContentFiles
from bot.knowledge.model import FALLBACK_LANGUAGE


class ScaffoldError(Exception):
    """The language cannot be begun; the message says why."""


class _Dumper(yaml.SafeDumper):
    """Writes texts as they are read best: paragraphs as blocks."""


def _represent(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar(
        "tag:yaml.org,2002:str", text, style="|" if "\n" in text else None
    )


_Dumper.add_representer(str, _represent)


def begin(files: ContentFiles, locales: Path, language: str) -> list[str]:
    """Write the files of a language; gives what is left to do.

    Raises:
        ScaffoldError: for a tag that is no language, or a language that is there.
    """
    try:
        locale = Locale.parse(language.replace("-", "_"))
    except (ValueError, UnknownLocaleError) as error:
        raise ScaffoldError(
            f'"{language}" is no language tag: write it like pl or pt-br'
        ) from error
    folder, spoken = files.faq / language, locales / f"{language}.yaml"
    if folder.exists() or spoken.exists():
        raise ScaffoldError(f"{language} is there already: {folder}")
    folder.mkdir(parents=True)
    for reading in files.own[FALLBACK_LANGUAGE]:
        entries = reading.value if isinstance(reading.value, dict) else {}
        name = reading.file.name
        if reading.file.stem in PHRASINGS_ONLY:
            _write(folder / name, {key: [] for key in entries}, language)
            continue
        begun = {}
        for topic, entry in entries.items():
            if isinstance(entry, dict):
                texts = {part: entry.get(part, "") for part in ("title", "short", "detail")}
                # "untranslated" follows no English: readers get the English answer until then.
                begun[topic] = {"follows": "untranslated", **texts, "phrasings": []}
        _write(folder / name, begun, language)
    _write(spoken, files.spoken[FALLBACK_LANGUAGE].value, language)
    forms = ", ".join([*sorted(locale.plural_form.tags), "other"])
    day, amount = (
        formats.show_date("2025-05-27", language),
        formats.show_sum("251000000 EUR", language),
    )
    answers = "write title, short and detail natively, and 40 or more phrasings as people type them"
    return [
        f"{locale.english_name} ({formats.autonym(language)}) begun.",
        f"1. Translate {spoken}: what buttons and screens say.",
        f"2. In {folder}/, for each topic: {answers}.",
        f"3. {folder}/outside.yaml (200 or more) and chitchat.yaml (60 or more).",
        f"4. After each answer: optout-bot follow {language} TOPIC. Until then readers get English.",
        "5. optout-bot check, and optout-bot gallery to read it as in the chat.",
        f"Dates will read {day}, sums {amount}; plural forms: {forms}.",
    ]


def _write(file: Path, value: object, language: str) -> None:
    body = yaml.dump(value, Dumper=_Dumper, allow_unicode=True, sort_keys=False, width=1_000)
    head = f"# {formats.autonym(language)}: English text to translate. See CONTRIBUTING.md.\n"
    file.write_text(head + body, encoding="utf-8")
