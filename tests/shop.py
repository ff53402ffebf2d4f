"""Phrasings of a bicycle shop, for tests of the engine."""

from bot.matching.index import Phrasing, Role

# The engine knows no subject: a bicycle shop serves as well.
SHOP = {
    "en": [
        Phrasing("how do I mend a flat tyre", "tyre"),
        Phrasing("my tyre lost its air", "tyre"),
        Phrasing("puncture", "tyre"),
        Phrasing("the wheel is flat after a nail", "tyre"),
        Phrasing("what does a new chain cost", "chain"),
        Phrasing("chain keeps jumping off", "chain"),
        Phrasing("price of a chain", "chain"),
        Phrasing("my chain is rusty", "chain"),
        Phrasing("when are you open", "hours"),
        Phrasing("opening hours on saturday", "hours"),
        Phrasing("is the shop closed today", "hours"),
        Phrasing("hello", "greeting", Role.ASIDE),
        Phrasing("good morning", "greeting", Role.ASIDE),
        Phrasing("what is the weather tomorrow", "outside", Role.OUTSIDE),
        Phrasing("where can I buy a car", "outside", Role.OUTSIDE),
    ],
    "fr": [
        Phrasing("comment réparer un pneu crevé", "tyre"),
        Phrasing("mon pneu est à plat", "tyre"),
        Phrasing("combien coûte une chaîne", "chain"),
        Phrasing("ma chaîne saute", "chain"),
        Phrasing("quand êtes-vous ouverts", "hours"),
        Phrasing("horaires du samedi", "hours"),
        Phrasing("bonjour", "greeting", Role.ASIDE),
        Phrasing("quel temps fait-il", "outside", Role.OUTSIDE),
    ],
}
