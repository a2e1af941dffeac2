"""Batch jobs: kills, memory, processes, and batches against single calls, on the demo models.

python -m benchmarks.batch kills       a job of 2,000 rows killed 20 times, against a job left alone
python -m benchmarks.batch memory      highest memory of a job of 1,000 rows and of one of 20,000
python -m benchmarks.batch processes   one process against two that accelerate starts
python -m benchmarks.batch calls       64 examples in one batch against 64 single calls,
                                       with one to a context and with six to a context
python -m benchmarks.batch overhead    a job's own time and output for each row, without the model's
"""

from __future__ import annotations

import json
import os
import random
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import cycle
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any

import torch
import typer
from rich.console import Console

from attribot_integrations import Attribution, AttributionEngine
from attribot_integrations.batch.inputs import open_rows
from attribot_integrations.batch.job import BatchJob
from attribot_integrations.batch.plan import Plan, Share
from attribot_integrations.demo.corpus import demo_examples
from attribot_integrations.engine.bundled import bundled_model_path
from attribot_integrations.requests.options import AttributionRequest, EngineOptions

_CLI = ("-m", "attribot_integrations.cli")
_LAUNCH = (
    *("-m", "accelerate.commands.launch", "--multi_gpu", "--num_processes", "2"),
    *("--num_machines", "1", "--mixed_precision", "no", "--dynamo_backend", "no"),
    *("--main_process_port", "0"),
)
_SMALL = ("--model", str(bundled_model_path("proxy")), "--level", "chunk")
"""The cheapest work for each row: what is measured is the job around it."""

_console = Console()
app = typer.Typer(add_completion=False, help=__doc__)
_Rows = Annotated[int, typer.Option(help="Rows of the job.")]


@dataclass(frozen=True)
class _Job:
    """One run of the command line, to its end."""

    seconds: float
    peak_bytes: int


@app.command()
def kills(
    rows: _Rows = 2000,
    count: Annotated[int, typer.Option(help="How many kills.")] = 20,
    seed: Annotated[int, typer.Option(help="Of the moments.")] = 0,
) -> None:
    """Kill a job at random moments and compare its output with that of one left alone."""
    moments = random.Random(seed)
    with TemporaryDirectory() as folder:
        source, whole, output = (Path(folder) / f"{name}.jsonl" for name in ("in", "whole", "out"))
        _write(source, rows)
        seconds = _run(source, whole).seconds
        done = 0
        while done < count:
            # Some before work begins, and all early enough to find work left.
            if _killed(source, output, moments.uniform(1.0, 5.0 + 1.2 * seconds / count)):
                done += 1
            else:
                _console.print(f"finished after {done} kills; begun anew")
                _forget(output)
        left = 0 if output.exists() else rows - _rows_done(output)
        resumed = _run(source, output).seconds
        same = _without_costs(output) == _without_costs(whole)
        lines = len(_without_costs(output))
    _console.print(
        f"{rows} rows: {done} kills, {left} rows left to the last run ({resumed:.1f} s; a run left "
        f"alone {seconds:.1f} s); "
        f"{lines} lines, equal row for row: {same}"
    )
    if not same:
        raise typer.Exit(1)


@app.command()
def memory(
    few: Annotated[int, typer.Option(help="Rows of the small job.")] = 1000,
    many: Annotated[int, typer.Option(help="Rows of the large job.")] = 20_000,
) -> None:
    """Measure the highest resident memory of a small and a large job."""
    peaks = {}
    with TemporaryDirectory() as folder:
        for rows in (few, many):
            source = Path(folder) / f"{rows}.jsonl"
            _write(source, rows)
            job = _run(source, source.with_suffix(".out.jsonl"), _SMALL)
            peaks[rows] = job.peak_bytes
            size = source.stat().st_size / 2**20
            _console.print(
                f"{rows} rows ({size:.1f} MiB): peak {job.peak_bytes / 2**20:.1f} MiB, "
                f"{job.seconds:.1f} s"
            )
    _console.print(f"ratio {peaks[many] / peaks[few]:.3f}")


@app.command()
def processes(
    rows: _Rows = 320,
    runs: Annotated[int, typer.Option(help="Runs of each, in turn.")] = 2,
) -> None:
    """Time one process and two, with the same threads for each, models loaded in both."""
    ways = {"one": (), "two": _LAUNCH}
    taken: dict[tuple[str, int], list[float]] = {}
    with TemporaryDirectory() as folder:
        outputs = {name: Path(folder) / f"{name}.jsonl" for name in ways}
        for _ in range(runs):
            for name, launcher in ways.items():
                # A job of two rows takes as long as everything but the work.
                for size in (2, rows):
                    source = Path(folder) / f"{size}-in.jsonl"
                    _write(source, size, chunks=(4, 6))
                    _forget(outputs[name])
                    job = _run(source, outputs[name], launcher=launcher)
                    taken.setdefault((name, size), []).append(job.seconds)
        same = _without_costs(outputs["one"]) == _without_costs(outputs["two"])
    one, two = (min(taken[name, rows]) for name in ways)
    loads = [min(taken[name, 2]) for name in ways]
    _console.print(
        f"{rows} rows: one process {one:.1f} s ({loads[0]:.1f} s of it start), two {two:.1f} s "
        f"({loads[1]:.1f} s start): {one / two:.2f} times as fast in all, "
        f"{(one - loads[0]) / (two - loads[1]):.2f} times without the start; equal: {same}"
    )


@app.command()
def calls(
    count: Annotated[int, typer.Option(help="Examples in the batch.")] = 64,
    runs: Annotated[int, typer.Option(help="Runs of each, in turn.")] = 3,
) -> None:
    """Time a batch of demo examples and as many single calls."""
    torch.set_num_threads(1)
    for questions in (1, 6):
        requests = [_request(row) for row in _rows(count, (4, 12), questions)]
        for method in ("balanced", "fast"):
            options = EngineOptions(method=method)
            engine = AttributionEngine.demo(proxy=method == "fast", options=options)
            one, all_ = _compare(engine, requests, runs)
            _console.print(
                f"{count} examples, {questions} for each context, {method}, processor time: "
                f"single calls {one:.2f} s, one batch {all_:.2f} s, ratio {one / all_:.3f}"
            )


def _compare(
    engine: AttributionEngine, requests: Sequence[AttributionRequest], runs: int
) -> tuple[float, float]:
    """Return the median processor time of single calls, and of one batch."""
    engine.attribute_batch(requests[:4], progress=False)
    batch, single = [], []
    for _ in range(runs):
        single.append(_timed(lambda: [engine.attribute_request(each) for each in requests]))
        batch.append(_timed(lambda: engine.attribute_batch(requests, progress=False)))
    return statistics.median(single), statistics.median(batch)


@app.command()
def overhead(
    rows: _Rows = 4800,
    distinct: Annotated[int, typer.Option(help="How many of them differ.")] = 240,
) -> None:
    """Measure a job's processor time and output for each row, the model's results given."""
    examples = _rows(distinct, (6, 6))
    engine = AttributionEngine.demo()
    replay = _Replay([engine.attribute_request(_request(row)) for row in examples])
    with TemporaryDirectory() as folder:
        source = Path(folder) / "in.jsonl"
        lines = [json.dumps(row) + "\n" for row in examples]
        source.write_text("".join(lines[place % distinct] for place in range(rows)))
        passing = _timed(lambda: list(open_rows(source).rows(lambda _: False)))
        _console.print(f"passing over {rows} rows: {1e6 * passing / rows:.2f} µs a row")
        for ending in ("jsonl", "parquet"):
            for size in (rows, distinct):
                job = _replay_job(source, size, Path(folder) / f"{size}.{ending}")
                fill = _timed(partial(job.fill, replay, lambda _: None))
                join = _timed(job.join)
                _console.print(
                    f"{ending}, {size} rows: filling {1e3 * fill / size:.3f} ms a row, joining "
                    f"{1e3 * join / size:.3f}, {job.output.stat().st_size / size:.0f} bytes a row"
                )


class _Replay:
    """Gives results that are there already, in turn."""

    def __init__(self, results: Sequence[Attribution]) -> None:
        self._results = cycle(results)

    def sharing_context(self) -> _Replay:
        """Results are given, so there is nothing to share."""
        return self

    def attribute_request(self, request: AttributionRequest) -> Attribution:
        return next(self._results)


def _replay_job(source: Path, size: int, output: Path) -> BatchJob:
    job = BatchJob(open_rows(source), Plan.of(size, Share()), output, {})
    job.open(resume=False, overwrite=False)
    return job


def _request(row: Mapping[str, Any]) -> AttributionRequest:
    return AttributionRequest(row["question"], row["chunks"], row["answer"])


def _timed(work: Callable[[], object]) -> float:
    start = time.process_time()
    work()
    return time.process_time() - start


def _rows(count: int, chunks: tuple[int, int], questions: int = 6) -> list[dict[str, Any]]:
    examples = demo_examples(-(-count // questions), chunks=chunks, questions=questions)
    rows = [
        {"question": asked.question, "chunks": list(example.chunk_texts), "answer": asked.answer}
        for example in examples
        for asked in example.questions
    ]
    return [{"id": str(place), **row} for place, row in enumerate(rows[:count])]


def _write(path: Path, count: int, chunks: tuple[int, int] = (2, 2)) -> None:
    lines = (json.dumps(row) + "\n" for row in _rows(count, chunks))
    path.write_text("".join(lines), encoding="utf-8")


def _command(
    source: Path, output: Path, options: Sequence[str] = (), launcher: Sequence[str] = ()
) -> list[str]:
    job = ("attribute", str(source), "--output", str(output), "--resume")
    return [sys.executable, *launcher, *_CLI, *job, *options]


def _run(
    source: Path, output: Path, options: Sequence[str] = (), launcher: Sequence[str] = ()
) -> _Job:
    """Run the command line to its end."""
    started = time.perf_counter()
    process = _start(_command(source, output, options, launcher))
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise typer.Exit(process.returncode)
    return _Job(time.perf_counter() - started, used.ru_maxrss * 1024)


def _killed(source: Path, output: Path, seconds: float) -> bool:
    """Run the command line and kill it after some time; `False` if it was done before."""
    process = _start(_command(source, output))
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        return True
    return False


def _start(command: Sequence[str]) -> subprocess.Popen[bytes]:
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"}
    return subprocess.Popen(
        command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )


def _job_folder(output: Path) -> Path:
    return output.with_name(f"{output.name}.job")


def _forget(output: Path) -> None:
    output.unlink(missing_ok=True)
    _job_folder(output).joinpath("job.json").unlink(missing_ok=True)


def _rows_done(output: Path) -> int:
    return sum(part.read_bytes().count(b"\n") for part in _job_folder(output).glob("part-*.jsonl*"))


def _without_costs(path: Path) -> list[dict[str, Any]]:
    """Read results; a row that begins anew after a kill runs the chunks that it shares again."""
    records = [json.loads(line) for line in path.read_bytes().splitlines()]
    for record in records:
        record.pop("cost")
    return records


if __name__ == "__main__":
    app()
