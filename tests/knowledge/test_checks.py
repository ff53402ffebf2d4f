"""Every check, with an example that it finds and one that it lets pass."""

import re
import shutil
from datetime import date
from pathlib import Path

import pytest

from bot.assistant import phrasings, winners
from bot.knowledge import checks
from bot.knowledge.checks import CHECKS, Subject, scripts
from bot.knowledge.faults import Severity
from bot.knowledge.loader import examine
from bot.matching.cache import load_or_build

ROOT = Path(__file__).resolve().parent.parent.parent
TODAY = date(2026, 11, 21)


def subject_of(folder, today=TODAY, *, real_winners=False, cache=None):
    examination = examine(folder / "faq", folder / "locales")
    assert examination.knowledge, [str(f) for f in examination.faults]
    find = None
    if real_winners:
        english = {"en": phrasings(examination.knowledge)["en"]}
        find = winners(load_or_build(english, cache))
    return Subject(examination.files, examination.knowledge, today, find)


@pytest.fixture
def content(tmp_path) -> Path:
    shutil.copytree(ROOT / "faq", tmp_path / "faq")
    shutil.copytree(ROOT / "locales", tmp_path / "locales")
    return tmp_path


@pytest.fixture(scope="session")
def ours():
    """Our own content, as it is."""
    return subject_of(ROOT)


def change(file: Path, old: str, new: str) -> int:
    text = file.read_text(encoding="utf-8")
    assert old in text, old
    file.write_text(text.replace(old, new, 1), encoding="utf-8")
    return text[: text.index(old)].count("\n") + 1


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__.rpartition(".")[2])
def test_our_content_passes(check, ours):
    """The good example of every check is what we ship. (over-match: `make content`.)"""
    assert [str(fault) for fault in check.find(ours)] == []


DE, EN = "faq/de/data.yaml", "faq/en/data.yaml"
FAULTS = [
    ("answer-placeholders", DE, "{ai-chat-ads}", "im Dezember", "detail"),
    ("literal-value", DE, "{ai-chat-ads}", "16.12.2025 {ai-chat-ads}", "detail"),
    ("literal-value", EN, "In more detail:", "In more detail, for €20:", "detail"),
    ("literal-value", EN, "In more detail:", "Write to privacy@meta.example:", "detail"),
    ("literal-value", EN, "In more detail:", "See www.facebook.com:", "detail"),
    ("literal-value", EN, "In more detail:", "Since 2025:", "detail"),
    ("short-length", EN, "No, says Meta:", "No, says Meta: " + "word " * 70, "short"),
    ("message-length", EN, "In more detail:", "In more detail: " + "word " * 700, "detail"),
    ("button-twice", EN, "title: WhatsApp", "title: Private messages", "title"),
    ("notice-length", "locales/fr.yaml", "  thanks: M", "  thanks: " + "Merci beaucoup, M" * 20, "answer.thanks"),
    ("copy-length", "locales/en.yaml", "reason:\n  short:\n    opening: ", "reason:\n  short:\n    opening: Good morning to you all. ", "short"),
    ("phrasing-twice", EN, "    - are my dms used?\n", "    - are my dms used?\n    - What data do they take?\n", None),
    ("phrasing-twice", EN, "    - are my dms used?\n", "    - are my dms used?\n    - Are my DMs used\n", None),
    ("phrasing-empty", EN, "    - are my dms used?\n", '    - are my dms used?\n    - "???"\n', None),
    ("mixed-script", EN, "    - are my dms used?\n", "    - are my dms used?\n    - are my m\u0435ssages read then\n", None),
    ("mixed-script", "locales/de.yaml", "thanks: ", "thanks: D\u0430nke ", "answer.thanks"),
    ("leftover-english", DE, "Genauer:", "What you should know about the data which they have:", "detail"),
    ("leftover-english", "locales/nl.yaml", "help:\n  text: |-\n", "help:\n  text: |-\n    The answer is what you should have from them.\n\n", "help.text"),
    ("superseded-fact", "faq/topics.yaml", "- reason-optional\n", "- reason-mandatory-2024\n", None),
    ("unlisted-fact", EN, "In more detail:", "In more detail ({safe-harbor}):", "detail"),
]  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize(
    ("rule", "name", "old", "new", "part"),
    FAULTS,
    ids=[f"{f[0]}-{n}" for n, f in enumerate(FAULTS)],
)
def test_a_planted_fault_is_found_where_it_stands(content, rule, name, old, new, part):
    """The rule, the file and the line, with a remedy."""
    line = change(content / name, old, new) + new.count("\n") - new.endswith("\n")
    (check,) = (check for check in CHECKS if rule in check.RULES)
    found = [f for f in check.find(subject_of(content)) if f.rule == rule]
    assert found
    assert found[0].file == content / name
    assert found[0].remedy
    if part in {None, "title"}:
        assert found[0].line == line or rule in {"superseded-fact", "leftover-english"}


@pytest.mark.slow
def test_an_over_match_is_found(content):
    """A phrasing in the words of another topic is named, with the topic that takes it."""
    new = "what should I write in the reason box of the form"
    change(content / EN, "    - are my dms used?\n", f"    - {new}\n")
    subject = subject_of(content, real_winners=True)
    (first,) = [f for f in checks.over_match.find(_only(subject, new)) if f.rule == "over-match"]
    assert "form-reason" in first.message


def _only(subject, text):
    """Ask for one phrasing only: the whole content takes half a minute."""
    find = subject.winners

    def limited(phrasing, language):
        return find(phrasing, language) if phrasing == text else set()

    return Subject(subject.files, subject.knowledge, subject.today, limited)


@pytest.mark.slow
def test_dates_to_review_pass(content):
    """A warning once the day has passed, not before."""
    due = subject_of(content, date(2028, 1, 1))
    late = [f for f in checks.run(due) if f.rule == "review-due"]
    assert late
    assert {f.severity for f in late} == {Severity.WARNING}
    assert not [f for f in checks.run(subject_of(content)) if f.rule == "review-due"]


def test_unused_facts_and_stale_answers_are_warnings(content):
    """They do not stop the start; readers are told."""
    change(content / "faq/topics.yaml", "      - not-a-unicorn\n", "")
    change(content / EN, "No, says Meta:", "No, as far as we know:")
    found = {f.rule: f.severity for f in checks.run(subject_of(content))}
    assert found["unused-fact"] is Severity.WARNING
    assert found["stale-answer"] is Severity.WARNING


@pytest.mark.slow
def test_thin_topics_are_warnings(content):
    """A topic with few phrasings is named."""
    file = content / "faq/nl/bot.yaml"
    text = file.read_text(encoding="utf-8")
    start = text.index("  phrasings:\n", text.index("about-bot:")) + len("  phrasings:\n")
    end = text.index("bot-privacy:\n")
    file.write_text(
        text[:start] + "    - wie maakt jou eigenlijk\n\n" + text[end:], encoding="utf-8"
    )
    (fault,) = [f for f in checks.run(subject_of(content)) if f.rule == "few-phrasings"]
    assert (fault.severity, fault.file) == (Severity.WARNING, file)


def test_a_topic_without_a_source_is_found(content):
    """An answer on facts that no dated page carries."""
    topics = content / "faq/topics.yaml"
    text = topics.read_text(encoding="utf-8")
    start = text.index("  why-meta-wants-data:")
    end = text.index("  purpose-of-training:")
    bare = "  why-meta-wants-data:\n    scope: x\n    facts: [bot-independent]\n"
    topics.write_text(text[:start] + bare + text[end:], encoding="utf-8")
    assert "no-source" in {f.rule for f in checks.run(subject_of(content))}


@pytest.mark.parametrize(
    ("word", "is_mixed"),
    [("Привет", False), ("Привeт", True), ("DM-й", False), ("Αθήνα", False), ("Aθήνα", True), ("straße", False)],
)  # fmt: skip
def test_alphabets_within_a_word(word, is_mixed):
    """Look-alikes are found; a hyphen joins alphabets honestly."""
    assert bool(scripts.mixed(f"ok {word} ok")) == is_mixed


def test_every_rule_is_explained_to_those_who_meet_it():
    """CONTRIBUTING names each rule of checks and loader, and none that is gone."""
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    listed = set(re.findall(r"^\| `([a-z0-9-]+)` \|", text, re.MULTILINE))
    explained = {rule for check in CHECKS for rule in check.RULES}
    code = "".join(f.read_text(encoding="utf-8") for f in (ROOT / "bot/knowledge").glob("*.py"))
    raised = set(re.findall(r'fault\(\s*at,\s*"([a-z-]+)"', code))
    raised |= set(re.findall(r'_fail\(\s*[\w.]+,[^"]*"(yaml-[a-z0-9-]+)"', code))
    assert explained | raised <= listed, sorted((explained | raised) - listed)
    gone = {rule for rule in listed - explained if f'"{rule}"' not in code}
    assert not gone, sorted(gone)
