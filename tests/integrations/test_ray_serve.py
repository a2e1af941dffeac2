"""The service on a local Ray: two replicas, one of which is killed under load."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(find_spec("ray") is None, reason="needs the extra ray-serve"),
]

PATIENT = {
    "RAY_SERVE_PROXY_HEALTH_CHECK_TIMEOUT_S": "60",
    "RAY_SERVE_PROXY_READY_CHECK_TIMEOUT_S": "60",
}
"""A busy machine takes longer than Ray waits by default."""

JOB = """
import json, os, signal, socket, sys, threading, time
import httpx, psutil, ray
from ray import serve
from attribot_integrations import AttributionEngine, AttributionRequest, FailedAttribution
from attribot_integrations.demo.corpus import demo_examples
from attribot_integrations.engine.bundled import bundled_model_path
from attribot_integrations.service import RemoteEngine, ServiceOptions, ray_application

TOKEN = "hush-hush-hush"
with socket.socket() as free:
    free.bind(("127.0.0.1", 0))
    port = free.getsockname()[1]
url = f"http://127.0.0.1:{port}"
ray.init(num_cpus=2, include_dashboard=False, configure_logging=False)
serve.start(http_options={"host": "127.0.0.1", "port": port})
application = ray_application(
    models={"small": str(bundled_model_path("proxy"))},
    limits=ServiceOptions(token=TOKEN),
    replicas=2,
    actor={"num_cpus": 0.5},
)
serve.run(application)

(example,) = demo_examples(1, kinds=("single",) * 4, chunks=(4, 4))
requests = [
    AttributionRequest(asked.question, example.chunk_texts, asked.answer, id=str(number))
    for number in range(48) for asked in [example.questions[number % 4]]
]
remote = RemoteEngine(url, token=TOKEN, attempts=10, max_parallel=8)
headers = {"Authorization": f"Bearer {TOKEN}"}

def described(**more):
    return httpx.get(f"{url}/v1/model", headers={**headers, **more}, timeout=60)

found = {
    "model": described().json()["model"],
    "small": described(serve_multiplexed_model_id="small").json()["model"],
    "unknown": described(serve_multiplexed_model_id="nothing").status_code,
    "without_token": httpx.get(f"{url}/v1/model").status_code,
}
body = {"question": requests[0].question, "chunks": list(example.chunk_texts),
        "answer": requests[0].answer, "stream": True}
streamed = httpx.post(f"{url}/v1/attribute", json=body, headers=headers, timeout=60).text
found["events"] = [line[7:] for line in streamed.splitlines() if line.startswith("event: ")]

def replicas():
    found = []
    for process in psutil.Process().children(recursive=True):
        try:
            if "ServeReplica" in " ".join(process.cmdline()):
                found.append(process.pid)
        except psutil.Error:  # it has ended
            pass
    return found

def kill_one():
    time.sleep(1)
    os.kill(before[0], signal.SIGKILL)

before = replicas()
thread = threading.Thread(target=kill_one)
thread.start()
results = remote.attribute_batch(requests, progress=False)
thread.join()
engine = AttributionEngine.demo()
direct = engine.attribute_batch(requests[:4], progress=False)
found["replicas"] = len(before)
found["failed"] = [str(each.error) for each in results if isinstance(each, FailedAttribution)]
found["largest"] = max(
    float(abs(each.scores - direct[place % 4].scores).max())
    for place, each in enumerate(results) if not isinstance(each, FailedAttribution)
)
end = time.monotonic() + 60
while before[0] in (now := replicas()) or len(now) < 2:
    if time.monotonic() > end:
        break
    time.sleep(0.5)
found["replicas_again"] = len(replicas())
with open(sys.argv[1], "w") as file:
    json.dump(found, file)
serve.shutdown()
ray.shutdown()
"""


def test_a_replica_is_killed_and_nothing_is_lost(tmp_path: Path) -> None:
    output = tmp_path / "found.json"
    environment = {**os.environ, **PATIENT, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, "-c", JOB, str(output)],
        env=environment,
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert output.exists(), done.stderr[-4000:]
    found = json.loads(output.read_text())
    assert found["failed"] == []
    assert found["largest"] < 1e-4
    assert (found["model"], found["small"], found["unknown"]) == ("target", "proxy", 422)
    assert found["without_token"] == 401
    assert found["events"] == ["accepted", "started", "statement", "result"]
    assert (found["replicas"], found["replicas_again"]) == (2, 2)
    assert "hush-hush-hush" not in done.stdout + done.stderr
