"""Attributions made by hand: what each chunk is worth to each statement, without a model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from attribot_integrations.context.locating import ChunkLocation, capture_prompt
from attribot_integrations.context.sources import Chunk, SourceSet, as_chunks
from attribot_integrations.requests import AttributionRequest
from attribot_integrations.results import Alternatives, Attribution, Cost, ModelCost, Support
from attribot_integrations.results.statements import find_statements
from attribot_integrations.results.support import SupportLabel

CHUNKS = (
    "The harbour opened in 1962.",
    "The bridge shut in 1990.",
    "The harbour was opened in 1962, they say.",
    "Rivers are long.",
)


def hand_made(
    answer: str,
    scores: Mapping[tuple[int, int], float],
    chunks: Sequence[str | Chunk] = CHUNKS,
    *,
    stated: Mapping[tuple[int, int], float] | None = None,
    labels: Mapping[int, SupportLabel] | None = None,
    equal: Sequence[tuple[int, tuple[int, ...]]] = (),
    words: Mapping[tuple[int, str], float] | None = None,
) -> Attribution:
    """Build a result by hand; characters are tokens, each chunk is one sentence.

    Args:
        answer: The answer.
        scores: Nats by chunk and statement; they stand on the statement's first character.
        chunks: The chunks.
        stated: The verifier's word by chunk and statement; 0 for others, `None` without one.
        labels: Labels by statement.
        equal: Groups of chunks that are equal for a statement.
        words: Nats by chunk and a word of the answer, which stand on its first character.
    """
    wrapped = as_chunks(chunks)
    sources = SourceSet.build(wrapped).at(("sentence",))
    spans = tuple((index, index + 1) for index in range(len(answer)))
    statements = find_statements(answer, spans)
    values = np.zeros((len(sources), len(answer)), dtype=np.float32)
    for (chunk, statement), score in scores.items():
        values[chunk, statements[statement].start] = score
    for (chunk, word), score in (words or {}).items():
        values[chunk, answer.index(word)] = score
    said = None
    if stated is not None:
        said = np.zeros((len(sources), len(statements)), dtype=np.float32)
        for (chunk, statement), value in stated.items():
            said[chunk, statement] = value
    return Attribution(
        question="What happened?",
        answer=answer,
        chunks=wrapped,
        sources=sources,
        statements=statements,
        scores=values,
        exact=np.ones(len(sources), dtype=np.bool_),
        estimands=tuple("target_loo" for _ in sources),
        token_spans=spans,
        token_log_probs=np.full(len(answer), -0.125, dtype=np.float32),
        token_log_probs_without_context=np.full(len(answer), -1.0, dtype=np.float32),
        citations=(),
        method="exact",
        cost=Cost(0.25, (ModelCost("models/target", 1_000, 1_200, 3, 6_000),)),
        alternatives=tuple(
            Alternatives(statement, ids, tuple(1.0 for _ in ids), 3.0) for statement, ids in equal
        ),
        support=tuple(Support(index, label, -1.0, -9.0) for index, label in (labels or {}).items()),
        stated=said,
        verifier=None if said is None else "by hand",
    )


@dataclass
class HandMadeEngine:
    """Attributes by hand, by chunk and statement, and remembers what it was asked."""

    scores: Mapping[tuple[int, int], float]
    asked: list[AttributionRequest] = field(default_factory=list)

    def attribute_request(self, request: AttributionRequest) -> Attribution:
        """Return the attribution of a request; the last sentence of a chunk has its score."""
        self.asked.append(request)
        chunks = as_chunks(request.chunks)
        prompt = request.prompt
        locations: tuple[ChunkLocation, ...] = ()
        if isinstance(prompt, str | list):
            locations = tuple(capture_prompt(prompt, chunks)[2])
        rows = {
            source.chunk_index: row
            for row, source in enumerate(SourceSet.build(chunks).at(("sentence",)))
        }
        scores = {
            (rows[chunk], statement): each for (chunk, statement), each in self.scores.items()
        }
        return replace(hand_made(request.answer, scores, chunks), locations=locations)
