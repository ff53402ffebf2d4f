"""Telegram's HTML, parsed as strictly as Telegram parses it, with its own error texts.

After parse_html in TDLib's MessageEntity.cpp: which tags there are, how they nest, what is said
of those that do not.
"""

import re
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

TAGS = frozenset(
    {
        "a", "b", "strong", "i", "em", "s", "strike", "del", "u", "ins", "tg-spoiler", "tg-emoji",
        "span", "pre", "code", "blockquote",
    }
)  # fmt: skip
_TYPES = {
    "b": "bold", "strong": "bold", "i": "italic", "em": "italic", "u": "underline",
    "ins": "underline", "s": "strikethrough", "strike": "strikethrough", "del": "strikethrough",
    "tg-spoiler": "spoiler", "span": "spoiler", "code": "code", "pre": "pre", "a": "text_link",
    "blockquote": "blockquote", "tg-emoji": "custom_emoji",
}  # fmt: skip
_NAMED = {"lt": "<", "gt": ">", "amp": "&", "quot": '"'}
_ENTITY = re.compile(r"&(?:#(\d{1,7})|#[xX]([0-9a-fA-F]{1,6})|(lt|gt|amp|quot));?")
_SPECIAL = re.compile(r"[<&]")
_TAG_END = re.compile(r"\s*>")
_END = re.compile(r"</([^\s>]*)\s*>")
_START = re.compile(r"<([^\s/>][^\s>]*|)")
_ATTRIBUTE = re.compile(r"\s*([^\s=>/\"']+)(?:\s*=\s*(?:\"([^\"]*)\"|'([^']*)'|([a-zA-Z0-9.-]+)))?")


class MarkupError(ValueError):
    """What Telegram would say of the text."""


@dataclass(slots=True)
class Node:
    """An element of the text."""

    tag: str
    attributes: dict[str, str] = field(default_factory=dict)
    children: list["Node | str"] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Formatted:
    """A parsed text: plain, with entities, and as a tree for the page. Shared: not to be changed."""

    text: str
    entities: list[dict[str, Any]]
    tree: list[Any]


@lru_cache(maxsize=1_024)  # a bot says the same to many
def parse(source: str) -> Formatted:
    """Parse a text.

    Raises:
        MarkupError: with what stands after "can't parse entities: " at Telegram's.
    """
    root = Node("")
    stack: list[tuple[Node, int]] = []
    position = 0
    while position < len(source):
        character = source[position]
        top = stack[-1][0] if stack else root
        if character == "&" and (found := _ENTITY.match(source, position)):
            top.children.append(_decoded(found))
            position = found.end()
        elif character != "<":
            end = _SPECIAL.search(source, position + 1)
            stop = end.start() if end else len(source)
            top.children.append(source[position:stop])
            position = stop
        elif source.startswith("</", position):
            position = _close(source, position, stack)
        else:
            node, end_of_tag = _open(source, position)
            inside = {open_node.tag for open_node, _ in stack}
            if node.tag == "blockquote" and "blockquote" in inside:
                raise MarkupError(f"Can't nest blockquotes at byte offset {_at(source, position)}")
            top.children.append(node)
            stack.append((node, position))
            position = end_of_tag
    if stack:
        name = stack[-1][0].tag
        offset = _at(source, stack[-1][1])
        raise MarkupError(
            f'Can\'t find end tag corresponding to start tag "{name}" at byte offset {offset}'
        )
    entities: list[dict[str, Any]] = []
    text = _walk(root, 0, entities)
    return Formatted(text, sorted(entities, key=lambda e: (e["offset"], -e["length"])), _tree(root))


def plain(text: str) -> Formatted:
    """A text without markup."""
    return Formatted(text, [], [text])


def units(text: str) -> int:
    """Length in UTF-16 units, as Telegram counts."""
    if text.isascii():
        return len(text)
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def _decoded(found: re.Match[str]) -> str:
    decimal, hexadecimal, named = found.groups()
    if named:
        return _NAMED[named]
    code = int(decimal) if decimal else int(hexadecimal, 16)
    if code == 0 or code > 0x10FFFF or 0xD800 <= code <= 0xDFFF:  # noqa: PLR2004
        return found[0]
    return chr(code)


def _open(source: str, position: int) -> tuple[Node, int]:
    found = _START.match(source, position)
    name = found[1].lower() if found else ""
    if name not in TAGS:
        raise MarkupError(f'Unsupported start tag "{name}" at byte offset {_at(source, position)}')
    cursor = position + 1 + len(name)
    attributes: dict[str, str] = {}
    while True:
        closed = _TAG_END.match(source, cursor)
        if closed:
            break
        attribute = _ATTRIBUTE.match(source, cursor)
        if not attribute or attribute.end() == cursor:
            raise MarkupError(f"Unclosed start tag at byte offset {_at(source, position)}")
        values = [value for value in attribute.groups()[1:] if value is not None]
        value = values[0] if values else ""
        attributes[attribute[1].lower()] = _ENTITY.sub(_decoded, value)
        cursor = attribute.end()
    if name == "span" and attributes.get("class") != "tg-spoiler":
        raise MarkupError(
            'Tag "span" must have class "tg-spoiler" at byte offset ' + str(_at(source, position))
        )
    return Node(name, attributes), closed.end()


def _close(source: str, position: int, stack: list[tuple[Node, int]]) -> int:
    found = _END.match(source, position)
    if not found:
        raise MarkupError(f"Unclosed end tag at byte offset {_at(source, position)}")
    name = found[1].lower()
    if not stack:
        raise MarkupError(f"Unexpected end tag at byte offset {_at(source, position)}")
    wanted = stack.pop()[0].tag
    if name and name != wanted:
        raise MarkupError(
            f"Unmatched end tag at byte offset {_at(source, position)}, "
            f'expected "</{wanted}>", found "</{name}>"'
        )
    return found.end()


def _at(source: str, position: int) -> int:
    return len(source[:position].encode("utf-8", "surrogatepass"))


def _walk(node: Node, offset: int, entities: list[dict[str, Any]]) -> str:
    text = ""
    for child in node.children:
        if isinstance(child, str):
            text += child
            continue
        start = offset + units(text)
        inner = _walk(child, start, entities)
        if inner.strip():
            entity: dict[str, Any] = {
                "type": _TYPES[child.tag],
                "offset": start,
                "length": units(inner),
            }
            if child.tag == "a":
                entity["url"] = child.attributes.get("href", inner)
            if child.tag == "blockquote" and "expandable" in child.attributes:
                entity["type"] = "expandable_blockquote"
            entities.append(entity)
        text += inner
    return text


def _tree(node: Node) -> list[Any]:
    return [
        child
        if isinstance(child, str)
        else {"tag": child.tag, "attributes": child.attributes, "children": _tree(child)}
        for child in node.children
    ]
