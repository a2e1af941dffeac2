"""What takes part in the comparison of ways to attribute real answers, ours and others'."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from attribot_integrations.evaluation.baselines_lasso import RandomAblationLasso
from attribot_integrations.evaluation.screen_rows import request_of
from attribot_integrations.methods import (
    METHODS,
    AttentionScreen,
    Knockout,
    LearnedAttention,
    Method,
    ScreenAndRescore,
)
from attribot_integrations.scoring.language_model import in_process
from attribot_integrations.scoring.scorer import Scorer
from benchmarks.ways import spread

if TYPE_CHECKING:
    from attribot_integrations import AttributionEngine
    from attribot_integrations.evaluation.cases import Case
    from attribot_integrations.results import FloatArray
    from attribot_integrations.scoring.capabilities import PathName

__all__ = ["Entrant", "Found", "entrants"]

_SAMPLE = 4
"""Ablations that the loops run; their time and tokens stand for all."""


@dataclass(frozen=True, eq=False)
class Found:
    """What a way gave for one answer."""

    tokens: float
    """Tokens through any model."""
    weighted: float
    """Tokens times parameters of the model they went through."""
    scores: FloatArray | None = None
    """`[sources]`, for the whole answer; `None` of what only costs."""
    share: float = 1.0
    """Part of the work that was run; cost is extrapolated from it."""


@dataclass(frozen=True)
class Entrant:
    """One way, which is run once on each answer."""

    name: str
    group: str
    """`loop`, `rival`, `ours` or `generation`."""
    run: Callable[[AttributionEngine, Case], Found]


def entrants(
    screen: AttentionScreen | None, ablated: FloatArray | None, *, has_proxy: bool
) -> tuple[Entrant, ...]:
    """Return all ways for a pair of models.

    Args:
        screen: The target's attention screen, if it has one.
        ablated: Weights of heads learned on random ablations, `[heads]`, for the same model.
        has_proxy: Whether there is a proxy.
    """
    rivals: dict[str, Method] = {
        "AttriBoT: proxy, hierarchy, pruning" if has_proxy else "AttriBoT: hierarchy, pruning": (
            METHODS["attribot" if has_proxy else "hierarchical"]
        ),
        "ContextCite, 32 ablations": RandomAblationLasso(32),
    }
    ours: dict[str, Method] = {name: METHODS[name] for name in ("exact", "balanced", "knockout")}
    if has_proxy:
        ours["fast"] = METHODS["fast"]
    if screen is not None:
        learned = LearnedAttention(screen)
        ours |= {
            "instant": learned,
            "instant, rescored": ScreenAndRescore(Knockout(after=learned), at_least=1),
        }
        even = replace(screen, weights=np.ones_like(screen.weights))
        rivals["mean attention"] = LearnedAttention(even)
        if ablated is not None:
            rivals["AT2: attention learned on ablations"] = LearnedAttention(
                replace(screen, weights=ablated)
            )
    return (
        Entrant("naive loop", "loop", _loop("plain")),
        Entrant("cached loop", "loop", _loop("cached")),
        *(Entrant(name, "rival", _method(method)) for name, method in rivals.items()),
        *(Entrant(name, "ours", _method(method)) for name, method in ours.items()),
        Entrant("generate the answer", "generation", _generate),
    )


def _loop(path: PathName) -> Callable[[AttributionEngine, Case], Found]:
    # One full prompt is as long as two average suffixes.
    overhead = 1 if path == "plain" else 2

    def run(engine: AttributionEngine, case: Case) -> Found:
        scorer = Scorer(case.inputs.model, case.prompt, case.example.answer, path=path)
        count = len(case.sources)
        chosen = spread(count, _SAMPLE)
        scorer.score([frozenset(case.sources[place].sentence_ids) for place in chosen])
        share = (len(chosen) + overhead) / (count + overhead)
        tokens = float(scorer.cost.tokens)
        return Found(tokens, tokens * case.inputs.model.parameters, share=share)

    return run


def _method(method: Method) -> Callable[[AttributionEngine, Case], Found]:
    def run(engine: AttributionEngine, case: Case) -> Found:
        options = replace(case.options, method=method, alternatives=None)
        result = engine.attribute_request(request_of(case.example), options=options)
        models = result.cost.models
        return Found(
            float(sum(each.tokens for each in models)),
            float(sum(each.tokens * each.parameters for each in models)),
            result.source_scores,
        )

    return run


def _generate(engine: AttributionEngine, case: Case) -> Found:
    model: Any = in_process(engine.target).model
    prompt = torch.tensor([case.inputs.prompt_ids], device=model.device)
    length = len(case.inputs.answer_ids)
    model.generate(
        prompt,
        attention_mask=torch.ones_like(prompt),
        do_sample=False,
        min_new_tokens=length,
        max_new_tokens=length,
        pad_token_id=0,
    )
    tokens = float(prompt.numel() + length - 1)
    return Found(tokens, tokens * case.inputs.model.parameters)
