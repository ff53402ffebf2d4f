"""Reminders as they are planned with buttons: the day, the hour, the right instant."""

import zoneinfo
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from babel.core import get_global
from hypothesis import given
from hypothesis import strategies as st
from icalendar import Calendar

from bot.dialogue import buttons, objection
from bot.dialogue.buttons import Enter, Page, Schedule
from bot.dialogue.events import Commanded, Person, Pressed
from bot.dialogue.objection import Step
from bot.dialogue.reminding import (
    FURTHEST_DAYS,
    HOURS,
    ZONES,
    Plan,
    Reminder,
    due_at,
    local_time,
    zone_of,
)
from bot.dialogue.replies import Attachment, Remind, StopReminding, Tap
from bot.dialogue.turn import remind, respond
from bot.knowledge import formats
from bot.knowledge.flow import REMINDERS
from bot.knowledge.markup import plain
from bot.papers.desk import make

TODAY = date(2026, 11, 21)
LANGUAGES = ("en", "fr", "de", "nl")


def press(assistant, button, today=TODAY):
    return respond(Pressed(buttons.encode(button, assistant.knowledge)), assistant, today)


def taps_of(reply):
    return {key.label: key.data for row in reply.rows for key in row if isinstance(key, Tap)}


def tap(assistant, turn, label, today=TODAY):
    return respond(Pressed(taps_of(turn.replies[-1])[label]), assistant, today)


def offer(assistant, language="en", country="DE", today=TODAY):
    return press(assistant, Schedule(language, "offer", Plan("month", country)), today)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(
    ("days", "day"), [(3, "2026-11-24"), (7, "2026-11-28"), (30, "2026-12-21")]
)
def test_three_days_a_week_and_a_month_are_two_taps(assistant, knowledge, language, days, day):
    """The day, the hour; then it is stored, with what it is about and the language alone."""
    say = knowledge.catalogs[language].text
    turn = tap(assistant, offer(assistant, language), say(f"remind.button.in-{days}"))
    assert turn.storage is None
    turn = tap(assistant, turn, f"{formats.show_time(9, language)} 🔔")
    due = datetime.fromisoformat(f"{day}T08:00+00:00")
    assert turn.storage == Remind(Reminder("month", due, language))
    said = plain(turn.replies[0].blocks)
    assert formats.show_weekday(date.fromisoformat(day), language) in said
    assert ("Berlijn" if language == "nl" else "Berlin") in said


def test_where_it_cannot_be_stored_there_is_the_calendar_file(assistant, knowledge):
    """Said instead, with a button that gives it, and one to stop all."""
    plan = Plan("month", "IE", TODAY + timedelta(days=3), 18)
    turn = press(assistant, Schedule("en", "keep", plan))
    say = knowledge.catalogs["en"].text
    assert plain(turn.otherwise.blocks) == say("remind.failed").replace("**", "")
    turn = respond(
        Pressed(taps_of(turn.otherwise)[say("remind.button.calendar")]), assistant, TODAY
    )
    assert turn.replies[0].attachment
    assert turn.storage is None


def test_another_day_is_chosen_in_a_calendar(assistant, knowledge):
    """This month from tomorrow on, the next ones, and back; a day ahead of all others is offered."""
    say = knowledge.catalogs["en"].text
    turn = tap(assistant, offer(assistant), say("remind.button.other"))
    labels = list(taps_of(turn.replies[0]))
    assert labels[:9] == [str(day) for day in range(22, 31)]
    assert say("remind.button.earlier") not in labels
    turn = tap(assistant, turn, say("remind.button.later"))
    labels = list(taps_of(turn.replies[0]))
    assert labels[:31] == [str(day) for day in range(1, 32)]
    assert say("remind.button.earlier") in labels
    assert "December 2026" in plain(turn.replies[0].blocks)
    turn = tap(assistant, turn, "24")
    assert "24 December 2026" in plain(turn.replies[0].blocks)
    turn = tap(assistant, turn, f"{formats.show_time(21, 'en')} 🔔")
    assert turn.storage.reminder.due == datetime(2026, 12, 24, 20, tzinfo=UTC)


def test_the_calendar_ends_after_four_hundred_days(assistant, knowledge):
    """ "Later" leads from month to month, and ends; each day in it can be chosen."""
    later = knowledge.catalogs["en"].text("remind.button.later")
    turn = press(assistant, Schedule("en", "month", Plan("month", "DE", TODAY + timedelta(days=1))))
    days = 0
    for _ in range(20):
        taps = taps_of(turn.replies[0])
        days += sum(label.isdecimal() for label in taps)
        if later not in taps:
            break
        turn = tap(assistant, turn, later)
    assert days == FURTHEST_DAYS


@pytest.mark.parametrize("today", [date(2027, 1, 30), date(2027, 1, 31), date(2028, 2, 28),
                                   date(2028, 2, 29), date(2026, 12, 31)])  # fmt: skip
def test_a_calendar_opened_at_the_end_of_a_month_has_days(assistant, knowledge, today):
    """The last day has no tomorrow in its month."""
    other = knowledge.catalogs["en"].text("remind.button.other")
    turn = tap(assistant, offer(assistant, today=today), other, today)
    labels = [label for label in taps_of(turn.replies[0]) if label.isdecimal()]
    assert labels[0] == str((today + timedelta(days=1)).day)


@given(
    start=st.dates(date(2026, 1, 1), date(2030, 12, 31)),
    ahead=st.integers(-5, FURTHEST_DAYS + 5),
    stage=st.sampled_from(["hour", "keep", "file"]),
    country=st.sampled_from([*ZONES, "elsewhere"]),
    hour=st.sampled_from(HOURS),
)
def test_a_day_can_be_planned_from_tomorrow_on(assistant, start, ahead, stage, country, hour):
    """Today, the past and what is too far get a fresh offer with a word of why; nothing stored."""
    day = start + timedelta(days=ahead)
    plan = Plan("silent", country, day, None if stage == "hour" else hour)
    turn = press(assistant, Schedule("nl", stage, plan), start)
    possible = 1 <= ahead <= FURTHEST_DAYS
    assert bool(turn.notice) != possible
    assert isinstance(turn.storage, Remind) == (possible and stage == "keep")
    assert bool(turn.replies[0].attachment) == (possible and stage == "file")
    if not possible:
        fresh = offer(assistant, "nl", country, start).replies[0]
        assert len(taps_of(turn.replies[0])) == len(taps_of(fresh))
        targets = [buttons.parse(d, assistant.knowledge) for d in taps_of(turn.replies[0]).values()]
        assert all(start < target.plan.day for target in targets)


def test_an_old_calendar_shows_the_days_that_are_left(assistant, knowledge):
    """A month of which half has passed, and one that has passed."""
    data = buttons.encode(
        Schedule("en", "month", Plan("month", "DE", date(2026, 11, 22))), knowledge
    )
    turn = respond(Pressed(data), assistant, date(2026, 11, 27))
    assert [label for label in taps_of(turn.replies[0]) if label.isdecimal()] == ["28", "29", "30"]
    turn = respond(Pressed(data), assistant, date(2026, 12, 1))
    assert turn.notice == knowledge.catalogs["en"].text("stale.notice")
    assert knowledge.catalogs["en"].text("remind.button.in-3") in taps_of(turn.replies[0])


CHANGES = ("2027-03-27", "2027-03-28", "2027-10-30", "2027-10-31")
"""The days before and of the changes of 2027."""


@pytest.mark.parametrize(
    ("country", "hours"),
    [("DE", (8, 7, 7, 8)), ("IE", (9, 8, 8, 9)), ("PT", (9, 8, 8, 9)), ("CY", (7, 6, 6, 7)),
     ("GB", (9, 8, 8, 9)), ("IS", (9, 9, 9, 9)), ("elsewhere", (8, 7, 7, 8))],
)  # fmt: skip
def test_nine_is_nine_on_both_sides_of_the_change_of_clocks(assistant, country, hours):
    """In UTC it is another hour, but not in Iceland."""
    for day, hour in zip(CHANGES, hours, strict=True):
        plan = Plan("month", country, date.fromisoformat(day), 9)
        turn = press(assistant, Schedule("en", "keep", plan), date(2026, 11, 21))
        assert turn.storage.reminder.due == datetime.fromisoformat(f"{day}T{hour:02}:00+00:00")
        (said,) = turn.replies
        assert "09:00" in plain(said.blocks)


@pytest.mark.parametrize(
    ("country", "gone", "instead"),
    [("DE", 2, 3), ("FI", 3, 4), ("IE", 1, 2), ("PT", 1, 2), ("CY", 3, 4)],
)
def test_an_hour_that_does_not_exist_is_the_one_after(country, gone, instead):
    """The night when clocks go forward has 23 hours."""
    at = local_time(date(2027, 3, 28), gone, country)
    assert at.hour == instead
    assert due_at(date(2027, 3, 28), gone, country) == datetime(2027, 3, 28, 1, tzinfo=UTC)


@given(
    day=st.dates(date(2026, 11, 22), date(2030, 12, 31)),
    hour=st.sampled_from(HOURS),
    country=st.sampled_from([*ZONES, "elsewhere"]),
)
def test_every_hour_on_offer_is_the_same_hour_where_one_lives(day, hour, country):
    """On every day, in every country."""
    due = due_at(day, hour, country)
    assert due.tzinfo is UTC
    there = due.astimezone(zoneinfo.ZoneInfo(zone_of(country)))
    assert (there.date(), there.hour, there.minute) == (day, hour, 0)


def test_every_country_has_a_zone_of_its_own(knowledge):
    """One that exists, in that country, and whose place has a name in every language."""
    countries = set(knowledge.flow.question("country").options) - {"elsewhere"}
    assert set(ZONES) == countries
    territories = get_global("zone_territories")
    for country, zone in ZONES.items():
        assert zone in zoneinfo.available_timezones()
        assert territories[zone] == country
        for language in LANGUAGES:
            assert formats.place_name(zone, language)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("kind", sorted(REMINDERS))
def test_the_calendar_file_says_what_and_when(assistant, knowledge, language, kind):
    """One appointment, in local time; nothing is stored."""
    plan = Plan(kind, "CY", date(2027, 3, 28), 13)
    turn = press(assistant, Schedule(language, "file", plan))
    assert turn.storage is None
    attachment = turn.replies[0].attachment
    assert isinstance(attachment, Attachment)
    assert attachment.name.isascii()
    made = make(attachment, datetime(2026, 11, 21, 12, tzinfo=UTC))
    (event,) = Calendar.from_ical(made).events
    say = knowledge.catalogs[language].text
    for part, key in (("SUMMARY", f"remind.about.{kind}"), ("DESCRIPTION", "remind.calendar-text")):
        assert event[part].split() == say(key).split()  # whichever space
    assert event.start.astimezone(UTC) == datetime(2027, 3, 28, 10, tzinfo=UTC)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("kind", sorted(REMINDERS))
def test_the_reminder_leads_to_what_may_be_wrong(assistant, knowledge, language, kind):
    """A message of its own kind, with the way on and the way to stop all."""
    reply = remind(
        Reminder(kind, datetime(2026, 12, 21, 8, tzinfo=UTC), language), assistant, TODAY
    )
    (first, *_) = plain(reply.blocks).split("\n")
    assert first in knowledge.catalogs[language].text(f"remind.message.{kind}").replace("**", "")
    on, stop = (buttons.parse(data, knowledge) for data in taps_of(reply).values())
    assert on == Enter(language, Step("aftermath", objection.start(knowledge.flow).answers))
    assert stop == Page(language, "unremind")
    assert press(assistant, on).replies[0].rows
    assert press(assistant, stop).storage == StopReminding()


def test_a_reminder_in_a_language_that_is_gone_speaks_english(assistant, knowledge):
    """Stored long ago; still sent."""
    reply = remind(Reminder("month", datetime(2026, 12, 21, 8, tzinfo=UTC), "xx"), assistant, TODAY)
    assert "You asked me to remind you" in plain(reply.blocks)


def test_what_is_kept_is_shown_with_a_way_to_stop(assistant, knowledge):
    """/mydata names each reminder by day, hour and kind."""
    kept = Reminder("silent", datetime(2026, 12, 24, 20, tzinfo=UTC), "en")
    person = Person("en", reminders=(kept, replace(kept, kind="month")))
    (reply,) = respond(Commanded("mydata", "", person), assistant, TODAY).replies
    said = plain(reply.blocks)
    say = knowledge.catalogs["en"].text
    for kind in ("silent", "month"):
        assert f"24 December 2026, 20:00 UTC: {say(f'remind.about.{kind}')}" in said
    assert say("remind.button.stop") in taps_of(reply)
