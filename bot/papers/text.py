"""A letter as plain text, to paste into a form or an e-mail."""

from bot.dialogue.replies import Letter


def write_text(letter: Letter) -> bytes:
    """Write the letter's parts in the order of the printed one, an empty line between.

    UTF-8 with a byte order mark, because viewers on phones otherwise guess the encoding, and CRLF,
    which older Notepads need. A paragraph is one line: forms and e-mails break lines themselves.
    Half a surrogate pair, which UTF-8 cannot hold, becomes a question mark.
    """
    parts = (
        "\n".join(letter.sender),
        "\n".join(letter.recipient),
        letter.place_date,
        letter.subject,
        letter.body,
    )
    text = "\n\n".join(part.strip() for part in parts if part.strip()) + "\n"
    # The mark is ours alone: one that came in with a text would show up as a sign.
    unix = text.replace("\r\n", "\n").replace("\r", "\n").replace("\ufeff", "")
    return b"\xef\xbb\xbf" + unix.replace("\n", "\r\n").encode("utf-8", "replace")
