"""What opens behind a citation mark, as plain data; nothing in it is escaped yet."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from attribot_integrations.context.links import cited_link
from attribot_integrations.render.chunks import chosen_metadata
from attribot_integrations.render.evidence import (
    basis_of,
    basis_words,
    dependence,
    share,
    states_of,
)
from attribot_integrations.render.frames import below_frame, frame_above
from attribot_integrations.render.text import nats, one_line

if TYPE_CHECKING:
    from attribot_integrations.context.retrieved import Chunk
    from attribot_integrations.results import Attribution, Basis, Citation

__all__ = ["Card", "citation_worth", "make_card"]

_LONG_QUOTE = 280


@dataclass(frozen=True)
class Card:
    """A citation as shown behind a statement."""

    number: int
    anchor: str
    """Id of the source that it points to."""
    id: str
    name: str
    link: str | None
    quotes: tuple[str, ...]
    notes: tuple[str, ...]
    metadata: tuple[tuple[str, str], ...]
    """Keys of the chunk's metadata that are to be shown, with their values."""
    basis: Basis
    why: str | None
    """Why it is cited, in words; `None` where that goes without saying."""


def citation_worth(citations: Iterable[Citation]) -> float:
    """Return what a statement loses without the sources of one number, in nats.

    Chunks of the same text share a number; what several of them say counts once.

    Args:
        citations: Citations of one statement that have one number.
    """
    worth: dict[str, float] = {}
    for each in citations:
        text = " ".join(each.text.split())
        worth[text] = max(each.score, worth.get(text, each.score))
    return sum(worth.values())


def make_card(
    attribution: Attribution,
    citations: Sequence[Citation],
    *,
    id: str,
    anchor: str,
    name: str,
    numbers: Sequence[int],
    carried: str | None,
    metadata: Sequence[str],
) -> Card:
    """Make the card of the citations of one statement that have one number.

    Args:
        attribution: Where they come from.
        citations: The citations, at least one.
        id: Id of the card.
        anchor: Id of the source below the answer.
        name: What the cited chunk is called.
        numbers: The numbers of the mark, each of which is enough.
        carried: What the statement's citations carry together.
        metadata: Keys of the chunk's metadata that are shown.
    """
    first = citations[0]
    chunk = attribution.chunks[first.chunk_index]
    quotes = [_quote(attribution.chunks[each.chunk_index], each) for each in citations]
    basis = basis_of(citations)
    why = basis_words(attribution, basis)
    return Card(
        number=first.number,
        anchor=anchor,
        id=id,
        name=name,
        link=cited_link(chunk.metadata, first.text, first.part),
        quotes=tuple(
            quote if len(quote) <= _LONG_QUOTE else f"{quote[:_LONG_QUOTE].rstrip()}…"
            for quote in dict.fromkeys(quotes)
        ),
        notes=_notes(citations, basis, why, numbers, carried),
        metadata=tuple(chosen_metadata(chunk, metadata)),
        basis=basis,
        why=why,
    )


def _quote(chunk: Chunk, citation: Citation) -> str:
    if citation.part == "metadata":
        return one_line(f"metadata: {citation.text}")
    frame = frame_above(chunk, citation.chunk_start, citation.chunk_end)
    return one_line(below_frame(frame, citation.text))


def _notes(
    citations: Sequence[Citation],
    basis: Basis,
    why: str | None,
    numbers: Sequence[int],
    carried: str | None,
) -> tuple[str, ...]:
    """Return what a card says below its quotations."""
    kind = "exact" if all(citation.exact for citation in citations) else "approximate"
    notes = [] if why is None else [why]
    notes.append(f"{dependence(citation_worth(citations), basis)} nats lost without it ({kind})")
    if basis != "states":
        part = min(1.0, sum(citation.share for citation in citations))
        notes.append(f"{part:.0%} of the statement")
    states = states_of(citations)
    if states is not None:
        notes.append(f"stated {share(states)}")
    if len(numbers) > 1:
        either = " or ".join(f"[{number}]" for number in numbers)
        notes.append(f"either {either} is enough")
    alone = [each.sufficiency for each in citations if each.sufficiency is not None]
    if alone:
        notes.append(f"{nats(max(alone))} nats from it alone")
    return tuple(notes if carried is None else [*notes, carried])
