"""Content and index together: all that a turn of conversation needs."""

import gc
from collections.abc import Callable

from bot.dialogue.screens import Operator
from bot.dialogue.turn import Assistant
from bot.knowledge.loader import load
from bot.knowledge.model import Knowledge
from bot.matching.cache import load_or_build
from bot.matching.index import Phrasing, Role
from bot.matching.matcher import Matcher
from bot.matching.text import normalise
from bot.settings import Settings


def load_knowledge(settings: Settings) -> Knowledge:
    """Read the content; raises ContentError when it is broken."""
    return load(settings.faq_dir, settings.locales_dir, settings.cache_dir)


def phrasings(knowledge: Knowledge) -> dict[str, list[Phrasing]]:
    """What the matcher learns from, by language."""
    found: dict[str, list[Phrasing]] = {}
    for language in knowledge.languages:
        own = found[language] = []
        for topic, answer in knowledge.answers[language].items():
            own += [Phrasing(text, topic) for text in (*answer.phrasings, answer.title)]
        for kind, texts in knowledge.chitchat[language].items():
            own += [Phrasing(text, kind, Role.ASIDE) for text in texts]
        own += [Phrasing(text, "outside", Role.OUTSIDE) for text in knowledge.outside[language]]
    return found


def winners(matcher: Matcher) -> Callable[[str, str], set[str]]:
    """Topics that an utterance is most like, exact hits not counted.

    In its own language, and over all languages that its words may be in.
    """

    def find(text: str, language: str) -> set[str]:
        normal = normalise(text)
        own = matcher.indexes[language].best(normal)
        best = own
        for tag in set(matcher.likely(text)) - {language}:
            best = max(best, matcher.indexes[tag].best(normal))
        return {topic for _, topic in (own, best) if topic}

    return find


def build_assistant(settings: Settings) -> Assistant:
    """Content, index and operator together: all that a turn of conversation needs."""
    # What is loaded here stays for good: looking through it for garbage, now or at every
    # question, only costs time (a tenth of the start).
    collecting = gc.isenabled()
    gc.disable()
    try:
        knowledge = load_knowledge(settings)
        matcher = load_or_build(phrasings(knowledge), settings.cache_dir)
        gc.freeze()
    finally:
        if collecting:
            gc.enable()
    return Assistant(
        knowledge, matcher, Operator(settings.operator_name, settings.operator_contact)
    )
