"""An appointment as an iCalendar file (RFC 5545), for those who want nothing stored here."""

import unicodedata
import uuid
from datetime import UTC, datetime, timedelta

from icalendar import Alarm, Calendar, Event

from bot.dialogue.replies import Appointment

LENGTH = timedelta(minutes=15)
PRODID = "-//Opt-out bot//Reminders//EN"
NAMESPACE = uuid.UUID("9d0f5a0e-6c1b-5a55-8a53-3f5c1e0b7d42")
"""Of our UIDs; never changed, or a file that is opened twice is entered twice."""


def write_calendar(appointment: Appointment, made: datetime) -> bytes:
    """Write one event with an alarm at its start; the same values give the same bytes.

    The start is written in UTC: a single event is an instant, which every calendar shows in its
    owner's time zone. The zone's own rules, also those of the summer time, are applied here, so that
    none need to be sent along (calendars differ in how they read them), and the file does not tell
    where somebody lives. The UID comes from the content: an appointment that is opened twice takes
    the place of the first. Raises ValueError for a naive time.
    """
    if appointment.begins.utcoffset() is None or made.utcoffset() is None:
        raise ValueError("Give both times a time zone: an appointment is an instant.")
    begins = appointment.begins.astimezone(UTC).replace(microsecond=0, fold=0)
    title = " ".join(_plain(appointment.title).split())
    text = _plain(appointment.text).strip()
    language = {"LANGUAGE": appointment.language}

    event = Event()
    event.add("uid", str(uuid.uuid5(NAMESPACE, f"{begins.isoformat()}\n{title}\n{text}")))
    event.add("dtstamp", made.astimezone(UTC).replace(microsecond=0, fold=0))
    event.add("dtstart", begins)
    event.add("dtend", begins + LENGTH)
    event.add("summary", title, parameters=language)
    event.add("description", text, parameters=language)
    event.add("transp", "TRANSPARENT")  # it is no meeting: the hour stays free for others

    alarm = Alarm()
    alarm.add("action", "DISPLAY")
    alarm.add("description", title, parameters=language)
    alarm.add("trigger", timedelta(0))
    event.add_component(alarm)

    calendar = Calendar()
    calendar.add("prodid", PRODID)
    calendar.add("version", "2.0")
    calendar.add_component(event)
    return bytes(calendar.to_ical())


def _plain(text: str) -> str:
    """The text with line feeds alone, and without signs that a calendar file cannot hold."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n")
    return "".join(
        sign for sign in lines if sign == "\n" or unicodedata.category(sign) not in {"Cc", "Cs"}
    )
