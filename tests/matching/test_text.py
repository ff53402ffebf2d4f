"""The normal form: what makes no difference, and what it can take."""

import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from bot.matching.text import MAX_NORMAL, MAX_WORDS, normalise, spelling

ANYTHING = st.text(st.characters(), max_size=5_000)


@given(ANYTHING)
def test_normal_form_is_idempotent_and_bounded(text):
    """Whatever is typed, lone surrogates included: no exception, a bounded and stable result."""
    normal = normalise(text)
    assert normalise(normal) == normal
    assert len(normal) <= MAX_NORMAL
    assert len(normal.split()) <= MAX_WORDS
    assert spelling(text) is not None


@given(st.text(st.characters(categories=["L", "N", "P", "Zs"]), max_size=200))
def test_spelling_variants_meet(text):
    """Case, NFC or NFD, zero-width characters and soft hyphens make no difference."""
    normal = normalise(text)
    assert normalise(unicodedata.normalize("NFD", text)) == normal
    assert normalise(unicodedata.normalize("NFC", text)) == normal
    assert normalise("\u200b".join(text)) == normal
    assert normalise("\u00ad".join(text)) == normal


def test_words_are_folded_as_people_type_them():
    """Accents, ligatures and shouting meet what is typed without."""
    assert normalise("Où est le FORMULAIRE ?!") == "ou est le formulaire"
    assert normalise("cœur à Łódź, Øresund, straße") == "coeur a lodz oresund strasse"
    assert normalise("heeeeelp") == "heelp"
    assert normalise("l’IA") == normalise("l'ia") == "l ia"


def test_what_unfolds_stays_bounded():
    """U+FDFA unfolds into 18 characters: a message of them must not become a book."""
    assert len(normalise("\ufdfa" * 4_096)) <= MAX_NORMAL


def test_a_long_story_keeps_its_question():
    """A question at the end of a long message is still read."""
    normal = normalise("bla " * 900 + "are my photos used?")
    assert normal.endswith("are my photos used")
