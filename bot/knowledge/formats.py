"""Dates, sums, numbers and names in the form of each language (through Babel)."""

import unicodedata
from collections.abc import Iterable
from datetime import date, time
from functools import cache, lru_cache

from babel import Locale
from babel.dates import (
    format_date,
    format_skeleton,
    format_time,
    get_timezone,
    get_timezone_location,
)
from babel.lists import format_list
from babel.numbers import (
    format_compact_decimal,
    format_decimal,
    format_percent,
    get_currency_name,
)

# "27 May 2025", not "May 27, 2025": our English is Europe's.
_REGIONS = {"en": "en_IE"}
_DATES = 4_096
"""Dates that are remembered as written: every answer names its sources with theirs."""


@cache
def locale_of(language: str) -> Locale:
    """Babel's locale for a language tag such as `fr` or `pt-br`."""
    return Locale.parse(_REGIONS.get(language, language.replace("-", "_")))


@lru_cache(_DATES)
def show_date(value: str, language: str) -> str:
    """A date of the content, `2025-05-27`, `2025-05` or `2025`, as people write it."""
    locale = locale_of(language)
    parts = [int(part) for part in value.split("-")]
    match parts:
        case [year, month, day]:
            return format_date(date(year, month, day), "long", locale=locale)
        case [year, month]:
            return format_skeleton("yMMMM", date(year, month, 1), locale=locale)
        case _:
            return str(parts[0])


@lru_cache(_DATES)
def show_day(day: date, language: str) -> str:
    """A day as people write it."""
    return format_date(day, "long", locale=locale_of(language))


def show_number(value: int, language: str) -> str:
    """A whole number with the language's separators."""
    return format_decimal(value, locale=locale_of(language))


def show_percent(value: int, language: str) -> str:
    """A percentage: `7 %` in French, `7%` in English."""
    return format_percent(value / 100, locale=locale_of(language))


def show_sum(value: str, language: str) -> str:
    """A sum of the content, `251000000 EUR`: "251 million euros" and its like."""
    amount, _, currency = value.partition(" ")
    locale = locale_of(language)
    number = int(amount)
    for unit in (10**9, 10**6):
        if number >= unit:
            if "long" not in locale.compact_decimal_formats:
                break
            words = format_compact_decimal(
                number, format_type="long", locale=locale, fraction_digits=1
            )
            return _of_currency(words, get_currency_name(currency, 2, locale), language)
    name = get_currency_name(currency, number, locale)
    return f"{format_decimal(number, locale=locale)} {name}"


def _of_currency(words: str, name: str, language: str) -> str:
    """Join "251 millions" and "euros": some languages put a word between the two."""
    vowel = name[:1].lower() in "aeiouh"
    link = {"fr": "d’" if vowel else "de ", "es": "de ", "pt": "de ", "it": "di ", "ro": "de "}
    return f"{words} {link.get(language, '')}{name}"


def autonym(language: str) -> str:
    """What a language calls itself, with a capital letter: Français, Nederlands."""
    locale = Locale.parse(language.replace("-", "_"))
    name = locale.get_display_name(locale) or language
    return name[:1].upper() + name[1:]


def show_time(hour: int, language: str) -> str:
    """An hour of the day: "09:00", "9.00 Uhr" and its like."""
    return format_time(time(hour), "short", locale=locale_of(language))


def show_month(day: date, language: str) -> str:
    """A month and its year, to head a calendar."""
    return format_skeleton("yMMMM", day, locale=locale_of(language))


def show_weekday(day: date, language: str) -> str:
    """A day with its weekday: "Tuesday 24 November 2026" as people write it."""
    return format_date(day, "full", locale=locale_of(language))


def country_name(code: str, language: str) -> str:
    """What a country is called in a language."""
    return str(locale_of(language).territories[code])


def language_name(tag: str, language: str) -> str:
    """What a language is called in another."""
    return str(locale_of(language).languages[tag])


def in_order(words: Iterable[str]) -> list[str]:
    """Words as a reader looks for them: case and accents do not count."""

    def bare(word: str) -> tuple[str, str]:
        parts = unicodedata.normalize("NFKD", word.casefold())
        return "".join(c for c in parts if not unicodedata.combining(c)), word

    return sorted(words, key=bare)


def join(items: list[str], language: str) -> str:
    """A list in words: "Facebook, Instagram and WhatsApp"."""
    return format_list(items, locale=locale_of(language)) if items else ""


def place_name(zone: str, language: str) -> str:
    """The place that a time zone is named after, in a language: Dublin, Bruxelles."""
    return get_timezone_location(get_timezone(zone), locale=locale_of(language), return_city=True)
