"""What the commands that evaluate share: arguments, models, progress, and room for tables."""

from __future__ import annotations

import re
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, get_args

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from attribot_integrations.cli.progress import INTERRUPTED
from attribot_integrations.cli.runtime import note, results_console
from attribot_integrations.cli.verbosity import Verbosity, verbosity

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from attribot_integrations.demo.corpus import Kind

__all__ = [
    "EvaluatedModels",
    "evaluated_models",
    "examples_progress",
    "kinds_in",
    "names_in",
    "span_in",
    "wide_console",
]

_LEAST_WIDTH = 132
"""Columns of a table where standard output is no terminal."""


def span_in(text: str) -> tuple[int, int]:
    """Return the least and greatest number of chunks that an argument such as 8-12 names.

    Raises:
        BadParameter: If it names none.
    """
    found = re.fullmatch(r"(\d{1,3})(?:-(\d{1,3}))?", text.strip())
    if found is None:
        raise typer.BadParameter(f"must be like 8-12, got {text!r}", param_hint="--chunks")
    return int(found[1]), int(found[2] or found[1])


def names_in(text: str) -> list[str]:
    """Return the names in an argument, which commas divide."""
    return [name for part in text.split(",") if (name := part.strip())]


def kinds_in(text: str | None) -> list[Kind] | None:
    """Return the kinds of question that an argument names; `None` for a mixture of all.

    Raises:
        BadParameter: If there is no such kind.
    """
    from attribot_integrations.demo.corpus import KINDS, Kind

    wanted: list[Kind] = []
    for name in names_in(text or ""):
        known = [kind for kind in get_args(Kind) if kind == name]
        if not known:
            raise typer.BadParameter(
                f"must be among {', '.join(KINDS)}, got {name!r}", param_hint="--kinds"
            )
        wanted += known
    return wanted or None


@dataclass(frozen=True)
class EvaluatedModels:
    """The models that are evaluated, and what results call them."""

    target: str | None
    """Name or path; `None` for the bundled one."""
    proxy: str | None
    target_name: str
    proxy_name: str | None


def evaluated_models(
    model: str | None, proxy: str | None, chat_option: Sequence[str] | None
) -> EvaluatedModels:
    """Return the models that the arguments name: with the bundled target goes the bundled proxy."""
    from attribot_integrations.engine.bundled import bundled_model_path

    name = " ".join([model or "the bundled target", *(chat_option or ())])
    if proxy is None and model is None:
        path = str(bundled_model_path("proxy"))
        return EvaluatedModels(model, path, name, "the bundled proxy")
    return EvaluatedModels(model, proxy, name, proxy)


@contextmanager
def examples_progress(total: int) -> Iterator[Callable[[int], None]]:
    """Show how many examples are done; yields what is told their number."""
    columns = (
        TextColumn("evaluating"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(elapsed_when_finished=True),
    )
    console, quiet = Console(stderr=True), verbosity() is Verbosity.QUIET
    with Progress(*columns, console=console, redirect_stdout=False, disable=quiet) as progress:
        task = progress.add_task("evaluating", total=total)
        done = 0

        def report(count: int) -> None:
            nonlocal done
            done = count
            progress.update(task, completed=count)

        try:
            yield report
        except KeyboardInterrupt:
            progress.stop()
            note(f"interrupted; examples done: {done}")
            raise typer.Exit(INTERRUPTED) from None


def wide_console() -> Console:
    """Return a console for standard output on which a table is not folded."""
    console = results_console()
    if not console.is_terminal:
        console.width = max(console.width, _LEAST_WIDTH)
    return console
