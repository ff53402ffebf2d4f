"""What people send beside plain questions: one word, two questions, follow-ups, letters, addresses."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.dialogue.addresses import Verdict, judge_addresses
from bot.dialogue.events import Asked, Person, Thread
from bot.dialogue.personal import holds_personal_data
from bot.dialogue.turn import respond
from bot.knowledge.markup import plain

TODAY = date(2026, 11, 21)
OWN = {"facebook.com", "instagram.com", "meta.com", "whatsapp.com"}
HOSTS = {*OWN, "cnil.fr"}


def ask(assistant, text, language="en", thread=None):
    return respond(Asked(text, Person(language), thread or Thread()), assistant, TODAY)


def labels(reply):
    return [key.label for row in reply.rows for key in row]


@pytest.mark.parametrize(
    ("word", "language", "title"),
    [("whatsapp", "en", "WhatsApp"), ("Frist", "de", "Ist es schon zu spät?"), ("formulaire ?", "fr", None),
     ("bezwaar", "nl", None)],
)  # fmt: skip
def test_one_word_is_offered_not_guessed(assistant, word, language, title):
    """The topics with that word as buttons."""
    turn = ask(assistant, word, language)
    assert turn.record.outcome == "choose"
    none = assistant.knowledge.catalogs[language].text("choose.button.none")
    offered = labels(turn.replies[0])
    assert offered[-1] == none
    assert 2 <= len(offered) <= 4
    assert title is None or title in offered


@pytest.mark.parametrize("word", ["the", "my", "not", "de", "und", "les", "niet"])
def test_a_word_that_stands_everywhere_is_no_topic(assistant, word):
    """Not in its own language, and not in another that happens to have it in one topic."""
    assert ask(assistant, word).record.outcome == "unknown"


@pytest.mark.parametrize(
    ("text", "language", "first", "second"),
    [
        ("Are my private messages used? And is it too late to object?", "en", "private-messages", "deadline"),
        ("Mes messages privés sont utilisés ? Et c'est trop tard pour s'opposer ?", "fr", "private-messages", "deadline"),
        ("Werden meine privaten Nachrichten genutzt? Ist es schon zu spät?", "de", "private-messages", "deadline"),
    ],
)  # fmt: skip
def test_two_questions_are_both_taken_up(assistant, text, language, first, second):
    """One is answered, the other offered (or the other way round)."""
    turn = ask(assistant, text, language)
    answers = assistant.knowledge.answers[language]
    shown = {plain(reply.blocks).partition("\n")[0] for reply in turn.replies}
    shown |= {label for reply in turn.replies for label in labels(reply)}
    assert {answers[first].title, answers[second].title} <= shown


@pytest.mark.parametrize(
    ("text", "language", "before", "topic"),
    [
        ("and whatsapp?", "en", "private-messages", "whatsapp"),
        ("und whatsapp?", "de", "private-messages", "whatsapp"),
        ("en whatsapp dan?", "nl", "private-messages", "whatsapp"),
        ("et whatsapp ?", "fr", "private-messages", "whatsapp"),
        ("et pour Instagram ?", "fr", "find-form", "find-form"),
        ("and for instagram?", "en", "find-form", "find-form"),
    ],
)
def test_a_follow_up_goes_on_from_the_last_answer(assistant, text, language, before, topic):
    """Answered, or among the buttons; and without an answer before it, no guess."""
    turn = ask(assistant, text, language, Thread(language=language, topic=before))
    title = assistant.knowledge.answers[language][topic].title
    said = plain(turn.replies[0].blocks).partition("\n")[0]
    assert title == said or title in labels(turn.replies[0])


def test_the_last_topic_is_remembered(assistant):
    """In the thread, which lives in memory only."""
    turn = ask(assistant, "are my DMs used?")
    assert turn.thread.topic == "private-messages"


LETTERS = {
    "en": (
        (
            "I do not authorise Meta to use my pictures or posts, past and future. Copy and paste this "
            "on your wall today, a lawyer told us so. GOODBYE META AI!!"
        ),
        (
            "URGENT: from Sunday the AI in WhatsApp can read all our group chats. Every admin must open"
            " the group, go to advanced chat privacy and switch it on. Forward this to all your groups!"
        ),
    ),
    "fr": (
        (
            "Adieu Meta AI. Un avocat nous conseille de publier ceci : je n'autorise pas Meta à "
            "utiliser mes photos ni mes publications. Copiez-collez ce texte sur votre mur, ne partagez"
            " pas !"
        ),
        (
            "URGENT : à partir de dimanche l'IA de WhatsApp lira tous nos groupes. Chaque admin doit "
            "activer la confidentialité avancée de la discussion. Faites suivre dans tous vos groupes !"
        ),
    ),
    "de": (
        (
            "Tschüss Meta AI! Ein Anwalt rät uns, das hier zu posten: Ich erlaube Meta nicht, meine "
            "Fotos und Beiträge zu benutzen. Bitte kopieren und einfügen, nicht teilen!"
        ),
        (
            "WICHTIG: Ab Sonntag kann die KI in WhatsApp alle Gruppen mitlesen. Jeder Admin muss den "
            "erweiterten Chat-Datenschutz einschalten. Bitte in alle Gruppen weiterleiten!"
        ),
    ),
    "nl": (
        (
            "Vaarwel Meta AI. Een advocaat raadt ons aan dit te plaatsen: ik geef Meta geen toestemming"
            " om mijn foto's of berichten te gebruiken. Kopieer en plak dit op je tijdlijn, niet delen!"
        ),
        (
            "LET OP: vanaf zondag kan de AI in WhatsApp alle groepen meelezen. Elke beheerder moet "
            "geavanceerde chatprivacy aanzetten. Stuur dit door naar al je groepen!"
        ),
    ),
}


@pytest.mark.parametrize("language", LETTERS)
def test_chain_letters_are_answered_as_what_they_are(assistant, language):
    """The status text that forbids, and the warning about WhatsApp groups."""
    for text, kind in zip(LETTERS[language], ("letter-goodbye", "letter-whatsapp"), strict=True):
        turn = ask(assistant, text, language)
        assert (turn.record.outcome, turn.record.topic) == ("chitchat", kind)


@pytest.mark.parametrize(
    ("text", "host", "verdict"),
    [
        ("is https://www.facebook.com/help/contact/1 real", "www.facebook.com", Verdict.OFFICIAL),
        ("http://facebook.com.evil.example/login", "facebook.com.evil.example", Verdict.LOOKALIKE),
        ("https://facebook.com@evil.example/x", "evil.example", Verdict.LOOKALIKE),
        ("https://evil.example/facebook.com", "evil.example", Verdict.UNKNOWN),
        ("http://192.168.0.1/meta", "192.168.0.1", Verdict.LOOKALIKE),
        ("https://xn--fcebook-hwa.com", "xn--fcebook-hwa.com", Verdict.LOOKALIKE),
        ("https://fаcebook.com/help", "xn--fcebook-2fg.com", Verdict.LOOKALIKE),
        ("faceb00k-security.xyz/verify", "faceb00k-security.xyz", Verdict.LOOKALIKE),
        ("www.meta-support.info", "www.meta-support.info", Verdict.LOOKALIKE),
        ("https://www.cnil.fr/fr", "www.cnil.fr", Verdict.LISTED),
        ("https://example.org.", "example.org", Verdict.UNKNOWN),
        ("mail von security@faceb00kmail.com", "faceb00kmail.com", Verdict.LOOKALIKE),
        ("https://notfacebook.com", "notfacebook.com", Verdict.LOOKALIKE),
    ],
)  # fmt: skip
def test_addresses_are_judged_by_where_they_lead(text, host, verdict):
    """Look-alikes, punycode, userinfo, numbers: each named as what it is."""
    (judged,) = judge_addresses(text, HOSTS, OWN)
    assert (judged.host, judged.verdict) == (host, verdict)


@given(st.text(st.sampled_from("htps:/@.wcom-é1% \n"), max_size=120))
def test_any_text_of_addresses_is_judged(text):
    """No text breaks the judge."""
    assert len(judge_addresses(text, HOSTS, OWN)) <= 5


def test_a_pasted_address_gets_a_verdict_and_advice(assistant):
    """Named, with what to do; nothing is linked that is not listed."""
    turn = ask(assistant, "is this real? https://facebook.com.verify-login.example/objection")
    said = plain(turn.replies[0].blocks)
    assert "facebook.com.verify-login.example: careful" in said
    assert "Never type a password" in said
    assert turn.record.outcome == "address"


@pytest.mark.parametrize(
    ("text", "personal"),
    [
        ("my mail is jane.doe@example.org, did it arrive?", True),
        ("call me on +32 470 12 34 56", True),
        ("0470/12.34.56", True),
        ("card 4111 1111 1111 1111", True),
        ("BE68 5390 0754 7034", True),
        ("objection after 27 May 2025, article 21", False),
        ("the form 712876720715583, is that the one?", False),
        ("https://www.facebook.com/help/contact/6359191084165019", False),
        ("1.2 billion in 2023 and 251 000 000 euros", False),
    ],
)
def test_personal_data_is_noticed(text, personal):
    """Addresses, telephone, card and account numbers; not dates, sums or numbers of forms."""
    assert holds_personal_data(text) == personal


def test_personal_data_gets_a_kind_word_and_the_answer(assistant):
    """The warning stands first; the question is answered all the same; the log holds neither."""
    turn = ask(assistant, "are my DMs used? write to jane.doe@example.org")
    said = plain(turn.replies[0].blocks)
    assert said.startswith("One thing first:")
    assert "jane" not in said
    assert "jane" not in str(turn.record)


@pytest.mark.parametrize(
    ("text", "language", "topic"),
    [
        ("Hello, are my private messages used?", "en", "private-messages"),
        ("Are my private messages used? Thank you very much for your help!", "en", "private-messages"),
        ("Merci pour ces informations. Est-ce trop tard pour s'opposer ?", "fr", "deadline"),
        ("Hallo! Vielen Dank für die Hilfe. Werden meine privaten Nachrichten verwendet?", "de", "private-messages"),
        ("Bedankt voor uw hulp. Is het nu te laat om bezwaar te maken?", "nl", "deadline"),
    ],
)  # fmt: skip
def test_a_question_beside_a_courtesy_is_answered(assistant, text, language, topic):
    """Polite people get an answer too, not just a "you are welcome"."""
    assert ask(assistant, text, language).record.topic == topic


@pytest.mark.parametrize(
    ("text", "language"),
    [("Thanks a lot, that is all. Goodbye!", "en"), ("Merci beaucoup, bonne soirée !", "fr"),
     ("Danke, das war alles. Schönen Abend noch!", "de"), ("Top, dank je wel. Fijne dag!", "nl")],
)  # fmt: skip
def test_courtesies_alone_stay_courtesies(assistant, text, language):
    """Nothing is read into a goodbye."""
    assert ask(assistant, text, language).record.outcome == "chitchat"
