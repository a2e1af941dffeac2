"""An attribution as plain text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attribot_integrations.render.chunks import chunk_name
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

    A statement that is labelled other than `supported` has its label in parentheses behind it.
    """
    marked = marked_answer(attribution)
    parts: list[str] = []
    for passage in marked.passages:
        parts += [passage.before, passage.text]
        parts += [" ", *map(marker, passage.marks)] if passage.marks else []
        parts += [f" ({passage.doubt})"] if passage.doubt else []
    return "".join(parts) + marked.tail


def cited_text(attribution: Attribution) -> str:
    """Return the answer with numbered citations; below, the cited sentences with scores, and notes.

    Control characters of retrieved text are shown as spaces, so that it cannot steer a terminal.
    """
    lines = [visible(answer_with_markers(attribution))]
    cited = cited_sources(attribution)
    for block in ([_line(attribution, each) for each in cited], attribution.notes):
        if block:
            lines += ["", *map(one_line, block)]
    return "\n".join(lines)


def _line(attribution: Attribution, source: CitedSource) -> str:
    worth = [f"{nats(source.score)} nats"]
    if source.sufficiency is not None:
        worth.append(f"{nats(source.sufficiency)} alone")
    if not source.exact:
        worth.append("approximate")
    name = chunk_name(attribution.chunks[source.chunk_index], source.chunk_index, source.part)
    return f"[{source.number}] {name}: {source.text} ({', '.join(worth)})"
