"""Broken content: each fault with file, line, rule and remedy; nothing starts on it."""

import shutil
from pathlib import Path

import pytest

from bot.cli import main
from bot.knowledge.faults import ContentError
from bot.knowledge.loader import examine, load

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
    ("unknown-screen", "faq/objection.yaml", "go: accounts", "go: acounts", 0),
    ("dead-end", "faq/objection.yaml", "      - {go: accounts}\n", "", None),
    ("missing-text", "locales/fr.yaml", "    thanks", "    #thanks", None),
    ("unknown-text", "locales/fr.yaml", "  thanks: Merci !", "  thanx: x\n  thanks: Merci !", 0),
    ("placeholders", "locales/fr.yaml", "Vérifié le {date}", "Vérifié", 0),
    ("label-length", "locales/fr.yaml", "home: Accueil", "home: La toute première page de ce programme", 0),
]  # fmt: skip


@pytest.mark.parametrize(
    ("rule", "name", "old", "new", "offset"), PLANTED, ids=[f"{p[0]}-{p[1]}" for p in PLANTED]
)
def test_a_planted_fault_is_found(content, rule, name, old, new, offset):
    """The rule, the file and the line (where the line is the changed one), with a remedy."""
    if old == "    thanks":
        old, new = "  thanks: Merci !", "  # thanks: Merci !"
    line = change(content / name, old, new)
    knowledge, faults = examine(content / "faq", content / "locales")
    assert knowledge is None
    found = [fault for fault in faults if fault.rule == rule]
    assert found, [str(fault) for fault in faults]
    assert found[0].file == content / name
    assert found[0].remedy
    if offset is not None:
        assert found[0].line == line + offset
    with pytest.raises(ContentError):
        load(content / "faq", content / "locales")


def test_a_missing_language_file_is_found(content):
    """A folder of phrasings without its interface texts is no language."""
    (content / "locales/fr.yaml").unlink()
    _, faults = examine(content / "faq", content / "locales")
    assert [(f.rule, f.file.name) for f in faults] == [("yaml-unreadable", "fr.yaml")]


def test_a_missing_topic_names_the_topics(content):
    """A language answers all topics or says which it lacks."""
    (content / "faq/fr/law.yaml").unlink()
    _, faults = examine(content / "faq", content / "locales")
    assert "is-it-legal" in next(f.message for f in faults if f.rule == "missing-topic")


def test_no_read_as_norwegian_stays_a_word(content):
    """`no` is no false: an unquoted word stays the word."""
    change(content / "faq/en/chitchat.yaml", "yesno:\n", "yesno:\n  - off\n  - no\n")
    knowledge, _ = examine(content / "faq", content / "locales")
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
    shown = {tag: str(knowledge.answers[tag]["deadline"].detail) for tag in knowledge.languages}
    assert "3 June 2025" in shown["en"]
    assert "3 juin 2025" in shown["fr"]
    assert not any("27 " in text for text in shown.values())
