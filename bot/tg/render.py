"""Replies as Telegram's HTML: the one place where text is escaped."""

import html
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import chain

from telegram import CopyTextButton, InlineKeyboardButton, InlineKeyboardMarkup
from telegram.constants import MessageLimit

from bot.dialogue.replies import Attachment, Copy, Key, Reply, Tap, Visit
from bot.knowledge.markup import Anchor, Block, Bold, Code, Item, Paragraph, Plain, Quote, Span

MAX_UNITS = int(MessageLimit.MAX_TEXT_LENGTH)
"""UTF-16 units of a message, markup not counted."""
MAX_CAPTION_UNITS = int(MessageLimit.CAPTION_LENGTH)
"""UTF-16 units of a document's caption, markup not counted."""
MAX_ENTITIES = int(MessageLimit.MESSAGE_ENTITIES)
_CHUNK = 1_000
"""Code points into which an overlong span is cut."""
_TAG = re.compile("<[^>]*>")


@dataclass(frozen=True, slots=True)
class Part:
    """One message ready to be sent."""

    text: str
    keyboard: InlineKeyboardMarkup | None
    attachment: Attachment | None = None
    """A document to send; the text is its caption then, and may be empty."""


def render(reply: Reply) -> list[Part]:
    """A reply as one message, or as several where it is too long; buttons under the last.

    The last one carries the attachment; words that are too long for its caption stand before it.
    """
    texts = [_join(blocks) for blocks in _fitting(reply.blocks)]
    keyboard = _keyboard(reply)
    if reply.attachment:
        fits = len(texts) == 1 and units(_shown(texts[0])) <= MAX_CAPTION_UNITS
        last = texts.pop() if fits else ""
    else:
        last = texts.pop() if texts else "…"
    return [*(Part(text, None) for text in texts), Part(last, keyboard, reply.attachment)]


def units(text: str) -> int:
    """Length as Telegram counts it."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def _shown(text: str) -> str:
    """What people see of HTML that was written here: every `<` in it begins a tag."""
    return html.unescape(_TAG.sub("", text))


def _fitting(blocks: tuple[Block, ...]) -> Iterator[list[Block]]:
    """Runs of blocks that fit into one message each."""
    run: list[Block] = []
    length = entities = 0
    for block in chain.from_iterable(map(_pieces, blocks)):
        size, marks = _size(block), _entities(block)
        if run and (length + size + 2 > MAX_UNITS or entities + marks > MAX_ENTITIES):
            yield run
            run, length, entities = [], 0, 0
        run.append(block)
        length += size + 2
        entities += marks
    if run:
        yield run


def _pieces(block: Block) -> Iterator[Block]:
    """A block, in several where it alone is too long."""
    if _size(block) + 2 <= MAX_UNITS and _entities(block) <= MAX_ENTITIES:
        yield block
    elif isinstance(block, Quote):
        for inner in block.blocks:
            for piece in _pieces(inner):
                if not isinstance(piece, Quote):
                    yield replace(block, blocks=(piece,))
    else:
        for span in block.spans:
            for start in range(0, len(span.text), _CHUNK):
                yield Paragraph((replace(span, text=span.text[start : start + _CHUNK]),))


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
    return html.escape(text.encode("utf-8", "replace").decode("utf-8"), quote=True)


def _keyboard(reply: Reply) -> InlineKeyboardMarkup | None:
    rows = [[_button(key) for key in row] for row in reply.rows if row]
    return InlineKeyboardMarkup(rows) if rows else None


def _button(key: Key) -> InlineKeyboardButton:
    match key:
        case Tap(label, data):
            return InlineKeyboardButton(label, callback_data=data)
        case Visit(label, url):
            return InlineKeyboardButton(label, url=url)
        case Copy(label, text):
            return InlineKeyboardButton(label, copy_text=CopyTextButton(text))
