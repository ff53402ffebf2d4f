"""A built index is kept, and never believed when it does not fit."""

import os

import numpy as np
import pytest
from shop import SHOP

from bot.matching.cache import MOST_KEPT, load_or_build
from bot.matching.index import Phrasing

QUESTIONS = [
    "my tyre is flat",
    "combien coûte la chaine",
    "hello there",
    "weather",
    "opn saturday?",
]


def decisions(matcher):
    return [
        (m.outcome, m.label, m.language, round(m.score, 6), [c.label for c in m.choices])
        for m in (matcher.match(text, ("en",)) for text in QUESTIONS)
    ]


def test_a_loaded_index_decides_as_the_built_one(tmp_path):
    """Kept at the first start, loaded at the second: the same decisions, the same parts."""
    built = load_or_build(SHOP, tmp_path)
    (file,) = tmp_path.iterdir()
    before = file.stat().st_ino
    loaded = load_or_build(SHOP, tmp_path)
    assert file.stat().st_ino == before
    assert decisions(loaded) == decisions(built)
    one, two = (m.match("flat tyre", ("en",)).candidates for m in (built, loaded))
    assert [(c.label, c.nearest, c.parts) for c in one] == [
        (c.label, c.nearest, c.parts) for c in two
    ]


def test_changed_phrasings_get_a_new_index(tmp_path):
    """One word more: built anew; the order of lines changes nothing."""
    load_or_build(SHOP, tmp_path)
    (old,) = tmp_path.iterdir()
    load_or_build({tag: list(reversed(texts)) for tag, texts in reversed(SHOP.items())}, tmp_path)
    assert list(tmp_path.iterdir()) == [old]
    load_or_build({**SHOP, "en": [*SHOP["en"], Phrasing("lights", "light")]}, tmp_path)
    assert len(list(tmp_path.iterdir())) == 2


def test_trying_out_other_content_beside_drops_nothing_at_once_and_little_is_kept(tmp_path):
    """The bot's own index stays while somebody tries a change; but not one for each change."""
    load_or_build(SHOP, tmp_path)
    (own,) = tmp_path.iterdir()
    os.utime(own, (1, 1))
    for number in range(2 * MOST_KEPT):
        tried = {**SHOP, "en": [*SHOP["en"], Phrasing(f"another {number}", "tyre")]}
        load_or_build(tried, tmp_path)
        kept = list(tmp_path.iterdir())
        assert (own in kept) == (number < MOST_KEPT - 1)
        assert len(kept) <= MOST_KEPT


@pytest.mark.parametrize("damage", ["empty", "garbage", "cut", "pickle", "other arrays"])
def test_a_damaged_file_is_built_anew(tmp_path, damage):
    """Never an exception, never a pickle, never half an index."""
    good = decisions(load_or_build(SHOP, tmp_path))
    (file,) = tmp_path.iterdir()
    raw = file.read_bytes()
    if damage == "pickle":
        with file.open("wb") as opened:
            np.savez(opened, detector=np.array([object()], dtype=object))
    elif damage == "other arrays":
        with file.open("wb") as opened:
            np.savez(opened, detector=np.zeros((2, 2), np.float32))
    else:
        file.write_bytes(
            {"empty": b"", "garbage": b"x" * 1_000, "cut": raw[: len(raw) // 2]}[damage]
        )
    assert decisions(load_or_build(SHOP, tmp_path)) == good
    assert file.read_bytes() == raw or file.stat().st_size == len(raw)


def test_a_folder_that_cannot_be_used_is_no_error(tmp_path):
    """A file in its place, or no folder at all: built, and kept nowhere."""
    (tmp_path / "file").write_text("x")
    for folder in (tmp_path / "file" / "cache", None):
        assert decisions(load_or_build(SHOP, folder))
