"""Pages in HTML: headings with what follows, and the tags around prose, which stay."""

from __future__ import annotations

import re
from typing import Final

from attribot_integrations.context.formats.markdown_blocks import Heading
from attribot_integrations.context.pieces import Leaf, Node, Row
from attribot_integrations.context.retrieved import Span

__all__ = ["page_blocks"]

_NAMES: Final = (
    "html|head|body|title|main|article|section|div|p|header|footer|nav|aside|blockquote|figure"
    "|figcaption|pre|hr|meta|link|h[1-6]"
)
_TAGS = re.compile(
    rf"<h(?P<level>[1-6])(?:\s[^<>]{{0,300}})?>(?:[^<]|<(?!/?h)){{1,300}}</h(?P=level)\s*>"
    rf"|(?:</?(?:{_NAMES})(?:\s[^<>]{{0,300}})?/?>|<!doctype[^<>]{{0,300}}>)",
    re.IGNORECASE,
)
_CLOSING = re.compile(rf"</(?:{_NAMES})\s*>", re.IGNORECASE)
_LEAST: Final = 3
"""Closing tags from which a text that does not start with a tag is taken for a part of a page."""


def page_blocks(text: str) -> list[tuple[Span, Node | Heading]]:
    """Find the headings of a page, and the tags of its paragraphs, in order.

    Args:
        text: A text. One that does not start with a tag is a page if it has some that close.
    """
    if "</" not in text:
        return []
    starts = _TAGS.match(text, len(text) - len(text.lstrip())) is not None
    if not starts and len(_CLOSING.findall(text)) < _LEAST:
        return []
    found: list[tuple[Span, Node | Heading]] = []
    for tag in _TAGS.finditer(text):
        if tag["level"]:
            found.append((tag.span(), Heading(int(tag["level"]))))
        else:
            found.append((tag.span(), Row((Leaf(*tag.span(), "frame"),))))
    return found
