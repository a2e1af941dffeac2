"""The command line as a whole."""

from __future__ import annotations

import subprocess
import sys

from attribot_integrations import __version__
from tests.unit.cli.running import run


def test_version() -> None:
    result = run("--version")
    assert result.exit_code == 0
    assert result.stdout == f"attribot {__version__}\n"


def test_help_names_the_commands() -> None:
    result = run("--help")
    assert result.exit_code == 0
    assert "attribute" in result.stdout
    assert "demo" in result.stdout


def test_module_runs_and_help_imports_nothing_heavy() -> None:
    code = (
        "import runpy, sys\n"
        "sys.argv = ['attribot', '--help']\n"
        "try:\n"
        "    runpy.run_module('attribot_integrations', run_name='__main__')\n"
        "except SystemExit as end:\n"
        "    assert not end.code, end.code\n"
        "heavy = {'torch', 'transformers', 'langchain_core', 'numpy'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "Causal citations" in done.stdout
