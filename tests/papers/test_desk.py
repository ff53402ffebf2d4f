"""The name of an attachment says which file it is."""

import subprocess
import sys
from datetime import UTC, datetime

import pytest

from bot.dialogue.replies import Appointment, Attachment, Letter
from bot.papers.desk import SUFFIXES, make

MADE = datetime(2026, 11, 22, 12, tzinfo=UTC)
LETTER = Letter("en", ("[name]",), ("Meta",), "[place]", "Subject", "Dear all")
APPOINTMENT = Appointment("en", "Title", "Text", MADE)


@pytest.mark.parametrize(
    ("name", "content", "begins"),
    [
        ("objection.pdf", LETTER, b"%PDF-1."),
        ("objection.txt", LETTER, b"\xef\xbb\xbf[name]"),
        ("reminder.ics", APPOINTMENT, b"BEGIN:VCALENDAR\r\n"),
        ("REMINDER.ICS", APPOINTMENT, b"BEGIN:VCALENDAR\r\n"),
    ],
)
def test_the_suffix_chooses_the_file(name, content, begins):
    """Whether written small or large."""
    assert make(Attachment(name, content), MADE).startswith(begins)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("letter.docx", LETTER),
        ("letter", LETTER),
        ("letter.ics", LETTER),
        (".pdf", LETTER),
        ("reminder.pdf", APPOINTMENT),
    ],
)
def test_a_wrong_suffix_says_which_there_are(name, content):
    """Those that this content can have."""
    with pytest.raises(ValueError, match="cannot be made") as error:
        make(Attachment(name, content), MADE)
    assert all(suffix in str(error.value) for suffix in SUFFIXES[type(content)])


def test_the_bot_starts_without_the_libraries():
    """They are loaded by the first file that needs them."""
    program = (
        "import sys, bot.papers.desk; sys.exit(bool({'fpdf', 'icalendar'} & sys.modules.keys()))"
    )
    assert subprocess.run([sys.executable, "-c", program]).returncode == 0
