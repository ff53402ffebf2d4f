"""No answer repeats an error of the articles: the review's quotations still stand in the answers."""

import re
from datetime import date
from pathlib import Path

from bot.knowledge.markup import plain

REVIEW = Path(__file__).resolve().parent.parent / "docs" / "known-errors.md"
TODAY = date(2026, 11, 21)
LANGUAGES = ("en", "fr", "de", "nl")
QUOTES = {
    "en": "“(.+?)”(?=[;. ]|$)",
    "fr": "« (.+?) »",
    "de": "„(.+?)“(?=[;. ]|$)",
    "nl": "‘(.+?)’(?=[;. ]|$)",
}


def rows():
    for line in REVIEW.read_text(encoding="utf-8").split("\n"):
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if re.fullmatch(r"[AB]\d+", cells[0]):
            yield cells


def folded(text):
    return " ".join(re.sub(r"[*\xa0\u202f]|\([^()]*https?:[^()]*\)", " ", text).split())


def test_all_errors_and_disagreements_are_reviewed():
    """The 23 errors of the articles and the 13 open disagreements, one row each."""
    found = {cells[0] for cells in rows()}
    assert found == {f"A{n}" for n in range(1, 24)} | {f"B{n}" for n in range(1, 14)}


def test_what_the_review_quotes_still_stands(knowledge):
    """An answer that was changed is reviewed again before its quotation is renewed."""
    gone = []
    for cells in rows():
        if not cells[0].startswith("A"):
            continue
        topics = [
            topic for topic in re.findall(r"[a-z0-9-]+", cells[2]) if topic in knowledge.topics
        ]
        for language, cell in zip(LANGUAGES, cells[3:], strict=True):
            answers = [knowledge.answers[language][topic] for topic in topics]
            said = folded(
                " ".join(
                    plain(a.short.on(TODAY)) + " " + plain(a.detail.on(TODAY)) for a in answers
                )
            )
            for quotation in re.findall(QUOTES[language], cell.replace("\xa0", " ")):
                gone += [
                    (cells[0], language, part)
                    for part in quotation.split(" … ")
                    if folded(part).strip(" .").casefold() not in said.casefold()
                ]
    assert gone == []
