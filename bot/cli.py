"""The commands."""

import argparse
import difflib
import json
import os
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from datetime import date
from functools import cache, partial
from pathlib import Path
from typing import Any

from bot import export
from bot.assistant import build_assistant, load_knowledge, phrasings, winners
from bot.dialogue.events import Person, Thread
from bot.dialogue.screens import BESIDE, Operator
from bot.dialogue.turn import Assistant, decide
from bot.knowledge.faults import ContentError, Severity
from bot.knowledge.loader import examine
from bot.matching.cache import load_or_build
from bot.matching.index import WEIGHTS, Role
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
    run.add_argument(
        "--set-aside-damaged", action="store_true",
        help="rename a damaged database and begin a new one: what it kept is lost to the bot",
    )  # fmt: skip
    run.set_defaults(command=_run)

    health = commands.add_parser(
        "health",
        help="say whether the bot is alive and hears Telegram",
        description="Look at the bot that runs on DATA_DIR: when it heard Telegram last, its database, its content. "
        "Exit status 0 when it is well, 1 when not.",
    )
    health.set_defaults(command=_health)

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
    check.add_argument(
        "--quick", action="store_true", help="leave out over-match, which takes half a minute"
    )
    check.set_defaults(command=_check)

    trace = commands.add_parser(
        "trace",
        help="show what an answer rests on",
        description="From a topic's answer to its facts and their documents, with status and date.",
    )
    trace.add_argument("topic", metavar="TOPIC")
    trace.set_defaults(command=_trace)

    exported = commands.add_parser(
        "export",
        help="print everything it knows",
        description="Topics, phrasings, answers, facts, documents and links of all languages.",
    )
    exported.add_argument("--json", action="store_true", required=True, help="as JSON")
    exported.set_defaults(command=_export)

    followed = commands.add_parser(
        "follow",
        help="note that answers were brought up to date",
        description="Note that the answers of a language (or some topics of it) follow the English "
        "and the facts as they are now.",
    )
    followed.add_argument("language", metavar="LANGUAGE")
    followed.add_argument("topic", nargs="*", metavar="TOPIC")
    followed.set_defaults(command=_follow)

    begun = commands.add_parser(
        "new-language",
        help="begin a language",
        description="Make the files of a language, with English text to translate, and say what "
        "is left to do.",
    )
    begun.add_argument("language", metavar="LANGUAGE")
    begun.set_defaults(command=_new_language)

    evaluated = commands.add_parser(
        "eval",
        help="measure how well questions are matched",
        description="Match questions of which the topic is known, and count: by language, by kind, "
        "the worst confusions, each error with the phrasing that misled.",
    )
    evaluated.add_argument(
        "--utterances", type=Path, metavar="DIR",
        help="a folder with a YAML file a language (default: tests/utterances of the checkout)",
    )  # fmt: skip
    evaluated.add_argument("--baselines", action="store_true", help="WRatio and BM25 beside ours")
    evaluated.add_argument(
        "--calibrate", action="store_true",
        help="learn when to answer and to offer from these questions (tests/calibration)",
    )  # fmt: skip
    evaluated.set_defaults(command=_eval)

    flow = commands.add_parser(
        "flow",
        help="walk the objection and draw it",
        description="Walk the objection (faq/objection.yaml) as people would, in every language: dead ends, screens "
        "that nobody reaches, texts and buttons that do not fit. Exit status 1 when there are faults. With "
        "--mermaid or --svg: draw it instead; docs/objection.svg is made so.",
    )
    drawn = flow.add_mutually_exclusive_group()
    drawn.add_argument("--mermaid", action="store_true", help="print it as a Mermaid flowchart")
    drawn.add_argument("--svg", action="store_true", help="print it as a picture")
    flow.add_argument("--lang", default="en", metavar="L", help="the language of the words")
    flow.set_defaults(command=_flow)

    bench = commands.add_parser(
        "bench",
        help="measure speed and memory",
        description="Matching beside WRatio and BM25; then updates a second beside a bare echo bot, and how "
        "long people wait, also beside somebody who floods. About two minutes.",
    )
    part = bench.add_mutually_exclusive_group()
    part.add_argument("--matching", action="store_true", help="matching alone")
    part.add_argument("--load", action="store_true", help="updates a second and waits alone")
    part.add_argument(
        "--soak", type=_many, metavar="UPDATES",
        help="carry out so many updates, such as 100000, and say whether memory stays flat",
    )  # fmt: skip
    bench.set_defaults(command=_bench)

    gallery = commands.add_parser(
        "gallery",
        help="one page with every screen and answer",
        description="Write one HTML page with every screen and every answer in every language.",
    )
    gallery.add_argument("output", nargs="?", default="gallery.html", metavar="FILE")
    gallery.set_defaults(command=_gallery)
    _add_upkeep(commands)
    return parser


def _add_upkeep(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """The commands about what is kept; each works on DATA_DIR."""
    backup = commands.add_parser(
        "backup",
        help="copy what is kept, while the bot runs",
        description="Write a checked copy of the database in DATA_DIR. The key (bot.key) is not in it. "
        "Copies in DATA_DIR/backups are deleted in time, also by the bot itself: what people have "
        "deleted must not last there.",
    )
    backup.add_argument(
        "file", nargs="?", type=Path, metavar="FILE",
        help="the copy, or a folder for it (default: DATA_DIR/backups/bot-<UTC date-time>.sqlite3)",
    )  # fmt: skip
    backup.add_argument(
        "--keep", type=int, default=7, metavar="DAYS",
        help="delete our copies beside it that are so old, 0 to 7 (default: 7)",
    )  # fmt: skip
    backup.set_defaults(command=_backup)

    restore = commands.add_parser(
        "restore",
        help="put a copy in the place of what is kept",
        description="Put a copy made by `optout-bot backup` in the place of the database in DATA_DIR. "
        "Stop the bot first. What was there is kept beside it for 7 days.",
    )
    restore.add_argument("file", type=Path, metavar="FILE")
    restore.set_defaults(command=_restore)

    rotated = commands.add_parser(
        "rotate-key",
        help="make a new key for what is kept",
        description="Make a new bot.key and rewrite the database in DATA_DIR under it. Stop the bot "
        "first. Reminders stay; chosen languages are lost where nothing but a hash tells the chat.",
    )
    rotated.set_defaults(command=_rotate_key)

    stats = commands.add_parser(
        "stats",
        help="show what was counted",
        description="How often which topic was answered, offered, opened and found helpful, what was "
        "not understood, and links reported as broken. Numbers under 5 are hidden.",
    )
    stats.add_argument("--json", action="store_true", help="as JSON")
    stats.set_defaults(command=_stats)

    questions = commands.add_parser(
        "questions",
        help="show questions that people gave to the team",
        description="Questions that were not understood and that people gave to the team, each with "
        "the days until it is deleted.",
    )
    how = questions.add_mutually_exclusive_group()
    how.add_argument("--json", action="store_true", help="as JSON")
    how.add_argument(
        "--export", action="store_true", help="as YAML to paste into faq/, with the nearest topics"
    )
    how.add_argument("--delete", nargs="+", type=int, metavar="NUMBER", help="delete some")
    how.add_argument("--delete-all", action="store_true", help="delete all")
    questions.set_defaults(command=_questions)


def _run(options: argparse.Namespace, settings: Settings) -> int:
    from bot.app import run
    from bot.metrics import MetricsError
    from bot.storage.store import StorageError

    # Nobody who looks into this process finds it there.
    os.environ.pop("BOT_TOKEN", None)
    try:
        return run(settings, set_aside=options.set_aside_damaged)
    except (OSError, StorageError, MetricsError) as error:
        print(f"optout-bot: {error}", file=sys.stderr)
        return WRONG_USE


def _health(_: argparse.Namespace, settings: Settings) -> int:
    from bot import health, upkeep

    state = health.read_state(settings.data_dir)
    faults = health.judge(state, time.time(), health.is_running)
    faults += upkeep.examine(settings.data_dir)
    for fault in faults:
        print(f"optout-bot health: {fault}")
    if state and state.content:
        print(f"content: {state.content}")
    if state and state.storage:
        print(
            f"storage: not working since a turn needed it ({state.storage}); see the disk of DATA_DIR"
        )
    if not faults:
        print("good: the bot hears Telegram")
    return FAULTS if faults else GOOD


def _check(options: argparse.Namespace, settings: Settings) -> int:
    # Here and below: what only one command needs is loaded by it; a question starts without.
    from bot.knowledge import checks
    from bot.knowledge.checks import Subject

    examination = examine(settings.faq_dir, settings.locales_dir)
    faults = list(examination.faults)
    if knowledge := examination.knowledge:
        find = None
        if not options.quick:
            find = winners(load_or_build(phrasings(knowledge), settings.cache_dir))
        faults += checks.run(Subject(examination.files, knowledge, date.today(), find))
    for fault in faults:
        print(fault)
    errors = sum(fault.severity is Severity.ERROR for fault in faults)
    if knowledge:
        print("\n".join(export.table(knowledge)))
        stale = sum(a.stale for answers in knowledge.answers.values() for a in answers.values())
        print(f"{len(knowledge.topics)} topics × {len(knowledge.languages)} languages, "
              f"{len(knowledge.facts)} facts, {len(knowledge.documents)} documents, "
              f"{len(knowledge.links)} links; {stale} stale")  # fmt: skip
    print(f"{errors} errors, {len(faults) - errors} warnings")
    return FAULTS if errors else GOOD


def _trace(options: argparse.Namespace, settings: Settings) -> int:
    knowledge = load_knowledge(settings)
    if options.topic not in knowledge.topics:
        near = difflib.get_close_matches(options.topic, knowledge.topics, 3, 0.3)
        print(f"optout-bot trace: there is no topic {options.topic!r}; "
              f"did you mean {', '.join(near) or 'one of faq/topics.yaml'}?", file=sys.stderr)  # fmt: skip
        return WRONG_USE
    for line in export.trace(knowledge, options.topic, date.today()):
        print(line)
    return GOOD


def _export(_: argparse.Namespace, settings: Settings) -> int:
    everything = export.everything(load_knowledge(settings), date.today())
    json.dump(everything, sys.stdout, ensure_ascii=False, indent=1)
    print()
    return GOOD


def _follow(options: argparse.Namespace, settings: Settings) -> int:
    from bot.knowledge.editing import follow

    examination = examine(settings.faq_dir, settings.locales_dir)
    errors = [f for f in examination.faults if f.rule != "no-follows"]
    if errors:
        raise ContentError(errors)
    if options.language not in examination.files.own:
        print(f"optout-bot follow: there is no language {options.language!r}", file=sys.stderr)
        return WRONG_USE
    known = {raw.topic for raw in examination.files.answers()}
    if strange := sorted(set(options.topic) - known):
        print(f"optout-bot follow: no topic {', '.join(strange)}", file=sys.stderr)
        return WRONG_USE
    changed = follow(examination, options.language, options.topic)
    print(f"{changed} answers in {options.language} follow the English and the facts of today")
    return GOOD


def _new_language(options: argparse.Namespace, settings: Settings) -> int:
    from bot.scaffold import ScaffoldError, begin

    examination = examine(settings.faq_dir, settings.locales_dir)
    if examination.knowledge is None:
        raise ContentError(examination.faults)
    try:
        left = begin(examination.files, settings.locales_dir, options.language)
    except ScaffoldError as error:
        print(f"optout-bot new-language: {error}", file=sys.stderr)
        return WRONG_USE
    print("\n".join(left))
    return GOOD


def _eval(options: argparse.Namespace, settings: Settings) -> int:
    from bot import report
    from bot.matching import confidence
    from bot.matching.evaluation import calibrate, evaluate, read_utterances

    tests = Path(__file__).resolve().parent.parent / "tests"
    default = tests / ("calibration" if options.calibrate else "utterances")
    folder = options.utterances or default
    utterances = list(read_utterances(folder)) if folder.is_dir() else []
    if not utterances:
        print(f"optout-bot eval: no questions in {folder}: name a folder with --utterances",
              file=sys.stderr)  # fmt: skip
        return WRONG_USE
    knowledge = load_knowledge(settings)
    learnt = phrasings(knowledge)
    matcher = load_or_build(learnt, settings.cache_dir)
    if options.calibrate:
        matcher.calibration = calibrate(matcher, utterances)
        confidence.FILE.write_text(matcher.calibration.as_json() + "\n", encoding="utf-8")
        print(f"written to {confidence.FILE}; below, the questions it was learnt from, not a test")
    verdicts = evaluate(matcher, utterances, BESIDE)
    sections = {
        "": report.by_language(verdicts, knowledge.languages),
        "By kind of question": report.by_kind(verdicts),
        "Taken for another topic": report.confusions(verdicts),
        "Errors": report.errors(verdicts),
    }
    if options.baselines:
        sections["Ranking alone, all languages"] = report.baselines(learnt, matcher, verdicts)
    for title, lines in sections.items():
        print(f"\n{title}\n" if title else "")
        for line in lines:
            print(line)
    return GOOD


def _flow(options: argparse.Namespace, settings: Settings) -> int:
    from bot.chart import chart, mermaid, svg
    from bot.dialogue.screens import Voice
    from bot.rehearsal import rehearse

    knowledge = load_knowledge(settings)
    if options.lang not in knowledge.languages:
        known = ", ".join(knowledge.languages)
        print(f"optout-bot flow: no language {options.lang!r}: one of {known}", file=sys.stderr)
        return WRONG_USE
    if options.mermaid or options.svg:
        draw = mermaid if options.mermaid else svg
        print(draw(chart(Voice(knowledge, options.lang, date.today()))), end="")
        return GOOD
    rehearsal = rehearse(knowledge, date.today())
    print("\n".join(rehearsal.lines()))
    return FAULTS if rehearsal.flaws else GOOD


def _bench(options: argparse.Namespace, settings: Settings) -> int:
    from bot import bench, load

    if options.soak:
        from bot import soak

        assistant = build_assistant(settings)
        for line in soak.run(assistant, load.people_of(assistant.knowledge), options.soak):
            print(line, flush=True)
        return GOOD
    knowledge = load_knowledge(settings)
    sections = {
        "Matching": () if options.load else bench.run(phrasings(knowledge)),
        "Load": () if options.matching else load.run(load.people_of(knowledge)),
    }
    try:
        for title, lines in sections.items():
            for number, line in enumerate(lines):
                print(line if number else f"\n{title}\n{line}", flush=True)
    except load.LoadError as error:
        print(f"optout-bot bench: {error}", file=sys.stderr)
        return FAULTS
    return GOOD


def _many(text: str) -> int:
    """A number of updates that a soak can be divided into."""
    if not text.isascii() or not text.isdigit() or int(text) < 100:  # noqa: PLR2004
        raise argparse.ArgumentTypeError(f"{text!r} is no number of updates: take 100 or more")
    return int(text)


def _gallery(options: argparse.Namespace, settings: Settings) -> int:
    from bot.gallery import page

    operator = Operator(settings.operator_name, settings.operator_contact)
    shown = page(load_knowledge(settings), operator, date.today())
    if options.output == "-":
        print(shown)
        return GOOD
    Path(options.output).write_text(shown, encoding="utf-8")
    print(f"written to {options.output}: open it in a browser")
    return GOOD


def _ask(options: argparse.Namespace, settings: Settings) -> int:
    if options.json and options.explain:
        print("optout-bot ask: --json and --explain exclude each other", file=sys.stderr)
        return WRONG_USE
    assistant = build_assistant(settings)
    person = Person(app_language=options.lang)
    questions: Iterable[str] = [" ".join(options.question)] if options.question else _lines()
    tell = cache(partial(_content, assistant))  # a file asks after the same topics again and again
    for question in questions:
        match = decide(question, person, Thread(), assistant)
        if options.json:
            print(json.dumps(_result(question, match, tell), ensure_ascii=False), flush=True)
        elif options.explain:
            print(_explanation(question, match))
        else:
            print(_told(match, assistant))
    return GOOD


def _lines() -> Iterable[str]:
    """Lines of standard input, whatever bytes they hold."""
    for line in sys.stdin.buffer:
        yield line.decode("utf-8", "replace").rstrip("\r\n")


def _result(
    question: str, match: Match, tell: Callable[[str, str], dict[str, Any]]
) -> dict[str, Any]:
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
        **(tell(topic, match.language) if topic else {"answer": None, "sources": []}),
    }


def _content(assistant: Assistant, topic: str, language: str) -> dict[str, Any]:
    return {
        "answer": _answer(topic, language, assistant),
        "sources": [
            {
                "id": document.id,
                "publisher": document.publisher,
                "title": document.title,
                "date": document.date,
                "url": document.address,
            }
            for document in assistant.knowledge.sources(topic, language)
        ],
    }


def _answer(topic: str, language: str, assistant: Assistant) -> str:
    return export.told(assistant.knowledge.answers[language][topic], date.today())


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
        parts = "  ".join(
            f"{name} {value:.3f}" for name, value in zip(WEIGHTS, candidate.parts, strict=True)
        )
        parts = f"learnt {candidate.learnt:.3f}  likeness {candidate.likeness:.3f} = {parts}"
        lines.append(f"{candidate.score:7.3f}     {candidate.label} ({candidate.role.value})")
        lines.append(f"            {parts}")
        lines.append(f"            nearest: {candidate.nearest}")
    decision = match.outcome.value + (f" {match.label}" if match.label else "")
    lines.append(f"decision    {decision} ({match.language}): {match.rule}")
    return "\n".join(lines) + "\n"


def _backup(options: argparse.Namespace, settings: Settings) -> int:
    from bot import upkeep

    return _keep_up(lambda: upkeep.backup(settings.data_dir, options.file, options.keep))


def _restore(options: argparse.Namespace, settings: Settings) -> int:
    from bot import upkeep

    return _keep_up(lambda: upkeep.restore(settings.data_dir, options.file))


def _rotate_key(_: argparse.Namespace, settings: Settings) -> int:
    from bot import upkeep

    return _keep_up(lambda: upkeep.rotate_key(settings.data_dir))


def _stats(options: argparse.Namespace, settings: Settings) -> int:
    from bot import upkeep

    def show() -> list[str]:
        knowledge = load_knowledge(settings)
        with upkeep.opened(settings.data_dir) as rows:
            counted = rows.counts(), rows.broken()
        if options.json:
            return [json.dumps(upkeep.stats_json(*counted, knowledge), indent=1)]
        return upkeep.stats_table(*counted, knowledge)

    return _keep_up(show)


def _questions(options: argparse.Namespace, settings: Settings) -> int:
    from bot import upkeep

    def show() -> list[str]:
        with upkeep.opened(settings.data_dir) as rows:
            if options.delete or options.delete_all:
                return upkeep.drop_questions(rows, options.delete)
            questions = rows.questions()
        if options.json:
            told = upkeep.questions_json(questions, date.today())
            return [json.dumps(told, ensure_ascii=False, indent=1)]
        if options.export:
            near = partial(_nearest, build_assistant(settings))
            return [upkeep.question_stubs(questions, near).rstrip()]
        return upkeep.question_lines(questions, date.today())

    return _keep_up(show)


def _nearest(assistant: Assistant, text: str, language: str) -> list[str]:
    match = decide(text, Person(app_language=language), Thread(), assistant)
    return [c.label for c in match.candidates if c.role is Role.TOPIC][:3]


def _keep_up(work: Callable[[], Iterable[str]]) -> int:
    """Print the lines that some work on what is kept gives; 1 when it finds damage."""
    from bot.storage.store import DamagedError, StorageError

    try:
        for line in work():
            print(line)
    except StorageError as error:
        print(f"optout-bot: {error}", file=sys.stderr)
        return FAULTS if isinstance(error, DamagedError) else WRONG_USE
    return GOOD
