"""How GGUF files are found and loaded: weights, tokenizer, chat template."""

from __future__ import annotations

import logging
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from attribot_integrations.engine import AttributionEngine
from attribot_integrations.errors import ConfigurationError, MissingExtraError, ModelError
from attribot_integrations.methods import MethodName
from attribot_integrations.requests.options import EngineOptions
from attribot_integrations.scoring import gguf_files
from attribot_integrations.scoring.gguf_files import for_another_model
from attribot_integrations.scoring.language_model import LanguageModel
from attribot_integrations.scoring.loading import LoadingOptions
from tests.unit.scoring.gguf_building import tiny_llama, tiny_tokenizer, write_gguf

QUESTION = "Who built the harbour?"
CHUNKS = [
    "The harbour of Veltrano opened in 1962. It was built by Ana Ruiz.",
    "A river runs through the town. The old bridge crosses it near the market.",
]
ANSWER = "It was built by Ana Ruiz."


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_gguf(tmp_path_factory.mktemp("gguf") / "tiny.gguf")


def scores(engine: AttributionEngine, method: MethodName = "exact") -> np.ndarray[Any, Any]:
    options = EngineOptions(method=method)
    return engine.attribute(QUESTION, CHUNKS, ANSWER, options=options).source_scores


def usual(*, adds_bos: bool = False) -> AttributionEngine:
    """The same weights and tokenizer, never in a GGUF file."""
    return AttributionEngine.from_model(tiny_llama(), tiny_tokenizer(adds_bos=adds_bos))


def test_a_file_scores_as_the_model_that_it_was_made_of(file: Path) -> None:
    found, expected = scores(AttributionEngine.from_pretrained(file)), scores(usual())
    assert np.ptp(expected) > 1
    assert found.shape == expected.shape
    np.testing.assert_allclose(found, expected, atol=1e-4)


@pytest.mark.parametrize("adds_bos", [False, True])
def test_its_tokenizer_and_chat_template_are_honoured(tmp_path: Path, adds_bos: bool) -> None:
    path = write_gguf(tmp_path / "a.gguf", adds_bos=adds_bos)
    found = LanguageModel.from_pretrained(path).encoder
    expected = usual(adds_bos=adds_bos).target.encoder  # type: ignore[attr-defined]
    assert found.uses_chat_template
    assert found.start_id == expected.start_id
    for text in (
        "The harbour.\n\n1962 <|im_start|>user",
        "Veltrano äöü  \n ☃",
        "<|im_end|><think>",
    ):
        assert found.encode_text(text) == expected.encode_text(text)
    assert expected.control_ids <= found.control_ids


def test_without_a_chat_template_prompts_are_plain(tmp_path: Path) -> None:
    engine = AttributionEngine.from_pretrained(write_gguf(tmp_path / "a.gguf", template=False))
    assert not engine.uses_chat_template
    assert np.ptp(scores(engine)) > 0.1


@pytest.mark.parametrize(("kind", "error"), [("F16", 0.02), ("Q8_0", 0.3), ("Q4_1", 4.0)])
def test_quantised_weights_score_alike(tmp_path: Path, kind: str, error: float) -> None:
    path = write_gguf(tmp_path / "a.gguf", kind=kind)
    engine = AttributionEngine.from_pretrained(path)
    found, expected = scores(engine), scores(usual())
    assert np.abs(found - expected).max() < error
    assert np.corrcoef(found.ravel(), expected.ravel())[0, 1] > 0.9


@pytest.mark.parametrize("by", ["text", "path", "folder", "home", "other name"])
def test_ways_to_name_a_file(file: Path, by: str, monkeypatch: pytest.MonkeyPatch) -> None:
    named: dict[str, Any] = {}
    wanted: str | Path = file
    if by == "text":
        wanted = str(file)
    elif by == "folder":
        wanted, named = file.parent, {"model_options": {"gguf_file": file.name}}
    elif by == "home":
        monkeypatch.setenv("HOME", str(file.parent))
        wanted = "~/tiny.gguf"
    elif by == "other name":  # as in a store of blobs
        wanted = file.with_name("sha256-0123")
        wanted.symlink_to(file)
    model = LanguageModel.from_pretrained(wanted, **named)
    assert model.name == str(file if by in ("folder", "home") else wanted)
    assert model.model.dtype == torch.float32
    assert model.uses_chat_template


def test_a_file_of_the_hub(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[Any, ...]] = []

    def fetched(repository: str, name: str, **options: Any) -> str:
        asked.append((repository, name, options))
        return str(file)

    monkeypatch.setattr("transformers.utils.hub.cached_file", fetched)
    options = {"gguf_file": "x/tiny.gguf", "token": "secret", "subfolder": "sub"}
    model = LanguageModel.from_pretrained("some/model-GGUF", revision="r1", model_options=options)
    assert asked == [
        (
            "some/model-GGUF",
            "x/tiny.gguf",
            {"revision": "r1", "token": "secret", "subfolder": "sub"},
        )
    ]
    assert model.name == "some/model-GGUF/x/tiny.gguf"
    assert model.uses_chat_template


def test_a_file_that_the_hub_does_not_give() -> None:
    pytest.importorskip("gguf")
    with pytest.raises(ModelError, match=r"cannot load a\.gguf of some/nothing-GGUF: "):
        LanguageModel.from_pretrained("some/nothing-GGUF", model_options={"gguf_file": "a.gguf"})


def test_target_and_proxy(file: Path) -> None:
    engine = AttributionEngine.from_pretrained(
        file.parent, proxy=file, model_options={"gguf_file": file.name}
    )
    assert engine.proxy is not None
    assert engine.target.name == engine.proxy.name == str(file)
    assert np.ptp(scores(engine, "proxy")) > 1


def test_a_proxy_of_another_kind(file: Path, tmp_path: Path) -> None:
    tiny_llama().save_pretrained(tmp_path)
    tiny_tokenizer().save_pretrained(tmp_path)
    engine = AttributionEngine.from_pretrained(
        file.parent, proxy=tmp_path, model_options={"gguf_file": file.name}
    )
    assert engine.proxy is not None
    np.testing.assert_allclose(scores(engine, "proxy"), scores(usual()), atol=1e-4)


def test_options_of_another_model() -> None:
    given = LoadingOptions(revision="r", model_options={"gguf_file": "a", "max_memory": {0: "1GB"}})
    assert for_another_model(given) == LoadingOptions(model_options={"max_memory": {0: "1GB"}})
    assert for_another_model(LoadingOptions()) == LoadingOptions()


@pytest.mark.parametrize(
    ("dtype", "expected", "kept"),
    [(None, "float32", "0.00 GB"), ("auto", "float32", ""), ("bfloat16", "bfloat16", "")],
)
def test_what_it_takes_is_said_once(
    file: Path,
    dtype: str | None,
    expected: str,
    kept: str,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(gguf_files, "_GIGABYTE", 1_000)
    with caplog.at_level(logging.WARNING, "attribot_integrations"):
        model = LanguageModel.from_pretrained(file, dtype=dtype)
    assert model.model.dtype == getattr(torch, expected)
    (said,) = [each.getMessage() for each in caplog.records if "dequantised" in each.getMessage()]
    size = sum(each.numel() for each in model.model.parameters()) * model.model.dtype.itemsize
    assert said == (
        f"{file}: weights are dequantised to {expected} and take {size / 1000:.2f} GB of memory, "
        f"{file.stat().st_size / 1000:.2f} GB in the file"
    )


def test_a_loaded_model_can_be_saved_as_safetensors(file: Path, tmp_path: Path) -> None:
    LanguageModel.from_pretrained(file).model.save_pretrained(tmp_path)
    tiny_tokenizer().save_pretrained(tmp_path)
    engine = AttributionEngine.from_pretrained(tmp_path)
    np.testing.assert_allclose(scores(engine), scores(usual()), atol=1e-4)


def test_options_for_transformers_reach_it(file: Path) -> None:
    model = LanguageModel.from_pretrained(file, model_options={"attn_implementation": "eager"})
    assert model.model.config._attn_implementation == "eager"


@pytest.mark.parametrize("name", ["{tmp}/none.gguf", "none.gguf", "models/none.GGUF"])
def test_no_such_file(tmp_path: Path, name: str) -> None:
    name = name.format(tmp=tmp_path)
    with pytest.raises(ModelError) as caught:
        AttributionEngine.from_pretrained(name)
    assert str(caught.value) == f"cannot load {name}: there is no such file or folder"


def test_no_such_file_in_a_folder(tmp_path: Path) -> None:
    pytest.importorskip("gguf")
    with pytest.raises(ModelError) as caught:
        AttributionEngine.from_pretrained(tmp_path, model_options={"gguf_file": "a.gguf"})
    assert str(caught.value) == f"cannot load {tmp_path / 'a.gguf'}: there is no such file"


def test_a_folder_whose_file_is_not_named(tmp_path: Path) -> None:
    for name in ("b.gguf", "a.gguf"):
        (tmp_path / name).touch()
    with pytest.raises(ModelError) as caught:
        AttributionEngine.from_pretrained(tmp_path)
    assert str(caught.value) == (
        f"cannot load {tmp_path}: there is no config.json, but there are GGUF files; name one: "
        f"{tmp_path / 'a.gguf'}, {tmp_path / 'b.gguf'}"
    )


@pytest.mark.parametrize("named", [3, ["a.gguf"]])
def test_a_name_that_is_none(tmp_path: Path, named: object) -> None:
    with pytest.raises(ConfigurationError, match="gguf_file must be the name of a file, got "):
        AttributionEngine.from_pretrained(tmp_path, model_options={"gguf_file": named})


def test_two_files(file: Path) -> None:
    message = r"model_options must not hold gguf_file='b.gguf', .*tiny.gguf is a file"
    with pytest.raises(ConfigurationError, match=message):
        AttributionEngine.from_pretrained(file, model_options={"gguf_file": "b.gguf"})


def test_a_missing_extra(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "gguf", None)
    with pytest.raises(MissingExtraError) as caught:
        AttributionEngine.from_pretrained(file)
    assert str(caught.value).endswith('pip install "attribot-integrations[gguf]"')


def test_an_architecture_that_transformers_does_not_know(tmp_path: Path) -> None:
    path = write_gguf(tmp_path / "a.gguf", metadata={"general.architecture": "unheard-of"})
    with pytest.raises(ModelError, match=r"cannot load .*a\.gguf: .*unheard-of"):
        AttributionEngine.from_pretrained(path)


def test_a_file_that_is_cut_off(file: Path, tmp_path: Path) -> None:
    path = tmp_path / "cut.gguf"
    path.write_bytes(file.read_bytes()[:-1000])
    with pytest.raises(ModelError, match=r"cannot load .*cut\.gguf: it is cut off, [\d,]+ bytes"):
        AttributionEngine.from_pretrained(path)


@pytest.mark.parametrize("scaled", ["tensor", "metadata", "neither"])
def test_scaled_positions_that_are_overlooked_are_told(
    tmp_path: Path, scaled: str, caplog: pytest.LogCaptureFixture
) -> None:
    path = write_gguf(
        tmp_path / "a.gguf",
        extra={"rope_freqs.weight": np.ones(8, np.float32)} if scaled == "tensor" else {},
        metadata={"llama.rope.scaling.type": "linear" if scaled == "metadata" else "none"},
    )
    LanguageModel.from_pretrained(path)
    said = "transformers overlooks the scaling of positions in this file" in caplog.text
    assert said == (scaled != "neither")
    assert "the base of rotations" not in caplog.text


def test_another_base_of_rotations_is_told(
    file: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(gguf_files, "_rotations", lambda _: ({"default"}, [10_000.0]))
    LanguageModel.from_pretrained(file)
    assert "transformers overlooks the base of rotations, 50000 in this file" in caplog.text
