"""`GivenCitation`: a citation that an answer came with, whatever form it was given in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from attribot_integrations.context.sources import Span

__all__ = ["GivenAnswer", "GivenCitation"]


@dataclass(frozen=True)
class GivenCitation:
    """One source that an answer cites for a stretch of its text."""

    start: int
    """Offset in the answer of the first character of what it is cited for."""
    end: int
    """Offset in the answer behind what it is cited for."""
    chunk_index: int | None
    """Which chunk it is, from 0; `None` if it is none of them."""
    label: str
    """What the answer calls the source: a number, an id, a title, an address."""
    marker: Span | None = None
    """Where the mark stands in the answer; `None` for what is given beside the text. Several
    citations may have one mark, such as `[1, 3]`."""
    raw: Mapping[str, Any] | None = field(default=None, repr=False, hash=False)
    """What the provider gave; `None` for marks in the text."""


@dataclass(frozen=True)
class GivenAnswer:
    """An answer with the citations that it came with."""

    text: str
    citations: tuple[GivenCitation, ...]
