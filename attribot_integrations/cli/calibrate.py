"""`attribot calibrate`: the probability of support, fitted to what people have judged."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from attribot_integrations.cli.runtime import clean_errors

__all__ = ["calibrate"]

_Results = Annotated[
    Path,
    typer.Argument(
        metavar="RESULTS",
        exists=True,
        dir_okay=False,
        readable=True,
        show_default=False,
        help="The file of results that was reviewed.",
    ),
]
_Labels = Annotated[
    Path,
    typer.Argument(
        metavar="LABELS",
        exists=True,
        dir_okay=False,
        readable=True,
        show_default=False,
        help="The labels that the page of `attribot review` has saved.",
    ),
]
_Folds = Annotated[
    int, typer.Option(min=2, help="Parts of the data, each predicted by a model fitted to others.")
]


def calibrate(results: _Results, labels: _Labels, folds: _Folds = 5) -> None:
    """Fit the probability of support to judged statements, and print it as Python.

    What is printed last is for `EngineOptions(support=...)`; the figures before it are of
    statements that the model was not fitted to.

    Exit codes: 0 if all is well, 1 if a file cannot be used, 2 for wrong usage.
    """
    with clean_errors():
        from attribot_integrations.evaluation.calibration import calibrate as fit
        from attribot_integrations.evaluation.judged import read_judged

        found = fit(read_judged(results, labels), folds=folds)
    typer.echo(f"statements         {found.statements}")
    typer.echo(f"accuracy           {found.accuracy:.3f}")
    typer.echo(f"calibration error  {found.calibration_error:.3f}")
    typer.echo(f"AUROC              {found.auroc:.3f}")
    typer.echo(f"\n{found.labels!r}")
