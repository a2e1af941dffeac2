"""Attention screens of the bundled models, fitted to made-up questions that no report is about.

python -m benchmarks bundled-screens --rows DIR

A screen that finds little is not written: the proxy's attention does not tell what it depends on.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import torch
import typer
from rich.console import Console

import attribot_integrations
from attribot_integrations import AttributionEngine
from attribot_integrations.demo.corpus import REPORT_SEEDS
from attribot_integrations.engine.bundled import BUNDLED_MODELS, bundled_model_path
from attribot_integrations.evaluation.examples import demo_set
from attribot_integrations.evaluation.screen_fitting import fit_screen
from attribot_integrations.evaluation.screen_rows import ScreenRows
from attribot_integrations.scoring.language_model import in_process

__all__ = ["bundled_screens"]

_LEAST = 0.5
"""Least mean average precision of a screen that comes with the package."""
_FOLDER = Path(attribot_integrations.__file__).parent / "methods" / "bundled_screens"


def bundled_screens(
    rows: Annotated[Path, typer.Option(help="Folder of what is run, to go on with.")],
    output: Annotated[Path, typer.Option(help="Folder of the screens.")] = _FOLDER,
    questions: Annotated[int, typer.Option(help="How many are attributed.")] = 60,
    threads: Annotated[int, typer.Option(help="CPU threads.")] = 1,
) -> None:
    """Fit the screens that come with the package."""
    torch.set_num_threads(threads)
    data = demo_set(questions, seed=REPORT_SEEDS.stop - 1)
    for role in BUNDLED_MODELS:
        name = f"the bundled {role}"
        engine = AttributionEngine.from_pretrained(bundled_model_path(role))
        found, _ = ScreenRows(engine, [data], name).run(rows / role)
        signature = in_process(engine.target).signature
        screen = fit_screen(found, signature, model=name, data=[data.name])
        if (screen.figures["held_back_map"] or 0.0) >= _LEAST:
            screen.save(output / f"{role}.safetensors")
        Console().print(name, dict(screen.figures))
