"""The command of a GPU day, and what it prints."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import torch
import typer
from rich.console import Console
from rich.table import Table

from benchmarks.ceilings import Ceilings
from benchmarks.gpu.day import run_steps
from benchmarks.gpu.record import Record
from benchmarks.gpu.steps import STEPS, Step, named_steps
from benchmarks.gpu.tables import bar_cells
from benchmarks.report import show
from benchmarks.rows import Row

__all__ = ["gpu"]

_WIDTH = 160
"""Characters in a line of a file, which the widest table takes."""


def gpu(
    output: Annotated[Path, typer.Option(help="Folder for gpu.json and gpu.log.")],
    minutes: Annotated[float, typer.Option(help="How long it may take.")] = 8.0,
    steps: Annotated[
        str | None, typer.Option(help=f"Some of {', '.join(step.name for step in STEPS)}.")
    ] = None,
    tiny: Annotated[
        bool, typer.Option("--tiny", help="Rehearse with tiny shapes, on a CPU too.")
    ] = False,
) -> None:
    """Measure everything worth measuring on one GPU, the most valuable first."""
    try:
        chosen = named_steps(steps)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error
    if not (tiny or torch.cuda.is_available()):
        raise typer.BadParameter("there is no CUDA device; --tiny rehearses without one")
    output.mkdir(parents=True, exist_ok=True)
    file = (output / "gpu.json").resolve()
    record = Record(file)
    record.begin(minutes, tiny=tiny)

    def command(step: Step) -> list[str]:
        small = ["--tiny"] if tiny else []
        return [sys.executable, "-m", "benchmarks.gpu.step", step.name, str(file), *small]

    console = Console(width=None if Console().is_terminal else _WIDTH, highlight=False)
    log = file.with_suffix(".log")
    log.write_bytes(b"")
    run_steps(chosen, record, command, 60 * minutes, log, console.print)
    _show(console, record.read())


def _show(console: Console, report: Mapping[str, Any]) -> None:
    rows = [Row(**row) for table in report["tables"].values() for row in table]
    if "ceilings" in report:
        show(console, rows, Ceilings(**report["ceilings"]))
        console.print(report["environment"])
    for profile in report.get("profiles", ()):
        console.print(
            f"{profile['table']}, {profile['way']}: {profile['seconds']:.4f} s, "
            f"{profile['busy']:.0%} of them computing"
        )
        for kernel in profile["kernels"][:5]:
            console.print(f"  {kernel['share']:.1%} {kernel['calls']} x {kernel['name']}")
    tests = report["steps"].get("tests", {}).get("tests", {})
    for how, found in tests.items():
        if found:
            console.print(f"tests {how}: {found if how != 'failed' else ', '.join(found)}")
    table = Table(title="Rehearsal: figures say nothing" if report["tiny"] else "Bars")
    for name in ("bar", "wanted", "found", ""):
        table.add_column(name, justify="left" if name == "bar" else "right")
    for bar in report["bars"]:
        table.add_row(*bar_cells(bar), bar["state"])
    console.print(table)
    for name, step in report["steps"].items():
        if step["state"] != "done":
            console.print(f"{name}: {step['state']}, {step['reason']}")
