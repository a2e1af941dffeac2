"""Measuring filters."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace

import pytest
from rich.console import Console

from attribot_integrations.context.sources import Chunk
from attribot_integrations.demo.corpus import Kind
from attribot_integrations.engine import AttributionEngine
from attribot_integrations.evaluation.examples import EvaluationExample, ExampleSet, demo_set
from attribot_integrations.evaluation.filter_contenders import Filtered, context_filters
from attribot_integrations.evaluation.filter_report import filter_table
from attribot_integrations.evaluation.filter_runs import evaluate_filters, measure_filters
from attribot_integrations.results.parts import ModelCost

EXAMPLE = demo_set(1, chunks=(4, 4), kinds=("repeated",)).examples[0]


@dataclass(frozen=True)
class Keep:
    """Keeps what it is told to."""

    kept: tuple[int, ...]
    models: tuple[ModelCost, ...] = ()

    def __call__(self, question: str, chunks: Sequence[Chunk]) -> Filtered:
        return Filtered(self.kept, 0.5, self.models)


def measured(
    pair: AttributionEngine,
    kept: tuple[int, ...],
    example: EvaluationExample = EXAMPLE,
    models: tuple[ModelCost, ...] = (),
) -> dict[str, float | None]:
    figures: dict[str, float | None] = measure_filters(pair, {"own": Keep(kept, models)}, example)[
        "filters"
    ]["own"]
    return figures


def test_a_fact_stated_twice_needs_one_of_its_chunks(pair: AttributionEngine) -> None:
    assert EXAMPLE.gold is not None
    ((first, second),) = (sorted({chunk for chunk, _ in places}) for places in EXAMPLE.gold)
    others = tuple(index for index in range(4) if index not in (first, second))
    everything = measured(pair, (0, 1, 2, 3))
    assert (everything["recall"], everything["dropped"], everything["saved"]) == (1, 0, 0)
    assert (everything["exact_answer"], everything["kept"]) == (1, 4)
    one = measured(pair, (first, *others))
    assert (one["recall"], one["all_relevant"], one["all_facts"]) == (0.5, 0, 1)
    assert one["exact_answer"] == 1
    alone = measured(pair, (second,))
    assert (alone["recall"], alone["dropped"]) == (0.5, 1)
    assert alone["saved"] is not None
    assert 0.5 < alone["saved"] < 1
    without = measured(pair, others)
    assert (without["recall"], without["all_facts"], without["exact_answer"]) == (0, 0, 0)


def test_nothing_is_left(pair: AttributionEngine) -> None:
    figures = measured(pair, ())
    assert (figures["recall"], figures["dropped"], figures["saved"]) == (0, 1, 1)
    assert figures["exact_answer"] == 0


def test_nothing_is_relevant_or_nobody_has_marked_it(pair: AttributionEngine) -> None:
    absent = measured(pair, (0,), replace(EXAMPLE, gold=()))
    assert (absent["recall"], absent["all_facts"], absent["dropped"]) == (None, None, 0.75)
    unknown = measured(pair, (0,), replace(EXAMPLE, gold=None))
    assert (unknown["recall"], unknown["dropped"]) == (None, None)


def test_cost_is_compared_with_one_pass_of_the_target(pair: AttributionEngine) -> None:
    free = measured(pair, (0,))
    assert (free["tokens"], free["cost_vs_pass"]) == (0, 0)
    parameters = pair.target.parameters
    models = (ModelCost("a", parameters, 100, 1, 100), ModelCost("b", parameters // 2, 100, 2, 100))
    figures = measured(pair, (0,), models=models)
    assert (figures["tokens"], figures["passes"], figures["seconds"]) == (200, 3, 0.5)
    assert figures["cost_vs_pass"] == pytest.approx(0.75 * (figures["tokens_vs_pass"] or 0))
    assert (figures["seconds_vs_pass"] or 0) > 1


def test_all_filters_on_the_demo(pair: AttributionEngine) -> None:
    kinds: tuple[Kind, ...] = ("single", "two_hop")
    sets = [demo_set(2, chunks=span, kinds=kinds) for span in ((4, 5), (6, 7))]
    done: list[int] = []
    filters = context_filters(["all"], pair)
    results = evaluate_filters(
        pair, filters, sets, names=("the target", "the proxy"), progress=done.append
    )
    assert done == [0, 1, 2, 3, 4]
    assert pair.target.name not in json.dumps(results, allow_nan=False)
    small, large = results["contexts"]
    assert (small["n"], large["n"]) == (2, 2)
    assert set(small["kinds"]) == set(kinds)
    none, draft = small["filters"]["none"], small["filters"]["draft"]
    assert (none["recall"], none["saved"], none["tokens"]) == (1, 0, 0)
    assert draft["recall"] == draft["exact_answer"] == 1
    assert draft["dropped"] > 0
    assert 0 < small["filters"]["draft-proxy"]["cost_vs_pass"] < draft["cost_vs_pass"]
    assert draft["cost_vs_pass"] < small["filters"]["draft-target"]["cost_vs_pass"]
    console = Console(width=140)
    with console.capture() as capture:
        console.print(filter_table(small, results["settings"]))
    text = capture.get()
    assert "4-5 chunks" in text
    assert all(name in text for name in filters)


def test_undefined_figures_are_shown_as_such(pair: AttributionEngine) -> None:
    absent = ExampleSet("absent", "", demo_set(1, chunks=(4, 4), kinds=("absent",)).examples)
    results = evaluate_filters(pair, {"own": Keep((0,))}, [absent])
    figures = results["contexts"][0]["filters"]["own"]
    assert (figures["recall"], figures["recall_ci"]) == (None, None)
    assert results["settings"]["target"] == pair.target.name
    console = Console(width=140)
    with console.capture() as capture:
        console.print(filter_table(results["contexts"][0], results["settings"]))
    assert " - " in capture.get()
