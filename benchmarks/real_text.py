"""Real models on real text: what is run for the published figures, and for the defaults.

python -m benchmarks real --data DIR --plan smollm2 --output DIR

Hours on two cores, resumable; `--judge` makes the figures from what is there.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final

import torch
import typer
from rich.console import Console
from rich.text import Text

from attribot_integrations import AttributionEngine
from attribot_integrations.evaluation.contenders import text_scorer
from attribot_integrations.evaluation.examples import read_set
from attribot_integrations.evaluation.recordings import VariantPlan
from attribot_integrations.evaluation.store import write_results
from attribot_integrations.evaluation.suite import Suite, SuitePart
from attribot_integrations.evaluation.suite_dependence import DependenceOptions
from attribot_integrations.evaluation.suite_report import SUITE_LEGEND, suite_failures, suite_tables
from attribot_integrations.methods import Knockout, Method, ScreenAndRescore
from attribot_integrations.methods.presets import named_method

__all__ = ["PLANS", "Plan", "Rows", "real", "real_engine", "real_suite"]

_WIDTH: Final = 200


@dataclass(frozen=True)
class Rows:
    """How much of a data set is run, and how."""

    count: int
    methods: tuple[str, ...]
    negatives: int = 1
    """Unsupported answers made of each row."""


@dataclass(frozen=True)
class Plan:
    """The models, and what is run with them."""

    target: str
    sets: Mapping[str, Rows]
    """By data set; a file that holds fewer rows is run whole."""
    proxy: str | None = None
    gold: bool = True
    """Whether it is judged against marked sentences; if not, only against exact scores."""


_SMOLLM2: Final = "SmolLM2-135M-Instruct.Q4_1.gguf"
_GEMMA3: Final = "gemma-3-270m-q4_k_m.gguf"
ENCODER: Final = "all-minilm-l6-v2"
"""Files under the folder that `make models` fills."""

_SMOLLM2_SETS: Final[Mapping[str, Rows]] = {
    "squad2": Rows(150, ("exact",)),
    "clapnq": Rows(60, ("exact",)),
    "quotesum": Rows(61, ("exact",)),
    "lfqa": Rows(20, ("balanced",), 0),
    "expertqa": Rows(60, ("balanced",), 0),
    "hotpotqa": Rows(40, ("balanced",)),
    "qasper": Rows(8, ("balanced",), 0),
}
_GEMMA3_SETS: Final[Mapping[str, Rows]] = {
    "squad2": Rows(60, ("exact",)),
    "clapnq": Rows(30, ("exact",)),
    "quotesum": Rows(20, ("exact",)),
}
PLANS: Final[Mapping[str, Plan]] = {
    "smollm2": Plan(_SMOLLM2, _SMOLLM2_SETS),
    "gemma3": Plan(_GEMMA3, _GEMMA3_SETS),
    "smollm2-fidelity": Plan(
        _SMOLLM2,
        {"hotpotqa": Rows(12, ("exact", "balanced", "knockout", "hierarchical"), 0)},
        gold=False,
    ),
    "gemma3-fidelity": Plan(
        _GEMMA3,
        {"hotpotqa": Rows(4, ("exact", "balanced", "fast"), 0)},
        proxy=_SMOLLM2,
        gold=False,
    ),
}


_AS_RECORDED: Final[Mapping[str, Method]] = {
    "balanced": ScreenAndRescore(Knockout(), at_least=3, doubt=0.0),
}
"""What recordings hold under a preset's name where the preset has changed since. Recording takes
days, and the two differ in sources that are not cited: `balanced` rescores fewer of them now."""


def real_engine(plan: str, models: Path) -> AttributionEngine:
    """Load the models of a key of `PLANS` from a folder."""
    chosen = PLANS[plan]
    proxy = None if chosen.proxy is None else str(models / chosen.proxy)
    return AttributionEngine.from_pretrained(str(models / chosen.target), proxy)


def real_suite(
    plan: str,
    data: Path,
    models: Path,
    *,
    scale: float = 1.0,
    ablated: int = 0,
    engine: AttributionEngine | None = None,
) -> Suite:
    """Return what one plan runs.

    Args:
        plan: A key of `PLANS`.
        data: Folder of the data files, `NAME_dev.jsonl`; those that are not there are left out.
        models: Folder of the models.
        scale: Share of the rows, for a first look.
        ablated: How many answers of each set are ablated.
        engine: The models, if they are loaded already.
    """
    chosen = PLANS[plan]
    engine = engine or real_engine(plan, models)
    parts = []
    for name, rows in chosen.sets.items():
        path = data / f"{name}_dev.jsonl"
        if path.is_file():
            examples = read_set(path, max(1, round(rows.count * scale)))
            methods = {each: _AS_RECORDED.get(each, named_method(each)) for each in rows.methods}
            parts.append(SuitePart(examples, methods, VariantPlan(rows.negatives)))
    names = ["words", "string", "bm25", "tfidf"] if chosen.gold else []
    scorers = {each: text_scorer(each) for each in names}
    if chosen.gold and (models / ENCODER).is_dir():
        scorers["embeddings (MiniLM)"] = text_scorer(f"embeddings:{models / ENCODER}")
    return Suite(
        engine,
        parts,
        scorers,
        DependenceOptions(ablated),
        names=(chosen.target, chosen.proxy),
    )


def real(
    data: Annotated[Path, typer.Option(help="Folder of the data files.", file_okay=False)],
    plan: Annotated[str, typer.Option(help=f"One of {', '.join(PLANS)}.")] = "smollm2",
    models: Annotated[Path, typer.Option(help="What `make models` filled.")] = Path(".models"),
    output: Annotated[Path, typer.Option(help="Folder of the recordings.")] = Path(".recordings"),
    json_file: Annotated[Path | None, typer.Option("--json", help="Write figures here.")] = None,
    judge: Annotated[bool, typer.Option("--judge", help="Run nothing more.")] = False,
    scale: Annotated[float, typer.Option(help="Share of the rows.")] = 1.0,
    ablated: Annotated[int, typer.Option(help="Answers of each set that are ablated.")] = 0,
    threads: Annotated[int, typer.Option(help="CPU threads.")] = 1,
) -> None:
    """Record and judge methods with a real model on real text."""
    if plan not in PLANS:
        raise typer.BadParameter(f"there are {', '.join(PLANS)}", param_hint="--plan")
    torch.set_num_threads(threads)
    suite = real_suite(plan, data, models, scale=scale, ablated=ablated)
    console = Console(width=_WIDTH)
    folder = output / plan
    if not judge:
        suite.record(folder, progress=lambda *each: console.print(*each))
    results: Mapping[str, Any] = suite.judge(folder)
    for table in suite_tables(results):
        console.print(table)
    for line in [SUITE_LEGEND, *suite_failures(results)]:
        console.print(Text(line, "dim"))
    if json_file is not None:
        write_results(results, json_file)
