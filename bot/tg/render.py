"""Replies as Telegram's HTML: the one place where text is escaped."""

import html
import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from telegram.constants import MessageLimit

from bot.dialogue.replies import Attachment, Copy, Key, Reply, Tap, Visit
from bot.knowledge.markup import Anchor, Block, Bold, Code, Item, Paragraph, Plain, Quote, Span

MAX_UNITS = int(MessageLimit.MAX_TEXT_LENGTH)
"""UTF-16 units of a message, markup not counted."""
MAX_CAPTION_UNITS = int(MessageLimit.CAPTION_LENGTH)
"""UTF-16 units of a document's caption, markup not counted."""
MAX_ENTITIES = int(MessageLimit.MESSAGE_ENTITIES)
_TAG = re.compile("<[^>]*>")


@dataclass(frozen=True, slots=True)
class Part:
    """One message ready to be sent."""

    text: str
    keyboard: str | None
    """Telegram's InlineKeyboardMarkup, in JSON. The library's objects for it cost as much as the
    whole of the call that carries them."""
    attachment: Attachment | None = None
    """A document to send; the text is its caption then, and may be empty."""


def render(reply: Reply) -> list[Part]:
    """A reply as one message, or as several where it is too long; buttons under the last.

    The last one carries the attachment; words that are too long for its caption stand before it.
    """
    texts = [_join(blocks) for blocks in _runs(reply.blocks, MAX_UNITS, MAX_ENTITIES)]
    # Telegram takes no message without words.
    texts = [text for text in texts if shown(text).strip()]
    keyboard = _keyboard(reply)
    if reply.attachment:
        fits = len(texts) == 1 and units(shown(texts[0])) <= MAX_CAPTION_UNITS
        last = texts.pop() if fits else ""
    else:
        last = texts.pop() if texts else "…"
    return [*(Part(text, None) for text in texts), Part(last, keyboard, reply.attachment)]


def units(text: str) -> int:
    """Length as Telegram counts it."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def shown(text: str) -> str:
    """What people see of HTML that was written here: every `<` in it begins a tag."""
    return html.unescape(_TAG.sub("", text))


def _runs(blocks: Iterable[Block], room: int, marks: int) -> Iterator[list[Block]]:
    """Runs of blocks of at most so many units and entities; no more blocks are cut than have to."""
    run: list[Block] = []
    length = marked = 0
    for block in blocks:
        for number, piece in enumerate(_pieces(block, room, marks)):
            size, more = _size(piece), _entities(piece)
            # Pieces of one block stand in different messages: nothing comes between their words.
            if run and (number or length + size + 2 > room or marked + more > marks):
                yield run
                run, length, marked = [], 0, 0
            run.append(piece)
            length += size + 2
            marked += more
    if run:
        yield run


def _pieces(block: Block, room: int, marks: int) -> Iterator[Block]:
    """A block, in several where it alone is too long."""
    if _size(block) + 2 <= room and _entities(block) <= marks:
        yield block
    elif isinstance(block, Quote):
        for run in _runs(block.blocks, room - 2, marks - 1):
            yield replace(block, blocks=tuple(one for one in run if not isinstance(one, Quote)))
    else:
        first, *others = _cut(block.spans, room - 6, marks)
        yield replace(block, spans=first)
        yield from map(Paragraph, others)


def _cut(spans: tuple[Span, ...], room: int, marks: int) -> Iterator[tuple[Span, ...]]:
    """Spans in portions of at most so many units and entities."""
    taken: list[Span] = []
    length = marked = 0
    for span in spans:
        text, mark = span.text, not isinstance(span, Plain)
        while True:
            head, text = _split(text, room - length) if marked + mark <= marks else ("", text)
            if head or not text:
                taken.append(replace(span, text=head))
                length += units(head)
                marked += mark
            if not text:
                break
            yield tuple(taken)
            taken, length, marked = [], 0, 0
    yield tuple(taken)


def _split(text: str, room: int) -> tuple[str, str]:
    """As much of a text as fits, rather to the end of a word; and the rest."""
    end = min(len(text), room)
    while (over := units(text[:end]) - room) > 0:
        end -= (over + 1) // 2
    if end < len(text):
        space = max(text.rfind(" ", 0, end), text.rfind("\n", 0, end)) + 1
        end = space if space > end // 2 else end
    return text[:end], text[end:]


def _size(block: Block) -> int:
    if isinstance(block, Quote):
        return sum(_size(inner) + 2 for inner in block.blocks)
    return 4 + sum(units(span.text) for span in block.spans)


def _entities(block: Block) -> int:
    if isinstance(block, Quote):
        return 1 + sum(_entities(inner) for inner in block.blocks)
    return sum(not isinstance(span, Plain) for span in block.spans)


def _join(blocks: list[Block] | tuple[Block, ...]) -> str:
    text = ""
    before: Block | None = None
    for block in blocks:
        if before is not None:
            # A quote stands apart by itself.
            lines = isinstance(before, Item) and isinstance(block, Item)
            tight = lines or isinstance(before, Quote) or isinstance(block, Quote)
            text += "\n" if tight else "\n\n"
        text += _block(block)
        before = block
    return text


def _block(block: Block) -> str:
    match block:
        case Quote(inner, expandable):
            return f"<blockquote{' expandable' if expandable else ''}>{_join(inner)}</blockquote>"
        case Item(spans, number):
            return f"{f'{number}.' if number else '•'} {_spans(spans)}"
        case Paragraph(spans):
            return _spans(spans)


def _spans(spans: tuple[Span, ...]) -> str:
    return "".join(map(_span, spans))


def _span(span: Span) -> str:
    text = escape(span.text)
    match span:
        case Bold():
            return f"<b>{text}</b>"
        case Code():
            return f"<code>{text}</code>"
        case Anchor(_, url):
            return f'<a href="{escape(url)}">{text}</a>'
        case Plain():
            return text


def escape(text: str) -> str:
    """Make a text safe inside Telegram's HTML; what cannot be sent at all becomes `?`."""
    return html.escape(_sendable(text), quote=True)


def _sendable(text: str) -> str:
    return text.encode("utf-8", "replace").decode("utf-8")


def _keyboard(reply: Reply) -> str | None:
    rows = [[_button(key) for key in row] for row in reply.rows if row]
    return _sendable(json.dumps({"inline_keyboard": rows}, ensure_ascii=False)) if rows else None


def _button(key: Key) -> dict[str, Any]:
    match key:
        case Tap(label, data):
            return {"text": label, "callback_data": data}
        case Visit(label, url):
            return {"text": label, "url": url}
        case Copy(label, text):
            return {"text": label, "copy_text": {"text": text}}
