"""A stub in the engine's place, where only what becomes of an answer matters."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from attribot_integrations.context.locating import ChunkLocation, capture_prompt
from attribot_integrations.context.prompts import ContextTemplate, Prompt, render
from attribot_integrations.context.sources import Chunk, SourceSet, as_chunks
from attribot_integrations.engine.attributing import build_prompt
from attribot_integrations.requests.options import AttributionRequest, EngineOptions
from attribot_integrations.results import Attribution, Citation, Cost, Statement


@dataclass
class StubEngine:
    """Cites the first chunk for the whole answer, and keeps what it was asked.

    Raises `error` for captured prompts, or for all with `always`.
    """

    error: Exception | None = None
    always: bool = False
    requests: list[AttributionRequest] = field(default_factory=list)
    threads: list[str] = field(default_factory=list)
    prompts: list[str] = field(default_factory=list)
    """The text of each prompt, as it would be scored."""
    raws: list[bool] = field(default_factory=list)

    def attribute_request(self, request: AttributionRequest) -> Attribution:
        self.requests.append(request)
        self.threads.append(threading.current_thread().name)
        if self.error is not None and (self.always or request.prompt is not None):
            raise self.error
        chunks = as_chunks(request.chunks)
        prompt, locations = prompt_of(request, chunks)
        self.prompts.append(text_of(prompt))
        self.raws.append(prompt.raw)
        return attribution_of(request, chunks, locations)


def prompt_of(
    request: AttributionRequest, chunks: tuple[Chunk, ...]
) -> tuple[Prompt, Sequence[ChunkLocation]]:
    if request.prompt is None or callable(request.prompt):
        template = request.prompt or ContextTemplate()
        return template(request.question, SourceSet.build(chunks)), ()
    prompt, _, locations = capture_prompt(request.prompt, chunks, question=request.question)
    return prompt, locations


def text_of(prompt: Prompt, removed: frozenset[int] = frozenset()) -> str:
    return "\n\n".join(render(message.segments, removed).text for message in prompt.messages)


def attribution_of(
    request: AttributionRequest,
    chunks: tuple[Chunk, ...],
    locations: Sequence[ChunkLocation] = (),
) -> Attribution:
    """An attribution that cites the whole first chunk that holds text for the whole answer."""
    index = next(i for i, chunk in enumerate(chunks) if chunk.text.strip())
    chunk = chunks[index]
    citation = Citation(
        number=1,
        statement_index=0,
        source_id=0,
        chunk_index=index,
        chunk_id=chunk.id,
        answer_start=0,
        answer_end=len(request.answer),
        chunk_start=0,
        chunk_end=len(chunk.text),
        text=chunk.text,
        score=2.0,
        exact=True,
    )
    nothing = np.zeros(0, dtype=np.float32)
    return Attribution(
        question=request.question,
        answer=request.answer,
        chunks=chunks,
        sources=(),
        statements=(),
        scores=np.zeros((0, 0), dtype=np.float32),
        exact=np.zeros(0, dtype=np.bool_),
        estimands=(),
        token_spans=(),
        token_log_probs=nothing,
        token_log_probs_without_context=nothing,
        citations=(citation,),
        method="stub",
        cost=Cost(0.0, ()),
        locations=tuple(locations),
        id=request.id,
    )


@dataclass
class TurnEngine:
    """Counts all of the conversation among the sources, and cites every chunk for the answer."""

    options: EngineOptions = field(default_factory=lambda: EngineOptions(sources="all"))

    def attribute_request(self, request: AttributionRequest) -> Attribution:
        chunks = as_chunks(request.chunks, may_be_blank=True)
        prompt, sources, locations = build_prompt(request, chunks, self.options)
        self.look_at(prompt, sources)
        made = attribution_of(request, sources.chunks, locations)
        (first,) = made.citations
        cited = tuple(
            replace(
                first,
                number=number,
                chunk_index=whole.chunk_index,
                chunk_id=sources.chunks[whole.chunk_index].id,
                chunk_end=len(whole.text),
                text=whole.text,
                said=sources.chunks[whole.chunk_index].said,
            )
            for number, whole in enumerate(sources.whole_chunks, start=1)
        )
        statement = Statement(0, 0, len(request.answer), request.answer, (0, 0))
        return replace(made, citations=cited, statements=(statement,))

    def look_at(self, prompt: Prompt, sources: SourceSet) -> None:
        """Look at a prompt; for tests to override."""
