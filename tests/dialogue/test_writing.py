"""The words that people send: every choice of grounds, in every language, fit to be sent."""

import re
from datetime import date
from itertools import combinations

import pytest

from bot.dialogue import delivery, objection, writing
from bot.dialogue.replies import Copy
from bot.dialogue.screens import Voice
from bot.dialogue.wizard import show
from bot.knowledge.markup import Code, Paragraph
from bot.tg.render import MAX_UNITS, render, units

TODAY = date(2026, 11, 21)
LANGUAGES = ("en", "fr", "de", "nl")
LIMITS = {"short": 256, "medium": 700, "full": 3_000}
"""UTF-16 units, as Telegram and Meta's box count them."""
TWICE = {
    "en": {"that", "had"},
    "fr": {"nous", "vous"},
    "de": {"die", "der", "das", "sie"},
    "nl": {"dat", "die", "het", "u"},
}
"""Words that may stand twice in a row in that language: "die Fotos, die die KI"."""
SALUTATIONS = {
    "en": r"Dear [^\n]+,",
    "fr": r"Madame, Monsieur,",
    "de": r"Sehr geehrte Damen und Herren,",
    "nl": r"Geacht\w* [^\n]+,",
}
FAREWELLS = {"en": "Yours faithfully", "fr": "agréer", "de": "Mit freundlichen Grüßen",
             "nl": "Hoogachtend"}  # fmt: skip
NAMED = {
    "objection": {"profile", "email", "reasons", "signature"},
    "reminder": {"date-sent", "profile", "email", "signature"},
    "refusal": {"date-sent", "date-answer", "answer-words", "profile", "email", "reasons",
                "signature"},
    "complaint-silent": {"date-sent", "profile", "email", "signature"},
    "complaint-refused": {"date-sent", "date-answer", "answer-words", "profile", "email",
                          "signature"},
}  # fmt: skip
"""Blanks that the body of a letter must have."""
COUNTRIES = ("IE", "FR", "DE", "NL", "BE", "GR", "BG", "PL", "LU")
"""Own languages and others, three alphabets."""


def step(knowledge, screen="words", **answers):
    """A step with these answers: one option, or several in a tuple."""
    made = objection.Step(screen, objection.start(knowledge.flow).answers)
    for question, options in answers.items():
        chosen = options if isinstance(options, tuple) else (options,)
        made = objection._set(knowledge.flow, made, knowledge.flow.question(question), chosen)
    return made


def doubled(text, language):
    found = re.findall(r"\b(\w+)[ \u00a0\u202f]+\1\b", text.casefold())
    return [word for word in found if word not in TWICE[language] and not word.isdecimal()]


def check_prose(text, language):
    """What no text of ours may hold."""
    assert "{" not in text
    assert "}" not in text
    assert not re.search(r"[ \t]{2}|[ \t]\n|\n[ \t]|\n{3}|[ \t]$", text)
    assert not re.search(r"[\w ][ ][,.]|\.\.|,,|,\.", text)
    assert doubled(text, language) == []
    assert text == text.strip()


def choices(knowledge, accounts=("facebook",)):
    """One to three of the grounds that are offered: twelve, of which four fit without an account."""
    offered = objection.moves(knowledge.flow, step(knowledge, "grounds", accounts=accounts))
    options = [move.choice for move in offered if move.ticked is not None]
    return [c for n in (1, 2, 3) for c in combinations(options, n)]


ACCOUNTS = {"with-account": ("facebook", "instagram"), "without": ("no-account",)}


@pytest.mark.parametrize("accounts", ACCOUNTS.values(), ids=ACCOUNTS)
@pytest.mark.parametrize("length", LIMITS)
@pytest.mark.parametrize("language", LANGUAGES)
def test_every_choice_of_grounds_makes_a_text_that_can_be_sent(
    knowledge, language, length, accounts
):
    """One to three of twelve: within its limit, whole sentences, no blanks, each different."""
    voice = Voice(knowledge, language, TODAY)
    texts = {}
    for grounds in choices(knowledge, accounts):
        at = step(knowledge, country="IE", accounts=accounts, grounds=grounds)
        text = writing.write_reason(voice, at, length)
        assert units(text) <= LIMITS[length], (grounds, units(text))
        check_prose(text, language)
        assert "[" not in text
        assert "]" not in text
        for paragraph in text.split("\n\n"):
            assert re.search(r"[.!?:][”»)]?$", paragraph), paragraph
            assert paragraph[0].isupper()
        assert re.search(r"[.!?]$", text)
        texts[text] = grounds
    alone = accounts == ("no-account",)
    assert len(texts) == (4 + 6 + 4 if alone else 12 + 66 + 220), (
        "each choice has a text of its own"
    )


@pytest.mark.parametrize("length", LIMITS)
@pytest.mark.parametrize("language", LANGUAGES)
def test_every_text_names_the_law_and_asks_for_an_answer(knowledge, language, length):
    """The hook is Article 21; what other article a ground needs, it brings itself."""
    voice = Voice(knowledge, language, TODAY)
    for ground in knowledge.flow.question("grounds").options:
        at = step(knowledge, accounts=("facebook",), grounds=(ground,))
        text = writing.write_reason(voice, at, length)
        assert re.search(
            r"\b(?:Art\.|Artikel|Article|article|artikel|art\.)[ \u00a0\u202f]21\b", text
        )
        assert re.search({"en": "confirm", "fr": "confirm", "de": "bestätig", "nl": "bevestig"}
                         [language], text, re.IGNORECASE)  # fmt: skip


@pytest.mark.parametrize("language", LANGUAGES)
def test_longer_is_longer(knowledge, language):
    """Short, medium and full differ for every single ground."""
    voice = Voice(knowledge, language, TODAY)
    for ground in knowledge.flow.question("grounds").options:
        at = step(knowledge, accounts=("facebook",), grounds=(ground,))
        lengths = [units(writing.write_reason(voice, at, length)) for length in writing.LENGTHS]
        assert lengths == sorted(lengths)
        assert len(set(lengths)) == 3


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_copy_button_holds_the_whole_short_text(knowledge, language):
    """Never cut off, with any three grounds."""
    voice = Voice(knowledge, language, TODAY)
    for grounds in choices(knowledge):
        at = step(knowledge, country="IE", before="no", accounts=("facebook",), way="form",
                  grounds=grounds)  # fmt: skip
        (copied,) = [key for row in show(voice, at).rows for key in row if isinstance(key, Copy)]
        assert copied.text == writing.write_reason(voice, at, "short")


def combinations_of_accounts():
    own = ("facebook", "instagram", "whatsapp", "page")
    some = [c for n in range(5) for c in combinations(own, n)]
    return [*some, ("no-account",)]


def letters(knowledge, language, kind):
    """The letter for all accounts, with and without grounds, and for several countries."""
    voice = Voice(knowledge, language, TODAY)
    complains = kind.startswith("complaint")
    for accounts in combinations_of_accounts():
        for country in COUNTRIES if complains else ("IE",):
            for grounds in ((), ("family",), ("creative", "chats", "others")):
                at = step(knowledge, "done", country=country, accounts=accounts, grounds=grounds)
                yield at, writing.write_letter(voice, at, kind)


@pytest.mark.parametrize("kind", writing.LETTERS)
@pytest.mark.parametrize("language", LANGUAGES)
def test_letters_have_the_blanks_they_need_and_no_others(knowledge, language, kind):
    """All in square brackets, all known; a signature at the end, a name above."""
    for at, letter in letters(knowledge, language, kind):
        say = knowledge.catalogs[letter.language].text
        blanks = {name: f"[{say(f'letter.blank.{name}')}]" for name in writing.BLANKS}
        whole = delivery.as_text(letter)
        assert set(re.findall(r"\[[^\]]*\]", whole)) <= set(blanks.values())
        assert whole.count("[") == whole.count("]")
        assert letter.sender == (blanks["name"], blanks["address"])
        assert letter.place_date == blanks["place-date"]
        needed = set(NAMED[kind])
        if objection.given(knowledge.flow, at, "grounds"):
            needed -= {"reasons"}
        if objection.given(knowledge.flow, at, "accounts") == ("no-account",):
            needed -= {"profile"} if kind == "objection" else set()
        for name in needed:
            assert blanks[name] in letter.subject + letter.body, name
        if objection.given(knowledge.flow, at, "grounds"):
            assert blanks["reasons"] not in letter.body


@pytest.mark.parametrize("kind", writing.LETTERS)
@pytest.mark.parametrize("language", LANGUAGES)
def test_letters_have_the_form_of_a_letter(knowledge, language, kind):
    """One line of subject, the salutation first, a farewell, the signature; clean prose."""
    for _, letter in letters(knowledge, language, kind):
        signature = f"[{knowledge.catalogs[letter.language].text('letter.blank.signature')}]"
        assert letter.subject
        assert "\n" not in letter.subject
        first, second, *rest = letter.body.split("\n\n")
        assert re.fullmatch(SALUTATIONS[letter.language], first)
        assert second[0].isupper() or letter.language == "de"
        assert any(FAREWELLS[letter.language] in paragraph for paragraph in rest)
        assert letter.body.count(signature) == 1
        assert letter.body.index(FAREWELLS[letter.language]) < letter.body.index(signature)
        check_prose(letter.body, letter.language)
        check_prose(letter.subject, letter.language)
        assert len(letter.recipient) >= 2
        assert all(line.strip() for line in letter.recipient)


@pytest.mark.parametrize("kind", writing.LETTERS)
@pytest.mark.parametrize("language", LANGUAGES)
def test_letters_differ_by_what_was_chosen(knowledge, language, kind):
    """Grounds stand in the letters that give reasons; both complaints differ."""
    voice = Voice(knowledge, language, TODAY)
    at = step(knowledge, "done", country="IE", accounts=("instagram",), grounds=("likeness",))
    letter = writing.write_letter(voice, at, kind)
    ground = knowledge.catalogs[letter.language].text("ground.likeness.full")
    assert (ground in letter.body) == (kind in {"objection", "refusal"})
    assert "Meta Platforms Ireland Limited" in delivery.as_text(letter)
    others = {writing.write_letter(voice, at, other).body for other in writing.LETTERS}
    assert len(others) == len(writing.LETTERS)


def test_a_letter_of_somebody_without_an_account_names_no_profile(knowledge):
    """There is none to name."""
    for language in LANGUAGES:
        voice = Voice(knowledge, language, TODAY)
        at = step(knowledge, "post", country="IE", accounts=("no-account",))
        letter = writing.write_letter(voice, at, "objection")
        assert f"[{voice.say('letter.blank.profile')}]" not in letter.body


@pytest.mark.parametrize("kind", writing.LETTERS)
@pytest.mark.parametrize("language", LANGUAGES)
def test_letters_fit_into_messages(knowledge, language, kind):
    """With all that they can hold; the text stands whole in what is copied."""
    voice = Voice(knowledge, language, TODAY)
    grounds = ("expectation", "safety", "others")
    at = step(knowledge, "done", country="GR", accounts=("facebook", "instagram", "whatsapp"),
              grounds=grounds)  # fmt: skip
    reply = delivery.deliver(voice, kind, "message", at)
    for part in render(reply):
        assert units(re.sub("<[^>]*>", "", part.text)) <= MAX_UNITS
    (code,) = [
        span.text
        for block in reply.blocks
        if isinstance(block, Paragraph)
        for span in block.spans
        if isinstance(span, Code)
    ]
    assert code == delivery.as_text(writing.write_letter(voice, at, kind))
    forms = [key.label for row in reply.rows for key in row]
    assert forms == [voice.say("paper.button.pdf"), voice.say("paper.button.text")]


@pytest.mark.parametrize("form", ["pdf", "text"])
@pytest.mark.parametrize("kind", writing.LETTERS)
def test_letters_are_files_too(knowledge, kind, form):
    """Named in ASCII by what they are and in which language."""
    at = step(knowledge, "done", country="FR", accounts=("facebook",))
    reply = delivery.deliver(Voice(knowledge, "de", TODAY), kind, form, at)
    language = "fr" if kind.startswith("complaint") else "de"
    suffix = {"pdf": "pdf", "text": "txt"}[form]
    assert reply.attachment.name == f"{kind}-{language}.{suffix}"
    (part,) = render(reply)
    assert part.attachment == reply.attachment


@pytest.mark.parametrize(("paper", "form"), [("receipt", "pdf"), ("reason", "text")])
def test_what_is_no_letter_is_no_file(knowledge, paper, form):
    """A forged button gets nothing."""
    at = step(knowledge, "done", country="FR", accounts=("facebook",), grounds=("family",))
    assert delivery.deliver(Voice(knowledge, "en", TODAY), paper, form, at) is None


def test_a_reason_without_grounds_is_not_offered(knowledge):
    """There would be nothing in it."""
    at = step(knowledge, "done", country="FR", accounts=("facebook",))
    assert delivery.deliver(Voice(knowledge, "en", TODAY), "reason", "message", at) is None


def test_the_full_text_has_nothing_to_fill_in(knowledge):
    """So the words above it speak of no brackets."""
    for language in LANGUAGES:
        at = step(knowledge, "words", country="FR", accounts=("facebook",), grounds=("family",))
        reply = delivery.deliver(Voice(knowledge, language, TODAY), "reason", "message", at)
        said = " ".join(s.text for b in reply.blocks for s in b.spans if not isinstance(s, Code))
        brackets = {"en": "bracket", "fr": "crochets", "de": "Klammern", "nl": "haken"}[language]
        assert brackets not in said
