"""Audits of answers with planted faults, with a real model on real text.

python -m benchmarks audit --data DIR --plan smollm2 --output DIR

The recordings are those of `python -m benchmarks real`; what is missing is recorded. `--judge`
makes the figures from what is there, without a model's pass.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Final

import torch
import typer
from rich.console import Console
from rich.text import Text

from attribot_integrations.evaluation.figure_table import Column, figure_table
from attribot_integrations.evaluation.planted_runs import planted_figures, recorded_pairs
from attribot_integrations.evaluation.store import write_results
from attribot_integrations.verifying import LexicalVerifier
from benchmarks.real_text import PLANS, real_suite

__all__ = ["audit"]

_COLUMNS: Final = (
    Column("exchanged", "exchanged", 2, with_interval=True),
    Column("added", "added", 2, with_interval=True),
    Column("dropped", "dropped", 2, with_interval=True),
    Column("exchanged_located", "right one named", 2),
    Column("alarms", "false alarms", 3, with_interval=True),
    Column("missing", "false missing", 3),
    Column("unknown", "not judged", 3),
)
_LEGEND: Final = (
    "Exchanged, added, dropped: share of planted faults that are found; false alarms: share of "
    "right citations that are called wrong. [] is 95 %."
)
_WIDTH: Final = 180


def audit(
    data: Annotated[Path, typer.Option(help="Folder of the data files.", file_okay=False)],
    plan: Annotated[str, typer.Option(help="One of the plans of `real`.")] = "smollm2",
    models: Annotated[Path, typer.Option(help="What `make models` filled.")] = Path(".models"),
    output: Annotated[Path, typer.Option(help="Folder of the recordings.")] = Path(".recordings"),
    json_file: Annotated[Path | None, typer.Option("--json", help="Write figures here.")] = None,
    judge: Annotated[bool, typer.Option("--judge", help="Run nothing more.")] = False,
    scale: Annotated[float, typer.Option(help="Share of the rows.")] = 1.0,
    threads: Annotated[int, typer.Option(help="CPU threads.")] = 1,
) -> None:
    """Plant faults among right citations, and count what audits find."""
    if plan not in PLANS:
        raise typer.BadParameter(f"there are {', '.join(PLANS)}", param_hint="--plan")
    torch.set_num_threads(threads)
    suite = real_suite(plan, data, models, scale=scale)
    console = Console(width=_WIDTH)
    folder = output / plan
    if not judge:
        suite.record(folder, progress=lambda *each: console.print(*each))
    sets: dict[str, list[Any]] = {}
    for part in suite.parts:
        name, method = part.data.name, next(iter(part.methods))
        read = suite.recorder(part, method).read(folder / Path(name).stem / method)
        if pairs := list(recorded_pairs(read)):
            sets[name] = pairs
    figures = {name: _figures(pairs) for name, pairs in sets.items()}
    figures["all"] = _figures([pair for pairs in sets.values() for pair in pairs])
    for name, ways in figures.items():
        counted = f"{ways['dependence']['answers']} answers, {PLANS[plan].target}"
        console.print(figure_table(f"{name}: {counted}", "evidence", _COLUMNS, ways))
    console.print(Text(_LEGEND, "dim"))
    if json_file is not None:
        write_results({"plan": plan, "target": PLANS[plan].target, "sets": figures}, json_file)


def _figures(pairs: list[Any]) -> dict[str, dict[str, Any]]:
    """Return figures of dependence alone, and of both kinds of evidence."""
    verifier = LexicalVerifier()
    return {
        "dependence": planted_figures(pairs),
        f"and {verifier.name}": planted_figures(pairs, verifier=verifier),
    }
