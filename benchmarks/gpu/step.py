"""The process of one step: `python -m benchmarks.gpu.step NAME FILE`, with `--tiny` to rehearse."""

from __future__ import annotations

import pkgutil
import traceback
from pathlib import Path
from typing import Annotated

import typer

from benchmarks.gpu.record import Record
from benchmarks.gpu.steps import named_steps

__all__ = ["run_step"]


def run_step(
    name: Annotated[str, typer.Argument(help="The step.")],
    file: Annotated[Path, typer.Argument(help="The day's file, which exists.")],
    tiny: Annotated[bool, typer.Option("--tiny", help="Tiny shapes.")] = False,
) -> None:
    """Run one step, which adds its figures to the day's file."""
    (step,) = named_steps(name)
    record = Record(file)
    print(f"--- {name}", flush=True)
    try:
        pkgutil.resolve_name(step.work)(record, name, tiny)
    except Exception as error:
        traceback.print_exc()
        record.error(name, describe(error))
    if record.read()["steps"][name].get("errors"):
        raise typer.Exit(1)


def describe(error: Exception) -> str:
    """Return an error's kind and the first line of its message."""
    return f"{type(error).__name__}: {(str(error).splitlines() or [''])[0][:300]}"


if __name__ == "__main__":
    typer.run(run_step)
