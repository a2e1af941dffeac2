"""Attributions made by hand, without a model."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from attribot_integrations.context.sources import (
    Chunk,
    SentenceSplitter,
    SourceSet,
    as_chunks,
    split_sentences,
)
from attribot_integrations.results import Attribution, Cost, ModelCost
from attribot_integrations.results.citations import make_citations
from attribot_integrations.results.policies import CiteDependence
from attribot_integrations.results.statements import find_statements, statement_scores


def make_attribution(
    question: str,
    chunks: Sequence[str | Chunk],
    answer: str,
    *,
    score: float = 2.0,
    id: str | None = None,
    splitter: SentenceSplitter = split_sentences,
) -> Attribution:
    """Build a result by hand: each character is a token, and the first sentence has `score`."""
    wrapped = as_chunks(chunks)
    sources = SourceSet.build(wrapped, splitter).at(("sentence",))
    spans = tuple((index, index + 1) for index in range(len(answer)))
    statements = find_statements(answer, spans)
    scores = np.zeros((len(sources), len(answer)), dtype=np.float32)
    scores[0, 0] = score
    exact = np.ones(len(sources), dtype=np.bool_)
    return Attribution(
        question=question,
        answer=answer,
        chunks=wrapped,
        sources=sources,
        statements=statements,
        scores=scores,
        exact=exact,
        estimands=tuple("target_loo" for _ in sources),
        token_spans=spans,
        token_log_probs=np.full(len(answer), -0.125, dtype=np.float32),
        token_log_probs_without_context=np.full(len(answer), -1.0, dtype=np.float32),
        citations=make_citations(
            CiteDependence(),
            statements,
            wrapped,
            sources,
            statement_scores(scores, statements),
            exact,
        ),
        method="exact",
        cost=Cost(0.25, (ModelCost("models/target", 1_000, 1_200, 3, 6_000),)),
        id=id,
    )
