"""Reminders: when they are due, how they are planned with buttons, and what they say."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

HOURS = (9, 13, 18, 21)
"""The hours of the day that are offered, local time."""
FURTHEST_DAYS = 400
"""Days ahead for which one can be reminded."""
ZONES = {
    "AT": "Europe/Vienna", "BE": "Europe/Brussels", "BG": "Europe/Sofia", "CH": "Europe/Zurich",
    "CY": "Asia/Nicosia", "CZ": "Europe/Prague", "DE": "Europe/Berlin", "DK": "Europe/Copenhagen",
    "EE": "Europe/Tallinn", "ES": "Europe/Madrid", "FI": "Europe/Helsinki", "FR": "Europe/Paris",
    "GB": "Europe/London", "GR": "Europe/Athens", "HR": "Europe/Zagreb", "HU": "Europe/Budapest",
    "IE": "Europe/Dublin", "IS": "Atlantic/Reykjavik", "IT": "Europe/Rome", "LI": "Europe/Vaduz",
    "LT": "Europe/Vilnius", "LU": "Europe/Luxembourg", "LV": "Europe/Riga", "MT": "Europe/Malta",
    "NL": "Europe/Amsterdam", "NO": "Europe/Oslo", "PL": "Europe/Warsaw", "PT": "Europe/Lisbon",
    "RO": "Europe/Bucharest", "SE": "Europe/Stockholm", "SI": "Europe/Ljubljana",
    "SK": "Europe/Bratislava",
}  # fmt: skip
"""The time zone of each country's capital."""
ELSEWHERE = "Europe/Brussels"
"""The zone of somebody whose country we do not know; the reminder names the place."""


@dataclass(frozen=True, slots=True)
class Reminder:
    """What somebody asked to be reminded of."""

    kind: str
    """What it is about; one of `knowledge.flow.REMINDERS`."""
    due: datetime
    """When to send it; aware, in UTC."""
    language: str


@dataclass(frozen=True, slots=True)
class Plan:
    """A reminder that is being planned, as far as it is: it travels in the buttons."""

    kind: str
    country: str
    """ISO code, or `elsewhere`."""
    day: date | None = None
    hour: int | None = None


def zone_of(country: str) -> str:
    """The time zone of a country."""
    return ZONES.get(country, ELSEWHERE)


def local_time(day: date, hour: int, country: str) -> datetime:
    """An hour of a day where somebody lives.

    In the night when clocks go forward an hour may not exist: it is then the one after.
    """
    local = datetime.combine(day, time(hour), ZoneInfo(zone_of(country)))
    return local.astimezone(UTC).astimezone(local.tzinfo)


def due_at(day: date, hour: int, country: str) -> datetime:
    """When a reminder for an hour of a day is due, in UTC."""
    return local_time(day, hour, country).astimezone(UTC)


def can_plan(plan: Plan, today: date) -> bool:
    """Whether a day lies ahead, and not too far; a button may be years old."""
    return plan.day is None or today < plan.day <= today + timedelta(days=FURTHEST_DAYS)


def days_of_month(first: date, today: date) -> list[date]:
    """The days of a month that can be chosen."""
    month = [first + timedelta(days=n) for n in range(31)]
    return [day for day in month if day.month == first.month and can_plan(Plan("", "", day), today)]
