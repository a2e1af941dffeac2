"""How checkpoints are loaded: one object, checked when it is built."""

from __future__ import annotations

import sys
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest
import torch

from attribot_integrations.engine import AttributionEngine
from attribot_integrations.errors import ConfigurationError, MissingExtraError
from attribot_integrations.scoring.language_model import LanguageModel
from attribot_integrations.scoring.loading import LoadingKeywords, LoadingOptions, shown_name


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"trust_remote_code": "false"}, "trust_remote_code must be a bool, got 'false'"),
        ({"use_safetensors": 0}, "use_safetensors must be a bool, got 0"),
        ({"model_options": ["x"]}, r"model_options must be a mapping or None, got \['x'\]"),
        ({"chat_options": "x"}, "chat_options must be a mapping or None, got 'x'"),
        ({"model_options": {"dtype": "half"}}, "model_options must not hold 'dtype', which is"),
        ({"dtype": "fp16"}, "dtype must be \"auto\", .*, not 'fp16' \\(str\\)"),
        ({"dtype": 16}, r"not 16 \(int\)"),
    ],
)
def test_bad_options_are_refused_before_anything_is_loaded(
    options: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConfigurationError, match=message):
        LoadingOptions(**options)
    for loader in (LanguageModel.from_pretrained, AttributionEngine.from_pretrained):
        with pytest.raises(ConfigurationError, match=message):
            loader("any", **options)


def test_typing_errors_are_seen() -> None:
    for loader in (LanguageModel.from_pretrained, AttributionEngine.from_pretrained):
        with pytest.raises(TypeError, match="devcie_map"):
            loader("any", devcie_map="cpu")  # type: ignore[call-arg]


@pytest.mark.parametrize("dtype", [None, "auto", "float16", "half", torch.bfloat16])
def test_known_precisions(dtype: Any) -> None:
    assert LoadingOptions(dtype=dtype).dtype == dtype


def test_a_precision_needs_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    assert LoadingOptions(dtype="auto").dtype == "auto"
    with pytest.raises(MissingExtraError, match=r"running a model .*\[local\]"):
        LoadingOptions(dtype="float32")


def test_the_callers_mappings_are_copied() -> None:
    given = {"enable_thinking": False}
    options = LoadingOptions(model_options={}, chat_options=given)
    given["enable_thinking"] = True
    assert options.chat_options == {"enable_thinking": False}
    assert options.model_options == {}
    assert replace(options, device_map="cpu").chat_options == options.chat_options


def test_the_keywords_are_the_fields() -> None:
    assert list(LoadingKeywords.__annotations__) == [each.name for each in fields(LoadingOptions)]


def test_a_proxy_is_loaded_as_the_target_but_for_the_revision(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seen: list[tuple[object, LoadingOptions]] = []
    loaded: Any = AttributionEngine.demo().target

    def load(checkpoint: object, loading: LoadingOptions) -> Any:
        seen.append((checkpoint, loading))
        return loaded

    monkeypatch.setattr(LanguageModel, "load", load)
    AttributionEngine.from_pretrained("t", "p", revision="r1", dtype="half", device_map="cpu")
    expected = LoadingOptions(device_map="cpu", dtype="half")
    assert seen == [("t", replace(expected, revision="r1")), ("p", expected)]


def test_results_call_a_path_by_its_last_part(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "models" / "tiny").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    for path in (str(tmp_path / "models" / "tiny"), "models/tiny/", "~/models/tiny"):
        assert shown_name(path) == "tiny"
    assert shown_name(str(tmp_path / "gone")) == "gone"
    assert shown_name("Qwen/Qwen3-0.6B") == "Qwen/Qwen3-0.6B"
