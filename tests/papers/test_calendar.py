"""An appointment as a calendar file: the right instant, the right words, once."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from icalendar import Calendar

from bot.dialogue.replies import Appointment
from bot.papers.calendar import PRODID, write_calendar

MADE = datetime(2026, 11, 22, 12, 30, 15, 999, tzinfo=UTC)
BERLIN = ZoneInfo("Europe/Berlin")
APPOINTMENT = Appointment(
    "fr", "Relance", "Un mois est passé.", datetime(2026, 12, 22, 9, tzinfo=BERLIN)
)


def read(appointment, made=MADE):
    calendar = Calendar.from_ical(write_calendar(appointment, made))
    assert not calendar.errors
    (event,) = calendar.events
    assert not event.errors
    return calendar, event


def test_it_holds_one_event_with_an_alarm_at_its_start():
    """A quarter of an hour that leaves the time free, made by nobody in particular."""
    calendar, event = read(APPOINTMENT)
    assert (calendar["PRODID"], calendar["VERSION"]) == (PRODID, "2.0")
    assert event.end - event.start == timedelta(minutes=15)
    assert MADE.replace(microsecond=0) == event.DTSTAMP
    assert event["TRANSP"] == "TRANSPARENT"
    assert not {"ORGANIZER", "ATTENDEE", "LOCATION"} & event.keys()
    (alarm,) = event.walk("VALARM")
    assert alarm["ACTION"] == "DISPLAY"
    assert alarm["DESCRIPTION"] == "Relance"
    assert timedelta(0) == alarm.TRIGGER


def test_its_words_say_their_language():
    """So that a reading voice pronounces them."""
    _, event = read(APPOINTMENT)
    for name, words in (("SUMMARY", "Relance"), ("DESCRIPTION", "Un mois est passé.")):
        assert event[name] == words
        assert event[name].params["LANGUAGE"] == "fr"


@pytest.mark.parametrize(
    ("begins", "hour"),
    [
        (datetime(2027, 3, 27, 9, tzinfo=BERLIN), 8),  # the day before summer time
        (datetime(2027, 3, 28, 9, tzinfo=BERLIN), 7),  # its first day
        (datetime(2027, 10, 30, 9, tzinfo=BERLIN), 7),
        (datetime(2027, 10, 31, 9, tzinfo=BERLIN), 8),
        (datetime(2027, 10, 31, 2, 30, tzinfo=BERLIN), 0),  # the hour that comes twice,
        (datetime(2027, 10, 31, 2, 30, fold=1, tzinfo=BERLIN), 1),  # and its second time
        (datetime(2027, 7, 1, 9, tzinfo=ZoneInfo("Atlantic/Azores")), 9),
    ],
)
def test_the_hour_is_right_on_both_sides_of_a_change(begins, hour):
    """The person's own hour, whatever the clocks did since the file was made."""
    _, event = read(replace(APPOINTMENT, begins=begins))
    assert event.start.utcoffset() == timedelta(0)
    assert (event.start.hour, event.start.minute) == (hour, begins.minute)
    assert event.start.astimezone(begins.tzinfo).hour == begins.hour


def test_no_time_zone_is_told():
    """Nothing in the file says where somebody lives."""
    raw = write_calendar(APPOINTMENT, MADE)
    assert b"TZID" not in raw
    assert b"Berlin" not in raw


@given(st.text(), st.text())
def test_any_words_come_back(title, text):
    """Commas, semicolons, backslashes, breaks, emoji: what a calendar file can hold, it gives back."""
    _, event = read(replace(APPOINTMENT, title=title, text=text))

    def kept(words):
        return "".join(words.replace("\r\n", "\n").replace("\r", "\n").split())

    def visible(words):
        return "".join(sign for sign in kept(words) if sign.isprintable() or ord(sign) > 0xFF)

    assert visible(str(event["SUMMARY"])) == visible(title)
    assert visible(str(event["DESCRIPTION"])) == visible(text)


def test_marks_and_breaks_are_kept():
    """As they were written."""
    text = 'a, b; c: \\n "d"\n\n– « é » 😀👩‍👧\n[x](y)'
    _, event = read(replace(APPOINTMENT, title="x; y, 😀\nz", text=text))
    assert event["DESCRIPTION"] == text
    assert event["SUMMARY"] == "x; y, 😀 z"


def test_no_control_character_is_written():
    """Calendars refuse files that hold one; what stands around it stays."""
    appointment = replace(APPOINTMENT, title="a\x00b\x07c", text="d\x1be\u0085f\ud800g")
    raw = write_calendar(appointment, MADE)
    assert not [byte for byte in raw if byte < 0x20 and byte not in b"\r\n"]
    _, event = read(appointment)
    assert (event["SUMMARY"], event["DESCRIPTION"]) == ("abc", "defg")


def test_rows_end_and_fold_as_the_standard_says():
    """CRLF alone, at most 75 bytes a row, and no sign cut in two."""
    raw = write_calendar(replace(APPOINTMENT, text="ä😀, " * 200), MADE)
    assert raw.count(b"\n") == raw.count(b"\r\n") == raw.count(b"\r")
    for row in raw.split(b"\r\n"):
        assert len(row) <= 75
        row.decode()


def test_the_same_appointment_takes_its_own_place():
    """Its id comes from what it says, not from when it is made or in which zone the hour is told."""
    _, event = read(APPOINTMENT)
    assert write_calendar(APPOINTMENT, MADE) == write_calendar(APPOINTMENT, MADE)
    _, later = read(APPOINTMENT, MADE + timedelta(days=1))
    _, elsewhere = read(replace(APPOINTMENT, begins=APPOINTMENT.begins.astimezone(UTC)))
    assert event["UID"] == later["UID"] == elsewhere["UID"]
    for other in (
        replace(APPOINTMENT, title="Autre"),
        replace(APPOINTMENT, text="Autre"),
        replace(APPOINTMENT, begins=APPOINTMENT.begins + timedelta(minutes=1)),
    ):
        assert read(other)[1]["UID"] != event["UID"]


@pytest.mark.parametrize("naive", ["begins", "made"])
def test_a_time_without_zone_is_an_error(naive):
    """It would be another instant on every machine."""
    begins = APPOINTMENT.begins.replace(tzinfo=None) if naive == "begins" else APPOINTMENT.begins
    made = MADE.replace(tzinfo=None) if naive == "made" else MADE
    with pytest.raises(ValueError, match="time zone"):
        write_calendar(replace(APPOINTMENT, begins=begins), made)
