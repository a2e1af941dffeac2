"""The samples of tests/unit/traces, written anew by the libraries that are installed."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from attribot_integrations.traces import read_traces
from tests.integrations.trace_samples import ASKED, SEARCHED, WRITERS
from tests.unit.traces.made import check_sample

ROOT = Path(__file__).parents[2]

NEEDED = {
    "openinference-langchain": ("otlp", "openinference.instrumentation.langchain"),
    "openinference-llama-index": ("otlp", "openinference.instrumentation.llama_index"),
    "opentelemetry-sdk": ("otlp", "openinference.instrumentation.langchain"),
    "langsmith": ("langsmith", "langsmith"),
    "langfuse": ("langfuse", "langfuse.langchain"),
    "mlflow": ("mlflow", "mlflow.langchain"),
    "phoenix": ("phoenix", "phoenix.server"),
}
"""How each is read, and the module that writes it."""

pytestmark = pytest.mark.slow


def is_there(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:
        return False


def test_every_writer_is_tried() -> None:
    assert set(NEEDED) == set(WRITERS)


@pytest.mark.parametrize("writer", NEEDED)
def test_what_a_library_writes_today_is_read(writer: str, tmp_path: Path) -> None:
    source, module = NEEDED[writer]
    if not is_there(module):
        pytest.skip(f"needs {module}")
    path = tmp_path / "sample.json"
    done = subprocess.run(
        [sys.executable, "-m", "tests.integrations.trace_samples", writer, str(path)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    for one in (path, path.with_suffix(".parquet")):
        if not one.exists():
            continue
        traces = read_traces(one, source)
        assert traces.unread == ()
        assert traces.guessed == ()
        for request in traces.requests:
            if writer == "openinference-llama-index":
                assert (request.question, request.answer) == (SEARCHED, "It opened in 1962.")
            else:
                check_sample(request, request.question)
                assert request.question in (ASKED, SEARCHED)
        assert traces.requests
