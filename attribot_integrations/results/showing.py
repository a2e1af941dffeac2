"""Which citations outputs show, and in which order they are numbered."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from attribot_integrations.results.parts import Basis, Citation
from attribot_integrations.results.support import DENIED, Support, SupportLabel

__all__ = ["is_shown", "numbered_as_shown", "shown_citations"]


def is_shown(label: SupportLabel | None, basis: Basis) -> bool:
    """Tell whether a statement of some label shows a citation of some basis.

    What the model knows anyway may still be stated in a document, and then that is shown. Of an
    `unsupported` statement nothing is.

    Args:
        label: The statement's label; `None` where statements are not labelled.
        basis: Why the source is cited.
    """
    if label == "parametric":
        return basis != "depends"
    return label not in DENIED


def shown_citations(
    citations: Sequence[Citation], support: Sequence[Support]
) -> tuple[Citation, ...]:
    """Return the citations that the labels of their statements do not deny, see `is_shown`."""
    labels = {each.statement_index: each.label for each in support}
    return tuple(
        each for each in citations if is_shown(labels.get(each.statement_index), each.basis)
    )


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
