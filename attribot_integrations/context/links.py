"""Web addresses of chunks: which ones may be shown as a link, and of what is cited from them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from html import unescape
from typing import Any, Final
from urllib.parse import quote, urlsplit

from attribot_integrations.context.retrieved import Part

__all__ = ["cited_link", "text_link", "web_link"]

_KEYS: Final = ("url", "link", "source")
_EDGE_WORDS: Final = 5
"""Words at each end of a longer text by which a link names it."""

_TAG: Final = re.compile(r"</?[A-Za-z][^<>]{0,1000}>")
_ROW: Final = re.compile(r"\|[^\n]*\|")
_BAR: Final = re.compile(r"(?<!\\)\|")
_MARKER: Final = re.compile(r"\A(?:[-*+\u2022>]|#{1,6}|\d{1,3}[.)])[ \t]+(?=\S)")
_LINKED: Final = re.compile(r"!?\[([^\[\]]{1,500})\]\([^()\s]{1,2000}\)")
_MARK: Final = re.compile(r"\*\*|__|`")


def web_link(metadata: Mapping[str, Any]) -> str | None:
    """Return the web address in a chunk's metadata (`url`, `link` or `source`), if it is safe.

    Only `http` and `https` addresses with a host are, without white space and characters that
    cannot be seen. The address still has to be escaped for where it is put.

    Args:
        metadata: The metadata of a chunk, document or node.
    """
    values = (metadata.get(key) for key in _KEYS)
    return next((link for link in values if isinstance(link, str) and _is_safe(link)), None)


def cited_link(metadata: Mapping[str, Any], text: str, part: Part = "text") -> str | None:
    """Return the web address of a chunk, opened at what is cited from it, if it is safe.

    Args:
        metadata: The chunk's metadata.
        text: What is cited.
        part: What of the chunk that is; a page does not show its metadata.
    """
    link = web_link(metadata)
    return link if link is None or part == "metadata" else text_link(link, text)


def text_link(address: str, text: str) -> str:
    """Return a web address that opens a page at a text, which browsers then highlight.

    Longer texts are named by their first and their last words, rows by their first and last cell;
    marks of Markdown and tags of HTML are left out, as a page does not show them. Where the page
    does not hold the text, it is opened all the same.
    See https://wicg.github.io/scroll-to-text-fragment/.

    Args:
        address: The address of the page, escaped as it is.
        text: What is cited from it.
    """
    cells = [words for each in _as_shown(text) if (words := each.split())]
    if not cells or ":~:" in address:
        return address
    parts = [cells[0]]
    if len(cells) > 1 or len(cells[0]) > 2 * _EDGE_WORDS:
        parts = [cells[0][:_EDGE_WORDS], cells[-1][-_EDGE_WORDS:]]
    named = ",".join(_quoted(" ".join(part)) for part in parts)
    return f"{address}{'' if '#' in address else '#'}:~:text={named}"


def _as_shown(text: str) -> list[str]:
    """Return a text as a page shows it, without marks; of a row, the cells."""
    bare = text.strip()
    if _TAG.search(bare):
        return [unescape(cell) for cell in _TAG.split(bare)]
    cells = _BAR.split(bare[1:-1]) if _ROW.fullmatch(bare) else [_MARKER.sub("", bare)]
    return [_MARK.sub("", _LINKED.sub(r"\1", cell)).replace("\\|", "|") for cell in cells]


def _quoted(text: str) -> str:
    """Escape a text for a fragment, where "-", "," and "&" have a meaning."""
    return quote(text.encode("utf-8", "replace"), safe="").replace("-", "%2D")


def _is_safe(link: str) -> bool:
    # A space is the only character that is both printable and white space.
    if not link.isprintable() or " " in link or "\\" in link:
        return False
    try:
        parts = urlsplit(link)
        return parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:  # no address, as with a bracket that is never closed
        return False
