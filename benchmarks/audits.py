"""Audits of answers with planted faults, with a real model on real text.

python -m benchmarks audit --data DIR --plan smollm2 --output DIR

Resumable; `--judge` makes the figures from what is there, without a model's pass.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Final

import torch
import typer
from rich.console import Console
from rich.text import Text

from attribot_integrations import AttributionEngine
from attribot_integrations.evaluation.examples import read_set
from attribot_integrations.evaluation.figure_table import Column, figure_table
from attribot_integrations.evaluation.planted_runs import PlantedRecorder, planted_figures
from attribot_integrations.evaluation.store import write_results
from attribot_integrations.methods.presets import named_method
from attribot_integrations.verifying import LexicalVerifier

__all__ = ["AUDIT_PLANS", "audit"]

AUDIT_PLANS: Final[Mapping[str, tuple[str, str, Mapping[str, int]]]] = {
    "smollm2": (
        "SmolLM2-135M-Instruct.Q4_1.gguf",
        "balanced",
        {"squad2": 200, "clapnq": 189, "quotesum": 61, "hotpotqa": 40},
    ),
    "gemma3": (
        "gemma-3-270m-q4_k_m.gguf",
        "balanced",
        {"squad2": 60, "clapnq": 60, "quotesum": 30},
    ),
}
"""By plan: the target, the method, and how many rows are read of each set."""

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
    "Exchanged, added, dropped: share of planted faults that are found; false alarms: share of right "
    "citations that are called wrong. [] is 95 %."
)
_WIDTH: Final = 180


def audit(
    data: Annotated[Path, typer.Option(help="Folder of the data files.", file_okay=False)],
    plan: Annotated[str, typer.Option(help=f"One of {', '.join(AUDIT_PLANS)}.")] = "smollm2",
    models: Annotated[Path, typer.Option(help="What `make models` filled.")] = Path(".models"),
    output: Annotated[Path, typer.Option(help="Folder of the recordings.")] = Path(".recordings"),
    json_file: Annotated[Path | None, typer.Option("--json", help="Write figures here.")] = None,
    judge: Annotated[bool, typer.Option("--judge", help="Run nothing more.")] = False,
    scale: Annotated[float, typer.Option(help="Share of the rows.")] = 1.0,
    threads: Annotated[int, typer.Option(help="CPU threads.")] = 1,
) -> None:
    """Plant faults among right citations, and count what audits find."""
    if plan not in AUDIT_PLANS:
        raise typer.BadParameter(f"there are {', '.join(AUDIT_PLANS)}", param_hint="--plan")
    torch.set_num_threads(threads)
    target, method, sets = AUDIT_PLANS[plan]
    engine = AttributionEngine.from_pretrained(str(models / target), None)
    console = Console(width=_WIDTH)
    pairs, results = [], {}
    for name, count in sets.items():
        path = data / f"{name}_dev.jsonl"
        if not path.is_file():
            continue
        examples = read_set(path, max(1, round(count * scale)))
        recorder = PlantedRecorder(engine, examples, named_method(method), target)
        folder = output / f"audit-{plan}" / name
        if not judge:
            recorder.run(folder, progress=lambda done, of: console.print(f"{done}/{of}"))
        own = list(recorder.read(folder))
        results[name] = _figures(own)
        pairs += own
    results["all"] = _figures(pairs)
    for name, ways in results.items():
        title = f"{name}: {ways['dependence']['answers']} answers, {target}"
        console.print(figure_table(title, "evidence", _COLUMNS, ways))
    console.print(Text(_LEGEND, "dim"))
    if json_file is not None:
        write_results({"plan": plan, "target": target, "method": method, "sets": results}, json_file)


def _figures(pairs: list[Any]) -> dict[str, dict[str, Any]]:
    """Return figures of dependence alone, and of both kinds of evidence."""
    verifier = LexicalVerifier()
    return {
        "dependence": planted_figures(pairs),
        f"and {verifier.name}": planted_figures(pairs, verifier=verifier),
    }
