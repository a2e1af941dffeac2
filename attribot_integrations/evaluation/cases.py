"""One example made ready: its prompt, naive leave-one-out, and what ablations do to the answer."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from attribot_integrations.context.prompts import Prompt, render
from attribot_integrations.engine.attributing import build_prompt
from attribot_integrations.evaluation.baselines import BaselineInput
from attribot_integrations.requests.options import AttributionRequest
from attribot_integrations.scoring.language_model import in_process
from attribot_integrations.scoring.scorer import Scorer

if TYPE_CHECKING:
    from attribot_integrations.context.sources import Source, SourceSet
    from attribot_integrations.engine import AttributionEngine
    from attribot_integrations.evaluation.examples import EvaluationExample
    from attribot_integrations.requests.options import EngineOptions
    from attribot_integrations.results import FloatArray
    from attribot_integrations.scoring.language_model import LanguageModel

__all__ = ["Case", "Naive", "answers_greedily", "naive_leave_one_out", "prepare_case"]


@dataclass(frozen=True)
class Naive:
    """Naive leave-one-out: one pass for each source and one for the full prompt, no cache."""

    scores: FloatArray
    """`[sources]`, in nats, for the whole answer."""
    log_likelihood: float
    """Of the answer, with the full context, in nats."""
    tokens: int
    passes: int
    seconds: float


@dataclass(frozen=True)
class Case:
    """An example as the target sees it."""

    example: EvaluationExample
    sources: tuple[Source, ...]
    """The sentences."""
    scorer: Scorer
    """Scorer of the target by its fast path, for questions that all contenders share."""
    inputs: BaselineInput
    """What baselines are given."""
    options: EngineOptions
    """What the engine is run with, but for the method."""
    prompt: Prompt


def prepare_case(engine: AttributionEngine, example: EvaluationExample) -> Case:
    """Build the prompt of an example just as the engine does.

    Raises:
        InputError: If the example cannot be attributed.
    """
    options = replace(engine.options, method=None, levels=("sentence",), splitter=example.splitter)
    prompt, sources = _prompt(example, options)
    model = in_process(engine.target)
    scorer = Scorer(model, prompt, example.answer, token_budget=options.token_budget)
    leading, segments = model.encoder.segments(prompt)
    ids = (*leading, *model.encoder.encode([render(segments)])[0].ids)
    inputs = BaselineInput(
        question=example.question,
        answer=example.answer,
        sources=sources.sentences,
        model=model,
        prompt_ids=ids,
        answer_ids=scorer.answer.ids,
        sentence_tokens=scorer.layout().sentences(),
    )
    return Case(example, sources.sentences, scorer, inputs, options, prompt)


def naive_leave_one_out(case: Case) -> Naive:
    """Run the reference that fidelity and cost are measured against."""
    started = time.perf_counter()
    prompt, _ = _prompt(case.example, case.options)  # part of what the engine does for a method
    scorer = Scorer(case.inputs.model, prompt, case.example.answer, path="plain")
    result = scorer.score([frozenset(source.sentence_ids) for source in case.sources])
    seconds = time.perf_counter() - started
    return Naive(
        scores=np.asarray(result.drops.sum(axis=1), dtype=np.float32),
        log_likelihood=float(result.reference[0].sum()),
        tokens=scorer.cost.tokens,
        passes=scorer.cost.passes,
        seconds=seconds,
    )


def answers_greedily(inputs: BaselineInput) -> bool:
    """Tell whether greedy decoding from the full prompt gives the answer, and then ends.

    That is so if each token of the answer is the likeliest behind those before it, and an end
    token behind the last, which takes a single pass and no generation. An answer that says the
    same in other words does not count.
    """
    import torch

    model, answer = inputs.model.model, inputs.answer_ids
    tokens = torch.tensor([[*inputs.prompt_ids, *answer]], device=inputs.model.forward.device)
    with inputs.model.lock, torch.inference_mode():
        logits = model(input_ids=tokens, use_cache=False).logits[0, len(inputs.prompt_ids) - 1 :]
    likeliest = logits.argmax(dim=-1).tolist()
    ends = _end_ids(inputs.model)
    return likeliest[:-1] == list(answer) and (not ends or likeliest[-1] in ends)


def _prompt(example: EvaluationExample, options: EngineOptions) -> tuple[Prompt, SourceSet]:
    asked = AttributionRequest(example.question, example.chunks, example.answer, example.prompt)
    prompt, sources, _ = build_prompt(asked, example.chunks, options)
    return prompt, sources


def _end_ids(model: LanguageModel) -> set[int]:
    for config in (model.model.generation_config, model.model.config):
        found = getattr(config, "eos_token_id", None)
        if found is not None:
            return {found} if isinstance(found, int) else set(found)
    return set()
