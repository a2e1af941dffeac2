"""A job: parts filled row by row, then joined."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from typing import Any

from attribot_integrations.batch.datafiles import RequestLine
from attribot_integrations.batch.folder import Finished, JobFolder
from attribot_integrations.batch.inputs import RowFile
from attribot_integrations.batch.merging import failures_file, merge_parts
from attribot_integrations.batch.plan import Plan
from attribot_integrations.batch.processes import Processes
from attribot_integrations.batch.resultfiles import ResultWriter, attribute_line
from attribot_integrations.errors import ConfigurationError, DataFileError
from attribot_integrations.requests.attributors import BatchAttributor
from attribot_integrations.requests.context_runs import context_runs
from attribot_integrations.requests.options import AttributionRequest

__all__ = ["BatchJob"]


@dataclass(frozen=True)
class BatchJob:
    """Attributes the rows of a file; stopped at any moment, it goes on where it was.

    Several processes may run the same job, each on parts of its own; the main one joins them.
    """

    rows: RowFile
    plan: Plan
    output: Path
    """A JSON Lines or Parquet file, which is there once all rows are done; rows that failed are in
    a file of their own beside it."""
    settings: Mapping[str, Any]
    """What the results depend on."""
    processes: Processes = field(default_factory=Processes)

    @property
    def folder(self) -> JobFolder:
        """Where results are until all are there."""
        return JobFolder.of(self.output)

    def open(self, *, resume: bool, overwrite: bool) -> Finished | None:
        """Begin the job, or go on with it.

        Args:
            resume: Whether to go on with a job that has been begun.
            overwrite: Whether to begin anew all the same, and replace the output.

        Returns:
            What the job did, if it is finished already.

        Raises:
            ConfigurationError: If there is an output or a job that may not be touched, or one with
                other settings.
            DataFileError: If the job's settings cannot be read.
            OSError: If the folder cannot be written to.
        """
        if self.processes.is_main:
            self._prepare(resume, overwrite)
        self.processes.wait()
        self.folder.check(self.settings)
        finished = self.folder.finished
        if finished is not None and self.processes.is_main:
            self.folder.clear()  # a kill may have come in between
        return finished

    def missing(self) -> list[int]:
        """Return the parts that this process has yet to fill."""
        own = self.plan.of_process(self.processes.index, self.processes.count)
        return [part for part in own if not self.folder.part(part).exists()]

    def fill(self, engine: BatchAttributor, on_rows: Callable[[int], None]) -> None:
        """Fill this process's parts.

        Args:
            engine: Attributes the rows.
            on_rows: Called with the number of rows whenever some are done.

        Raises:
            ConfigurationError: If another process is writing one of the parts.
            DataFileError: If the input is damaged, or not as long as it was.
            OSError: If a file cannot be read or written.
        """
        missing = set(self.missing())
        if not missing:
            return
        part_of = self.plan.part_of
        rows = self.rows.rows(lambda place: part_of(place) in missing, self.plan.stop)
        for part, group in groupby(rows, key=lambda row: part_of(row[0])):
            assert part is not None
            self._fill_part(part, (line for _, line in group), engine, on_rows)
            missing.discard(part)
        for part in sorted(missing):
            self._check_length(part, 0)

    def join(self) -> Finished | None:
        """Wait for all processes, and make the output of their parts.

        Returns:
            What the job did; `None` in all processes but the main one.

        Raises:
            DataFileError: If a part cannot be read.
            OSError: If the output cannot be written.
        """
        self.processes.wait()
        if not self.processes.is_main:
            return None
        counts = merge_parts(self.folder, self.plan, self.output)
        self.folder.finish(counts)
        return counts

    def _fill_part(
        self,
        part: int,
        lines: Iterable[RequestLine],
        engine: BatchAttributor,
        on_rows: Callable[[int], None],
    ) -> None:
        with self.folder.fill(part) as target:
            if target is None:
                on_rows(self.plan.size(part))
                return
            on_rows(target.done)
            writer = ResultWriter(target.stream)
            count = 0
            for run in context_runs(lines, _request):
                # Decided by the whole run, so that it does not matter where a job was stopped.
                attributor = engine.sharing_context() if len(run) > 1 else engine
                for line in run:
                    count += 1
                    if count > target.done:
                        attribute_line(attributor, line, writer)
                        on_rows(1)
            self._check_length(part, count)

    def _prepare(self, resume: bool, overwrite: bool) -> None:
        begun = self.folder.begun
        if begun and resume and not overwrite:
            self.folder.check(self.settings)
            finished = self.folder.finished is not None
            if finished and not self.output.exists():
                raise ConfigurationError(
                    f"{self.folder.path} says that {self.output} is finished, and it is not there: "
                    "put it back or overwrite the job"
                )
            for file in () if finished else self._outputs():
                if not self.folder.owns(file):
                    raise ConfigurationError(
                        f"{file} is no file of the job in {self.folder.path}: move it away, or "
                        "begin anew (--overwrite)"
                    )
            return
        if begun and not overwrite:
            raise ConfigurationError(
                f"{self.folder.path} holds a job already: resume it (--resume), overwrite "
                "it (--overwrite), or choose another output"
            )
        for file in () if overwrite else self._outputs():
            raise ConfigurationError(
                f"{file} exists: overwrite it (--overwrite), or choose another output"
            )
        self.folder.begin(self.settings)
        self.folder.announce({file: file for file in self._outputs()})  # which may be overwritten

    def _outputs(self) -> list[Path]:
        """The files that the job would replace and that are there."""
        return [file for file in (self.output, failures_file(self.output)) if file.exists()]

    def _check_length(self, part: int, rows: int) -> None:
        wanted = self.plan.size(part)
        if rows != wanted:
            raise DataFileError(
                f"part {part} must have {wanted} rows, and the input now holds {rows} of them: "
                "the file was changed while it was read"
            )


def _request(line: RequestLine) -> AttributionRequest | None:
    return None if isinstance(line.content, DataFileError) else line.content
