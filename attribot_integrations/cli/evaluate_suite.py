"""`attribot evaluate --suite`: methods on a folder of data sets."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.text import Text

from attribot_integrations.cli.evaluating import EvaluatedModels, wide_console
from attribot_integrations.cli.progress import INTERRUPTED
from attribot_integrations.cli.runtime import load_engine, note
from attribot_integrations.cli.verbosity import Verbosity, verbosity
from attribot_integrations.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from attribot_integrations.evaluation.suite import Suite
    from attribot_integrations.scoring.loading import LoadingOptions

__all__ = ["SuiteArguments", "run_suite"]


@dataclass(frozen=True)
class SuiteArguments:
    """What the command was given."""

    folder: Path
    format: str | None
    methods: Sequence[str]
    models: EvaluatedModels
    loading: LoadingOptions
    limit: int | None
    negatives: int
    ablated: int
    output: Path
    resume: bool


def run_suite(given: SuiteArguments) -> None:
    """Record what is missing, judge all of it, and write `results.json`.

    Raises:
        ConfigurationError: If a name is unknown, or recordings were made with other settings.
        DataFileError: If data cannot be read.
        MissingExtraError: If something needs a package that is not installed.
    """
    from attribot_integrations.evaluation.store import write_results
    from attribot_integrations.evaluation.suite_report import (
        SUITE_LEGEND,
        suite_failures,
        suite_tables,
    )

    suite = _suite(given)
    with _progress() as progress:
        suite.record(given.output, resume=given.resume, progress=progress)
    results = suite.judge(given.output)
    console = wide_console()
    for table in suite_tables(results):
        console.print(table)
    for line in [SUITE_LEGEND, *suite_failures(results)]:
        console.print(Text(line, "dim"))
    write_results(results, given.output / "results.json")
    note(f"written to {given.output}")


def _suite(given: SuiteArguments) -> Suite:
    from attribot_integrations.evaluation.contenders import TEXT_SCORERS, contenders, text_scorer
    from attribot_integrations.evaluation.recordings import VariantPlan
    from attribot_integrations.evaluation.suite import Suite, SuitePart, read_suite
    from attribot_integrations.evaluation.suite_dependence import DependenceOptions
    from attribot_integrations.requests.options import EngineOptions

    scorers = [name for name in given.methods if name.partition(":")[0] in TEXT_SCORERS]
    names = [name for name in given.methods if name not in scorers]
    chosen = contenders(names, has_proxy=given.models.proxy is not None)
    unrecorded = [each.name for each in chosen if each.method is None]
    if unrecorded:
        raise ConfigurationError(
            f"a suite compares methods and text scorers, not {unrecorded[0]!r}, which is compared "
            "on one file: attribot evaluate DATA.jsonl"
        )
    methods = {each.name: each.method for each in chosen if each.method is not None}
    needs_proxy = any(each.needs_proxy for each in chosen)
    proxy = given.models.proxy if needs_proxy else None
    parts = [
        SuitePart(data, methods, VariantPlan(given.negatives))
        for data in read_suite(given.folder, given.limit, format=given.format)
    ]
    return Suite(
        engine=load_engine(given.models.target, proxy, EngineOptions(), given.loading),
        parts=parts,
        scorers={name: text_scorer(name) for name in scorers},
        ablated=DependenceOptions(given.ablated),
        names=(given.models.target_name, given.models.proxy_name if needs_proxy else None),
    )


@contextmanager
def _progress() -> Iterator[Callable[[str, int, int], None]]:
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(elapsed_when_finished=True),
    )
    tasks: dict[str, Any] = {}
    console, quiet = Console(stderr=True), verbosity() is Verbosity.QUIET
    with Progress(*columns, console=console, redirect_stdout=False, disable=quiet) as progress:

        def report(what: str, done: int, total: int) -> None:
            if what not in tasks:
                tasks[what] = progress.add_task(what, total=total)
            progress.update(tasks[what], completed=done)

        try:
            yield report
        except KeyboardInterrupt:
            progress.stop()
            note("interrupted; the same command goes on where it stopped")
            raise typer.Exit(INTERRUPTED) from None
