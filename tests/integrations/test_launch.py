"""Jobs in two processes that accelerate starts, one of which is killed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import psutil
import pytest

from attribot_integrations.batch.merging import failures_file
from attribot_integrations.demo.corpus import demo_examples

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform == "win32", reason="needs SIGKILL"),
]

ONE = [sys.executable, "-m", "attribot_integrations.cli"]
TWO = [
    *(sys.executable, "-m", "accelerate.commands.launch"),
    *("--multi_gpu", "--num_processes", "2", "--num_machines", "1"),
    *("--mixed_precision", "no", "--dynamo_backend", "no", "--main_process_port", "0"),
    *("-m", "attribot_integrations.cli"),
]


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """Demo questions, and a row that fails."""
    rows: list[dict[str, Any]] = [{"id": "bad"}]
    for example in demo_examples(16, chunks=(4, 6), questions=4):
        rows += [
            {"question": each.question, "chunks": list(example.chunk_texts), "answer": each.answer}
            for each in example.questions
        ]
    path = tmp_path / "in.jsonl"
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    return path


def command(launcher: list[str], source: Path, output: Path) -> list[str]:
    return [*launcher, "attribute", str(source), "--output", str(output), "--resume"]


def environment() -> dict[str, str]:
    return {**os.environ, "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}


def finish(launcher: list[str], source: Path, output: Path) -> None:
    done = subprocess.run(
        command(launcher, source, output),
        env=environment(),
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert "1 of 65 lines failed" in done.stderr, done.stderr
    assert done.returncode == 1


def kill_a_process(rank: str, source: Path, output: Path) -> None:
    """Start a job and kill one of its processes once all have done some rows."""
    folder = output.with_name(f"{output.name}.job")
    with subprocess.Popen(command(TWO, source, output), env=environment()) as launcher:
        until = time.monotonic() + 120
        while len(list(folder.glob("part-*.jsonl"))) < 4:
            assert launcher.poll() is None
            assert time.monotonic() < until
            time.sleep(0.05)
        workers = psutil.Process(launcher.pid).children(recursive=True)
        (victim,) = (each for each in workers if each.environ().get("RANK") == rank)
        victim.kill()
        assert launcher.wait(120) != 0
    assert not output.exists()


def records(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_bytes().splitlines()]


def without_times(path: Path) -> list[dict[str, Any]]:
    found = records(path)
    for record in found:
        record["cost"].pop("seconds")
    return found


def test_two_processes_give_the_same_as_one_also_after_a_kill(source: Path, tmp_path: Path) -> None:
    one, two = tmp_path / "one.jsonl", tmp_path / "two.jsonl"
    finish(ONE, source, one)
    finish(TWO, source, two)
    expected = without_times(one)
    assert [record["line"] for record in expected] == list(range(2, 66))
    assert without_times(two) == expected
    for rank, again in (("1", TWO), ("0", ONE)):
        killed = tmp_path / f"killed-{rank}.jsonl"
        kill_a_process(rank, source, killed)
        finish(again, source, killed)
        assert without_times(killed) == expected
        assert records(failures_file(killed)) == records(failures_file(one))
