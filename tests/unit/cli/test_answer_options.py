"""Options of the commands that read a file of answers."""

from __future__ import annotations

from pathlib import Path

import pytest
import typer

from attribot_integrations.cli.answer_options import check_output, chosen_method, dependence
from attribot_integrations.methods import METHODS, LearnedAttention
from tests.unit.cli.running import run
from tests.unit.methods.reading import SCREEN


def test_a_method_by_its_name() -> None:
    assert chosen_method(None) is None
    assert chosen_method("balanced") is METHODS["balanced"]
    with pytest.raises(typer.BadParameter, match="method must be one of"):
        chosen_method("best")


def test_an_attention_screen_stands_behind_its_method(tmp_path: Path) -> None:
    path = tmp_path / "one.safetensors"
    SCREEN.save(path)
    method = chosen_method(f"instant:{path}")
    assert isinstance(method, LearnedAttention)
    assert method.screen is not None
    assert method.screen.digest == SCREEN.digest
    assert chosen_method("instant") is METHODS["instant"]
    rescored = chosen_method(f"balanced:{path}")
    assert rescored is not None
    assert rescored.name == "learned attention, then knockout, then rescored"
    path.write_bytes(b"no screen")
    with pytest.raises(typer.BadParameter, match=r"one\.safetensors is no attention screen"):
        chosen_method(f"instant:{path}")
    with pytest.raises(typer.BadParameter, match="No such file"):
        chosen_method("instant:nowhere.safetensors")


def test_when_a_statement_depends_on_a_source() -> None:
    rule = dependence(0.5, 0.25)
    assert (rule.min_score, rule.min_share) == (0.5, 0.25)
    with pytest.raises(typer.BadParameter, match="min_score must be above 0 nats, got 0"):
        dependence(0, 0.25)


def test_an_output_is_checked_before_it_is_written(tmp_path: Path) -> None:
    source, there = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    source.touch()
    check_output(there, source, overwrite=False)
    there.touch()
    check_output(there, source, overwrite=True)
    for output, message in (
        (there, "exists; pass --overwrite to replace it"),
        (source, "the output must not be the input file"),
        (tmp_path, "is not a file in a folder that exists"),
        (tmp_path / "no" / "out.jsonl", "is not a file in a folder that exists"),
    ):
        with pytest.raises(typer.BadParameter, match=message):
            check_output(output, source, overwrite=False)


@pytest.mark.parametrize("command", ["fit-screen", "evaluate-filter"])
def test_an_output_that_cannot_be_written_is_told_at_once(tmp_path: Path, command: str) -> None:
    result = run(command, "--demo", "1", "-o", tmp_path / "none" / "out")
    assert result.exit_code == 2
    assert "is not a file in a folder that exists" in " ".join(result.stderr.split())
    assert "loading" not in result.stderr
