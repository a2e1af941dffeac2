"""Attribution in actors of a local Ray, one of which is killed."""

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
    pytest.mark.skipif(find_spec("ray") is None, reason="needs the extra ray"),
]

JOB = """
import json, os, signal, sys, threading, time
from pathlib import Path
import ray
from attribot_integrations.batch.ray_data import RayAttributor
from attribot_integrations.demo.corpus import demo_examples
from attribot_integrations.engine.bundled import bundled_model_path

folder = Path(sys.argv[1])
(example,) = demo_examples(1, kinds=("single",) * 4, chunks=(4, 4))
rows = [
    {"number": number, "question": asked.question, "chunks": list(example.chunk_texts),
     "answer": asked.answer}
    for number in range(24) for asked in [example.questions[number % 4]]
]

class Marked(RayAttributor):
    def __call__(self, batch):
        (folder / f"{os.getpid()}.pid").touch()
        time.sleep(0.5)
        return super().__call__(batch)

def kill_one():
    while not list(folder.glob("*.pid")):
        time.sleep(0.05)
    victim = next(folder.glob("*.pid"))
    os.kill(int(victim.stem), signal.SIGKILL)
    victim.rename(victim.with_suffix(".killed"))

ray.init(num_cpus=2, include_dashboard=False, configure_logging=False)
threading.Thread(target=kill_one, daemon=True).start()
done = ray.data.from_items(rows, override_num_blocks=8).map_batches(
    Marked, fn_constructor_kwargs={"model": bundled_model_path("target")},
    batch_format="pyarrow", batch_size=3, num_cpus=1,
    compute=ray.data.ActorPoolStrategy(size=2),
)
found = done.select_columns(["number", "result", "error"]).take_all()
Path(folder / "done.json").write_text(json.dumps(found))
"""


def test_an_actor_is_killed_and_nothing_is_lost(tmp_path: Path) -> None:
    environment = {
        **os.environ,
        "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
        "RAY_USAGE_STATS_ENABLED": "0",
        "RAY_DATA_DISABLE_PROGRESS_BARS": "1",
        "PYTHONPATH": os.pathsep.join(sys.path),
    }
    done = subprocess.run(
        [sys.executable, "-c", JOB, str(tmp_path)],
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert len(list(tmp_path.glob("*.killed"))) == 1
    rows = json.loads((tmp_path / "done.json").read_text())
    assert sorted(row["number"] for row in rows) == list(range(24))
    assert {row["error"] for row in rows} == {None}
    scores: dict[int, set[str]] = {}
    for row in rows:
        result = json.loads(row["result"])
        scores.setdefault(row["number"] % 4, set()).add(str(result["scores"]))
    assert [len(found) for found in scores.values()] == [1, 1, 1, 1]
