"""An attribution as plain text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attribot_integrations.sources import clean_text

if TYPE_CHECKING:
    from attribot_integrations.results import Attribution

__all__ = ["answer_with_markers", "cited_text", "one_line"]


def answer_with_markers(attribution: Attribution) -> str:
    """Return the answer with `[n]` behind every cited statement."""
    parts: list[str] = []
    offset = 0
    for statement in attribution.statements:
        parts.append(attribution.answer[offset : statement.end])
        numbers = dict.fromkeys(
            citation.number for citation in attribution.citations_of(statement.index)
        )
        parts += [" ", *(f"[{number}]" for number in numbers)] if numbers else []
        offset = statement.end
    return "".join(parts) + attribution.answer[offset:]


def cited_text(attribution: Attribution) -> str:
    """Return the answer with numbered citations, and the cited sentences with scores below.

    Control characters of retrieved text are shown as spaces, so that it cannot steer a terminal.
    """
    lines = [visible(answer_with_markers(attribution))]
    cited: dict[tuple[int, int], float] = {}
    for citation in attribution.citations:
        key = (citation.number, citation.source_id)
        cited[key] = cited.get(key, 0.0) + citation.score
    if cited:
        lines.append("")
    for (number, source_id), score in sorted(
        cited.items(), key=lambda item: (item[0][0], -item[1])
    ):
        source = attribution.sources[attribution.row(source_id)]
        title = attribution.chunks[source.chunk_index].title or f"chunk {source.chunk_index + 1}"
        lines.append(f"[{number}] {one_line(title)}: {one_line(source.text)} ({score:.2f} nats)")
    return "\n".join(lines)


def one_line(text: str) -> str:
    """Return text on one line, with control characters shown as spaces."""
    return " ".join(visible(text).split())


def visible(text: str) -> str:
    """Replace control characters but line breaks and tabs by spaces, lone surrogates by U+FFFD.

    The characters that join emoji, and join or part Persian or Indic letters, are kept.
    """
    return "".join(
        character if character.isprintable() or character in "\n\t\u200c\u200d" else " "
        for character in clean_text(text)
    )
