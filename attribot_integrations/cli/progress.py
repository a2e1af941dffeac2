"""A progress bar with rate and remaining time, on standard error."""

from __future__ import annotations

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TextColumn,
    TimeRemainingColumn,
)
from rich.text import Text

from attribot_integrations.cli.verbosity import Verbosity, verbosity

__all__ = ["INTERRUPTED", "rows_progress"]

INTERRUPTED = 130
"""Exit code of a program ended by Ctrl-C, as shells report it: 128 + SIGINT."""


class _Rate(ProgressColumn):
    """Rows a second, or a minute where they are slow."""

    def render(self, task: Task) -> Text:
        speed = task.finished_speed or task.speed
        if speed is None:
            return Text("")
        return Text(f"{speed:.1f}/s" if speed >= 1 else f"{60 * speed:.1f}/min")


def rows_progress(console: Console, *, shown: bool = True) -> Progress:
    """Return a bar for rows that are attributed.

    Args:
        console: Where it is drawn.
        shown: Whether it is.
    """
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        _Rate(),
        TimeRemainingColumn(elapsed_when_finished=True),
        console=console,
        redirect_stdout=False,
        disable=not shown or verbosity() is Verbosity.QUIET,
        speed_estimate_period=120.0,
    )
