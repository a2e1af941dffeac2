"""Web addresses of chunks: which ones may be shown as a link, and of what is cited from them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import quote, urlsplit

from attribot_integrations.context.retrieved import Part

__all__ = ["cited_link", "text_link", "web_link"]

_KEYS: Final = ("url", "link", "source")
_EDGE_WORDS: Final = 5
"""Words at each end of a longer text by which a link names it."""


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

    Longer texts are named by their first and their last words. Where the page does not hold the
    text, it is opened all the same. See https://wicg.github.io/scroll-to-text-fragment/.

    Args:
        address: The address of the page, escaped as it is.
        text: What is cited from it.
    """
    words = text.split()
    if not words or ":~:" in address:
        return address
    parts = (
        [words] if len(words) <= 2 * _EDGE_WORDS else [words[:_EDGE_WORDS], words[-_EDGE_WORDS:]]
    )
    named = ",".join(_quoted(" ".join(part)) for part in parts)
    return f"{address}{'' if '#' in address else '#'}:~:text={named}"


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
