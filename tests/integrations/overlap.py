"""An engine without a model: a source carries the words that it shares with the answer.

It finds the chunks in the prompt as an engine does, so it shows whether the right ones are found.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

import numpy as np

from attribot_integrations.context.locating import ChunkLocation, capture_prompt
from attribot_integrations.context.prompts import ContextTemplate
from attribot_integrations.context.sources import SourceSet, as_chunks
from attribot_integrations.requests.options import AttributionRequest
from attribot_integrations.results import Attribution, Cost
from attribot_integrations.results.citations import make_citations
from attribot_integrations.results.policies import CiteDependence
from attribot_integrations.results.showing import numbered_as_shown
from attribot_integrations.results.statements import find_statements, statement_scores
from attribot_integrations.results.support import Support

__all__ = ["OverlapEngine"]


@dataclass
class OverlapEngine:
    """Cites the sources that hold numbers and names of a statement."""

    requests: list[AttributionRequest] = field(default_factory=list)

    def attribute_request(self, request: AttributionRequest) -> Attribution:
        self.requests.append(request)
        chunks = as_chunks(request.chunks)
        locations: tuple[ChunkLocation, ...] = ()
        if request.prompt is None or callable(request.prompt):
            context = SourceSet.build(chunks)
            (request.prompt or ContextTemplate())(request.question, context)
        else:
            _, context, locations = capture_prompt(
                request.prompt, chunks, question=request.question
            )
        sources = context.at(("sentence",))
        words = list(re.finditer(r"\w+", request.answer))
        spans = [word.span() for word in words]
        scores = np.array(
            [[_carries(source.text, word.group()) for word in words] for source in sources],
            dtype=np.float32,
        ).reshape(len(sources), len(words))
        statements = find_statements(request.answer, spans, given=request.statements)
        exact = np.ones(len(sources), dtype=np.bool_)
        citations = make_citations(
            CiteDependence(),
            statements,
            chunks,
            sources,
            statement_scores(scores, statements),
            exact,
        )
        cited = {citation.statement_index for citation in citations}
        support = tuple(
            Support(each.index, "supported" if each.index in cited else "unsupported", -1.0, -9.0)
            for each in statements
        )
        log_probs = np.full(len(words), -0.1, dtype=np.float32)
        return Attribution(
            question=request.question,
            answer=request.answer,
            chunks=chunks,
            sources=sources,
            statements=statements,
            scores=scores,
            exact=exact,
            estimands=tuple("target_loo" for _ in sources),
            token_spans=tuple(spans),
            token_log_probs=log_probs,
            token_log_probs_without_context=log_probs - 1,
            citations=numbered_as_shown(citations, support),
            method="overlap",
            cost=Cost(0.0, ()),
            locations=locations,
            id=request.id,
            support=support,
        )


def _carries(source: str, word: str) -> float:
    """Return 2 nats for a number or name that the source holds, else none."""
    telling = word.isdigit() or (word[:1].isupper() and word not in ("The", "In", "A"))
    return 2.0 * (telling and re.search(rf"\b{re.escape(word)}\b", source) is not None)
