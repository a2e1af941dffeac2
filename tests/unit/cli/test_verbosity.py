"""How much commands say, by options that all of them have."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Annotated

import pytest
import typer
from typer.testing import CliRunner

from attribot_integrations.cli import app
from attribot_integrations.cli.runtime import clean_errors, note
from attribot_integrations.cli.verbosity import Verbosity, verbosity, with_verbosity
from attribot_integrations.errors import InputError
from tests.unit.cli.running import StubEngine, run

LOGGER = logging.getLogger("attribot_integrations")


def small(name: str, loud: Annotated[bool, typer.Option("--loud")] = False) -> None:
    """Say some things."""
    LOGGER.debug("in detail")
    LOGGER.warning("a warning")
    note(f"{verbosity().value} {name} {loud}")
    with clean_errors():
        raise InputError("no text")


def said(*arguments: str) -> str:
    program = typer.Typer()
    program.command()(with_verbosity(small))
    before = (LOGGER.level, list(LOGGER.handlers))
    result = CliRunner().invoke(program, list(arguments))
    assert (LOGGER.level, list(LOGGER.handlers)) == before
    assert verbosity() is Verbosity.USUAL
    assert result.exit_code in (1, 2)
    return result.stderr


def test_errors_are_always_said() -> None:
    assert said("x", "--quiet") == "attribot: error: no text\n"
    usual = said("x", "--loud")
    assert "attribot: usual x True\n" in usual
    assert "in detail" not in usual
    verbose = said("x", "--verbose")
    assert "attribot_integrations: in detail" in verbose
    assert "attribot: verbose x False\n" in verbose
    assert "Traceback" in verbose


def test_not_both() -> None:
    assert "give one of them" in said("x", "--quiet", "--verbose")


def test_every_command_has_them_and_short_help() -> None:
    group = typer.main.get_command(app)
    for name in [*group.commands]:  # type: ignore[attr-defined]
        result = run(name, "-h")
        assert result.exit_code == 0
        assert "--quiet" in result.stdout
        assert "--verbose" in result.stdout
        assert "<bool>" not in result.stdout
        assert "BOOLEAN" not in result.stdout
    assert run("-h").stdout == run("--help").stdout


def test_a_quiet_run_writes_results_only(engine: StubEngine, tmp_path: Path) -> None:
    data = tmp_path / "in.jsonl"
    row = {"question": "Who?", "chunks": ["Ada."], "answer": "A."}
    data.write_text(f"{json.dumps(row)}\nbad\n", encoding="utf-8")
    result = run("attribute", data, "--quiet")
    assert len(result.stdout.splitlines()) == 2
    assert [line.split(":")[0] for line in result.stderr.splitlines()] == ["line 2", "attribot"]
    assert "1 of 2 lines failed" in result.stderr


@pytest.mark.parametrize("verbose", [False, True])
def test_usage_errors_are_as_before(verbose: bool) -> None:
    result = run("attribute", *(["--verbose"] if verbose else []))
    assert result.exit_code == 2
    assert "Missing argument" in result.stderr
