"""Misspelt words: what is found quickly is all that there is to find."""

from hypothesis import given
from hypothesis import strategies as st
from rapidfuzz.distance import OSA

from bot.matching.vocabulary import MOST_ALIKE, SIMILAR_ENOUGH, Vocabulary

WORDS = st.text("abcdefé", min_size=3, max_size=14)


@given(st.sets(WORDS, max_size=60), WORDS)
def test_the_shortcut_loses_no_word(known, word):
    """Looking at lengths and letters first finds just what comparing with every word finds."""
    every = [(other, OSA.normalized_similarity(word, other)) for other in known]
    near = sorted(
        (pair for pair in every if pair[1] >= SIMILAR_ENOUGH),
        key=lambda pair: (-round(pair[1], 5), len(pair[0]), pair[0]),
    )
    found = Vocabulary(known).alike(word)
    assert [other for other, _ in found] == [other for other, _ in near][:MOST_ALIKE]


def test_a_restored_vocabulary_finds_the_same():
    """Stored and loaded: the same words, of any script and length."""
    vocabulary = Vocabulary(["wheel", "wheels", "τροχός", "x" * 90, "\ud800lone"])
    restored = Vocabulary.restore(vocabulary.arrays())
    for word in ("weel", "τροχος", "x" * 88, "\ud800lon", ""):
        assert restored.alike(word) == vocabulary.alike(word)
    assert restored.alike("weel")[0][0] == "wheel"
    assert restored.alike("x" * 88)[0][0] == "x" * 90
