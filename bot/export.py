"""The content as others read it: a trace of one topic, all of it as JSON, a table of languages."""

from collections.abc import Iterator
from datetime import date
from typing import Any

from bot.knowledge import formats
from bot.knowledge.markup import plain
from bot.knowledge.model import Answer, Authority, Document, Fact, Knowledge, Office


def trace(knowledge: Knowledge, topic: str, today: date) -> Iterator[str]:
    """Lines from a topic's answer to its facts and their documents."""
    definition = knowledge.topics[topic]
    yield f"{topic} ({definition.group})"
    for language in knowledge.languages:
        answer = knowledge.answers[language][topic]
        stale = "  [stale: English is shown]" if answer.stale else ""
        yield f"  {language}  {answer.title}: {plain(answer.short.on(today))}{stale}"
    if not definition.facts:
        yield "  rests on the bot's own code, on no document"
    for name in definition.facts:
        fact = knowledge.facts[name]
        values = ", ".join(f"{kind} {value}" for kind, value in fact.values.items())
        yield f"  fact {name}: {fact.statement}"
        review = f", review by {fact.review_by}" if fact.review_by else ""
        yield (
            f"    {fact.status}, as {fact.says} says, as of {fact.as_of}, checked {fact.checked}"
            f"{review}{f'; {values}' if values else ''}"
        )
        for place in fact.places:
            document = knowledge.documents[place.document]
            where = f", {place.at}" if place.at else ""
            errs = " (has it wrong)" if place.errs else ""
            yield (
                f"    document {document.id}: {document.publisher}, {document.title}, "
                f"{document.date}{where}{errs}  {document.address or 'no address'}"
            )


def everything(knowledge: Knowledge, today: date) -> dict[str, Any]:
    """All that the bot knows, answers as the reader gets them."""
    return {
        "topics": [
            {
                "id": topic.id,
                "group": topic.group,
                "languages": {
                    language: _told(knowledge, topic.id, language, today)
                    for language in knowledge.languages
                },
            }
            for topic in knowledge.topics.values()
        ],
        "facts": [_fact(fact) for fact in knowledge.facts.values()],
        "documents": [_document(document) for document in knowledge.documents.values()],
        "links": [
            {"id": link.id, "url": link.url, "urls": dict(link.urls)}
            for link in knowledge.links.values()
        ],
        "authorities": [_authority(authority) for authority in knowledge.authorities.values()],
    }


def table(knowledge: Knowledge) -> Iterator[str]:
    """Completeness by language: one line each."""
    total = len(knowledge.topics)
    yield f"{'language':<24}{'topics':>8}{'phrasings':>11}{'fewest':>8}{'outside':>9}{'small talk':>12}{'stale':>7}"
    for language in knowledge.languages:
        answers = knowledge.answers[language]
        counts = [len(set(answer.phrasings)) for answer in answers.values()]
        stale = sum(answer.stale for answer in answers.values())
        name = f"{language} {formats.autonym(language)}"
        small_talk = sum(map(len, knowledge.chitchat[language].values()))
        yield (
            f"{name:<24}{f'{len(answers)}/{total}':>8}{sum(counts):>11}{min(counts):>8}"
            f"{len(knowledge.outside[language]):>9}{small_talk:>12}{stale:>7}"
        )


def _told(knowledge: Knowledge, topic: str, language: str, today: date) -> dict[str, Any]:
    answer = knowledge.answers[language][topic]
    checked = knowledge.checked(topic)
    return {
        "title": answer.title,
        "answer": told(answer, today),
        "phrasings": list(answer.phrasings),
        "sources": [_document(d) for d in knowledge.sources(topic, language)],
        "checked": checked.isoformat() if checked else None,
        "stale": answer.stale,
    }


def told(answer: Answer, today: date) -> str:
    """An answer without markup: the short one, an empty line, the detail."""
    return f"{plain(answer.short.on(today))}\n\n{plain(answer.detail.on(today))}"


def _fact(fact: Fact) -> dict[str, Any]:
    return {
        "id": fact.id,
        "statement": fact.statement,
        "status": fact.status,
        "says": fact.says,
        "as_of": fact.as_of,
        "checked": fact.checked.isoformat(),
        "values": dict(fact.values),
        "documents": [{"id": p.document, "at": p.at, "errs": p.errs} for p in fact.places],
        "note": fact.note,
        "review_by": fact.review_by.isoformat() if fact.review_by else None,
        "replaced_by": fact.replaced_by,
    }


def _document(document: Document) -> dict[str, Any]:
    return {
        "id": document.id,
        "publisher": document.publisher,
        "title": document.title,
        "date": document.date,
        "language": document.language,
        "kind": document.kind,
        "url": document.address,
        "reliability": document.reliability,
    }


def _authority(authority: Authority) -> dict[str, Any]:
    return {
        "country": authority.country,
        "short": authority.short,
        **_office(authority.office),
        "languages": list(authority.languages),
        "asks": list(authority.asks),
        "regime": authority.regime.value,
        "checked": authority.checked.isoformat(),
        "sources": list(authority.sources),
        "regions": {
            key: {"name": region.name, **_office(region.office)}
            for key, region in authority.regions.items()
        },
    }


def _office(office: Office) -> dict[str, Any]:
    return {
        "names": dict(office.names),
        "site": office.site,
        "complaint": office.complaint,
        "complaints": dict(office.complaints),
        "email": office.email,
        "address": list(office.address),
        "addresses": {tag: list(lines) for tag, lines in office.addresses.items()},
        "sure": office.sure,
    }
