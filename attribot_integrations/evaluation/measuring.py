"""Runs every contender on one example, and measures each of them."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from attribot_integrations.errors import ConfigurationError
from attribot_integrations.evaluation.baselines_lasso import random_ablations
from attribot_integrations.evaluation.cases import (
    Case,
    Naive,
    answers_greedily,
    naive_leave_one_out,
    prepare_case,
)
from attribot_integrations.evaluation.dependence import dependence
from attribot_integrations.evaluation.gold import compare_with_gold
from attribot_integrations.evaluation.metrics import (
    OutlierRule,
    average_precision,
    pearson,
    spearman,
    top_agreement,
)
from attribot_integrations.results import ModelCost

if TYPE_CHECKING:
    from attribot_integrations.engine import AttributionEngine
    from attribot_integrations.evaluation.contenders import Contender
    from attribot_integrations.evaluation.examples import EvaluationExample
    from attribot_integrations.results import FloatArray

__all__ = ["ContenderOutcome", "MeasureOptions", "Row", "measure"]

Row = dict[str, Any]
"""What is kept of one example, ready for JSON."""
Values = dict[str, float | None]


@dataclass(frozen=True)
class MeasureOptions:
    """What is measured, and how."""

    min_score: float = 1.0
    """Least naive leave-one-out score, in nats, of a source that ought to be found. Where no source
    reaches it, rankings are noise, which `map` and `top1` leave out; `map_all` and `top1_all` count
    every example."""
    drop_counts: tuple[int, ...] = (1, 3)
    """How many of the best sources are removed together."""
    ablations: int = 16
    """Random ablations for the linear datamodelling score, the same for all contenders."""
    correct_only: bool = False
    """Whether to skip examples that the target answers otherwise when it decodes greedily."""
    seed: int = 0
    """Seed of the random ablations."""

    def __post_init__(self) -> None:
        if min(self.drop_counts, default=1) < 1 or self.ablations < 2:
            raise ConfigurationError(
                "drop_counts must be at least 1 and ablations at least 2, "
                f"got {self.drop_counts} and {self.ablations}"
            )

    @property
    def rules(self) -> Mapping[str, OutlierRule]:
        """Which sources ought to be found, by the name of the figure that says how well."""
        least = self.min_score
        return {
            "map": OutlierRule("deviations", 2.0, least),
            "map_all": OutlierRule("deviations", 2.0),
            "map_iqr": OutlierRule("interquartile", 1.5, least),
            "map_top1": OutlierRule("best", min_score=least),
        }


@dataclass(frozen=True)
class ContenderOutcome:
    """What one contender gave for one example, before it is judged."""

    scores: FloatArray
    """`[sources]`."""
    exact: npt.NDArray[np.bool_]
    """`[sources]`: whether the score is marked as exact."""
    cited: frozenset[tuple[int, int]] | None
    """Cited sentences by chunk and number; `None` for what cites nothing on principle."""
    supported: float | None
    """Share of the statements that are labelled as supported, 0 to 1; `None` likewise."""
    models: tuple[ModelCost, ...]
    seconds: float


def measure(
    engine: AttributionEngine,
    example: EvaluationExample,
    contenders: Sequence[Contender],
    options: MeasureOptions,
    index: int = 0,
) -> Row:
    """Run naive leave-one-out and every contender on one example.

    Args:
        engine: The models.
        example: The example.
        contenders: What is measured.
        options: How it is measured.
        index: Number of the example, which its random ablations depend on.

    Returns:
        The example's row; one without `"methods"` where the example was left out.

    Raises:
        InputError: If the example cannot be attributed.
        ModelError: If a contender cannot be run on this model.
    """
    case = prepare_case(engine, example)
    row = _describe(case, index)
    if options.correct_only and not row["answered_right"]:
        return row
    naive = naive_leave_one_out(case)
    outliers = {name: rule.outliers(naive.scores) for name, rule in options.rules.items()}
    outcomes = {each.name: _run(engine, case, each) for each in contenders}
    kept = random_ablations(options.ablations, len(case.sources), options.seed, 1, index)
    scores = {name: outcome.scores for name, outcome in outcomes.items()}
    effects = dependence(case.scorer, case.sources, scores, kept, options.drop_counts)
    row |= {
        "log_likelihood": naive.log_likelihood,
        "naive": {"tokens": naive.tokens, "passes": naive.passes, "seconds": naive.seconds},
        "outliers": {name: int(found.sum()) for name, found in outliers.items()},
        "methods": {
            name: {
                **{rule: average_precision(outcome.scores, outliers[rule]) for rule in outliers},
                **_agreement(outcome, naive, options.min_score),
                **compare_with_gold(case, outcome.scores, outcome.cited, outcome.supported),
                **effects[name],
                **_cost(outcome, naive, case.inputs.model.parameters),
            }
            for name, outcome in outcomes.items()
        },
    }
    return row


def _describe(case: Case, index: int) -> Row:
    return {
        "index": index,
        "id": case.example.id,
        "kind": case.example.kind,
        "sources": len(case.sources),
        "prompt_tokens": len(case.inputs.prompt_ids),
        "answer_tokens": len(case.inputs.answer_ids),
        "answered_right": answers_greedily(case.inputs),
    }


def _run(engine: AttributionEngine, case: Case, contender: Contender) -> ContenderOutcome:
    if contender.baseline is not None:
        started = time.perf_counter()
        result = contender.baseline.run(case.inputs)
        seconds = time.perf_counter() - started
        model = case.inputs.model
        cost = ModelCost(model.name, model.parameters, result.tokens, result.passes, 0)
        exact = np.zeros(len(case.sources), dtype=np.bool_)
        return ContenderOutcome(result.scores, exact, None, None, (cost,), seconds)
    example = case.example
    attribution = engine.attribute(
        example.question,
        example.chunks,
        example.answer,
        prompt=example.prompt,
        options=replace(case.options, method=contender.method),
    )
    numbers = {source.id: source for source in attribution.sources}
    cited = frozenset(
        (citation.chunk_index, numbers[citation.source_id].sentence_index or 0)
        for citation in attribution.citations
    )
    citing = "baseline" not in attribution.estimands
    labels = [each.label == "supported" for each in attribution.support]
    return ContenderOutcome(
        scores=attribution.source_scores,
        exact=attribution.exact,
        cited=cited if citing else None,
        supported=sum(labels) / len(labels) if labels and citing else None,
        models=attribution.cost.models,
        seconds=attribution.cost.seconds,
    )


def _agreement(outcome: ContenderOutcome, naive: Naive, min_score: float) -> Values:
    """Compare with exact leave-one-out on the target."""
    errors = np.abs(outcome.scores - naive.scores)[outcome.exact]
    top = top_agreement(outcome.scores, naive.scores)
    return {
        "top1": top if naive.scores.max() >= min_score else None,
        "top1_all": top,
        "pearson": pearson(outcome.scores, naive.scores),
        "spearman": spearman(outcome.scores, naive.scores),
        "exact_share": float(outcome.exact.mean()),
        "error_vs_naive": float(errors.max()) if errors.size else None,
    }


def _cost(outcome: ContenderOutcome, naive: Naive, target_parameters: int) -> Values:
    """Compare with naive leave-one-out on the target; baselines' own models are the target."""
    tokens = sum(model.tokens for model in outcome.models)
    weighted = sum(model.tokens * model.parameters for model in outcome.models)
    return {
        "tokens": tokens,
        "passes": sum(model.passes for model in outcome.models),
        "seconds": outcome.seconds,
        "tokens_vs_naive": tokens / naive.tokens,
        "cost_vs_naive": weighted / (naive.tokens * target_parameters),
        "seconds_vs_naive": outcome.seconds / naive.seconds,
    }
