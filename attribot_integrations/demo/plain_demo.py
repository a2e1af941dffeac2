"""The demo's questions without any framework."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attribot_integrations.demo.showcase import demo_facts, rank

if TYPE_CHECKING:
    from attribot_integrations.engine import AttributionEngine
    from attribot_integrations.results import Attribution

__all__ = ["ask"]


def ask(engine: AttributionEngine, question: str, *, k: int = 4) -> Attribution:
    """Find chunks, have an engine's target answer from them, and say what the answer depends on.

    Args:
        engine: The engine.
        question: One about the demo's facts.
        k: Number of chunks found.

    Raises:
        AttribotError: If the answer cannot be attributed.
    """
    chunks = demo_facts().chunks
    best = rank(question, [chunk.text for chunk in chunks])[:k]
    return engine.answer(question, [chunks[place] for place in best], max_new_tokens=64)
