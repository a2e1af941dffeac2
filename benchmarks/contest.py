"""All ways in one run on real answers: how true to exact leave-one-out, and at what cost.

python -m benchmarks contest --data DIR --plan smollm2 --rows DIR --json FILE --plot FILE

Every way gets the same answers, one after the other in one process on one thread; time is processor
time, which other work on the machine disturbs least. What is learned (our screen, AT2's weights) is
learned on other answers of SQuAD and CLAPNQ. Hours, resumable.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import numpy as np
import torch
import typer
from rich.console import Console

from attribot_integrations.evaluation.baselines_lasso import random_ablations
from attribot_integrations.evaluation.bootstrap import bootstrap_mean
from attribot_integrations.evaluation.cases import prepare_case
from attribot_integrations.evaluation.dependence import dependence
from attribot_integrations.evaluation.examples import read_set
from attribot_integrations.evaluation.fidelity_plots import check_plots, plot_fidelity
from attribot_integrations.evaluation.figure_table import Column, figure_table
from attribot_integrations.evaluation.measuring import MeasureOptions
from attribot_integrations.evaluation.method_runs import environment
from attribot_integrations.evaluation.metrics import average_precision, pearson, top_agreement
from attribot_integrations.evaluation.store import RowStore, write_results
from attribot_integrations.methods import AttentionScreen
from benchmarks.at2 import AblatedAnswer, ablated_answer, fit_to_ablations
from benchmarks.contest_ways import Entrant, entrants
from benchmarks.real_text import PLANS, real_engine

if TYPE_CHECKING:
    from attribot_integrations import AttributionEngine
    from attribot_integrations.evaluation.examples import EvaluationExample
    from attribot_integrations.results import FloatArray

__all__ = ["CONTESTS", "Contest", "contest"]


@dataclass(frozen=True)
class Contest:
    """What one pair of models is compared on."""

    plan: str
    """A plan of `real`, for its models."""
    sets: Mapping[str, int]
    """Answers by data set. Of the sets that something is learned on, every second one counts."""
    screen: str
    """File of the target's attention screen."""


CONTESTS: Final[dict[str, Contest]] = {
    "smollm2": Contest(
        "smollm2",
        {"hotpotqa": 3, "squad2": 8, "clapnq": 6},
        "smollm2-135m-instruct.safetensors",
    ),
    "gemma3": Contest(
        "gemma3-fidelity",
        {"hotpotqa": 4, "squad2": 6, "clapnq": 4},
        "gemma-3-270m.safetensors",
    ),
}
_LEARNED_ON: Final = ("squad2", "clapnq")
_TRAINING: Final = 12
"""Answers of each set that AT2's weights are learned on."""
_ABLATIONS: Final = 32
"""Random ablations of each of them, as in the paper."""
_LDS_ABLATIONS: Final = 16
_SEED: Final = 7
_SCREENS: Final = Path(__file__).parent / "screens"
_WIDTH: Final = 150
_COLUMNS: Final = (
    Column("map", "mAP", 2),
    Column("top1", "top-1", 2),
    Column("pearson", "Pearson", 2),
    Column("lds", "LDS", 2),
    Column("drop_1", "drop@1", 1),
    Column("tokens_vs_naive", "tokens", 3),
    Column("seconds", "seconds", 1),
    Column("speedup_naive", "x naive", 1),
    Column("speedup_cached", "x cached", 1),
    Column("speedup_generate", "x generating", 2),
)


def contest(
    data: Annotated[Path, typer.Option(help="Folder of the data files.", file_okay=False)],
    rows: Annotated[Path, typer.Option(help="Folder of what has been run, to go on with.")],
    plan: Annotated[str, typer.Option(help=f"One of {', '.join(CONTESTS)}.")] = "smollm2",
    models: Annotated[Path, typer.Option(help="What `make models` filled.")] = Path(".models"),
    sets: Annotated[str | None, typer.Option(help="Only these data sets.")] = None,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write figures here.")] = None,
    plot: Annotated[Path | None, typer.Option(help="Draw fidelity against cost here.")] = None,
    plotted: Annotated[str, typer.Option(help="The data set that is drawn.")] = "hotpotqa",
) -> None:
    """Compare all ways of attributing an answer, on real models and real text."""
    if plan not in CONTESTS:
        raise typer.BadParameter(f"there are {', '.join(CONTESTS)}", param_hint="--plan")
    if plot is not None:
        check_plots()
    torch.set_num_threads(1)
    chosen = CONTESTS[plan]
    engine = real_engine(chosen.plan, models)
    console = Console(width=_WIDTH)
    tell = partial(console.print, style="dim")
    names = [each.strip() for each in sets.split(",")] if sets else [*chosen.sets]
    trained = _trained(engine, data, rows / f"{plan}-ablations", tell)
    screen = AttentionScreen.load(_SCREENS / chosen.screen)
    ways = entrants(screen, trained, has_proxy=engine.proxy is not None)
    settings = {
        "plan": plan,
        "ways": [each.name for each in ways],
        "screen": screen.digest,
        "training": _TRAINING,
    }
    found: dict[str, list[dict[str, Any]]] = {}
    for name in names:
        store = RowStore.open(settings | {"data": name}, rows / f"{plan}-{name}")
        answers = _answers(data, name, chosen.sets[name])
        for number in range(len(store.rows), len(answers)):
            store.append(_row(engine, answers[number], ways, number))
            tell(f"{name}: {number + 1} of {len(answers)}")
        found[name] = store.rows[: len(answers)]
    figures = {name: _summary(each, ways) for name, each in found.items() if each}
    for name, each in figures.items():
        console.print(
            figure_table(f"{plan}, {name}: {each['n']} answers", "way", _COLUMNS, each["ways"])
        )
    if json_file is not None:
        results = {
            "schema": 1,
            "target": PLANS[chosen.plan].target,
            "proxy": PLANS[chosen.plan].proxy,
            "environment": environment(engine),
            "contest": figures,
        }
        write_results(results, json_file)
    if plot is not None:
        drawn = figures[plotted]
        settings = {"data": f"{PLANS[chosen.plan].target.partition('.')[0]}, {plotted}"}
        plot_fidelity({"methods": drawn["ways"], "settings": settings, "n": drawn["n"]}, plot)


def _answers(data: Path, name: str, count: int) -> list[EvaluationExample]:
    """Return answers that nothing was learned on."""
    if name not in _LEARNED_ON:
        return [*read_set(data / f"{name}_dev.jsonl", count).examples]
    return [*read_set(data / f"{name}_dev.jsonl", 2 * count).examples[1::2]]


def _trained(
    engine: AttributionEngine, data: Path, folder: Path, tell: Callable[[str], object]
) -> FloatArray:
    """Run the training answers of AT2's weights, and learn them."""
    store = RowStore.open({"answers": _TRAINING, "ablations": _ABLATIONS}, folder)
    answers = [
        each
        for name in _LEARNED_ON
        for each in read_set(data / f"{name}_dev.jsonl", 2 * _TRAINING).examples[::2]
    ]
    for number in range(len(store.rows), len(answers)):
        case = prepare_case(engine, answers[number])
        store.append(ablated_answer(case, _ABLATIONS, _SEED + number).to_dict())
        tell(f"training answers: {number + 1} of {len(answers)}")
    return fit_to_ablations([AblatedAnswer.from_dict(each) for each in store.rows])


def _row(
    engine: AttributionEngine, example: EvaluationExample, ways: Sequence[Entrant], number: int
) -> dict[str, Any]:
    case = prepare_case(engine, example)  # which verifies the model at this length, before any way
    for model in (engine.target, engine.proxy):
        if model is not None:
            model.scorer(case.prompt, example.answer)
    costs: dict[str, dict[str, float]] = {}
    scores: dict[str, FloatArray] = {}
    for way in ways:
        started = time.process_time()
        found = way.run(engine, case)
        seconds = (time.process_time() - started) / found.share
        costs[way.name] = {
            "tokens": found.tokens / found.share,
            "weighted": found.weighted / found.share / case.inputs.model.parameters,
            "seconds": seconds,
        }
        if found.scores is not None:
            scores[way.name] = found.scores
    kept = random_ablations(_LDS_ABLATIONS, len(case.sources), _SEED, 1, number)
    effects = dependence(case.scorer, case.sources, scores, kept, (1,))
    return {
        "id": example.id,
        "sources": len(case.sources),
        "prompt_tokens": len(case.inputs.prompt_ids),
        "answer_tokens": len(case.inputs.answer_ids),
        "costs": costs,
        "judged": {
            name: _agreement(each, scores["exact"]) | effects[name] for name, each in scores.items()
        },
    }


def _agreement(scores: FloatArray, exact: FloatArray) -> dict[str, float | None]:
    options = MeasureOptions()
    telling = bool(exact.max() >= options.min_score)
    return {
        "map": average_precision(scores, options.rules["map"].outliers(exact)),
        "top1": top_agreement(scores, exact) if telling else None,
        "pearson": pearson(scores, exact),
    }


def _summary(rows: Sequence[Mapping[str, Any]], ways: Sequence[Entrant]) -> dict[str, Any]:
    """Return means of fidelity, and sums of cost, over one data set's answers."""
    totals = {
        way.name: {
            key: sum(row["costs"][way.name][key] for row in rows)
            for key in ("tokens", "weighted", "seconds")
        }
        for way in ways
    }
    naive, cached = totals["naive loop"], totals["cached loop"]
    generated = totals["generate the answer"]
    return {
        "n": len(rows),
        "sources": float(np.mean([row["sources"] for row in rows])),
        "prompt_tokens": float(np.mean([row["prompt_tokens"] for row in rows])),
        "answer_tokens": float(np.mean([row["answer_tokens"] for row in rows])),
        "ways": {
            way.name: {
                "group": way.group,
                **_means([row["judged"].get(way.name, {}) for row in rows]),
                "tokens_vs_naive": own["tokens"] / naive["tokens"],
                "cost_vs_naive": own["weighted"] / naive["weighted"],
                "seconds": own["seconds"] / len(rows),
                "speedup_naive": naive["seconds"] / own["seconds"],
                "speedup_cached": cached["seconds"] / own["seconds"],
                "speedup_generate": generated["seconds"] / own["seconds"],
            }
            for way in ways
            for own in [totals[way.name]]
        },
    }


def _means(judged: Sequence[Mapping[str, float | None]]) -> dict[str, Any]:
    figures: dict[str, Any] = {}
    for name in ("map", "top1", "pearson", "lds", "drop_1"):
        known = [value for each in judged if (value := each.get(name)) is not None]
        mean = bootstrap_mean(known)
        figures[name] = None if mean is None else mean.value
        figures[f"{name}_n"] = len(known)
        if mean is not None:
            figures[f"{name}_ci"] = [mean.low, mean.high]
    return figures
