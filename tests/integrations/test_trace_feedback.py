"""Feedback that a real MLflow store and a real Phoenix server keep."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.integrations.test_trace_samples import NEEDED, ROOT, is_there

pytestmark = pytest.mark.slow


def round_trip(tool: str, folder: Path) -> Any:
    module = NEEDED[tool][1]
    if not is_there(module):
        pytest.skip(f"needs {module}")
    done = subprocess.run(
        [sys.executable, "-m", "tests.integrations.trace_round_trip", tool, str(folder)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_mlflow(tmp_path: Path) -> None:
    found = round_trip("mlflow", tmp_path)
    assert found["sent"] == len(found["kept"]) == 2
    by_name = {each["name"]: each for each in found["kept"]}
    assert by_name["citation_coverage"]["value"] == 1.0
    assert by_name["citation_coverage"]["rationale"] == "1 of 1 statements have a citation"
    assert isinstance(by_name["citation_support"]["value"], str)
    assert all(each["source"] == ["CODE", "attribot"] for each in found["kept"])
    assert all(each["on_root"] for each in found["kept"])


def test_phoenix(tmp_path: Path) -> None:
    """Sent twice, and there once; the documents' annotations were taken without an error."""
    found = round_trip("phoenix", tmp_path)
    assert found["sent"] == 4
    by_name = {each["name"]: each for each in found["kept"]}
    assert len(found["kept"]) == 2
    assert by_name["citation_coverage"]["result"]["score"] == 1.0
    assert by_name["citation_support"]["annotator_kind"] == "CODE"
    assert by_name["citation_support"]["metadata"]["statement_index"] == 0
