"""The commands."""

import argparse
import json
import sys
from collections.abc import Iterable, Sequence
from typing import Any

from bot.assistant import build_assistant
from bot.dialogue.events import Person, Thread
from bot.dialogue.turn import Assistant, decide
from bot.knowledge.faults import ContentError, Severity
from bot.knowledge.loader import examine
from bot.knowledge.markup import plain
from bot.matching.matcher import Match, Outcome
from bot.settings import Settings, SettingsError, read_settings

GOOD, FAULTS, WRONG_USE = 0, 1, 2
"""Exit statuses."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; gives the exit status: 0 good, 1 found faults, 2 wrong use."""
    options = _parser().parse_args(arguments)
    try:
        return int(options.command(options, read_settings()))
    except SettingsError as error:
        print(f"optout-bot: {error}", file=sys.stderr)
        return WRONG_USE
    except ContentError as error:
        print(error, file=sys.stderr)
        print("optout-bot: nothing starts on broken content", file=sys.stderr)
        return FAULTS
    except BrokenPipeError:
        sys.stderr.close()
        return GOOD
    except KeyboardInterrupt:
        return GOOD


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="optout-bot", description="Answers on Meta's AI training, and the way to object."
    )
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")

    run = commands.add_parser(
        "run",
        help="start the bot",
        description="Start the bot: in Telegram with BOT_TOKEN (or BOT_TOKEN_FILE), else in a chat "
        "page on this machine at http://127.0.0.1:$PORT (8080).",
    )
    run.set_defaults(command=_run)

    ask = commands.add_parser(
        "ask",
        help="answer one question, or one a line from standard input",
        description="Answer a question. Without one, answer each line of standard input.",
    )
    ask.add_argument("question", nargs="*", metavar="QUESTION")
    ask.add_argument("--lang", metavar="L", help="language of the app, such as fr")
    ask.add_argument("--json", action="store_true", help="one JSON object a line")
    ask.add_argument("--explain", action="store_true", help="show why")
    ask.set_defaults(command=_ask)

    check = commands.add_parser(
        "check",
        help="check faq/ and locales/",
        description="Check the content: every fault with file, line, rule and remedy.",
    )
    check.set_defaults(command=_check)
    return parser


def _run(_: argparse.Namespace, settings: Settings) -> int:
    from bot.app import run
    from bot.storage.sqlite import StorageError

    try:
        return run(settings)
    except (OSError, StorageError) as error:
        print(f"optout-bot: {error}", file=sys.stderr)
        return WRONG_USE


def _check(_: argparse.Namespace, settings: Settings) -> int:
    knowledge, faults = examine(settings.faq_dir, settings.locales_dir)
    for fault in faults:
        print(fault)
    errors = sum(fault.severity is Severity.ERROR for fault in faults)
    if knowledge:
        topics, languages = len(knowledge.topics), ", ".join(knowledge.languages)
        print(f"{topics} topics in {languages}; {len(knowledge.facts)} facts, "
              f"{len(knowledge.documents)} documents, {len(knowledge.links)} links")  # fmt: skip
    print(f"{errors} errors, {len(faults) - errors} warnings")
    return FAULTS if errors else GOOD


def _ask(options: argparse.Namespace, settings: Settings) -> int:
    if options.json and options.explain:
        print("optout-bot ask: --json and --explain exclude each other", file=sys.stderr)
        return WRONG_USE
    assistant = build_assistant(settings)
    person = Person(app_language=options.lang)
    questions: Iterable[str] = [" ".join(options.question)] if options.question else _lines()
    for question in questions:
        match = decide(question, person, Thread(), assistant)
        if options.json:
            print(json.dumps(_result(question, match, assistant), ensure_ascii=False), flush=True)
        elif options.explain:
            print(_explanation(question, match))
        else:
            print(_told(match, assistant))
    return GOOD


def _lines() -> Iterable[str]:
    """Lines of standard input, whatever bytes they hold."""
    for line in sys.stdin.buffer:
        yield line.decode("utf-8", "replace").rstrip("\r\n")


def _result(question: str, match: Match, assistant: Assistant) -> dict[str, Any]:
    knowledge = assistant.knowledge
    topic = match.label if match.outcome is Outcome.ANSWER else None
    choosing = match.outcome in {Outcome.ANSWER, Outcome.CHOOSE}
    choices = match.choices if choosing else ()
    return {
        "question": question.encode("utf-8", "replace").decode(),
        "language": match.language,
        "outcome": match.outcome.value,
        "topic": topic,
        "choices": [{"topic": c.label, "score": round(c.score, 4)} for c in choices],
        "score": round(match.score, 4),
        "answer": _answer(topic, match.language, assistant) if topic else None,
        "sources": [
            {
                "id": document.id,
                "publisher": document.publisher,
                "title": document.title,
                "date": document.date,
                "url": document.address,
            }
            for document in (knowledge.sources(topic, match.language) if topic else ())
        ],
    }


def _answer(topic: str, language: str, assistant: Assistant) -> str:
    answer = assistant.knowledge.answers[language][topic]
    return f"{plain(answer.short)}\n\n{plain(answer.detail)}"


def _told(match: Match, assistant: Assistant) -> str:
    knowledge, language = assistant.knowledge, match.language
    match match.outcome:
        case Outcome.ANSWER if match.label:
            title = knowledge.answers[language][match.label].title
            sources = ", ".join(
                f"{d.publisher} ({d.address})" for d in knowledge.sources(match.label, language)
            )
            text = f"{title}\n\n{_answer(match.label, language, assistant)}"
            return f"{text}\n\n{sources}\n" if sources else f"{text}\n"
        case Outcome.CHOOSE:
            titles = (knowledge.answers[language][c.label].title for c in match.choices)
            text = knowledge.catalogs[language].text("choose.text")
            return "\n".join([text, *(f"- {title}" for title in titles), ""])
        case Outcome.CHITCHAT:
            return knowledge.catalogs[language].text(f"chitchat.{match.label}") + "\n"
        case _:
            return knowledge.catalogs[language].text("unknown.text") + "\n"


def _explanation(question: str, match: Match) -> str:
    lines = [f"question    {question}", f"normalised  {match.normal}"]
    votes = "  ".join(f"{vote.language} {vote.nats:+.1f}" for vote in match.votes)
    sure = "" if match.certain else "  (not certain by the words alone)"
    lines.append(f"languages   {votes} nats{sure}")
    for candidate in match.candidates[:6]:
        parts = "  ".join(f"{name} {value:.3f}" for name, value in candidate.parts)
        lines.append(f"{candidate.score:7.3f}     {candidate.label} ({candidate.role.value})")
        lines.append(f"            {parts}")
        lines.append(f"            nearest: {candidate.nearest}")
    decision = match.outcome.value + (f" {match.label}" if match.label else "")
    lines.append(f"decision    {decision} ({match.language}): {match.rule}")
    return "\n".join(lines) + "\n"
