"""Knockouts of a real model on real text: how far from exact scores, and how many to rescore.

python -m benchmarks knockouts --data DIR --plan smollm2 --rows DIR --json FILE

Answers whose exact scores `python -m benchmarks real` has recorded are scored by knockouts again,
with more and fewer tokens run again behind what is hidden. Rescoring is then replayed on those
scores by the product's own code, with other settings; only the tokens of removals are predicted.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import numpy as np
import torch
import typer
from rich.console import Console

from attribot_integrations.engine.attributing import build_prompt
from attribot_integrations.evaluation.figure_table import Column, figure_table
from attribot_integrations.evaluation.method_runs import environment
from attribot_integrations.evaluation.screen_fitting import agreement
from attribot_integrations.evaluation.screen_rows import ScreenRow, request_of
from attribot_integrations.evaluation.store import RowStore, write_results
from attribot_integrations.methods import Knockout, ScreenAndRescore
from attribot_integrations.results.fitted import ENOUGH_SCORE, MIN_SCORE, MIN_SHARE
from attribot_integrations.results.policies import least_cited
from attribot_integrations.scoring.language_model import in_process
from benchmarks.real_text import PLANS, real_suite
from benchmarks.replays import Replay

if TYPE_CHECKING:
    from attribot_integrations import AttributionEngine
    from attribot_integrations.evaluation.recordings import Recorded
    from attribot_integrations.results import FloatArray

__all__ = ["KNOCKOUTS", "knockouts"]

KNOCKOUTS: Final[dict[str, dict[tuple[str, str], int]]] = {
    "smollm2": {
        ("smollm2", "squad2"): 20,
        ("smollm2", "clapnq"): 20,
        ("smollm2", "quotesum"): 8,
        ("smollm2-fidelity", "hotpotqa"): 12,
    },
    "gemma3": {
        ("gemma3", "squad2"): 20,
        ("gemma3", "clapnq"): 12,
        ("gemma3-fidelity", "hotpotqa"): 4,
    },
}
"""By model: how many of which answers, those with exact scores."""
_RERUNS: Final = (0, 4, 8, 16, 32)
_USUAL: Final = Knockout().rerun
_RESCORING: Final[Mapping[str, ScreenAndRescore]] = {
    f"at_least {least}, doubt {doubt:g}": ScreenAndRescore(Knockout(), at_least=least, doubt=doubt)
    for least in (1, 2, 3)
    for doubt in (0.0, 0.2, 0.5)
}
_RERUN_COLUMNS: Final = (
    Column("map", "mAP", 3),
    Column("top1", "top-1", 3),
    Column("cited", "F1 of citations", 3),
    Column("error", "error, nats", 3),
    Column("error_mattering", "where it matters", 3),
    Column("tokens", "tokens of exact's", 3),
)
_RESCORE_COLUMNS: Final = (
    Column("map", "mAP", 3),
    Column("top1", "top-1", 3),
    Column("cited", "F1 of citations", 3),
    Column("rescored", "rescored", 2),
    Column("tokens", "tokens of exact's", 3),
)


def knockouts(
    data: Annotated[Path, typer.Option(help="Folder of the data files.", file_okay=False)],
    rows: Annotated[Path, typer.Option(help="Folder of what has been run, to go on with.")],
    plan: Annotated[str, typer.Option(help=f"One of {', '.join(KNOCKOUTS)}.")] = "smollm2",
    models: Annotated[Path, typer.Option(help="What `make models` filled.")] = Path(".models"),
    recordings: Annotated[Path, typer.Option(help="What `real` recorded.")] = Path(".recordings"),
    json_file: Annotated[Path | None, typer.Option("--json", help="Write figures here.")] = None,
) -> None:
    """Compare knockouts with exact scores, and replay rescoring with other settings."""
    if plan not in KNOCKOUTS:
        raise typer.BadParameter(f"there are {', '.join(KNOCKOUTS)}", param_hint="--plan")
    torch.set_num_threads(1)
    console = Console(width=120)
    tell = partial(console.print, style="dim")
    engine: AttributionEngine | None = None
    figures: dict[str, dict[str, Any]] = {}
    for (name, data_set), count in KNOCKOUTS[plan].items():
        suite = real_suite(name, data, models, engine=engine)
        engine = suite.engine
        part = next(each for each in suite.parts if each.data.name == f"{data_set}_dev.jsonl")
        kept = recordings / name / f"{data_set}_dev" / "exact"
        recorded = suite.recorder(part, "exact").read(kept)
        answers = [each for each in recorded if each.variant.kind == "answer"][:count]
        folder = rows / f"{plan}-{data_set}"
        found = _run(engine, answers, RowStore.open({"reruns": list(_RERUNS)}, folder), tell)
        figures[data_set] = _figures(found)
        console.print(f"{data_set}, shortfall: {figures[data_set]['shortfall']}")
        for kind, columns in (("reruns", _RERUN_COLUMNS), ("rescoring", _RESCORE_COLUMNS)):
            title = f"{plan}, {data_set}: {len(found)} answers"
            console.print(figure_table(title, kind, columns, figures[data_set][kind]))
    if json_file is not None and engine is not None:
        results = {
            "schema": 1,
            "target": PLANS[plan].target,
            "environment": environment(engine),
            "knockouts": figures,
        }
        write_results(results, json_file)


def _run(
    engine: AttributionEngine,
    answers: Sequence[Recorded],
    store: RowStore,
    tell: Callable[[str], None],
) -> list[tuple[Recorded, dict[str, Any]]]:
    """Score answers by knockouts, and return them with what was found."""
    for recorded in answers[len(store.rows) :]:
        store.append({"id": recorded.variant.example.id, **_row(engine, recorded)})
        tell(f"{len(store.rows)} of {len(answers)} answers")
    return [*zip(answers, store.rows, strict=False)]


def _row(engine: AttributionEngine, recorded: Recorded) -> dict[str, Any]:
    """Return the scores of one answer by tokens run again, and the tokens of each removal."""
    example, known = recorded.variant.example, recorded.attribution
    usual = replace(engine.options, splitter=example.splitter, alternatives=None)
    found: dict[str, Any] = {}
    for rerun in _RERUNS:
        options = replace(usual, method=Knockout(rerun=rerun))
        result = engine.attribute_request(request_of(example), options=options)
        found[str(rerun)] = {
            "scores": result.statement_scores.astype(float).tolist(),
            "tokens": result.cost.tokens,
        }
    prompt, _, _ = build_prompt(request_of(example), known.chunks, usual)
    scorer = in_process(engine.target).scorer(prompt, example.answer)
    removals = [scorer.tokens_for(frozenset(each.sentence_ids)) for each in known.sources]
    whole = len(scorer.prompt.ids) + len(scorer.answer.ids) - 1
    return {"reruns": found, "removals": removals, "pass": whole}


def _figures(found: Sequence[tuple[Recorded, dict[str, Any]]]) -> dict[str, Any]:
    """Judge the tokens run again, and the settings of rescoring."""
    return {
        "answers": len(found),
        "shortfall": _shortfall(found),
        "reruns": {
            f"{rerun} tokens": _mean([_judged(*each, rerun) for each in found]) for rerun in _RERUNS
        },
        "rescoring": {
            name: _mean([_replayed(*each, method) for each in found])
            for name, method in _RESCORING.items()
        },
    }


def _shortfall(found: Sequence[tuple[Recorded, dict[str, Any]]]) -> dict[str, float]:
    """Return by how much knockouts below the threshold of a citation fall short, as shares of it.

    Two quantiles over the sources of all statements.
    """
    shares: list[float] = []
    for recorded, row in found:
        scores = np.array(row["reruns"][str(_USUAL)]["scores"], np.float32)
        least = least_cited(scores, MIN_SCORE, MIN_SHARE, ENOUGH_SCORE)
        short = (recorded.attribution.statement_scores - scores) / least
        shares += short[scores < least].tolist()
    return {f"{share:g}": float(np.quantile(shares, share)) for share in (0.9, 0.95) if shares}


def _mean(rows: Sequence[Mapping[str, float | None]]) -> dict[str, float | None]:
    """Return means over the answers for which a figure can be told."""
    means: dict[str, float | None] = {}
    for name in rows[0] if rows else ():
        known = [value for row in rows if (value := row[name]) is not None]
        means[name] = float(np.mean(known)) if known else None
    return means


def _judged(recorded: Recorded, row: Mapping[str, Any], rerun: int) -> dict[str, float | None]:
    exact = recorded.attribution.statement_scores
    scores = np.array(row["reruns"][str(rerun)]["scores"], np.float32)
    errors, matters = (scores - exact).astype(np.float64), exact >= MIN_SCORE
    return {
        **_agreement(scores, exact),
        "error": float(np.sqrt(np.square(errors).mean())),
        "error_mattering": float(np.sqrt(np.square(errors[matters]).mean()))
        if matters.any()
        else None,
        "tokens": row["reruns"][str(rerun)]["tokens"] / _exact_tokens(row),
    }


def _exact_tokens(row: Mapping[str, Any]) -> int:
    return int(row["pass"] + sum(row["removals"]))


def _agreement(scores: FloatArray, exact: FloatArray) -> dict[str, float | None]:
    """Compare scores with exact ones: ranked alike, and the same sources cited."""
    row = ScreenRow(np.zeros((1, *exact.shape), np.float32), exact)
    ranking = agreement([row], [scores])
    mine, truth = (
        each >= least_cited(each, MIN_SCORE, MIN_SHARE, ENOUGH_SCORE) for each in (scores, exact)
    )
    either = int(mine.sum() + truth.sum())
    return {
        "map": ranking["map"],
        "top1": ranking["top1"],
        "cited": 2 * int((mine & truth).sum()) / either if either else None,
    }


def _replayed(
    recorded: Recorded, row: Mapping[str, Any], method: ScreenAndRescore
) -> dict[str, float | None]:
    """Rescore by recorded exact scores, behind the recorded knockouts."""
    exact, usual = recorded.attribution.statement_scores, row["reruns"][str(_USUAL)]
    screened = np.array(usual["scores"], np.float32)
    replay = Replay(recorded, row["pass"], row["removals"], screened, usual["tokens"])
    scores, removed, tokens = replay.run(method)
    return {
        **_agreement(scores, exact),
        "rescored": float(removed),
        "tokens": tokens / _exact_tokens(row),
    }
