"""The commands, as somebody types them."""

import json
import os
import subprocess
import sys
import time

import pytest

from bot.cli import main

COMMAND = [sys.executable, "-m", "bot"]


def ask(capsys, *arguments):
    assert main(["ask", *arguments]) == 0
    return capsys.readouterr().out


def test_ask_json_has_the_agreed_shape(capsys):
    """One object with just the agreed keys."""
    answer = json.loads(ask(capsys, "--json", "--lang", "en", "are my DMs used?"))
    assert list(answer) == [
        "question", "language", "outcome", "topic", "choices", "score", "answer", "sources"
    ]  # fmt: skip
    assert (answer["question"], answer["language"]) == ("are my DMs used?", "en")
    assert (answer["outcome"], answer["topic"]) == ("answer", "private-messages")
    assert answer["answer"].startswith("No, says Meta")
    assert answer["choices"][0]["topic"] == "private-messages"
    assert all(source["url"].startswith("https://") for source in answer["sources"])


@pytest.mark.parametrize(
    ("question", "language", "outcome"),
    [
        ("mes mp sont utilisés ??", "fr", "answer"),
        ("what's the weather", "en", "unknown"),
        ("merci", "fr", "chitchat"),
        ("", "en", "unknown"),
    ],
)
def test_ask_tells_answer_doubt_and_small_talk_apart(capsys, question, language, outcome):
    """The question decides the language; no topic where nothing is answered."""
    answer = json.loads(ask(capsys, "--json", "--lang", language, question))
    assert (answer["language"], answer["outcome"]) == (language, outcome)
    assert (answer["topic"] is not None) == (answer["answer"] is not None) == (outcome == "answer")


def test_ask_explains(capsys):
    """Normal form, votes, candidates with parts, nearest phrasings and the rule."""
    shown = ask(capsys, "--explain", "Are my DMs used?!")
    for part in (
        "are my dms used",
        "nats",
        "private-messages",
        "gram centroid",
        "nearest:",
        "decision",
    ):
        assert part in shown


def test_ask_refuses_json_and_explain_together(capsys):
    """Wrong use: status 2 and one line."""
    assert main(["ask", "--json", "--explain", "x"]) == 2
    assert capsys.readouterr().err.count("\n") == 1


@pytest.mark.parametrize("arguments", [[], ["sing"], ["ask", "--loud"]])
def test_wrong_use_is_status_2(arguments, capsys):
    """argparse says what is known."""
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2
    assert "usage" in capsys.readouterr().err


@pytest.mark.parametrize(
    "command", ["run", "ask", "check", "trace", "export", "follow", "new-language", "gallery"]
)
def test_every_command_has_help(command, capsys):
    """--help, status 0."""
    with pytest.raises(SystemExit) as caught:
        main([command, "--help"])
    assert caught.value.code == 0
    assert "usage" in capsys.readouterr().out


def test_a_wrong_setting_is_one_line_and_status_2():
    """No traceback, and nothing of a mistyped token."""
    environment = {**os.environ, "BOT_TOKEN": "123456;SECRETSECRET"}
    done = subprocess.run([*COMMAND, "run"], env=environment, capture_output=True, text=True)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "SECRET" not in done.stderr


def test_odd_lines_are_answered_one_by_one():
    """Bytes that are no UTF-8, an empty line, a very long one: one object each."""
    lines = [b"are my DMs used?", b"\xff\xfe\x00", b"", b"x" * 100_000, "é\u0301🙂".encode()]
    done = subprocess.run(
        [*COMMAND, "ask", "--json"], input=b"\n".join(lines) + b"\n", capture_output=True
    )
    assert done.returncode == 0, done.stderr
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(answers) == len(lines)
    assert [a["outcome"] for a in answers[1:]] == ["unknown"] * 4


@pytest.mark.slow
def test_a_thousand_questions_are_answered_soon():
    """All of them, in order. How soon is measured in ARCHITECTURE.md, not here."""
    questions = [f"are my DMs used {n}?" if n % 2 else f"mes photos {n} ?" for n in range(1_000)]
    began = time.monotonic()
    done = subprocess.run(
        [*COMMAND, "ask", "--json"], input="\n".join(questions), capture_output=True, text=True
    )
    took = time.monotonic() - began
    assert [json.loads(line)["question"] for line in done.stdout.splitlines()] == questions
    assert took < 60  # hangs are caught here; speed is measured in benchmarks
