"""The tools for people who edit: trace, export, follow, new-language, gallery, check."""

import json
import re
import shutil
from datetime import date
from pathlib import Path

import pytest

from bot import export
from bot.cli import main
from bot.dialogue.screens import Operator
from bot.gallery import page
from bot.knowledge.loader import load
from bot.sandbox import markup

ROOT = Path(__file__).resolve().parent.parent
TODAY = date(2026, 11, 21)


@pytest.fixture
def content(tmp_path, monkeypatch) -> Path:
    """A copy of the content that the commands work on."""
    shutil.copytree(ROOT / "faq", tmp_path / "faq")
    shutil.copytree(ROOT / "locales", tmp_path / "locales")
    monkeypatch.setenv("FAQ_DIR", str(tmp_path / "faq"))
    monkeypatch.setenv("LOCALES_DIR", str(tmp_path / "locales"))
    return tmp_path


def test_trace_leads_from_the_answer_to_dated_documents(capsys):
    """Answer in every language, facts with status and date, documents with place and address."""
    assert main(["trace", "deadline"]) == 0
    shown = capsys.readouterr().out
    for part in ("Too late to object?", "Ist es schon zu spät?", "fact last-day-before-start",
                 "date 2025-05-26", "confirmed", "document gdpr-art21", "https://eur-lex.europa.eu"):  # fmt: skip
        assert part in shown


def test_trace_of_no_topic_offers_the_nearest(capsys):
    """A typing error: status 2, and what was probably meant."""
    assert main(["trace", "dedline"]) == 2
    assert "deadline" in capsys.readouterr().err


def test_export_holds_everything_by_language(capsys):
    """52 topics in all languages, each with 40 phrasings and a dated source that can be opened."""
    assert main(["export", "--json"]) == 0
    everything = json.loads(capsys.readouterr().out)
    assert list(everything) == ["topics", "facts", "documents", "links", "authorities"]
    assert len(everything["topics"]) == 52
    for topic in everything["topics"]:
        assert set(topic["languages"]) >= {"en", "fr", "de", "nl"}
        for told in topic["languages"].values():
            assert len(set(told["phrasings"])) >= 40
            assert told["answer"]
            assert "{" not in told["answer"]
            if topic["id"] not in {"about-bot", "bot-privacy"}:
                assert any(s["date"] and s["url"].startswith("https://") for s in told["sources"])
    known = {document["id"] for document in everything["documents"]}
    for fact in everything["facts"]:
        assert fact["documents"]
        assert {place["id"] for place in fact["documents"]} <= known


def test_follow_renews_what_was_read_again_and_touches_nothing_else(content, capsys):
    """Stale after a change of English; one line a topic changes; not stale any more."""
    english, german = content / "faq/en/data.yaml", content / "faq/de/data.yaml"
    english.write_text(
        english.read_text("utf-8").replace("No, says Meta:", "No, Meta says:", 1), "utf-8"
    )
    before = german.read_text("utf-8").split("\n")
    assert load(content / "faq", content / "locales").answers["de"]["private-messages"].stale
    assert main(["follow", "de", "private-messages"]) == 0
    assert "1 answers in de" in capsys.readouterr().out
    after = german.read_text("utf-8").split("\n")
    changed = [(a, b) for a, b in zip(before, after, strict=True) if a != b]
    assert len(changed) == 1
    assert "follows" in changed[0][1]
    knowledge = load(content / "faq", content / "locales")
    assert not knowledge.answers["de"]["private-messages"].stale
    assert knowledge.answers["nl"]["private-messages"].stale


@pytest.mark.parametrize("arguments", [["xx"], ["de", "no-topic"]])
def test_follow_knows_what_there_is(content, arguments, capsys):
    """Wrong use: status 2, one line."""
    assert main(["follow", *arguments]) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_a_new_language_is_begun_and_works_in_english_at_once(content, capsys):
    """All ids, English to translate; it loads, reads as stale, and the bot goes on."""
    assert main(["new-language", "pl"]) == 0
    shown = capsys.readouterr().out
    assert "Polski" in shown
    assert "27 maja 2025" in shown
    knowledge = load(content / "faq", content / "locales")
    assert "pl" in knowledge.languages
    assert set(knowledge.answers["pl"]) == set(knowledge.topics)
    assert all(answer.stale for answer in knowledge.answers["pl"].values())
    assert main(["ask", "--lang", "pl", "is it too late?"]) == 0
    assert "not too late" in capsys.readouterr().out
    line = next(line for line in export.table(knowledge) if line.startswith("pl"))
    assert line.split()[-1] == "52"


@pytest.mark.parametrize("tag", ["fr", "xx-nowhere", "../evil"])
def test_a_language_that_is_there_or_is_none_is_not_begun(content, tag, capsys):
    """Nothing is written over, nothing outside of the folder."""
    before = sorted(content.rglob("*"))
    assert main(["new-language", tag]) == 2
    assert capsys.readouterr().err
    assert sorted(content.rglob("*")) == before


@pytest.mark.slow
def test_the_gallery_shows_every_screen_and_answer_within_the_limits(knowledge):
    """All topics and screens in every language; nothing marked; only text and known tags."""
    shown = page(knowledge, Operator("Example", "mail"), TODAY)
    assert "0 over a limit" in shown
    for tag in knowledge.languages:
        start = shown.index(f'<h2 id="{tag}"')
        part = shown[start : shown.find("<h2 ", start + 1) % (len(shown) + 1)]
        for topic in knowledge.topics:
            assert f"topic: {topic} ·" in part
        for screen in knowledge.flow.screens:
            assert f"objection: {screen} " in part
    for text in re.findall(r'<div class="text">(.*?)</div>', shown, re.DOTALL):
        markup.parse(text)
    assert "<script" not in shown


@pytest.mark.slow
def test_the_gallery_marks_what_does_not_fit(content):
    """A button too long for a phone is red."""
    file = content / "locales/en.yaml"
    text = file.read_text("utf-8").replace("label-length", "")
    file.write_text(
        text.replace("    home: Start page", "    home: The start page of it all ok"), "utf-8"
    )
    knowledge = load(content / "faq", content / "locales")
    assert "0 over a limit" in page(knowledge, Operator(), TODAY)
    topics = dict(knowledge.answers["en"])
    from dataclasses import replace

    topics["deadline"] = replace(
        topics["deadline"], title="A title that no phone can show in a button"
    )
    broken = replace(knowledge, answers={**knowledge.answers, "en": topics})
    shown = page(broken, Operator(), TODAY)
    assert 'class="bad"' in shown
    assert "button of 42 characters" in shown


@pytest.mark.slow
def test_check_ends_with_a_table_of_languages(capsys):
    """52 topics by every language, nothing stale, no errors: the whole check, over-match included."""
    assert main(["check"]) == 0
    shown = capsys.readouterr().out
    assert shown.count("52/52") >= 4
    assert "0 stale" in shown
    assert "0 errors" in shown
