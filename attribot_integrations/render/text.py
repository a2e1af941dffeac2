"""An attribution as plain text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attribot_integrations.context.sources import clean_text
from attribot_integrations.render.marks import Mark, cited_sources, marked_answer

if TYPE_CHECKING:
    from attribot_integrations.results import Attribution

__all__ = [
    "answer_with_markers",
    "cited_text",
    "marker",
    "model_name",
    "nats",
    "one_line",
    "visible",
]


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
    """Return the answer with numbered citations, and the cited sentences with scores below.

    Control characters of retrieved text are shown as spaces, so that it cannot steer a terminal.
    """
    lines = [visible(answer_with_markers(attribution))]
    cited = cited_sources(attribution)
    if cited:
        lines.append("")
    for each in cited:
        title = attribution.chunks[each.chunk_index].title or f"chunk {each.chunk_index + 1}"
        worth = f"{nats(each.score)} nats"
        if each.sufficiency is not None:
            worth += f", {nats(each.sufficiency)} alone"
        lines.append(f"[{each.number}] {one_line(title)}: {one_line(each.text)} ({worth})")
    return "\n".join(lines)


def model_name(model: str) -> str:
    """Return the last part of a model's path or hub name, which tells a few models apart."""
    return one_line(model).replace("\\", "/").rstrip("/").rpartition("/")[2]


def nats(score: float) -> str:
    """Return a score with two digits, and no minus before zero."""
    return f"{round(score, 2) + 0.0:.2f}"


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
