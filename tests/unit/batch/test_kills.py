"""Processes that are really killed, with a stub in the engine's place."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.unit.batch.rows import job_of, run_job, write_rows

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs SIGKILL")

WORKER = """
import sys, time
from pathlib import Path
from tests.unit.batch.rows import RowEngine, job_of, run_job

class Slow(RowEngine):
    def attribute_request(self, request):
        time.sleep(0.002)
        return super().attribute_request(request)

print("ready", flush=True)
run_job(job_of(Path(sys.argv[1]), Path(sys.argv[2])), Slow())
"""


def test_killed_at_random_moments_the_output_is_the_same(tmp_path: Path) -> None:
    source = write_rows(tmp_path / "in.jsonl", 300)
    output, whole = tmp_path / "out.jsonl", tmp_path / "whole.jsonl"
    run_job(job_of(source, whole))
    moments = random.Random(0)
    kills = 0
    for _ in range(40):
        arguments = [sys.executable, "-c", WORKER, str(source), str(output)]
        with subprocess.Popen(arguments, stdout=subprocess.PIPE) as worker:
            assert worker.stdout is not None
            assert worker.stdout.readline() == b"ready\n"
            try:
                code = worker.wait(moments.uniform(0.02, 0.4))
            except subprocess.TimeoutExpired:
                worker.send_signal(signal.SIGKILL)
                code = worker.wait()
        if code == 0:
            break
        assert code == -signal.SIGKILL
        kills += 1
    assert kills >= 2
    assert output.read_bytes() == whole.read_bytes()
    failures = tmp_path / "out.errors.jsonl", tmp_path / "whole.errors.jsonl"
    assert failures[0].read_bytes() == failures[1].read_bytes()
