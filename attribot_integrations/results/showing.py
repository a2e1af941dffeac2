"""Which citations outputs show, and in which order they are numbered."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from attribot_integrations.results.parts import Citation
from attribot_integrations.results.support import DENIED, Support

__all__ = ["numbered_as_shown", "shown_citations"]


def shown_citations(
    citations: Sequence[Citation], support: Sequence[Support]
) -> tuple[Citation, ...]:
    """Return the citations of the statements that no label denies support."""
    denied = {each.statement_index for each in support if each.label in DENIED}
    return tuple(each for each in citations if each.statement_index not in denied)


def numbered_as_shown(
    citations: Sequence[Citation], support: Sequence[Support]
) -> tuple[Citation, ...]:
    """Return the citations numbered by first appearance among those that are shown.

    The numbers of chunks that only statements without support cite come behind.
    """
    order = [*shown_citations(citations, support), *citations]
    numbers = dict.fromkeys(citation.number for citation in order)
    numbered = {number: place for place, number in enumerate(numbers, start=1)}
    return tuple(replace(each, number=numbered[each.number]) for each in citations)
