"""Which file an attachment becomes."""

from datetime import datetime
from pathlib import PurePosixPath

from bot.dialogue.replies import Appointment, Attachment, Letter

SUFFIXES: dict[type[Letter] | type[Appointment], tuple[str, ...]] = {
    Letter: (".pdf", ".txt"),
    Appointment: (".ics",),
}
"""The suffixes that a content can have, in lower case."""


def make(attachment: Attachment, made: datetime) -> bytes:
    """Make the file that the suffix of its name asks for; the same values give the same bytes.

    `made` is aware. A first PDF takes most of a second (its library is loaded), a further one a
    tenth: call it in a thread. Raises ValueError for a suffix that its content cannot have.
    """
    content = attachment.content
    suffix = PurePosixPath(attachment.name).suffix.lower()
    # Each library is loaded by the first file that needs it: the bot starts without them.
    match content, suffix:
        case Letter(), ".pdf":
            from bot.papers.pdf import write_pdf

            return write_pdf(content, made.date())
        case Letter(), ".txt":
            from bot.papers.text import write_text

            return write_text(content)
        case Appointment(), ".ics":
            from bot.papers.calendar import write_calendar

            return write_calendar(content, made)
        case _:
            kind, suffixes = type(content), SUFFIXES[type(content)]
            raise ValueError(
                f'"{attachment.name}" cannot be made: give a file with '
                f"{'an' if kind is Appointment else 'a'} {kind.__name__} "
                f"the suffix {' or '.join(suffixes)}."
            )
