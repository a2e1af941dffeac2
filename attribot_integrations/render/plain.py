"""An attribution as plain text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attribot_integrations.render.chunks import chunk_name
from attribot_integrations.render.evidence import basis_words, carried_lines, evidence
from attribot_integrations.render.marks import Mark, cited_sources, marked_answer
from attribot_integrations.render.text import nats, one_line, visible

if TYPE_CHECKING:
    from attribot_integrations.render.marks import CitedSource
    from attribot_integrations.results import Attribution

__all__ = ["answer_with_markers", "cited_text", "marker"]


def marker(mark: Mark) -> str:
    """Return a citation mark as text: `[1]`, or `[1|3]` where either is enough."""
    return f"[{'|'.join(map(str, mark.numbers))}]"


def answer_with_markers(attribution: Attribution) -> str:
    """Return the answer with `[n]` behind every cited statement.

    A statement that is labelled other than `supported` has its label in parentheses behind it, and
    so have remarks, such as that it was known to the model anyway.
    """
    marked = marked_answer(attribution)
    parts: list[str] = []
    for passage in marked.passages:
        named = f"{passage.path}: " if passage.path else ""
        parts += [passage.before, named, passage.text]
        parts += [" ", *map(marker, passage.marks)] if passage.marks else []
        parts += [f" ({passage.note})"] if passage.note else []
    return "".join(parts) + marked.tail


def cited_text(attribution: Attribution) -> str:
    """Return the answer with numbered citations; below, the cited sentences with scores, and notes.

    Where a verifier was asked, each cited sentence says why it is cited, and what the verifier says
    stands beside the score.

    Control characters of retrieved text are shown as spaces, so that it cannot steer a terminal.
    """
    lines = [visible(answer_with_markers(attribution))]
    cited = cited_sources(attribution)
    lines_of_sources = [_line(attribution, each) for each in cited]
    for block in (lines_of_sources, carried_lines(attribution), attribution.notes):
        if block:
            lines += ["", *map(one_line, block)]
    return "\n".join(lines)


def _line(attribution: Attribution, source: CitedSource) -> str:
    basis = basis_words(attribution, source.basis)
    worth = [evidence(source.score, source.basis, source.states)]
    if source.sufficiency is not None:
        worth.append(f"{nats(source.sufficiency)} alone")
    if not source.exact:
        worth.append("approximate")
    name = chunk_name(attribution.chunks[source.chunk_index], source.chunk_index, source.part)
    why = f"{basis}: " if basis else ""
    return f"[{source.number}] {name}: {source.quote} ({why}{', '.join(worth)})"
