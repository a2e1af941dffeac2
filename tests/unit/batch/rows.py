"""Rows for batch jobs, a stub in the engine's place, and small jobs."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from attribot_integrations.batch.inputs import file_identity, open_rows
from attribot_integrations.batch.job import BatchJob
from attribot_integrations.batch.plan import Plan, Share
from attribot_integrations.batch.processes import Processes
from attribot_integrations.errors import PromptTooLongError
from attribot_integrations.requests.options import AttributionRequest
from attribot_integrations.results import Attribution
from tests.unit.attributions import make_attribution


class Killed(BaseException):
    """Ends a job as a kill would: nothing may catch it."""


class RowEngine:
    """Attributes by hand; fails for some answers, and is killed after some rows if asked to."""

    def __init__(self, kill_after: int | None = None) -> None:
        self.answers: list[str] = []
        self.kill_after = kill_after
        self.shared: list[str] = []
        """Answers of requests that were attributed in turn with others of the same context."""

    def sharing_context(self) -> SharingRowEngine:
        return SharingRowEngine(self)

    def attribute_request(self, request: AttributionRequest) -> Attribution:
        if len(self.answers) == self.kill_after:
            raise Killed
        self.answers.append(request.answer)
        if request.answer.endswith("0."):
            raise PromptTooLongError("one token too many")
        return make_attribution(request.question, request.chunks, request.answer, id=request.id)


@dataclass(frozen=True)
class SharingRowEngine:
    """Tells the engine which requests came in turn."""

    engine: RowEngine

    def attribute_request(self, request: AttributionRequest) -> Attribution:
        self.engine.shared.append(request.answer)
        return self.engine.attribute_request(request)


def rows_of(count: int) -> list[dict[str, Any]]:
    """Rows of which every tenth fails."""
    return [
        {"id": f"r{index}", "question": "Who?", "chunks": ["Ada.", "Bob."], "answer": f"A{index}."}
        for index in range(1, count + 1)
    ]


def write_rows(path: Path, count: int) -> Path:
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows_of(count)), encoding="utf-8")
    return path


def job_of(
    source: Path,
    output: Path,
    *,
    part_rows: int = 4,
    limit: int | None = None,
    share: Share | None = None,
    processes: Processes | None = None,
    **settings: object,
) -> BatchJob:
    rows = open_rows(source)
    total = rows.count() or 0
    plan = Plan(total if limit is None else min(limit, total), share or Share(), part_rows)
    settings = {"model": "m", "input": file_identity(source), **settings}
    return BatchJob(rows, plan, output, settings, processes or Processes())


def run_job(job: BatchJob, engine: RowEngine | None = None) -> list[int]:
    """Do a job from where it is; what it said about rows as it went."""
    seen: list[int] = []
    if job.open(resume=True, overwrite=False) is None:
        job.fill(engine or RowEngine(), seen.append)
        job.join()
    return seen


def records(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_bytes().splitlines()]


def lines_of(found: Sequence[dict[str, Any]]) -> list[int]:
    return [record["line"] for record in found]
