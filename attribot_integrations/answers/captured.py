"""What was captured of an answer: all that its attribution needs, whatever the framework."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from attribot_integrations.context.sources import Chunk, Span
from attribot_integrations.requests.options import conversation_of

if TYPE_CHECKING:
    from attribot_integrations.context.locating import CapturedPrompt
    from attribot_integrations.context.prompts import PromptTemplate

__all__ = ["UNSEEN", "CapturedAnswer", "MessagesOrText", "ModelCall"]

MessagesOrText = list[dict[str, str]] | str
"""Chat messages of the form `{"role": …, "content": …}`, or the text of a completion prompt."""

UNSEEN = "the prompt could not be captured"
"""Why there is no captured prompt, where nothing more is known."""


@dataclass
class ModelCall:
    """One call of a language model, as far as it was seen."""

    prompt: MessagesOrText | None = None
    """What the model was asked."""
    text: str | None = None
    """What it wrote; `None` while that is unknown, and where it called tools instead."""
    arguments: str = ""
    """What it called tools with, as JSON; structured output is often written so."""
    thoughts: str = ""
    """What it thought before, where the framework keeps that apart from what it wrote."""
    generator: str | None = None
    """Its name, where the framework reports it."""
    ended: bool = False
    """Whether all that it wrote is known."""
    tool_chunks: tuple[Chunk, ...] = ()
    """What tools wrote that it saw."""


@dataclass(frozen=True, kw_only=True)
class CapturedAnswer:
    """What was asked, retrieved and answered."""

    id: str
    """The framework's id of the run, or one that was made for it."""
    question: str
    """The user's question; "" if it is unknown."""
    chunks: tuple[Chunk, ...]
    """What was retrieved, in order; later changes to it do not reach these copies."""
    answer: str
    """The answer as the user received it."""
    prompt: CapturedPrompt | PromptTemplate | None = None
    """What the answering model saw, or what renders it with every chunk in its place; `None` if no
    single prompt explains the answer."""
    unseen: str = UNSEEN
    """Why there is no prompt, where there is none."""
    generator: str | None = None
    """Name of the model that wrote the answer, where the framework reports it."""
    generated_ids: tuple[int, ...] | None = None
    """Ids of prompt and answer, where the scoring model is the very one that wrote them; none if
    they are unknown."""
    calls: tuple[ModelCall, ...] = field(default=(), repr=False)
    """The model calls that were made for the answer, in order, as far as they were seen."""
    notes: tuple[str, ...] = ()
    """What had to be guessed."""
    problem: str | None = None
    """Why the answer cannot be attributed, where the framework's events tell."""
    kind: str = "chunks"
    """What the framework calls its chunks, in the plural, for messages."""
    left_out: frozenset[int] = frozenset()
    """Which chunks the answering model was not shown, as is known since other calls were."""
    steps: tuple[CapturedAnswer, ...] = field(default=(), repr=False)
    """What the model had written before and was shown for this answer, each with what that rests
    on; of the same chunks."""
    parts: tuple[tuple[int, CapturedAnswer], ...] = field(default=(), repr=False)
    """What the answer was put together from, without a model: where each part starts in it."""
    statements: tuple[Span, ...] | None = None
    """Where the answer's statements are, if that is known, such as the fields of an output."""
    thoughts: str = field(default="", repr=False)
    """What the model thought before it wrote the answer, where the answer does not hold that."""
    paths: tuple[str, ...] = ()
    """Which field of the output each of those statements is, as JSONPath."""

    def nothing_to_do(self, engine: object = None) -> str | None:
        """Return why the answer cannot be attributed, `None` if it can be.

        Args:
            engine: What will attribute it. If its options count the conversation among the sources,
                it needs no chunks where the answering model was shown one.
        """
        if not self.chunks and conversation_of(engine) and isinstance(self.prompt, list):
            return None if self.answer.strip() else "the answer is blank"
        if self.problem is not None:
            return self.problem
        if not self.chunks:
            return f"no {self.kind} were retrieved"
        if not any(chunk.text.strip() for chunk in self.chunks):
            return f"none of the {len(self.chunks)} retrieved {self.kind} holds text"
        return None if self.answer.strip() else "the answer is blank"
