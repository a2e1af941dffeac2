"""Short documents on real subjects, written for this package, without any framework."""

from __future__ import annotations

from importlib.resources import files
from typing import Final

from attribot_integrations.context.sources import Chunk

__all__ = ["LIBRARY_QUESTIONS", "OUTSIDE_QUESTION", "library_chunks"]

LIBRARY_QUESTIONS: Final[tuple[str, ...]] = (
    "How long was the Suez Canal closed after the war of 1967?",
    "Who led the team at Oxford that took up penicillin?",
    "What happened to Albert Alexander?",
    "When was the Suez Canal opened?",
)
"""Questions that the documents answer. A small model may answer the last one with what they say of
another canal, which its citations then show."""

OUTSIDE_QUESTION: Final = "Who was the first person to walk on the Moon?"
"""A question that no document answers, though a language model may."""


def library_chunks() -> tuple[Chunk, ...]:
    """Return the paragraphs of all documents, with the title of each and its place in there."""
    found = []
    folder = files("attribot_integrations.demo") / "documents"
    for file in sorted(folder.iterdir(), key=lambda each: each.name):
        title, *paragraphs = file.read_text(encoding="utf-8").strip().split("\n\n")
        name = file.name.removesuffix(".txt")
        for number, text in enumerate(paragraphs, start=1):
            metadata = {"title": title, "paragraph": number}
            found.append(Chunk(text, id=f"{name}-{number}", metadata=metadata))
    return tuple(found)
