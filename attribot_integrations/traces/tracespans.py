"""One step of a trace, whichever tool wrote it down: what each reader fills."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from attribot_integrations.context.sources import Chunk
from attribot_integrations.errors import DataFileError
from attribot_integrations.traces.messages import answer_text, chat_messages, question_text
from attribot_integrations.traces.retrieval import documents_of

__all__ = ["Kind", "SpanReader", "TraceSpan", "filled", "kind_of", "ordered"]

Kind = Literal["llm", "retriever", "reranker", "other"]
"""What a step does, as far as that matters here."""

_KINDS: Mapping[str, Kind] = {
    "llm": "llm",  # LangSmith, OpenInference, MLflow
    "chat_model": "llm",  # MLflow
    "generation": "llm",  # Langfuse
    "chat": "llm",  # OpenTelemetry's gen_ai.operation.name, this and the next two
    "text_completion": "llm",
    "generate_content": "llm",
    "completion": "llm",
    "retriever": "retriever",
    "retrieval": "retriever",  # OpenTelemetry
    "reranker": "reranker",
}


@dataclass(frozen=True)
class TraceSpan:
    """A run, span or observation."""

    trace: str
    """Id of the trace that it belongs to."""
    id: str
    parent: str | None
    """Id of the step that it is a part of; `None` for a whole trace."""
    kind: Kind
    number: int
    """Which record of the file it stands in, from 1."""
    start: str = ""
    """When it began, in a form that sorts as time does within one file; blank if unknown."""
    question: str | None = None
    """The text that went in, if it is one."""
    answer: str | None = None
    """The text that came out, if it is one."""
    prompt: list[dict[str, str]] | None = None
    """The messages that a model was given."""
    documents: tuple[Chunk | None, ...] = ()
    """What was retrieved, or kept by a reranker; `None` for one without a text."""
    given: tuple[Chunk | None, ...] = ()
    """What a reranker chose from."""
    failed: bool = False
    """Whether it ended with an error."""
    project: str | None = None
    """Id of the project, where a tool needs it to find the step again."""

    @property
    def finds(self) -> bool:
        """Whether it retrieved or kept documents."""
        return self.kind in ("retriever", "reranker") and bool(self.documents)


SpanReader = Callable[[Mapping[str, Any], int], Iterator[TraceSpan | DataFileError]]
"""Reads the steps in a record, given the record and its number; what is wrong with one step is
yielded in its place, what is wrong with the record is raised as `DataFileError`."""


def kind_of(name: object) -> Kind:
    """Return what a tool's name for a kind of step means."""
    return _KINDS.get(name.lower(), "other") if isinstance(name, str) else "other"


def filled(span: TraceSpan, inputs: Any, outputs: Any) -> TraceSpan:
    """Return a step with what its inputs and outputs hold, where that is not known already.

    Args:
        span: The step.
        inputs: What went in, as plain data.
        outputs: What came out, likewise.
    """
    prompt = span.prompt
    if span.kind == "llm" and prompt is None:
        prompt = chat_messages(inputs)
    documents = span.documents
    if span.kind in ("retriever", "reranker") and not documents:
        documents = documents_of(outputs)
    return replace(
        span,
        question=span.question or question_text(inputs),
        answer=span.answer or answer_text(outputs),
        prompt=prompt,
        documents=documents,
    )


def ordered(time: object) -> str:
    """Return a time as a text that sorts as times of one file do.

    Args:
        time: Nanoseconds or the like as a number, also as text, or a date as text.
    """
    if isinstance(time, int | float) and not isinstance(time, bool):
        return f"{time:040.6f}" if abs(time) < 1e30 else ""
    if isinstance(time, str):
        return time.rjust(33, "0") + ".000000" if time.isdecimal() and len(time) < 33 else time
    return ""
