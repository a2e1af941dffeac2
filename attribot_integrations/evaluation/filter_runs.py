"""How well filters tell relevant chunks from others, what that does to answers, and its cost."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from attribot_integrations import __version__
from attribot_integrations.evaluation.bootstrap import bootstrap_mean
from attribot_integrations.evaluation.cases import Case, answers_greedily, prepare_case
from attribot_integrations.evaluation.method_runs import environment
from attribot_integrations.scoring.language_model import in_process
from attribot_integrations.tokens.ablated import AblatedText

if TYPE_CHECKING:
    from attribot_integrations.engine import AttributionEngine
    from attribot_integrations.evaluation.examples import EvaluationExample, ExampleSet
    from attribot_integrations.evaluation.filter_contenders import ContextFilter, Filtered
    from attribot_integrations.scoring.language_model import LanguageModel

__all__ = ["evaluate_filters", "measure_filters"]

Row = dict[str, Any]
Values = dict[str, float | None]


def evaluate_filters(
    engine: AttributionEngine,
    filters: Mapping[str, ContextFilter],
    sets: Sequence[ExampleSet],
    *,
    names: tuple[str, str | None] | None = None,
    progress: Callable[[int], None] | None = None,
) -> dict[str, Any]:
    """Run every filter on every example, and sum up.

    Each figure is the mean over the examples for which it is defined, under its name, with its 95 %
    bootstrap interval under `…_ci`. `recall`: share of the chunks stating a needed fact that are
    kept. `all_relevant`: whether all of them are. `all_facts`: whether each needed fact has a chunk
    left, which differs where a fact is stated twice. `dropped`: share of the other chunks that are
    dropped. `exact_answer`: whether the target's greedy answer to the chunks kept is the right one
    to the letter; never, where no chunk is. `saved`: share of the context's tokens that is dropped,
    `saved_tokens` their number. `tokens_vs_pass`, `cost_vs_pass`, `seconds_vs_pass`: against one
    pass of the target over the full prompt, cost being tokens times parameters.

    Args:
        engine: The models; the target gives the answers.
        filters: The filters, by the name that results give them.
        sets: Examples with gold evidence, such as contexts of several sizes.
        names: What results call target and proxy; the models' own names by default.
        progress: Called with the number of examples that are done.

    Returns:
        The results, ready for JSON.

    Raises:
        InputError: If an example's prompt is too long for the model.
    """
    report = progress or (lambda _: None)
    done = 0
    report(done)
    contexts = []
    for each in sets:
        rows = []
        for example in each.examples:
            rows.append(measure_filters(engine, filters, example))
            done += 1
            report(done)
        contexts.append({"data": each.name, "digest": each.digest, **_summary(rows, filters)})
    own = (engine.target.name, engine.proxy.name if engine.proxy else None)
    target, proxy = names or own
    return {
        "schema": 1,
        "settings": {
            "version": __version__,
            "target": target,
            "proxy": proxy,
            "filters": {name: _described(each) for name, each in filters.items()},
        },
        "environment": environment(engine),
        "contexts": contexts,
    }


def measure_filters(
    engine: AttributionEngine, filters: Mapping[str, ContextFilter], example: EvaluationExample
) -> Row:
    """Run every filter on one example.

    Returns:
        The example's figures for each filter, see `evaluate_filters`.
    """
    case = prepare_case(engine, example)
    target = _one_pass(in_process(engine.target), case)
    answers: dict[tuple[int, ...], bool] = {}
    figures: dict[str, Values] = {}
    for name, context_filter in filters.items():
        found = context_filter(example.question, example.chunks)
        if found.kept not in answers:
            answers[found.kept] = _answers(engine, example, found.kept)
        figures[name] = {
            **_quality(case, found.kept),
            "exact_answer": float(answers[found.kept]),
            **_cost(found, target),
        }
    return {"id": example.id, "kind": example.kind, "filters": figures}


@dataclass(frozen=True)
class _Pass:
    """One forward pass over the full prompt."""

    tokens: int
    parameters: int
    seconds: float


def _one_pass(model: LanguageModel, case: Case) -> _Pass:
    import torch

    ids = AblatedText(model.encoder, case.prompt, frozenset()).ids
    tokens, places = torch.tensor([ids]), torch.arange(len(ids))[None]
    started = time.perf_counter()
    logits = model.forward(tokens, places[0, -1:], position_ids=places, use_cache=False)
    logits.cpu()  # waits for the device
    return _Pass(len(ids), model.parameters, time.perf_counter() - started)


def _answers(engine: AttributionEngine, example: EvaluationExample, kept: tuple[int, ...]) -> bool:
    """Tell whether the target answers rightly from the chunks that are left."""
    chunks = tuple(example.chunks[index] for index in kept)
    if not any(chunk.text.strip() for chunk in chunks):
        return False
    return answers_greedily(prepare_case(engine, replace(example, chunks=chunks)).inputs)


def _quality(case: Case, kept: Sequence[int]) -> Values:
    gold = case.example.gold
    facts = [{chunk for chunk, _ in places} for places in gold or ()]
    relevant = set().union(*facts)
    others = set(range(len(case.example.chunks))) - relevant
    left = set(kept)
    counts = [0] * len(case.example.chunks)
    for source in case.sources:
        low, high = case.inputs.sentence_tokens.get(source.id, (0, 0))
        counts[source.chunk_index] += high - low
    saved = sum(count for index, count in enumerate(counts) if index not in left)
    return {
        "recall": len(relevant & left) / len(relevant) if relevant else None,
        "all_relevant": float(relevant <= left) if relevant else None,
        "all_facts": float(all(places & left for places in facts)) if relevant else None,
        "dropped": len(others - left) / len(others) if others and gold is not None else None,
        "kept": float(len(left)),
        "saved": saved / max(1, sum(counts)),
        "saved_tokens": float(saved),
    }


def _cost(found: Filtered, target: _Pass) -> Values:
    tokens = sum(each.tokens for each in found.models)
    weighted = sum(each.tokens * each.parameters for each in found.models)
    return {
        "tokens": float(tokens),
        "passes": float(sum(each.passes for each in found.models)),
        "seconds": found.seconds,
        "tokens_vs_pass": tokens / target.tokens,
        "cost_vs_pass": weighted / (target.tokens * target.parameters),
        "seconds_vs_pass": found.seconds / target.seconds,
    }


def _summary(rows: Sequence[Row], filters: Mapping[str, ContextFilter]) -> dict[str, Any]:
    kinds = dict.fromkeys(row["kind"] for row in rows if row["kind"] is not None)
    return {
        "n": len(rows),
        "filters": {name: _means([row["filters"][name] for row in rows]) for name in filters},
        "kinds": {
            kind: {
                "n": sum(row["kind"] == kind for row in rows),
                "filters": {
                    name: _means([row["filters"][name] for row in rows if row["kind"] == kind])
                    for name in filters
                },
            }
            for kind in kinds
        },
    }


def _means(values: Sequence[Values]) -> dict[str, Any]:
    means: dict[str, Any] = {}
    for name in values[0] if values else ():
        found = [value for each in values if (value := each[name]) is not None]
        mean = bootstrap_mean(found)
        means[name] = mean.value if mean else None
        means[f"{name}_ci"] = [mean.low, mean.high] if mean else None
    return means


def _described(context_filter: ContextFilter) -> dict[str, Any]:
    """Return the options that a filter's choices depend on."""
    return {
        name: value if isinstance(value, int | float) else repr(value)
        for name in ("threshold", "top_n", "signal")
        if (value := getattr(context_filter, name, None)) is not None
    }
