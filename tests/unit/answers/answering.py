"""Captured answers, and what attributes them."""

from typing import Any

from attribot_integrations.answers import CapturedAnswer
from attribot_integrations.context.sources import Chunk

CHUNKS = (Chunk("Ada is old."), Chunk("Bea is young."))
PROMPT = "Ada is old.\n\nBea is young.\n\nWho is old?"


def captured(**changes: Any) -> CapturedAnswer:
    fields: dict[str, Any] = {
        "id": "one",
        "question": "Who is old?",
        "chunks": CHUNKS,
        "answer": "Ada is.",
        "prompt": PROMPT,
    }
    return CapturedAnswer(**(fields | changes))
