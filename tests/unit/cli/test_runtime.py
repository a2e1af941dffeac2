"""What commands tell the user, and what they hide."""

from __future__ import annotations

from pathlib import Path

import pytest
import typer

from attribot_integrations.cli.runtime import clean_errors, load_engine, note, results_console
from attribot_integrations.errors import ConfigurationError, InputError
from attribot_integrations.methods import Knockout
from attribot_integrations.requests.options import EngineOptions
from tests.unit.cli.running import run
from tests.unit.scoring.gguf_building import write_gguf


def test_notes_go_to_standard_error_on_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    note("a\x1b[31m [bold]long[/bold] " + "text " * 60)
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("attribot: a")
    assert "\x1b" not in err
    assert "[bold]long[/bold]" in err  # no markup is read
    assert err.count("\n") == 1


@pytest.mark.parametrize("error", [InputError("no text"), FileNotFoundError("no file")])
def test_errors_that_the_user_can_act_on_are_one_message(
    error: Exception, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(typer.Exit) as caught, clean_errors():
        raise error
    assert caught.value.exit_code == 1
    assert capsys.readouterr().err == f"attribot: error: {error}\n"


def test_a_closed_pipe_is_no_error(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(typer.Exit) as caught, clean_errors():
        raise BrokenPipeError
    assert caught.value.exit_code == 0
    assert capsys.readouterr().err == ""


def test_results_tell_of_a_closed_pipe(monkeypatch: pytest.MonkeyPatch) -> None:
    console = results_console()

    def closed(*_: object) -> None:
        raise BrokenPipeError

    monkeypatch.setattr(console, "_write_buffer", closed)
    with pytest.raises(BrokenPipeError):
        console.print("text")


@pytest.mark.parametrize("error", [TypeError("a fault"), KeyboardInterrupt()])
def test_other_errors_pass(error: BaseException, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(type(error)), clean_errors():
        raise error
    assert capsys.readouterr().err == ""


def test_without_a_name_the_bundled_target_is_loaded() -> None:
    engine = load_engine(None, None, EngineOptions(method=Knockout()))
    assert engine.target.name.endswith("target")
    assert engine.proxy is None
    assert engine.options.method == Knockout()


def test_a_method_that_needs_a_proxy_is_refused_before_anything_is_loaded(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(ConfigurationError, match="runs a proxy model, and the engine has none"):
        load_engine("not/there", None, EngineOptions(method="fast"))
    assert capsys.readouterr().err == ""


def test_models_may_be_gguf_files(tmp_path: Path) -> None:
    path = write_gguf(tmp_path / "tiny.gguf")
    engine = load_engine(str(path), str(path), EngineOptions())
    assert engine.proxy is not None
    assert (engine.target.name, engine.proxy.name) == (str(path), str(path))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "there is no such file or folder"),
        (b"PK\x03\x04", r"it is no GGUF file, for it begins with b'PK\x03\x04', not with b'GGUF'"),
    ],
)
def test_a_gguf_file_that_cannot_be_loaded_is_one_message(
    tmp_path: Path, content: bytes | None, said: str
) -> None:
    pytest.importorskip("gguf")
    path, data = tmp_path / "tiny.gguf", tmp_path / "data.jsonl"
    data.write_text('{"question": "Q?", "chunks": ["A."], "answer": "A."}\n')
    if content is not None:
        path.write_bytes(content)
    result = run("attribute", data, "--model", path)
    assert result.exit_code == 1
    loading, error = result.stderr.splitlines()
    assert loading == "attribot: loading tiny.gguf …"
    assert error == f"attribot: error: cannot load {path}: {said}"
