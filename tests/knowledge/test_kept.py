"""What was parsed is kept for the next start, and never believed when it does not fit."""

import json

import pytest

from bot.knowledge.faults import ContentError
from bot.knowledge.kept import NAME, Kept


def read(folder, file):
    kept = Kept.open(folder)
    reading = kept.read(file)
    kept.save()
    return reading


@pytest.fixture
def file(tmp_path):
    written = tmp_path / "a.yaml"
    written.write_text("one: 1\ntwo:\n  - x\n  - y\n", encoding="utf-8")
    return written


def test_kept_values_are_those_that_were_parsed(tmp_path, file):
    """The second start reads the same values, and finds lines when a fault needs one."""
    folder = tmp_path / "cache"
    first, second = read(folder, file), read(folder, file)
    assert first.value == second.value == {"one": "1", "two": ["x", "y"]}
    assert first.lines is not None
    assert second.lines is None
    assert second.line("two", 1) == first.line("two", 1) == 4


def test_a_changed_file_is_parsed_again(tmp_path, file):
    """By its bytes, not by its name or date; and faults are found as without a cache."""
    folder = tmp_path / "cache"
    read(folder, file)
    file.write_text("one: 2\n", encoding="utf-8")
    assert read(folder, file).value == {"one": "2"}
    file.write_text("one: &a 2\n", encoding="utf-8")
    with pytest.raises(ContentError):
        read(folder, file)


@pytest.mark.parametrize(
    "damage", [b"", b"{", b"[]", b'{"version": 0, "files": {}}', b'{"version": 1, "files": []}']
)
def test_a_damaged_cache_is_written_anew(tmp_path, file, damage):
    """Never an exception, never a value of another version."""
    folder = tmp_path / "cache"
    read(folder, file)
    good = json.loads((folder / NAME).read_bytes())
    (folder / NAME).write_bytes(damage)
    assert read(folder, file).value == {"one": "1", "two": ["x", "y"]}
    assert json.loads((folder / NAME).read_bytes()) == good


def test_a_folder_that_cannot_be_used_is_no_error(tmp_path, file):
    """A file where the folder should be: read all the same."""
    (tmp_path / "cache").write_text("x")
    assert read(tmp_path / "cache", file).value["one"] == "1"
