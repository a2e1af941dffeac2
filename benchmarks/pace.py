"""Tokens per second of a real model on one CPU thread, plainly and as attribution runs it.

python -m benchmarks pace --data DIR --json FILE

A plain pass over prompt and answer, the cached loop, exact leave-one-out and knockouts, in turn on
the same answers. Time is processor time, medians of the rounds. What ran is told apart from the
pass over the prompt that all ways but the first begin with.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

import torch
import typer
from rich.console import Console

from attribot_integrations.evaluation.cases import prepare_case
from attribot_integrations.evaluation.examples import read_set
from attribot_integrations.evaluation.figure_table import Column, figure_table
from attribot_integrations.evaluation.method_runs import environment
from attribot_integrations.evaluation.store import write_results
from attribot_integrations.methods import Knockout
from attribot_integrations.scoring.language_model import in_process
from attribot_integrations.scoring.packed import PackedPath
from attribot_integrations.scoring.scorer import Scorer
from benchmarks.real_text import PLANS, real_engine
from benchmarks.ways import spread

if TYPE_CHECKING:
    from attribot_integrations import AttributionEngine
    from attribot_integrations.evaluation.cases import Case

__all__ = ["pace"]

_RERUN: Final = Knockout().rerun
_MASK: Final = sys.maxsize
"""More tokens than a pack has, so that it is run under a mask."""
_COLUMNS: Final = (
    Column("tokens", "tokens", 0),
    Column("seconds", "seconds", 2),
    Column("pace", "tokens/s", 0),
    Column("of_plain", "of plain", 2),
    Column("with_prompt", "with prompt, of plain", 2),
)

_Kind = Literal["cached loop", "exact", "knockout"]


@dataclass(frozen=True)
class _Way:
    """One way to run removals, or knockouts."""

    kind: _Kind
    budget: int | None = None
    """Most tokens in a pass; by default the engine's."""
    masked: bool = False
    """Whether attention of packs is computed under a mask."""

    @property
    def name(self) -> str:
        of = "" if self.budget is None else f", {self.budget:,} tokens in a pack"
        return f"{self.kind}{of}{', under a mask' if self.masked else ''}"


@dataclass(frozen=True)
class _Spent:
    """Tokens, and seconds of processor time."""

    tokens: int
    seconds: float


def pace(
    data: Annotated[Path, typer.Option(help="Folder of the data files.", file_okay=False)],
    models: Annotated[Path, typer.Option(help="What `make models` filled.")] = Path(".models"),
    plan: Annotated[str, typer.Option(help=f"One of {', '.join(PLANS)}.")] = "smollm2",
    sets: Annotated[str, typer.Option(help="Data sets.")] = "hotpotqa,squad2",
    answers: Annotated[int, typer.Option(help="Answers of each.")] = 1,
    removals: Annotated[int, typer.Option(help="Sources removed, spread over all.")] = 4,
    hidden: Annotated[int, typer.Option(help="Sources hidden, from the first on.")] = 64,
    rounds: Annotated[int, typer.Option(help="Times that all ways are run in turn.")] = 3,
    budgets: Annotated[str, typer.Option(help="Token budgets of packs to try, too.")] = "",
    masked: Annotated[bool, typer.Option("--masked", help="Packs under a mask, too.")] = False,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write figures here.")] = None,
) -> None:
    """Measure how fast removals and knockouts run beside a plain pass."""
    if plan not in PLANS:
        raise typer.BadParameter(f"there are {', '.join(PLANS)}", param_hint="--plan")
    torch.set_num_threads(1)
    engine = real_engine(plan, models)
    ways = [_Way("cached loop"), *_ways(budgets, masked=masked)]
    console = Console(width=130)
    figures: dict[str, Any] = {}
    for name in (each.strip() for each in sets.split(",")):
        examples = read_set(data / f"{name}_dev.jsonl", answers).examples
        found = [
            _rounds(engine, prepare_case(engine, example), ways, (removals, hidden), rounds)
            for example in examples
        ]
        figures[name] = {
            "answers": len(found),
            "prompt_and_answer": sum(each["plain pass"][1].tokens for each in found),
            "ways": _figures(found),
        }
        console.print(figure_table(f"{plan}, {name}", "way", _COLUMNS, figures[name]["ways"]))
    if json_file is not None:
        results = {
            "schema": 1,
            "target": PLANS[plan].target,
            "threads": 1,
            "environment": environment(engine),
            "paces": figures,
        }
        write_results(results, json_file)


def _ways(budgets: str, *, masked: bool) -> Iterator[_Way]:
    kinds: tuple[_Kind, ...] = ("exact", "knockout")
    sizes = [None, *(int(each) for each in budgets.split(",") if each.strip())]
    for kind in kinds:
        for size in sizes:
            yield _Way(kind, size)
            if masked:
                yield _Way(kind, size, masked=True)


_Found = Mapping[str, tuple[_Spent, _Spent]]
"""By way: the pass over the prompt, and what was run behind it."""


def _rounds(
    engine: AttributionEngine,
    case: Case,
    ways: Sequence[_Way],
    counts: tuple[int, int],
    rounds: int,
) -> _Found:
    """Run all ways in turn, several times, and take medians of their seconds."""
    sources = [frozenset(each.sentence_ids) for each in case.sources]
    removed = [sources[place] for place in spread(len(sources), counts[0])]
    hidden = sources[: counts[1]]
    runs: dict[str, list[tuple[_Spent, _Spent]]] = {}
    for _ in range(rounds):
        runs.setdefault("plain pass", []).append((_Spent(0, 0.0), _plain(engine, case)))
        for way in ways:
            sets = hidden if way.kind == "knockout" else removed
            runs.setdefault(way.name, []).append(_run(engine, case, way, sets))
    return {
        name: (
            _Spent(each[0][0].tokens, median(prompt.seconds for prompt, _ in each)),
            _Spent(each[0][1].tokens, median(behind.seconds for _, behind in each)),
        )
        for name, each in runs.items()
    }


def _plain(engine: AttributionEngine, case: Case) -> _Spent:
    """Run prompt and answer as any program would, with the logits of the answer."""
    ids = torch.tensor([[*case.inputs.prompt_ids, *case.inputs.answer_ids[:-1]]])
    rows = torch.arange(len(case.inputs.prompt_ids) - 1, ids.numel())
    forward = in_process(engine.target).forward
    started = time.process_time()
    forward(ids, rows)
    return _Spent(ids.numel(), time.process_time() - started)


def _run(
    engine: AttributionEngine, case: Case, way: _Way, sets: Sequence[frozenset[int]]
) -> tuple[_Spent, _Spent]:
    scorer = Scorer(
        in_process(engine.target),
        case.prompt,
        case.example.answer,
        token_budget=way.budget,
        path="cached" if way.kind == "cached loop" else None,
    )
    with _attention(masked=way.masked):
        started = time.process_time()
        scorer.score([frozenset()])  # the prompt, and its last token with the answer once more
        prompt = _Spent(scorer.cost.tokens, time.process_time() - started)
        started = time.process_time()
        if way.kind == "knockout":
            scorer.knock_out(sets, _RERUN)
        else:
            scorer.score(sets)
        seconds = time.process_time() - started
    return prompt, _Spent(scorer.cost.tokens - prompt.tokens, seconds)


@contextmanager
def _attention(*, masked: bool) -> Iterator[None]:
    usual = PackedPath.least_in_parts
    try:
        if masked:
            PackedPath.least_in_parts = _MASK
        yield
    finally:
        PackedPath.least_in_parts = usual


def _figures(found: Sequence[_Found]) -> dict[str, dict[str, float]]:
    """Add up all answers."""
    figures: dict[str, dict[str, float]] = {}
    plain = 0.0
    for name in found[0]:
        prompts, behind = zip(*(each[name] for each in found), strict=True)
        tokens, seconds = _sum(behind)
        all_tokens, all_seconds = _sum([*prompts, *behind])
        plain = plain or tokens / seconds  # which comes first
        figures[name] = {
            "tokens": tokens,
            "seconds": seconds,
            "pace": tokens / seconds,
            "of_plain": tokens / seconds / plain,
            "with_prompt": all_tokens / all_seconds / plain,
        }
    return figures


def _sum(spent: Sequence[_Spent]) -> tuple[int, float]:
    return sum(each.tokens for each in spent), sum(each.seconds for each in spent)
