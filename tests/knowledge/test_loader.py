"""Broken content: each fault with file, line, rule and remedy; nothing starts on it."""

import re
import shutil
from datetime import date
from pathlib import Path

import pytest

from bot.cli import main
from bot.dialogue import screens
from bot.dialogue.events import Thread
from bot.dialogue.screens import Voice
from bot.knowledge.faults import ContentError
from bot.knowledge.loader import examine, load
from bot.knowledge.markup import plain

ROOT = Path(__file__).resolve().parent.parent.parent


@pytest.fixture
def content(tmp_path) -> Path:
    """A copy of the content, to be broken."""
    shutil.copytree(ROOT / "faq", tmp_path / "faq")
    shutil.copytree(ROOT / "locales", tmp_path / "locales")
    return tmp_path


def change(file: Path, old: str, new: str) -> int:
    """Replace the first occurrence; gives its line."""
    text = file.read_text(encoding="utf-8")
    assert old in text, old
    file.write_text(text.replace(old, new, 1), encoding="utf-8")
    return text[: text.index(old)].count("\n") + 1


DATA = "faq/en/data.yaml"

PLANTED = [
    ("yaml-duplicate-key", DATA, "private-messages:\n", "data-used:\n", 0),
    ("unknown-topic", DATA, "whatsapp:\n", "watsapp:\n", 0),
    ("title-length", DATA, "title: Private messages", "title: Private messages that people write", 0),
    ("unknown-placeholder", DATA, "{ai-chat-ads}", "{ai-chat-adverts}", None),
    ("unknown-link", DATA, "](facebook-form)", "](facebok-form)", None),
    ("raw-markup", DATA, "In more detail:", "In <b>more</b> detail:", None),
    ("unknown-key", DATA, "  title: Private messages", "  heading: x\n  title: Private messages", 0),
    ("missing", DATA, "  title: Private messages\n", "", -1),
    ("unknown-chitchat", "faq/fr/chitchat.yaml", "thanks:", "grazie:", 0),
    ("unknown-topic", "faq/topics.yaml", "related: [data-used", "related: [date-used", 0),
    ("unknown-fact", "faq/topics.yaml", "- training-start", "- trainingstart", 0),
    ("topic-twice", "faq/topics.yaml", "  sources:\n", "  deadline:\n", 0),
    ("value", "faq/facts.yaml", "date: 2025-05-27", "date: 27.5.2025", 0),
    ("date", "faq/facts.yaml", "checked: 2026-11-21", "checked: yesterday", 0),
    ("unknown-value", "faq/facts.yaml", "status: confirmed", "status: certain", 0),
    ("unknown-document", "faq/facts.yaml", "- id: beck-schleswig", "- id: beck-sleswig", 0),
    ("unknown-value", "faq/documents.yaml", "kind: press", "kind: gossip", 0),
    ("address", "faq/documents.yaml", "address: https://", "address: http://", 0),
    ("host", "faq/links.yaml", "https://noyb.eu/", "https://noyb.eu.evil.example/", 0),
    ("no-follows", "faq/de/law.yaml", '  follows: "', '  # "', None),
    ("until", "faq/de/law.yaml", "  short: >-\n", "  short:\n    - {text: a}\n    - {text: b}\n  x: >-\n", None),
    ("unknown-screen", "faq/objection.yaml", "go: accounts", "go: acounts", 0),
    ("dead-end", "faq/objection.yaml", "      - {go: nothing}\n", "", None),
    ("unknown-option", "faq/objection.yaml", "{accounts: whatsapp}", "{accounts: whatsup}", 0),
    ("unknown-question", "faq/objection.yaml", "asks: surface", "asks: surfaces", 0),
    ("unknown-topic", "faq/objection.yaml", "topic: minors", "topic: minor", 0),
    ("unknown-link", "faq/objection.yaml", "link: third-party-form", "link: third-form", 0),
    ("unknown-value", "faq/objection.yaml", "papers: [reason]", "papers: [reasons]", 0),
    ("host", "faq/authorities.yaml", "complaint: https://dsb.gv.at/", "complaint: https://dsb.gv.at.evil.example/", 0),
    ("host", "faq/authorities.yaml", "site: https://dsb.gv.at/", "site: http://dsb.gv.at/", 0),
    ("email", "faq/authorities.yaml", "email: dsb@dsb.gv.at", "email: dsb at dsb.gv.at", 0),
    ("unknown-region", "faq/authorities.yaml", "lead: hh", "lead: hx", 0),
    ("unknown-value", "faq/authorities.yaml", "regime: gdpr", "regime: gdrp", 0),
    ("missing-text", "locales/fr.yaml", "    thanks", "    #thanks", None),
    ("unknown-text", "locales/fr.yaml", "  thanks: M", "  thanx: x\n  thanks: M", 0),
    ("placeholders", "locales/fr.yaml", " {date}", "", 0),
    ("label-length", "locales/fr.yaml", "home: Accueil", "home: La toute première page de ce programme", 0),
]  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize(
    ("rule", "name", "old", "new", "offset"),
    PLANTED,
    ids=[f"{n}-{p[0]}" for n, p in enumerate(PLANTED)],
)
def test_a_planted_fault_is_found(content, rule, name, old, new, offset):
    """The rule, the file and the line (where the line is the changed one), with a remedy."""
    if old == "    thanks":
        old, new = "  thanks: M", "  # thanks: M"
    line = change(content / name, old, new)
    examination = examine(content / "faq", content / "locales")
    assert examination.knowledge is None
    found = [fault for fault in examination.faults if fault.rule == rule]
    assert found, [str(fault) for fault in examination.faults]
    assert found[0].file == content / name
    assert found[0].remedy
    if offset is not None:
        assert found[0].line == line + offset
    with pytest.raises(ContentError):
        load(content / "faq", content / "locales")


def test_a_missing_language_file_is_found(content):
    """A folder of phrasings without its interface texts is no language."""
    (content / "locales/fr.yaml").unlink()
    faults = examine(content / "faq", content / "locales").faults
    assert [(f.rule, f.file.name) for f in faults] == [("yaml-unreadable", "fr.yaml")]


def test_a_missing_topic_names_the_topics(content):
    """A language answers all topics or says which it lacks."""
    (content / "faq/fr/law.yaml").unlink()
    faults = examine(content / "faq", content / "locales").faults
    assert "is-it-legal" in next(f.message for f in faults if f.rule == "missing-topic")


def test_no_read_as_norwegian_stays_a_word(content):
    """`no` is no false: an unquoted word stays the word."""
    change(content / "faq/en/chitchat.yaml", "yesno:\n", "yesno:\n  - off\n  - no\n")
    knowledge = examine(content / "faq", content / "locales").knowledge
    assert {"off", "no"} <= set(knowledge.chitchat["en"]["yesno"])


@pytest.mark.parametrize("command", [["check"], ["ask", "hello"], ["run"]])
def test_nothing_starts_on_broken_content(content, command, monkeypatch, capsys):
    """Every command ends with 1 and names file, line and remedy."""
    change(content / DATA, "whatsapp:\n", "watsapp:\n")
    monkeypatch.setenv("FAQ_DIR", str(content / "faq"))
    monkeypatch.setenv("LOCALES_DIR", str(content / "locales"))
    assert main(command) == 1
    printed = "".join(capsys.readouterr())
    assert "data.yaml:" in printed
    assert "unknown-topic" in printed
    assert "→" in printed


def test_a_changed_date_changes_every_answer_in_its_own_form(content):
    """training-start stands in one file; the answers of every language follow."""
    change(content / "faq/facts.yaml", "date: 2025-05-27", "date: 2025-06-03")
    knowledge = load(content / "faq", content / "locales")
    for topic, definition in knowledge.topics.items():
        if "training-start" not in definition.facts:
            continue
        for tag in knowledge.languages:
            answer = knowledge.answers[tag][topic]
            assert not answer.stale
            told = f"{answer.short}{answer.detail}"
            assert not re.search(r"27\.? (May|mai|Mai|mei) 2025", told), (topic, tag)
    shown = {tag: str(knowledge.answers[tag]["deadline"].detail) for tag in knowledge.languages}
    forms = {"en": "3 June 2025", "fr": "3 juin 2025", "de": "3. Juni 2025", "nl": "3 juni 2025"}
    assert all(form in shown[tag] for tag, form in forms.items())


def test_a_changed_english_answer_makes_the_others_stale(content):
    """Not silently wrong: reported, and shown in English with a word of explanation."""
    change(content / DATA, "No, says Meta:", "No, as far as we know:")
    knowledge = load(content / "faq", content / "locales")
    stale = {
        (tag, topic)
        for tag, answers in knowledge.answers.items()
        for topic, answer in answers.items()
        if answer.stale
    }
    topic = "private-messages"
    assert stale == {("fr", topic), ("de", topic), ("nl", topic)}
    voice = Voice(knowledge, "de", date(2026, 11, 21))
    said = plain(screens.answer(voice, topic, Thread()).blocks)
    assert "No, as far as we know:" in said
    assert "die englische" in said


def test_a_fact_that_says_something_else_makes_all_answers_on_it_stale(content):
    """Its status or statement, not its value: English is to be read again too."""
    fact = "private-messages-excluded:\n  statement: "
    change(content / "faq/facts.yaml", fact, fact + "Surprisingly, ")
    knowledge = load(content / "faq", content / "locales")
    assert all(knowledge.answers[tag]["private-messages"].stale for tag in knowledge.languages)


def test_a_text_may_read_differently_from_a_day_on(content):
    """`until` holds to the end of that day."""
    text = (content / "faq/en/bot.yaml").read_text(encoding="utf-8")
    start = text.index("  short: >-\n", text.index("about-bot:"))
    end = text.index("  detail:", start)
    dated = "  short:\n    - {until: 2026-12-31, text: Soon.}\n    - {text: Now.}\n"
    (content / "faq/en/bot.yaml").write_text(text[:start] + dated + text[end:], encoding="utf-8")
    short = load(content / "faq", content / "locales").answers["en"]["about-bot"].short
    assert plain(short.on(date(2026, 12, 31))) == "Soon."
    assert plain(short.on(date(2027, 1, 1))) == "Now."
