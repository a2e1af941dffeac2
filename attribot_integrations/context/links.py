"""Web addresses of chunks: which ones may be shown as a link."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlsplit

__all__ = ["web_link"]

_KEYS: Final = ("url", "link", "source")


def web_link(metadata: Mapping[str, Any]) -> str | None:
    """Return the web address in a chunk's metadata (`url`, `link` or `source`), if it is safe.

    Only `http` and `https` addresses with a host are, without white space and characters that
    cannot be seen. The address still has to be escaped for where it is put.

    Args:
        metadata: The metadata of a chunk, document or node.
    """
    values = (metadata.get(key) for key in _KEYS)
    return next((link for link in values if isinstance(link, str) and _is_safe(link)), None)


def _is_safe(link: str) -> bool:
    # A space is the only character that is both printable and white space.
    if not link.isprintable() or " " in link or "\\" in link:
        return False
    try:
        parts = urlsplit(link)
        return parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:  # no address, as with a bracket that is never closed
        return False
