"""Stand-ins for an engine, where only what is done with scores matters."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from attribot_integrations.context.sources import Chunk, SourceSet, as_chunks
from attribot_integrations.filtering import ChunkScores, SentenceRelevance
from attribot_integrations.results.parts import Cost

if TYPE_CHECKING:
    from attribot_integrations.filtering import Granularity, RelevanceSignal, SignalName


@dataclass
class MarkedScorer:
    """Takes the number behind "@" in a sentence for its relevance, else 0."""

    error: Exception | None = None
    release: threading.Event | None = None
    """What a call waits for."""
    questions: list[str] = field(default_factory=list)
    threads: list[str] = field(default_factory=list)
    seen: list[tuple[Chunk, ...]] = field(default_factory=list)

    def score_chunks(
        self,
        question: str,
        chunks: Sequence[str | Chunk],
        *,
        signal: RelevanceSignal | SignalName,
        granularity: Granularity,
    ) -> ChunkScores:
        self.questions.append(question)
        self.threads.append(threading.current_thread().name)
        if self.release is not None:
            assert self.release.wait(10)
        if self.error is not None:
            raise self.error
        wrapped = as_chunks(chunks)
        self.seen.append(wrapped)
        relevance = np.zeros(len(wrapped), dtype=np.float32)
        sentences = []
        for one in SourceSet.build(wrapped).sentences:
            marked = one.text.partition("@")[2].rstrip(".")
            value = float(marked) if marked else 0.0
            relevance[one.chunk_index] = max(relevance[one.chunk_index], value)
            sentences.append(SentenceRelevance(one.chunk_index, one.start, one.end, value))
        return ChunkScores(
            question=question,
            chunks=wrapped,
            relevance=relevance,
            sentences=tuple(sentences) if granularity == "sentence" else (),
            signal=str(signal),
            draft=None,
            cost=Cost(0.0, ()),
        )
