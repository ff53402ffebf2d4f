"""YAML without surprises: each of them is refused with its line and a remedy."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.knowledge.faults import ContentError
from bot.knowledge.strict_yaml import parse

FILE = Path("faq/en/data.yaml")

BOMB = "a: &a [x, x]\n" + "".join(
    f"{name}: &{name} [*{before}, *{before}]\n"
    for before, name in zip("abcdefghi", "bcdefghij", strict=True)
)

BROKEN = [
    ("yaml-duplicate-key", 3, "a: 1\nb: 2\na: 3\n"),
    ("yaml-alias", 1, BOMB),
    ("yaml-alias", 2, "a: 1\nb: *a\n"),
    ("yaml-merge", 2, "a:\n  <<: {b: 1}\n"),
    ("yaml-tag", 1, "a: !!python/object:os.system {}\n"),
    ("yaml-tag", 1, "a: !!bool yes\n"),
    ("yaml-syntax", 2, "a: 1\n b: 2\n"),
    ("yaml-syntax", 2, "a: [1, 2\n"),
    ("yaml-documents", 2, "a: 1\n---\nb: 2\n"),
    ("yaml-control", 2, "a: 1\nb: x\x00y\n"),
    ("yaml-control", 1, "\ufeffa: 1\n"),
    ("yaml-key", 1, "[a, b]: 1\n"),
    ("yaml-too-deep", 1, "a: " + "[" * 40 + "]" * 40),
    ("yaml-too-deep", 1, "[" * 3_000 + "]" * 3_000),
]


@pytest.mark.parametrize(("rule", "line", "text"), BROKEN)
def test_surprises_are_refused_where_they_stand(rule, line, text):
    """File, line, rule and remedy, for each surprise that YAML has."""
    with pytest.raises(ContentError) as caught:
        parse(text.encode(), FILE)
    (fault,) = caught.value.faults
    assert (fault.rule, fault.line, fault.file) == (rule, line, FILE)
    assert fault.remedy
    assert f"{FILE}:{line}" in str(fault)


def test_not_utf_8_is_refused():
    """Windows' code page shows as what it is."""
    with pytest.raises(ContentError) as caught:
        parse("a: 1\nb: café\n".encode("latin-1"), FILE)
    assert (caught.value.faults[0].rule, caught.value.faults[0].line) == ("yaml-not-utf-8", 2)


def test_every_scalar_is_text():
    """`no` is Norwegian, 12:30 a time and 1.10 a version: all stay as written."""
    source = b"no: no\nyes: on\ntime: 12:30\nversion: 1.10\nday: 2025-05-27\nnull: ~\n"
    assert parse(source, FILE).value == {
        "no": "no",
        "yes": "on",
        "time": "12:30",
        "version": "1.10",
        "day": "2025-05-27",
        "null": "~",
    }


def test_lines_are_known():
    """A fault deep inside names the line of what is wrong."""
    reading = parse(b"a:\n  b:\n    - x\n    - y\n", FILE)
    assert [reading.line("a"), reading.line("a", "b"), reading.line("a", "b", 1)] == [1, 2, 4]


@given(st.binary(max_size=400))
def test_any_bytes_parse_or_fail_with_a_fault(raw):
    """Whatever a file holds: a value, or a fault with a line of the file."""
    faults = []
    try:
        parse(raw, FILE)
    except ContentError as error:
        faults += error.faults
    assert all(1 <= fault.line <= raw.count(b"\n") + 2 for fault in faults)
