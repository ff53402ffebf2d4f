"""What whoever hosts the bot does with what is kept: look at it, copy it, bring it back."""

import json
import os
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from bot.knowledge import formats
from bot.knowledge.model import FALLBACK_LANGUAGE, Knowledge
from bot.storage import copies
from bot.storage.key import KEY_FILE, NEXT_KEY_FILE, Random, make_key, read_key, sync_folder
from bot.storage.lock import hold
from bot.storage.rows import Rows
from bot.storage.schema import FILE, fits, migrate, version_of
from bot.storage.sqlite import Opening, connect, damaged, explain, wrong_key
from bot.storage.store import DamagedError, Question, StorageError, Tally

FEWEST = 5
"""A smaller number is not shown: it might be one person's questions."""
HIDDEN = f"<{FEWEST}"
COLUMNS = {
    "answer": "answered",
    "choose": "offered",
    "opened": "opened",
    "helpful": "helpful",
    "unhelpful": "not helpful",
}
"""Outcomes that belong to a topic, and what they are called."""
OTHERS = {"unknown": "not understood", "chitchat": "small talk", "address": "addresses judged"}
"""Outcomes that are shown by language alone."""

Now = Callable[[], datetime]
Json = dict[str, Any]


def _utc_now() -> datetime:
    return datetime.now(UTC)


# The database and its key


def backup(
    folder: Path, file: Path | None = None, keep_days: int = copies.MOST_DAYS, now: Now = _utc_now
) -> list[str]:
    """Copy the database while the bot runs, and delete our older copies beside the new one.

    Args:
        folder: DATA_DIR.
        file: The copy, or a folder for it; None: DATA_DIR/backups.
        keep_days: How old copies get, 0 to copies.MOST_DAYS.
        now: The time, aware and in UTC.

    Returns:
        Lines to tell.

    Raises:
        DamagedError: when the database or its copy is damaged.
        StorageError: when it cannot be done.
    """
    if not 0 <= keep_days <= copies.MOST_DAYS:
        raise StorageError(
            f"--keep is {keep_days}: use 0 to {copies.MOST_DAYS}; older copies would still hold "
            "what people had deleted"
        )
    moment = now()
    target = file or folder / copies.FOLDER
    if not file or file.is_dir():
        target /= copies.name_copy(moment)
    if target.exists():
        raise StorageError(f"{target} is there already: name a file that is not")
    with _explained(folder), closing(_connect_existing(folder)) as connection:
        version_of(connection)
        copies.write_copy(connection, target)
    dropped = copies.drop_copies(target.parent, moment.date(), keep_days, spare=target)
    lines = [
        f"written and checked: {target}",
        (
            f"The key is not in it, and it is worth nothing without: keep a copy of {folder / KEY_FILE} "
            "in another place. Who has both can tell whose reminders they are."
        ),
    ]
    if copies.is_ours(target):
        lines.append(
            f"Copies in this folder are deleted after {keep_days} days; deleted now: {len(dropped)}."
        )
    else:
        lines.append(
            f"Delete it yourself within {copies.MOST_DAYS} days: what people have deleted "
            "since is still in it."
        )
    return lines


def restore(
    folder: Path, file: Path, now: Now = _utc_now, random: Random = os.urandom
) -> list[str]:
    """Put a copy in the place of the database, which is kept as a copy itself.

    At every moment one of the two is there, whole.

    Returns:
        Lines to tell.

    Raises:
        DamagedError: when the copy is damaged.
        StorageError: when it cannot be done: a bot is running, a wrong file, another key.
    """
    if not file.is_file():
        raise StorageError(
            f"there is no file {file}: `ls {folder / copies.FOLDER}` shows the copies there are"
        )
    with hold(folder), _explained(folder):
        moment, present = now(), folder / FILE
        draft = copies.name_draft(folder / copies.name_copy(moment))
        try:
            deleted = _prepare_copy(folder, file, draft, moment.date(), random)
            kept = _put_by(folder, moment)
            draft.replace(present)
        finally:
            draft.unlink(missing_ok=True)
        sync_folder(folder)
    return [
        f"{present} is now what {file} was. Rows left out, their time is over: {deleted}.",
        *([f"What was there before is kept for {copies.MOST_DAYS} days: {kept}"] if kept else []),
        "Who used /forget since is known again, and what was sent since may be sent once more.",
    ]


def _prepare_copy(folder: Path, file: Path, draft: Path, today: date, random: Random) -> int:
    """Write a checked copy of a copy, brought up to date; gives how many rows were too old."""
    key = read_key(folder / KEY_FILE, random)
    try:
        with looking_at(file) as connection:
            version = version_of(connection)
            if not version:
                raise StorageError(f"{file} is empty: name another copy")
            if faults := copies.faults_of(connection, "integrity_check"):
                raise DamagedError(f"{file} is damaged ({faults}): name another copy")
            if not key or not fits(connection, version, key):
                raise StorageError(
                    f"{KEY_FILE} in DATA_DIR {str(folder)!r} "
                    f"{'is not the key of' if key else 'is missing, the key of'} {file}: put that "
                    "key back first"
                )
            copies.write_copy(connection, draft)
    except sqlite3.DatabaseError as error:
        if isinstance(explain(folder, error), DamagedError):
            raise DamagedError(f"{file} is damaged ({error}): name another copy") from error
        raise
    with closing(connect(draft)) as connection:
        connection.execute("PRAGMA secure_delete = ON")
        migrate(connection, today, key)
        return Rows(connection, key).expire(today)


def _put_by(folder: Path, moment: datetime) -> Path | None:
    """Keep the present database as a copy, and have nothing of it left in a log of its own.

    A log that stayed would be taken for the one of whatever gets its name.
    """
    present = folder / FILE
    if not present.exists():
        return None
    kept = folder / copies.FOLDER / copies.name_copy(moment, "before-restore")
    try:
        with closing(connect(present)) as connection:
            copies.write_copy(connection, kept)
            ((mode,),) = connection.execute("PRAGMA journal_mode = DELETE")
        if mode != "delete":
            raise StorageError(f"{present} is in use: end what reads it, and try again")
    except (DamagedError, sqlite3.DatabaseError) as error:
        if not isinstance(error, DamagedError) and not isinstance(
            explain(folder, error), DamagedError
        ):
            raise
        return copies.set_aside(folder, moment)
    return kept


def rotate_key(folder: Path, random: Random = os.urandom) -> list[str]:
    """Make a new key and rewrite all rows under it.

    First the new key is written beside the old one, then the rows are rewritten in one
    transaction, then the new key takes the old one's name. Interrupted anywhere, the database
    knows by its fingerprint which of the two is its key.

    Returns:
        Lines to tell.

    Raises:
        StorageError: when it cannot be done: a bot is running, the key of now is not there.
    """
    with hold(folder), _explained(folder), closing(_open_existing(folder, random)) as rows:
        following = folder / NEXT_KEY_FILE
        following.unlink(missing_ok=True)
        languages, reminders = rows.change_key(make_key(following, random))
        following.replace(folder / KEY_FILE)
        sync_folder(folder)
    lines = [
        f"{folder / KEY_FILE} is new, and all rows are rewritten under it. Keep a copy of it.",
        f"Chosen languages lost: {languages}. Only hashes of their chats were kept; they choose again.",
        "Copies made before need the old key: make a new one with `optout-bot backup`.",
    ]
    if reminders:
        lines.insert(2, f"Reminders lost: {reminders}. The old key did not open them.")
    return lines


def examine(folder: Path) -> list[str]:
    """What is wrong with the database of a data folder, a line each; nothing is created."""
    try:
        with _explained(folder), looking_at(_existing(folder)) as connection:
            version = version_of(connection)
            if not version:
                return [f"{FILE} in DATA_DIR {str(folder)!r} is empty: start the bot"]
            if faults := copies.faults_of(connection):
                return [str(damaged(folder, faults))]
            keys = [read_key(folder / name) for name in (KEY_FILE, NEXT_KEY_FILE)]
            if not any(key and fits(connection, version, key) for key in keys):
                return [str(wrong_key(folder, missing=not keys[0]))]
    except StorageError as error:
        return [str(error)]
    return []


@contextmanager
def looking_at(file: Path) -> Iterator[sqlite3.Connection]:
    """A connection that changes nothing and creates no files, while others may write."""
    logged = all(file.with_name(f"{file.name}-{end}").exists() for end in ("wal", "shm"))
    # Without a log the file is whole by itself; opened plainly, SQLite would begin a log.
    how = "mode=ro" if logged else "mode=ro&immutable=1"
    uri = f"{file.absolute().as_uri()}?{how}"
    with closing(sqlite3.connect(uri, uri=True, timeout=1, isolation_level=None)) as connection:
        yield connection


def _existing(folder: Path) -> Path:
    file = folder / FILE
    if not file.is_file():
        raise StorageError(
            f"there is no {FILE} in DATA_DIR {str(folder)!r}: set DATA_DIR to the bot's folder, "
            "or start the bot once"
        )
    return file


def _connect_existing(folder: Path) -> sqlite3.Connection:
    return connect(_existing(folder))


@contextmanager
def opened(folder: Path) -> Iterator[Rows]:
    """The rows of a data folder that there is, also while the bot runs.

    Raises:
        StorageError: when there is none, or it cannot be used.
    """
    with _explained(folder), closing(_open_existing(folder)) as rows:
        yield rows


def _open_existing(folder: Path, random: Random = os.urandom) -> Rows:
    _existing(folder)
    return Opening(folder, random)()


@contextmanager
def _explained(folder: Path) -> Iterator[None]:
    """Errors of the disk and the database as one line that says what to do."""
    try:
        yield
    except (OSError, sqlite3.Error) as error:
        raise explain(folder, error) from error


# What was counted


@dataclass(frozen=True, slots=True)
class Stats:
    """How often what was asked, as far as it may be shown.

    A number under FEWEST is never shown, nothing at all included, and a total adds up the numbers
    that are shown and no other: whatever stands behind a hidden one, the same is shown.
    """

    topics: Mapping[tuple[str, str], Mapping[str, int | None]]
    """By topic and language, those with a number to show; None: hidden."""
    hidden: int
    """Topics, once for each language, of which all numbers are hidden."""
    totals: Mapping[str, Mapping[str, int]]
    """By language; of the numbers shown."""
    others: Mapping[str, Mapping[str, int | None]]
    """Outcomes without a topic, by language."""
    broken: Mapping[str, int | None]
    """By the id of a link that did not open."""


def stats(counts: Mapping[Tally, int], broken: Mapping[str, int], knowledge: Knowledge) -> Stats:
    """What may be shown of what was counted."""
    cells: dict[tuple[str, str], dict[str, int | None]] = {}
    others: Counter[tuple[str, str]] = Counter()
    for tally, times in sorted(counts.items(), key=lambda item: _order(item[0])):
        if tally.outcome not in COLUMNS:
            others[tally.outcome, tally.language] += times
        elif times >= FEWEST:
            row = cells.setdefault((tally.topic, tally.language), dict.fromkeys(COLUMNS))
            row[tally.outcome] = times
    languages = list(knowledge.languages)
    totals = {
        language: {
            outcome: sum(row[outcome] or 0 for (_, spoken), row in cells.items() if spoken == language)
            for outcome in COLUMNS
        }
        for language in languages
    }  # fmt: skip
    return Stats(
        cells,
        sum((topic, language) not in cells for topic in knowledge.topics for language in languages),
        totals,
        {
            outcome: {language: _shown(others[outcome, language]) for language in languages}
            for outcome in OTHERS
        },
        {link: _shown(times) for link, times in broken.items()},
    )


def stats_lines(
    counts: Mapping[Tally, int], broken: Mapping[str, int], knowledge: Knowledge
) -> list[str]:
    """What was counted in short lines, for a chat; small numbers are hidden."""
    shown = stats(counts, broken, knowledge)
    lines = [
        f"{topic} ({language}): "
        + ", ".join(f"{name} {_told(row[outcome])}" for outcome, name in COLUMNS.items())
        for (topic, language), row in shown.topics.items()
    ]
    lines += [
        f"{name}: " + ", ".join(f"{lang} {_told(times)}" for lang, times in row.items())
        for name, row in ((OTHERS[outcome], row) for outcome, row in shown.others.items())
    ]
    lines += [
        f"reported as broken: {link} {_told(times)} ({_address(link, knowledge)})"
        for link, times in shown.broken.items()
    ]
    return [*lines, _HIDING]


def stats_table(
    counts: Mapping[Tally, int], broken: Mapping[str, int], knowledge: Knowledge
) -> list[str]:
    """What was counted as tables for a terminal; small numbers are hidden."""
    shown = stats(counts, broken, knowledge)
    rows = [
        [topic, language, *(_told(row[outcome]) for outcome in COLUMNS)]
        for (topic, language), row in shown.topics.items()
    ]
    rows += [
        ["in all, at least", language, *(str(row[outcome]) for outcome in COLUMNS)]
        for language, row in shown.totals.items()
    ]
    languages = list(knowledge.languages)
    by_language = [
        [OTHERS[outcome], *(_told(row[language]) for language in languages)]
        for outcome, row in shown.others.items()
    ]
    links = [
        [link, _told(times), _address(link, knowledge)] for link, times in shown.broken.items()
    ]
    return [
        *_table(["topic", "", *COLUMNS.values()], rows),
        f"{shown.hidden} more (a topic in a language): {HIDDEN} of each",
        "",
        *_table(["without a topic", *languages], by_language),
        "",
        *(_table(["reported as broken", "times", "address"], links) if links else ["no link was reported as broken"]),
        "",
        _HIDING,
    ]  # fmt: skip


def stats_json(
    counts: Mapping[Tally, int], broken: Mapping[str, int], knowledge: Knowledge
) -> Json:
    """What was counted, for programs; small numbers are the text "<5"."""
    shown = stats(counts, broken, knowledge)
    return {
        "hidden_below": FEWEST,
        "topics": [
            {"topic": topic, "language": language, **{o: _or_hidden(n) for o, n in row.items()}}
            for (topic, language), row in shown.topics.items()
        ],
        "totals_of_shown": shown.totals,
        "others": {
            outcome: {language: _or_hidden(n) for language, n in row.items()}
            for outcome, row in shown.others.items()
        },
        "broken": [
            {"link": link, "times": _or_hidden(n), "address": _address(link, knowledge)}
            for link, n in shown.broken.items()
        ],
    }


_HIDING = (
    f"Less than {FEWEST} is shown as {HIDDEN}, also where there is nothing, and counts as nothing "
    "in a total, so that no total tells it."
)


def _order(tally: Tally) -> tuple[str, str, str]:
    return tally.topic, tally.language, tally.outcome


def _shown(times: int) -> int | None:
    return times if times >= FEWEST else None


def _or_hidden(times: int | None) -> int | str:
    return HIDDEN if times is None else times


def _told(times: int | None) -> str:
    return str(_or_hidden(times))


def _address(link: str, knowledge: Knowledge) -> str:
    known = knowledge.links.get(link)
    return known.address(FALLBACK_LANGUAGE) if known else "no longer in faq/links.yaml"


def _table(heading: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """Columns under each other; words to the left, numbers to the right."""
    lines = [heading, *rows]
    widths = [max(len(cell) for cell in column) for column in zip(*lines, strict=True)]
    numbers = [
        all(cell.lstrip("<").isdecimal() for cell in column)
        for column in zip(*lines[1:], strict=True)
    ] or [False] * len(widths)
    return [
        "  ".join(
            cell.rjust(width) if number else cell.ljust(width)
            for cell, width, number in zip(line, widths, numbers, strict=True)
        ).rstrip()
        for line in lines
    ]


# Questions that people gave to the team


def drop_questions(rows: Rows, numbers: Sequence[int] | None) -> list[str]:
    """Delete the questions with these numbers, or all for None; gives lines to tell.

    Raises:
        StorageError: when there is no question with a number; then nothing is deleted.
    """
    known = {question.number for question in rows.questions()}
    if strange := sorted(set(numbers or ()) - known):
        raise StorageError(
            f"there is no question {', '.join(map(str, strange))}: nothing was deleted; "
            "`optout-bot questions` shows the numbers"
        )
    dropped = known if numbers is None else known & set(numbers)
    rows.drop_questions(dropped)
    return [f"questions deleted: {len(dropped)}"]


def question_lines(questions: Iterable[Question], today: date) -> list[str]:
    """Questions for a terminal: number, language, days left, and the text on one line."""
    return [
        f"{question.number:>5}  {question.language:<5}  {_days_left(question, today):>3} days left  "
        f"{_printable(question.text)}"
        for question in questions
    ]


def questions_json(questions: Iterable[Question], today: date) -> list[Json]:
    """Questions for programs."""
    return [
        {
            "number": question.number,
            "language": question.language,
            "text": question.text,
            "until": question.until.isoformat(),
            "days_left": _days_left(question, today),
        }
        for question in questions
    ]


def question_stubs(
    questions: Iterable[Question], nearest: Callable[[str, str], Sequence[str]]
) -> str:
    """Questions as YAML, by language, to be pasted as phrasings of a topic.

    Args:
        questions: In any order.
        nearest: The topics that a text in a language is most like, by id.
    """
    by_language: dict[str, list[Question]] = {}
    for question in questions:
        by_language.setdefault(question.language, []).append(question)
    lines = [
        "# Questions that were not understood and that people gave to the team.",
        "# Take out what names somebody. Then paste each line under `phrasings:` of its topic in",
        "# faq/<language>/*.yaml, and delete it here: optout-bot questions --delete NUMBER",
    ]
    for language, own in sorted(by_language.items()):
        lines += ["", f"# {formats.autonym(language)}", f"{_quoted(language)}:"]
        for question in own:
            near = ", ".join(nearest(question.text, question.language)) or "none"
            lines.append(f"    # {question.number}; nearest topics: {near}")
            lines.append(f"    - {_quoted(_printable(question.text))}")
    return "\n".join(lines) + "\n"


def _days_left(question: Question, today: date) -> int:
    return max((question.until - today).days, 0)


def _printable(text: str) -> str:
    """A text on one line, without what cannot be seen and might steer a terminal."""
    return " ".join("".join(s if s.isprintable() else " " for s in text).split())


def _quoted(text: str) -> str:
    """A text in double quotes, which YAML reads as JSON does."""
    return json.dumps(text, ensure_ascii=False)
