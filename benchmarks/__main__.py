"""Speed of attribution: naive, cached, rivals and ours, on the same prompts in one run.

python -m benchmarks --quick                 small models; about two minutes on a CPU
python -m benchmarks                         all shapes that fit, on a GPU
python -m benchmarks --shapes llama-3.1-8b --contexts hotpot,long --json FILE
python -m benchmarks --shapes demo,llama-30m --contexts demo-40 --ways naive,cached,exact
python -m benchmarks --shapes qwen2.5-0.5b --contexts sweep --plot FILE
python -m benchmarks gpu --minutes 8 --output DIR      all that is worth measuring on one GPU
python -m benchmarks real --data DIR --plan smollm2   real models on real text
python -m benchmarks defaults --data DIR               what the defaults are chosen by
python -m benchmarks audit --data DIR --plan smollm2  faults planted among citations, found
python -m benchmarks verifier --data DIR               what finds the text that states an answer
python -m benchmarks live                              citations while the answer streams
python -m benchmarks screen --data DIR --rows DIR      attention screens of real models
python -m benchmarks contest --data DIR --rows DIR     all ways in one run on real text
python -m benchmarks held --data DIR                   many questions on one document
python -m benchmarks pace --data DIR                   tokens per second beside a plain pass
python -m benchmarks knockouts --data DIR --rows DIR   knockouts, and how many to rescore
python -m benchmarks relevance --data DIR --rows DIR   chunks before there is an answer
python -m benchmarks relevance-words --data DIR --rows DIR   the filter by words, and its fit
python -m benchmarks bundled-screens --rows DIR        those of the bundled models
python -m benchmarks serve --json FILE                 the service under load, its micro-batches
python -m benchmarks structure --data DIR              rows and fields against sentences
python -m benchmarks headers --data DIR                rows with and without their header, verified
"""

from __future__ import annotations

import gc
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import torch
import typer
from rich.console import Console

from attribot_integrations import LanguageModel
from attribot_integrations.errors import MissingExtraError
from attribot_integrations.evaluation.fidelity_plots import check_plots
from benchmarks.audits import audit
from benchmarks.baselines import BASELINES
from benchmarks.bundled_screens import bundled_screens
from benchmarks.candidates import defaults
from benchmarks.ceilings import Ceilings, measure_ceilings
from benchmarks.clock import device_in_use, free_memory
from benchmarks.contest import contest
from benchmarks.contexts import ContextShape, make_case, named_contexts
from benchmarks.entries import Clock, Plan
from benchmarks.gpu.command import gpu
from benchmarks.headers import headers
from benchmarks.held import held
from benchmarks.knockouts import knockouts
from benchmarks.live import live
from benchmarks.ours import our_ways
from benchmarks.pace import pace
from benchmarks.real_text import real
from benchmarks.relevance import relevance
from benchmarks.relevance_words import relevance_words
from benchmarks.report import environment, show, write_json
from benchmarks.rivals import RIVALS
from benchmarks.rows import Row
from benchmarks.runner import measure
from benchmarks.screening import screen
from benchmarks.serve import serve
from benchmarks.shapes import SHAPES, Shape, build, default_dtype, named_shapes
from benchmarks.structure import structure
from benchmarks.sweep_plot import plot_sweep
from benchmarks.verifier import verifier
from benchmarks.ways import Setting, Way, is_out_of_memory


@dataclass(frozen=True)
class _Choice:
    """What to measure, unless options say otherwise."""

    tables: tuple[tuple[str, str], ...]
    """Shapes, and the contexts to measure each of them on."""
    plan: Plan
    stream: int
    """Examples in a stream."""


_FULL = _Choice(
    tables=(
        ("demo,llama-30m", "demo,demo-40,hotpot,long"),
        ("qwen2.5-0.5b,llama-3.1-8b", "hotpot,hotpot-100,long,sweep"),
        ("llama-3.2-1b,qwen2.5-32b", "hotpot,hotpot-100,long"),
    ),
    plan=Plan(runs=5, way_seconds=20.0),
    stream=16,
)
_QUICK = _Choice(
    tables=(
        ("demo", "demo,sweep-8,sweep-16,sweep-31,sweep-62"),
        ("llama-30m", "demo"),
    ),
    plan=Plan(runs=3, way_seconds=0.7),
    stream=3,
)


_FILE_WIDTH = 160
"""Characters in a line of a file, which the widest table takes."""

app = typer.Typer(add_completion=False)
app.command()(gpu)
app.command()(real)
app.command()(defaults)
app.command()(audit)
app.command()(verifier)
app.command()(live)
app.command()(screen)
app.command()(contest)
app.command()(relevance)
app.command()(relevance_words)
app.command()(held)
app.command()(knockouts)
app.command()(pace)
app.command()(bundled_screens)
app.command()(serve)
app.command()(structure)
app.command()(headers)


@app.callback(invoke_without_command=True)
def main(
    context: typer.Context,
    quick: Annotated[bool, typer.Option("--quick", help="Small shapes and contexts.")] = False,
    shapes: Annotated[str | None, typer.Option(help=f"Some of {', '.join(SHAPES)}.")] = None,
    contexts: Annotated[str | None, typer.Option(help="Some contexts, or sweep.")] = None,
    ways: Annotated[str | None, typer.Option(help="Ways whose names begin like this.")] = None,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the rows here.")] = None,
    plot: Annotated[Path | None, typer.Option(help="Draw the sweep here (extra plots).")] = None,
    threads: Annotated[int | None, typer.Option(help="CPU threads.")] = None,
    runs: Annotated[int | None, typer.Option(help="Counted rounds at most.")] = None,
    way_seconds: Annotated[
        float | None, typer.Option(help="Seconds for one way in all rounds.")
    ] = None,
    clock: Annotated[
        str, typer.Option(help="wall, or cpu for one thread on a busy machine.")
    ] = "wall",
    token_budget: Annotated[int | None, typer.Option(help="Most tokens in one pass.")] = None,
) -> None:
    """Measure ways of attributing an answer to the sentences of its context."""
    if context.invoked_subcommand is not None:
        return
    gc.freeze()  # collecting garbage between runs need not look at all that was imported
    if threads is not None:
        torch.set_num_threads(threads)
    chosen = _QUICK if quick else _FULL
    device = device_in_use()
    try:
        plan = Plan(
            runs or chosen.plan.runs,
            way_seconds or chosen.plan.way_seconds,
            _clock(clock, device),
        )
        jobs = _jobs(chosen.tables, shapes, contexts)
        if plot is not None:
            check_plots()
    except (ValueError, MissingExtraError) as error:
        raise typer.BadParameter(str(error)) from error
    picked = _ways(ways, chosen.stream)
    # Lines of a file may be long; a terminal's are as long as it is wide.
    console = Console(width=None if Console().is_terminal else _FILE_WIDTH)
    ceilings = measure_ceilings(device, default_dtype(device))
    rows: list[Row] = []
    for shape, sizes in jobs.items():
        ceilings = ceilings.or_higher(measure_ceilings(device, default_dtype(device)))
        rows += measure_shape(shape, list(sizes), picked, plan, ceilings, device, token_budget)
        free_memory()
        if json_file is not None:  # after each shape, lest a long run is lost
            write_json(json_file, rows, ceilings, environment(device))
    show(console, rows, ceilings)
    console.print(environment(device))
    if plot is not None:
        plot_sweep(plot, rows)


def _jobs(
    tables: Sequence[tuple[str, str]], shapes: str | None, contexts: str | None
) -> dict[Shape, dict[ContextShape, None]]:
    """Return what to measure: each shape once, with the contexts of all its tables, in order."""
    jobs: dict[Shape, dict[ContextShape, None]] = {}
    for own, sizes in tables:
        for shape in named_shapes(shapes or own):
            jobs.setdefault(shape, {}).update(dict.fromkeys(named_contexts(contexts or sizes)))
    return jobs


def _clock(name: str, device: torch.device) -> Clock:
    if name == "wall":
        return "wall"
    if name != "cpu":
        raise ValueError(f"the clock must be wall or cpu, got {name!r}")
    if device.type != "cpu" or torch.get_num_threads() != 1:
        raise ValueError("the cpu clock is for one thread on a CPU (--threads 1)")
    return "cpu"


def _ways(beginnings: str | None, stream: int) -> list[Way]:
    names = tuple(name.strip() for name in (beginnings or "").split(","))
    return [way for way in (*BASELINES, *RIVALS, *our_ways(stream)) if way.name.startswith(names)]


def measure_shape(
    shape: Shape,
    contexts: Sequence[ContextShape],
    ways: Sequence[Way],
    plan: Plan,
    ceilings: Ceilings,
    device: torch.device,
    token_budget: int | None = None,
) -> list[Row]:
    """Measure all contexts on one shape; where it does not fit, one empty row for each says so."""
    try:
        target = build(shape, device)
        proxy: LanguageModel | None = build(SHAPES[shape.proxy], device) if shape.proxy else None
    except RuntimeError as error:
        if not is_out_of_memory(error):
            raise
        return [_missing(shape, context, str(error)) for context in contexts]
    setting = Setting(target, proxy, device, token_budget, plan.way_seconds)
    rows: list[Row] = []
    for context in contexts:
        fitting = [way for way in ways if way.in_sweep or not context.sweep]
        rows += measure(setting, context, fitting, plan, ceilings)
    return rows


def _missing(shape: Shape, context: ContextShape, error: str) -> Row:
    return Row(
        shape=shape.name,
        parameters=0,
        proxy=shape.proxy,
        context=context.name,
        sources=len(make_case(context, 0).sources.sentences),
        prompt_tokens=0,
        answer_tokens=0,
        way="all",
        group="ours",
        reason=error.splitlines()[0],
    )


if __name__ == "__main__":
    app()
