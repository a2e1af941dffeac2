"""The service under load, and what its micro-batches save.

python -m benchmarks serve --json benchmarks/results/serve.json

Load: a service with the bundled model in a process of its own, many clients on loopback, a short
queue; what is refused with 429 is sent again. Batches: the same requests through the service's
queue with and without micro-batches, and one at a time, in CPU seconds of one thread.
"""

from __future__ import annotations

import os
import signal
import socket
import statistics
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import torch
import typer
from rich.console import Console

from attribot_integrations import Attribution, AttributionEngine, AttributionRequest, EngineOptions
from attribot_integrations.demo.corpus import demo_examples
from attribot_integrations.evaluation.store import write_results
from attribot_integrations.requests.context_runs import context_key
from attribot_integrations.service.micro_batches import MicroBatches, StoppingAttributor
from attribot_integrations.service.wire import request_to_wire
from attribot_integrations.service.wire_results import attribution_from_wire
from benchmarks.report import environment

__all__ = ["batch_figures", "load_figures", "make_requests", "serve", "served"]

Figures = dict[str, Any]

_LONGEST = 240.0


def serve(
    clients: Annotated[int, typer.Option(min=1, help="Clients at a time.")] = 64,
    requests: Annotated[int, typer.Option(min=1, help="Requests of all clients together.")] = 2000,
    waiting: Annotated[int, typer.Option(min=1, help="Most requests that wait.")] = 32,
    contexts: Annotated[int, typer.Option(min=1, help="Contexts, of four questions each.")] = 50,
    rounds: Annotated[int, typer.Option(min=1, help="Rounds of the comparison of batches.")] = 5,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write figures here.")] = None,
) -> None:
    """Measure the service: under load, and its micro-batches."""
    torch.set_num_threads(1)
    made = make_requests(contexts, chunks=4)
    engine = AttributionEngine.demo()
    with served(waiting) as url:
        load = load_figures(url, made, engine, clients=clients, requests=requests)
    load["most_waiting"] = waiting
    batches = batch_figures(engine, make_requests(12, chunks=8), rounds)
    console = Console()
    console.print_json(data={"load": load, "batches": batches})
    if json_file is not None:
        described = environment(torch.device("cpu"))
        write_results({"environment": described, "load": load, "batches": batches}, json_file)
        console.print(f"written to {json_file}")


def make_requests(contexts: int, *, chunks: int) -> list[AttributionRequest]:
    """Return four requests for each context, those of a context not beside each other."""
    examples = demo_examples(contexts, kinds=("single",) * 4, chunks=(chunks, chunks))
    return [
        AttributionRequest(
            example.questions[number].question,
            example.chunk_texts,
            example.questions[number].answer,
            id=f"{place}.{number}",
        )
        for number in range(4)
        for place, example in enumerate(examples)
    ]


@contextmanager
def served(waiting: int) -> Iterator[str]:
    """Serve the bundled target in another process, on loopback.

    Args:
        waiting: Most requests that wait.

    Raises:
        RuntimeError: If it does not start.
    """
    import httpx

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "attribot_integrations.cli", "serve", "--port", str(port)]
    process = subprocess.Popen(
        [*command, "--max-waiting", str(waiting)],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    url = f"http://127.0.0.1:{port}"
    try:
        end = time.monotonic() + _LONGEST
        while True:
            try:
                httpx.get(f"{url}/ready").raise_for_status()
                break
            except httpx.HTTPError as error:
                if process.poll() is not None or time.monotonic() > end:
                    raise RuntimeError("the service did not start") from error
                time.sleep(0.2)
        yield url
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(_LONGEST)


@dataclass
class _Load:
    """What clients see."""

    statuses: Counter[int]
    seconds: list[float]
    answers: list[tuple[AttributionRequest, Any]]
    lock: threading.Lock


def load_figures(
    url: str,
    made: Sequence[AttributionRequest],
    engine: AttributionEngine,
    *,
    clients: int,
    requests: int,
) -> Figures:
    """Send requests from many clients, and compare the answers with direct ones.

    Args:
        url: Address of the service.
        made: The requests, which are sent in turn, again from the first on.
        engine: What to compare with, the same model in this process.
        clients: How many send at a time.
        requests: How many are sent, those that are sent again not counted.
    """
    waiting = [made[number % len(made)] for number in range(requests)]
    load = _Load(Counter(), [], [], threading.Lock())
    threads = [threading.Thread(target=_client, args=(url, waiting, load)) for _ in range(clients)]
    begun = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    wall = time.perf_counter() - begun
    ordered = sorted(load.seconds)
    return {
        "clients": clients,
        "requests": requests,
        "statuses": {str(status): count for status, count in sorted(load.statuses.items())},
        "answered": len(load.answers),
        "seconds": round(wall, 1),
        "requests_per_second": round(len(load.answers) / wall, 2),
        "median_seconds": round(statistics.median(ordered), 3) if ordered else None,
        "p95_seconds": round(ordered[int(0.95 * (len(ordered) - 1))], 3) if ordered else None,
        **_compared(load.answers, engine),
    }


def _client(url: str, waiting: list[AttributionRequest], load: _Load) -> None:
    import httpx

    with httpx.Client(base_url=url, timeout=600) as client:
        while True:
            with load.lock:
                if not waiting:
                    return
                request = waiting.pop()
            status = 429
            while status == 429:
                begun = time.perf_counter()
                answer = client.post("/v1/attribute", json=request_to_wire(request))
                taken = time.perf_counter() - begun
                status = answer.status_code
                with load.lock:
                    load.statuses[status] += 1
                    if status == 200:
                        load.seconds.append(taken)
                        load.answers.append((request, answer.json()))
                if status == 429:
                    time.sleep(float(answer.headers["Retry-After"]))


def _compared(
    answers: Sequence[tuple[AttributionRequest, Any]], engine: AttributionEngine
) -> Figures:
    """Compare answers with those of an engine in this process."""
    options = EngineOptions(max_seconds=60.0)
    direct: dict[str, Attribution] = {}
    largest, same = 0.0, 0
    for request, answer in answers:
        found = attribution_from_wire(answer, request)
        if request.id not in direct:
            direct[request.id or ""] = engine.attribute_request(request, options=options)
        here = direct[request.id or ""]
        largest = max(largest, float(np.abs(found.scores - here.scores).max()))
        cited = [
            [(one.statement_index, one.source_id) for one in each.citations]
            for each in (found, here)
        ]
        same += cited[0] == cited[1]
    return {
        "compared_with": len(direct),
        "largest_difference_nats": largest,
        "same_citations": same,
    }


def batch_figures(
    engine: AttributionEngine, made: Sequence[AttributionRequest], rounds: int
) -> Figures:
    """Run the same requests one at a time, and through the queue without and with batches.

    Args:
        engine: What attributes.
        made: The requests.
        rounds: How often; all ways take turns.

    Returns:
        CPU seconds of each way, the median and the least of the rounds: what else a machine does
        can only add to them. Speeds are those of the least.
    """
    ways: dict[str, Callable[[], None]] = {
        "one at a time": lambda: _one_at_a_time(engine, made),
        "queue, no batches": lambda: _queued(engine, made, max_batch=1),
        "queue, batches of 16": lambda: _queued(engine, made, max_batch=16),
    }
    ways["one at a time"]()  # to warm up
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, way in ways.items():
            begun = time.process_time()
            way()
            seconds[name].append(time.process_time() - begun)
    least = {name: min(each) for name, each in seconds.items()}
    medians = {name: statistics.median(each) for name, each in seconds.items()}
    alone = least["one at a time"]
    return {
        "requests": len(made),
        "requests_of_a_context": 4,
        "rounds": rounds,
        "cpu_seconds": {name: round(value, 3) for name, value in medians.items()},
        "least_cpu_seconds": {name: round(value, 3) for name, value in least.items()},
        "speed": {name: round(alone / value, 3) for name, value in least.items()},
    }


def _one_at_a_time(engine: AttributionEngine, made: Sequence[AttributionRequest]) -> None:
    for request in made:
        engine.attribute_request(request)


def _queued(
    engine: AttributionEngine, made: Sequence[AttributionRequest], *, max_batch: int
) -> None:
    batches = MicroBatches(engine, max_waiting=len(made), max_batch=max_batch, max_wait=3600)

    def work(request: AttributionRequest) -> Callable[[StoppingAttributor, Any], Attribution]:
        return lambda attributor, unwanted: attributor.attribute_request(
            request, cancelled=unwanted
        )

    jobs = [
        batches.submit(context_key(request, place), work(request))
        for place, request in enumerate(made)
    ]
    batches.close()
    for job in jobs:
        job.result.result()
