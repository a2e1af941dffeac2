"""Attention screens of real models: fitted, and measured on answers they were not fitted to.

python -m benchmarks screen --data DIR --plan smollm2 --rows DIR

The exact scores are those that `python -m benchmarks real` has recorded. Every second answer of the
sets that screens are fitted to is held back; the other sets are new to the screen altogether.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Final

import numpy as np
import torch
import typer
from rich.console import Console

from attribot_integrations import AttributionEngine, EngineOptions
from attribot_integrations.engine.attributing import build_prompt
from attribot_integrations.evaluation.figure_table import Column, figure_table
from attribot_integrations.evaluation.recordings import Recorded
from attribot_integrations.evaluation.screen_fitting import agreement, fit_screen
from attribot_integrations.evaluation.screen_rows import ScreenRow, request_of, screen_row
from attribot_integrations.evaluation.store import RowStore, write_results
from attribot_integrations.evaluation.suite import Suite
from attribot_integrations.methods import (
    METHODS,
    AttentionScreen,
    Knockout,
    LearnedAttention,
    Method,
    ScreenAndRescore,
)
from attribot_integrations.results import Attribution
from attribot_integrations.scoring.language_model import in_process
from benchmarks.real_text import PLANS, real_suite

__all__ = ["SCREENS", "ScreenSet", "screen"]


@dataclass(frozen=True)
class ScreenSet:
    """One data set, by what was recorded of it."""

    plan: str
    """A plan of `real`."""
    name: str
    method: str
    """What is taken for the truth."""
    fits: bool = False
    """Whether every second answer is for the fit."""
    first: int = 0
    """Answers before this one are left out, since another set has them."""


SCREENS: Final[dict[str, tuple[ScreenSet, ...]]] = {
    "smollm2": (
        ScreenSet("smollm2", "squad2", "exact", fits=True),
        ScreenSet("smollm2", "clapnq", "exact", fits=True),
        ScreenSet("smollm2-fidelity", "hotpotqa", "exact"),
        ScreenSet("smollm2", "hotpotqa", "balanced", fits=True, first=6),
    ),
    "gemma3": (
        ScreenSet("gemma3", "squad2", "exact", fits=True),
        ScreenSet("gemma3", "clapnq", "exact", fits=True),
        ScreenSet("gemma3-fidelity", "hotpotqa", "exact"),
        ScreenSet("gemma3-fidelity", "hotpotqa", "balanced"),
    ),
}
_COLUMNS: Final = (
    Column("answers", "answers", 0),
    Column("map", "mAP", 3),
    Column("top", "statements' best", 3),
    Column("pearson", "Pearson", 3),
    Column("mean_map", "mAP of mean attention", 3),
    Column("passes", "passes", 2),
    Column("rescored_map", "mAP rescored", 3),
    Column("rescored_of_balanced", "tokens of balanced's", 2),
)
_WIDTH: Final = 180
_ALL: Final = 2.0
"""Share of a plan's answers that are looked for: more than all, to take what has been recorded."""
_TIMED: Final = 4
"""Answers of each set whose passes are timed."""


@dataclass(frozen=True)
class _Answers:
    """What is known of one set's answers."""

    about: ScreenSet
    recorded: tuple[Recorded, ...]
    rows: tuple[ScreenRow, ...]
    seconds: tuple[tuple[float, float], ...]
    """Processor time of some passes, read and plain."""
    elsewhere: frozenset[tuple[str, str]] = frozenset()
    """Answers that are fitted to, or measured, by what another method says of them."""

    def part(self, fitted: bool) -> list[int]:
        """Return which answers are for the fit, or are held back from it."""
        places = range(len(self.rows))
        if fitted:
            return [*places[::2]] if self.about.fits else []
        held = places[1::2] if self.about.fits else places
        return [place for place in held if self.key_of(place) not in self.elsewhere]

    def id_of(self, place: int) -> str:
        return self.recorded[place].variant.example.id

    def key_of(self, place: int) -> tuple[str, str]:
        """Return what tells an answer from all others, whatever method scored it."""
        return self.about.name, self.id_of(place)

    @property
    def label(self) -> str:
        return f"{self.about.name}, {self.about.method}"


def screen(
    data: Annotated[Path, typer.Option(help="Folder of the data files.", file_okay=False)],
    rows: Annotated[Path, typer.Option(help="Folder of what is read and run, to go on with.")],
    plan: Annotated[str, typer.Option(help=f"One of {', '.join(SCREENS)}.")] = "smollm2",
    models: Annotated[Path, typer.Option(help="What `make models` filled.")] = Path(".models"),
    recordings: Annotated[Path, typer.Option(help="What `real` recorded.")] = Path(".recordings"),
    limit: Annotated[int, typer.Option(help="Most answers of each set.")] = 60,
    rescored: Annotated[int, typer.Option(help="Held-back answers of each set to rescore.")] = 8,
    output: Annotated[Path | None, typer.Option(help="Write the screen here.")] = None,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write figures here.")] = None,
    threads: Annotated[int, typer.Option(help="CPU threads.")] = 1,
) -> None:
    """Fit an attention screen to recorded exact scores, and measure it."""
    if plan not in SCREENS:
        raise typer.BadParameter(f"there are {', '.join(SCREENS)}", param_hint="--plan")
    torch.set_num_threads(threads)
    console = Console(width=_WIDTH)
    suites: dict[str, Suite] = {}
    for name in dict.fromkeys(each.plan for each in SCREENS[plan]):
        shared = next(iter(suites.values())).engine if suites else None
        suites[name] = real_suite(name, data, models, scale=_ALL, engine=shared)
    engine = next(iter(suites.values())).engine
    tell = partial(console.print, style="dim")
    sets = [
        found
        for each in SCREENS[plan]
        if (found := _read(engine, suites[each.plan], each, recordings, rows, limit, tell)).rows
    ]
    fitting = [found for found in sets if found.about.fits]
    sets = _each_once(sets)
    fitted = fit_screen(
        [found.rows[index] for found in fitting for index in found.part(fitted=True)],
        in_process(engine.target).signature,
        model=PLANS[plan].target,
        data=[found.about.name for found in fitting],
    )
    if output is not None:
        fitted.save(output)
    figures = {
        found.label: _figures(found, fitted)
        | _rescored(engine, found, fitted, rows, rescored, tell)
        for found in sets
    }
    console.print(figure_table(f"{plan}: held-back answers", "set", _COLUMNS, figures))
    if json_file is not None:
        results = {
            "schema": 1,
            "target": PLANS[plan].target,
            "screen": {"digest": fitted.digest, **fitted.figures},
            "held_back": figures,
            "transfer": _transfer(engine, fitting),
        }
        write_results(results, json_file)


def _each_once(sets: Sequence[_Answers]) -> list[_Answers]:
    """Have each answer fitted to, or measured, in one set only: the first that measures it."""
    taken = {each.key_of(place) for each in sets for place in each.part(fitted=True)}
    found = []
    for each in sets:
        one = replace(each, elsewhere=frozenset(taken))
        taken |= {one.key_of(place) for place in one.part(fitted=False)}
        found.append(one)
    return found


def _read(
    engine: AttributionEngine,
    suite: Suite,
    about: ScreenSet,
    recordings: Path,
    folder: Path,
    limit: int,
    tell: Callable[[str], None],
) -> _Answers:
    """Read what recorded answers attend to, one pass each."""
    part = next((each for each in suite.parts if each.data.name == f"{about.name}_dev.jsonl"), None)
    if part is None or about.method not in part.methods:
        return _Answers(about, (), (), ())
    recorder = suite.recorder(part, about.method)
    kept = recordings / about.plan / f"{about.name}_dev"
    answers = [each for each in recorder.read(kept / about.method) if _is_answer(each)]
    chosen = tuple(answers[about.first : limit])
    settings = {**recorder.settings, "first": about.first}
    store = RowStore.open(settings, folder / f"attention-{about.plan}-{about.name}-{about.method}")
    for recorded in chosen[len(store.rows) :]:
        timed = len(store.rows) < _TIMED
        store.append({"id": recorded.variant.example.id, **_pass(engine, recorded, timed)})
        tell(f"{about.name}, {about.method}: {len(store.rows)} of {len(chosen)} read")
    found = store.rows[: len(chosen)]
    return _Answers(
        about,
        chosen,
        tuple(ScreenRow.from_dict(row) for row in found),
        tuple((row["read_seconds"], row["plain_seconds"]) for row in found if row["plain_seconds"]),
    )


def _is_answer(recorded: Recorded) -> bool:
    return recorded.variant.kind == "answer"


def _pass(engine: AttributionEngine, recorded: Recorded, timed: bool) -> dict[str, Any]:
    """Read an answer's attention, and run a pass over the same tokens for comparison."""
    example = recorded.variant.example
    options = replace(engine.options, splitter=example.splitter)
    start = time.process_time()
    row = screen_row(engine, request_of(example), options, recorded.attribution)
    read = time.process_time() - start
    plain = None
    if timed:
        model = in_process(engine.target)
        prompt, _, _ = build_prompt(request_of(example), recorded.attribution.chunks, options)
        scorer = model.scorer(prompt, example.answer)
        tokens = torch.tensor([[*scorer.prompt.ids, *scorer.answer.ids[:-1]]])
        rows = torch.arange(len(scorer.prompt.ids) - 1, tokens.shape[1])
        start = time.process_time()
        model.forward(tokens, rows, use_cache=True)
        plain = time.process_time() - start
    return {"read_seconds": read, "plain_seconds": plain, **row.to_dict()}


def _options(engine: AttributionEngine, recorded: Recorded, method: Method) -> EngineOptions:
    splitter = recorded.variant.example.splitter
    return replace(engine.options, method=method, splitter=splitter, alternatives=None)


def _figures(found: _Answers, fitted: AttentionScreen) -> dict[str, Any]:
    """Compare the screen, and mean attention, with the recorded scores of held-back answers."""
    places = found.part(fitted=False)
    rows = [found.rows[place] for place in places]
    predicted = [np.einsum("h,hst->st", fitted.weights, row.attention) for row in rows]
    mean = agreement(rows, [row.attention.mean(axis=0) for row in rows])
    return {
        "reference": found.about.method,
        "answers": len(rows),
        "sources": float(np.mean([len(row.scores) for row in rows])) if rows else None,
        **agreement(rows, predicted),
        "mean_map": mean["map"],
        "mean_top": mean["top"],
        "passes": _ratio(found.seconds),
    }


def _ratio(seconds: Sequence[tuple[float, float]]) -> float | None:
    plain = sum(each for _, each in seconds)
    return sum(each for each, _ in seconds) / plain if plain else None


def _rescored(
    engine: AttributionEngine,
    found: _Answers,
    fitted: AttentionScreen,
    folder: Path,
    count: int,
    tell: Callable[[str], None],
) -> dict[str, Any]:
    """Knock out and rescore what the screen finds, on held-back answers, beside `balanced`."""
    ways: dict[str, Method] = {
        "instant": LearnedAttention(fitted),
        "rescored": ScreenAndRescore(Knockout(after=LearnedAttention(fitted)), at_least=1),
        "balanced": METHODS["balanced"],
    }
    places = found.part(fitted=False)[:count]
    settings = {"screen": fitted.digest, "ways": {name: repr(way) for name, way in ways.items()}}
    about = found.about
    store = RowStore.open(
        settings, folder / f"rescored-{about.plan}-{about.name}-{about.method}-{fitted.digest}"
    )
    known = {row["id"]: row for row in store.rows}
    for place in places:
        if found.id_of(place) in known:
            continue
        recorded = found.recorded[place]
        row: dict[str, Any] = {"id": found.id_of(place)}
        for name, way in ways.items():
            result = engine.attribute_request(
                request_of(recorded.variant.example), options=_options(engine, recorded, way)
            )
            row[name] = _outcome(result, recorded)
        store.append(row)
        known[row["id"]] = row
        tell(f"{about.name}, {about.method}: {len(known)} rescored")
    return _summary([known[found.id_of(place)] for place in places], ways)


def _outcome(result: Attribution, recorded: Recorded) -> dict[str, Any]:
    exact = recorded.attribution.statement_scores
    found = agreement(
        [ScreenRow(np.zeros((1, *exact.shape), np.float32), exact)], [result.statement_scores]
    )
    return {
        "map": found["map"],
        "tokens": sum(model.tokens for model in result.cost.models),
        "rescored": int(result.exact.sum()),
        "naive_tokens": recorded.naive_tokens,
    }


def _summary(rows: Sequence[dict[str, Any]], ways: dict[str, Method]) -> dict[str, Any]:
    figures: dict[str, Any] = {"rescored_answers": len(rows)}
    for way in ways:
        known = [row[way]["map"] for row in rows if row[way]["map"] is not None]
        figures[f"{way}_map"] = float(np.mean(known)) if known else None
        figures[f"{way}_map_n"] = len(known)
        if rows:
            tokens = sum(row[way]["tokens"] for row in rows)
            figures[f"{way}_tokens_vs_naive"] = tokens / sum(
                row[way]["naive_tokens"] for row in rows
            )
            figures[f"{way}_of_balanced"] = tokens / sum(row["balanced"]["tokens"] for row in rows)
    return figures


def _transfer(engine: AttributionEngine, fitting: Sequence[_Answers]) -> dict[str, Any]:
    """Fit to all answers of one set, and measure on all of another."""
    signature = in_process(engine.target).signature
    return {
        f"{one.about.name} to {other.about.name}": agreement(
            other.rows,
            [np.einsum("h,hst->st", fitted.weights, row.attention) for row in other.rows],
        )
        for one in fitting
        for fitted in [fit_screen(one.rows, signature, model="transfer")]
        for other in fitting
        if other is not one
    }
