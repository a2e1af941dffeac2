"""The demo's facts, questions and answers without any framework."""

from __future__ import annotations

from dataclasses import dataclass

from attribot_integrations.context.prompts import DEFAULT_TEMPLATE, Prompt, PromptMessage, Segment
from attribot_integrations.demo.showcase import DemoFacts, demo_facts, rank
from attribot_integrations.engine import AttributionEngine
from attribot_integrations.results import Attribution

__all__ = ["PlainDemo"]

_MAX_NEW_TOKENS = 64


@dataclass(frozen=True)
class PlainDemo:
    """Finds chunks for a question, has the engine's target answer from them, and attributes that.

    Args:
        engine: The engine.
        k: Number of chunks found for a question.
    """

    engine: AttributionEngine
    k: int = 4

    @property
    def facts(self) -> DemoFacts:
        """What is searched, and what can be asked."""
        return demo_facts()

    def ask(self, question: str) -> Attribution:
        """Answer a question, and say what the answer depends on.

        Raises:
            AttribotError: If the answer cannot be attributed.
        """
        chunks = self.facts.chunks
        found = [chunks[at] for at in rank(question, [chunk.text for chunk in chunks])[: self.k]]
        context = "\n\n".join(chunk.text for chunk in found)
        text = DEFAULT_TEMPLATE.format(context=context, question=question)
        prompt = Prompt((PromptMessage("user", (Segment(text),)),))
        answer = self.engine.target.draft(prompt, _MAX_NEW_TOKENS).text
        return self.engine.attribute(question, found, answer)
