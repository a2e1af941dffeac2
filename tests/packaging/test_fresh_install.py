"""The wheel from an empty environment and the package index, as a user installs it."""

from __future__ import annotations

import subprocess
import sys
import venv
from pathlib import Path

import pytest

from attribot_integrations import __version__
from tests.packaging.conftest import ROOT, Built
from tests.packaging.environments import Environment

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform == "win32", reason="knows the folders of POSIX only"),
]


def test_installed_from_the_package_index(built: Built, tmp_path: Path) -> None:
    fresh = Environment(tmp_path / "venv", tmp_path / "work")
    fresh.work.mkdir()
    venv.EnvBuilder(with_pip=True, symlinks=True).create(fresh.folder)
    wanted = ["--constraint", str(ROOT / "constraints.txt"), f"{built.wheel}[langchain]"]
    subprocess.run([fresh.python, "-m", "pip", "install", "--quiet", *wanted], check=True)
    assert "No broken requirements found." in fresh.output("python", "-m", "pip", "check")
    assert fresh.output("attribot", "--version") == f"attribot {__version__}\n"
    assert fresh.output("attribot", "demo").count("Q  ") == 3
