"""An answer by the target itself, attributed with what the target keeps of the prompt."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING

from attribot_integrations.engine.attributing import (
    attribute_answer,
    build_prompt,
    request_chunks,
)
from attribot_integrations.errors import EmptyAnswerError
from attribot_integrations.results import Cost

if TYPE_CHECKING:
    from attribot_integrations.requests.options import AttributionRequest, EngineOptions
    from attribot_integrations.results import Attribution
    from attribot_integrations.scoring.protocols import ScoringModel

__all__ = ["attribute_own_answer"]


def attribute_own_answer(
    target: ScoringModel,
    proxy: ScoringModel | None,
    request: AttributionRequest,
    options: EngineOptions,
    max_new_tokens: int,
) -> Attribution:
    """Have the target answer a request's question, and attribute the answer.

    Args:
        target: The model that answers, and whose dependence on the sources is measured.
        proxy: A smaller model that stands in for it where a method says so.
        request: The question with its chunks; its answer is not looked at.
        options: What to do with it.
        max_new_tokens: Most tokens of the answer.

    Raises:
        EmptyAnswerError: If the target writes nothing.
        InputError: As `attribute_answer`, whose other errors are raised, too.
    """
    started = time.perf_counter()
    chunks = request_chunks(request, options)
    prompt, _, _ = build_prompt(request, chunks, options)
    draft = target.draft(prompt, max_new_tokens)
    if not draft.text:
        raise EmptyAnswerError(f"{target.name} wrote no answer in {max_new_tokens} tokens")
    answered = replace(request, answer=draft.text)
    result = attribute_answer(target, proxy, answered, options, drafted=draft)
    own, *others = result.cost.models
    both = replace(own, tokens=own.tokens + draft.tokens, passes=own.passes + draft.passes)
    seconds = time.perf_counter() - started
    return replace(result, cost=Cost(seconds=seconds, models=(both, *others)))
