"""The service as it is started, killed and started again; random requests by its own OpenAPI."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

from attribot_integrations import AttributionRequest, FailedAttribution
from attribot_integrations.cli.serve import TOKEN
from attribot_integrations.errors import ServerError
from attribot_integrations.service import RemoteEngine
from tests.unit.service.running import asked, engine, running

SECRET = "hush-hush-hush"


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


@contextmanager
def started(port: int, log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Run `attribot serve` in a process of its own, and wait until it is ready."""
    command = [sys.executable, "-m", "attribot_integrations.cli", "serve", "--port", str(port)]
    with log.open("ab") as written:
        environment = {**os.environ, TOKEN: SECRET, "OMP_NUM_THREADS": "1"}
        process = subprocess.Popen(command, env=environment, stdout=written, stderr=written)
        try:
            for _ in range(3000):
                try:
                    if httpx.get(f"http://127.0.0.1:{port}/ready").status_code == 200:
                        break
                except httpx.TransportError:
                    assert process.poll() is None, log.read_text()
                    time.sleep(0.1)
            yield process
        finally:
            process.kill()
            process.wait(30)


def requests(count: int) -> list[AttributionRequest]:
    return [AttributionRequest(**asked(number), id=str(number)) for number in range(count)]


@pytest.mark.slow
@pytest.mark.enable_socket
def test_a_batch_outlives_a_kill(tmp_path: Path) -> None:
    port, log = free_port(), tmp_path / "log"
    remote = RemoteEngine(f"http://127.0.0.1:{port}", token=SECRET, attempts=40, max_parallel=4)
    found: list[Any] = []
    with started(port, log) as process:
        remote.describe()
        thread = threading.Thread(
            target=lambda: found.extend(remote.attribute_batch(requests(24), progress=False))
        )
        thread.start()
        time.sleep(1)
        process.kill()
        process.wait(30)
    with started(port, log):
        thread.join(300)
    here = engine().attribute_batch(requests(24), progress=False)
    for one, other in zip(found, here, strict=True):
        assert not isinstance(one, FailedAttribution)
        assert not isinstance(other, FailedAttribution)
        assert np.abs(one.scores - other.scores).max() < 1e-4
    assert SECRET not in log.read_text()


@pytest.mark.slow
@pytest.mark.enable_socket
def test_it_finishes_what_it_accepted(tmp_path: Path) -> None:
    port, log = free_port(), tmp_path / "log"
    url = f"http://127.0.0.1:{port}"
    statuses: list[int] = []

    def post(number: int) -> None:
        answer = httpx.post(
            f"{url}/v1/attribute",
            json=asked(number),
            headers={"Authorization": f"Bearer {SECRET}"},
            timeout=60,
        )
        statuses.append(answer.status_code)

    with started(port, log) as process:
        threads = [threading.Thread(target=post, args=(number,)) for number in range(16)]
        for thread in threads:
            thread.start()
        waiting = ""
        while "attribot_waiting_requests 0.0" in waiting or not waiting:
            waiting = httpx.get(
                f"{url}/metrics", headers={"Authorization": f"Bearer {SECRET}"}
            ).text
        time.sleep(0.3)
        process.send_signal(signal.SIGTERM)
        for thread in threads:
            thread.join(60)
        assert process.wait(60) == 0
    assert statuses == [200] * 16
    with pytest.raises(ServerError, match="cannot be reached"):
        RemoteEngine(url, token=SECRET, attempts=1).describe()


def try_each(cases: Any, sent: Any) -> None:
    """Send cases of a strategy, and show the smallest at which it fails."""

    @settings(
        max_examples=100,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(cases)
    def run(case: Any) -> None:
        sent(case)

    run()


@pytest.mark.slow
def test_random_requests_meet_no_fault() -> None:
    schemathesis = pytest.importorskip("schemathesis")
    with running() as service, service.client() as client:
        schema = schemathesis.openapi.from_dict(client.get("/openapi.json").json())
        operations = [one.ok() for one in schema.get_all_operations()]
        paths = {one.path for one in operations}
        assert {"/v1/attribute", "/v1/filter", "/v1/audit"} <= paths
        seen: dict[str, set[int]] = {}

        def sent(case: Any) -> None:
            parts = case.as_transport_kwargs(base_url="http://service")
            parts = {name: value for name, value in parts.items() if name != "cookies"}
            if isinstance(parts.get("data"), bytes | str):
                parts["content"] = parts.pop("data")
            answer = client.request(**parts)
            seen.setdefault(case.operation.path, set()).add(answer.status_code)
            assert answer.status_code < 500, (answer.text, parts)
            if answer.status_code >= 400:
                assert answer.json()["error"]["message"]

        modes = schemathesis.GenerationMode
        for operation in operations:
            wrong = [modes.NEGATIVE] if operation.body else []  # of nothing, nothing is wrong
            for mode in (modes.POSITIVE, *wrong):
                try_each(operation.as_strategy(generation_mode=mode), sent)
    for path in ("/v1/attribute", "/v1/filter", "/v1/audit"):
        assert 200 in seen[path], seen
        assert seen[path] & {400, 415, 422}, seen
