"""The tokenizer comes from a folder, a file or memory, and is the model's in all that counts."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest
from transformers import AutoTokenizer

from attribot_integrations.engine.bundled import bundled_model_path
from attribot_integrations.errors import ConfigurationError, ModelError
from attribot_integrations.scoring.servers.file_tokenizer import FileTokenizer
from attribot_integrations.scoring.servers.server_tokenizer import load_encoder
from tests.unit.scoring.servers.fake_servers import target

FOLDER = bundled_model_path()
TEXT = "The harbour opened in 1962."


@pytest.mark.parametrize("place", [FOLDER, str(FOLDER), FOLDER / "tokenizer.json"])
def test_a_folder_or_a_file_in_it(place: str | Path) -> None:
    encoder = load_encoder(place, None)
    assert encoder.uses_chat_template
    assert encoder.encode_text(TEXT) == target().encoder.encode_text(TEXT)
    assert encoder.control_ids == target().encoder.control_ids


def test_a_file_alone_has_no_chat_template(tmp_path: Path) -> None:
    shutil.copy(FOLDER / "tokenizer.json", tmp_path)
    encoder = load_encoder(tmp_path / "tokenizer.json", None)
    assert not encoder.uses_chat_template
    assert encoder.encode_text(TEXT) == target().encoder.encode_text(TEXT)


def test_one_that_is_loaded() -> None:
    encoder = load_encoder(AutoTokenizer.from_pretrained(FOLDER), None)
    assert encoder.encode_text(TEXT) == target().encoder.encode_text(TEXT)


@pytest.mark.parametrize("place", [FOLDER, FOLDER / "tokenizer.json"])
def test_without_transformers_the_files_are_enough(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "transformers", None)
    encoder = load_encoder(place, None)
    assert isinstance(encoder._tokenizer, FileTokenizer)
    assert encoder.uses_chat_template
    assert encoder.encode_text(TEXT) == target().encoder.encode_text(TEXT)
    assert encoder.control_ids == target().encoder.control_ids


def test_without_transformers_a_name_is_looked_up_on_the_hub(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "transformers", None)
    asked: list[str] = []

    def fetch(name: str, allow_patterns: list[str]) -> str:
        asked.append(name)
        return str(FOLDER)

    monkeypatch.setattr("huggingface_hub.snapshot_download", fetch)
    assert load_encoder("someone/model", None).uses_chat_template
    assert asked == ["someone/model"]


def test_without_transformers_other_forms_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(ModelError, match=r"holds no tokenizer.json; .*\[local\]"):
        load_encoder(tmp_path, None)
    (tmp_path / "tokenizer.json").write_text("{}")
    with pytest.raises(ModelError, match="cannot load the tokenizer"):
        load_encoder(tmp_path, None)


def test_what_is_none() -> None:
    for given in (3, "", None):
        with pytest.raises(ConfigurationError, match="the tokenizer must be a name on the hub"):
            load_encoder(given, None)  # type: ignore[arg-type]


def test_what_cannot_be_loaded(tmp_path: Path) -> None:
    broken = tmp_path / "tokenizer.json"
    broken.write_text("{}")
    for given in (broken, tmp_path):
        with pytest.raises(ModelError, match=r"cannot load the tokenizer .* pass tokenizer=…"):
            load_encoder(given, None)
