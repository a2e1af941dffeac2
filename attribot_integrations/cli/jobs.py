"""`attribot attribute` as a batch job: resumable, in one process or several."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer
from rich.console import Console

from attribot_integrations import __version__
from attribot_integrations.batch import parquet
from attribot_integrations.batch.fieldnames import FieldNames
from attribot_integrations.batch.folder import Finished
from attribot_integrations.batch.inputs import file_identity, is_parquet, open_rows
from attribot_integrations.batch.job import BatchJob
from attribot_integrations.batch.merging import failures_file
from attribot_integrations.batch.plan import Plan, Share
from attribot_integrations.batch.processes import Processes, are_several, joined
from attribot_integrations.cli.conversation_sources import ConversationCount, CountedRows
from attribot_integrations.cli.first_rows import looked_at
from attribot_integrations.cli.progress import INTERRUPTED, rows_progress
from attribot_integrations.cli.result_options import ResultFormat
from attribot_integrations.cli.runtime import note
from attribot_integrations.errors import ConfigurationError

if TYPE_CHECKING:
    from attribot_integrations.batch.datafiles import RequestLine
    from attribot_integrations.batch.inputs import RowFile
    from attribot_integrations.engine import AttributionEngine

__all__ = ["Selection", "Start", "check_job", "is_job", "run_job"]


@dataclass(frozen=True)
class Selection:
    """The rows of a file that are wanted."""

    file: Path
    limit: int | None
    share: Share
    fields: FieldNames = field(default_factory=FieldNames)
    traces: RowFile | None = None
    """The file's rows, where it is no file of requests."""
    counted: ConversationCount | None = None
    """Counts what is read, where more than retrieved text is a source."""

    def open(self) -> RowFile:
        """Return the rows of the file.

        Raises:
            MissingExtraError: If it is a Parquet file and pyarrow is not installed.
            DataFileError: If it is called a Parquet file and is none.
            OSError: If it cannot be read.
        """
        rows = self.traces if self.traces is not None else open_rows(self.file, self.fields)
        return rows if self.counted is None else CountedRows(rows, self.counted)

    def lines(self) -> tuple[Iterator[RequestLine], int | None]:
        """Return the rows one by one, and how many there are if that can be known.

        Raises:
            DataFileError: If the file cannot be read, or not one of its first rows.
            MissingExtraError: If it is a Parquet file and pyarrow is not installed.
            OSError: If there is no such file.
        """
        rows = self.open()
        total = rows.count()
        found = rows.rows(self.share.takes, self.limit)
        pairs = ((line, line.content) for _, line in found)
        # Of traces it is said beforehand what could not be read.
        lines = looked_at(pairs) if self.traces is None else (line for line, _ in pairs)
        return lines, None if total is None else self.plan(total).rows

    def say_what_was_counted(self) -> None:
        """Say on standard error where `--sources` did nothing."""
        for remark in self.counted.remarks() if self.counted is not None else ():
            note(remark)

    def plan(self, total: int) -> Plan:
        """Return the rows as a job, given how many rows the file has."""
        return Plan.of(total if self.limit is None else min(total, self.limit), self.share)


@dataclass(frozen=True)
class Start:
    """How a job is started."""

    resume: bool
    overwrite: bool
    device_map: str


def is_job(output: Path) -> bool:
    """Return whether an output can only be made by a job: Parquet, or by several processes."""
    return is_parquet(output) or are_several()


def check_job(output: Path, start: Start, wanted: ResultFormat) -> None:
    """Refuse options that a job cannot have, before the models are loaded."""
    if str(output) == "-":
        raise typer.BadParameter(
            "a batch job (--resume, or several processes) needs a file to write",
            param_hint="--output",
        )
    if wanted not in (ResultFormat.JSON_LINES, ResultFormat.PARQUET):
        raise typer.BadParameter(
            f"a batch job (--resume, or several processes) writes JSON Lines or Parquet, not "
            f"{wanted.value}: name the output so",
            param_hint="--format",
        )
    if start.resume and start.overwrite:
        raise typer.BadParameter("--resume goes on and --overwrite begins anew: give one of them")


def run_job(
    selected: Selection,
    output: Path,
    settings: Mapping[str, Any],
    load: Callable[[str], AttributionEngine],
    start: Start,
) -> None:
    """Begin a job or go on with it, and say how it went.

    Args:
        selected: The rows.
        output: File to write.
        settings: What the results depend on, besides the rows.
        load: Loads the models, given a device map.
        start: How to start.

    Raises:
        AttribotError: If the job cannot be done.
        OSError: If a file cannot be read or written.
        typer.Exit: If rows failed, or on Ctrl-C.
    """
    with joined() as processes:
        job = _job(selected, output, settings, processes)
        counts = job.open(resume=start.resume, overwrite=start.overwrite)
        if counts is not None and processes.is_main:
            note(f"{output} is finished already")
        if counts is None:
            _fill(job, load, start.device_map)
            counts = job.join()
    if processes.is_main:
        selected.say_what_was_counted()
    if counts is not None and processes.is_main:
        _conclude(counts, output)


def _job(
    selected: Selection, output: Path, settings: Mapping[str, Any], processes: Processes
) -> BatchJob:
    if is_parquet(output):
        parquet.check_installed()
    if not selected.file.is_file():
        raise ConfigurationError(f"a batch job reads its input again: {selected.file} is no file")
    rows = selected.open()
    plan = selected.plan(rows.count() or 0)
    if not plan.rows and processes.is_main:
        note(f"{selected.file} holds no rows")
    replace(selected, counted=None).lines()  # what cannot be read is told before a model is loaded
    settings = {
        **settings,
        "version": __version__,
        "input": file_identity(selected.file),
        "limit": selected.limit,
        "shard": str(selected.share),
        "part_rows": plan.part_rows,
    }
    return BatchJob(rows, plan, output, settings, processes)


def _fill(job: BatchJob, load: Callable[[str], AttributionEngine], device_map: str) -> None:
    missing = job.missing()
    if not missing:
        return
    processes = job.processes
    engine = load(processes.device_map(device_map))
    own = _own_rows(job)
    todo = sum(map(job.plan.size, missing))
    title = "attributing"
    if processes.count > 1:
        title += f" (process {processes.index + 1} of {processes.count})"
    try:
        with rows_progress(Console(stderr=True), shown=processes.is_main) as progress:
            task = progress.add_task(title, total=own, completed=own - todo)
            job.fill(engine, lambda rows: progress.update(task, advance=rows))
    except KeyboardInterrupt:
        note("interrupted; --resume goes on from here", always=True)
        raise typer.Exit(INTERRUPTED) from None


def _own_rows(job: BatchJob) -> int:
    parts = job.plan.of_process(job.processes.index, job.processes.count)
    return sum(map(job.plan.size, parts))


def _conclude(counts: Finished, output: Path) -> None:
    if counts.failed:
        failures = failures_file(output)
        note(f"{counts.failed} of {counts.rows} lines failed: see {failures}", always=True)
        raise typer.Exit(1)
    note(f"{counts.rows} lines written to {output}")
