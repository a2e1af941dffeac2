"""Arguments of a wrong kind are refused in the package's own words, and before any work."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from attribot_integrations import (
    Attribution,
    AttributionEngine,
    AttributionRequest,
    EngineOptions,
    FailedAttribution,
    LanguageModel,
)
from attribot_integrations.errors import (
    AttribotError,
    ConfigurationError,
    InputError,
    ModelError,
    UnsupportedModelError,
)
from attribot_integrations.scoring.language_model import in_process
from tests.parity.architectures import ARCHITECTURES
from tests.unit.tokenizers_for_tests import byte_level_bpe

QUESTION, CHUNKS, ANSWER = (
    "When did it open?",
    ["The harbour opened in 1962."],
    "It opened in 1962.",
)
REQUEST = AttributionRequest(QUESTION, CHUNKS, ANSWER, id="good")
OPTIONS_HINT = 'options must be an EngineOptions, such as EngineOptions(method="fast"), not '
FAST: Any = {"method": "fast"}
SOME: Any = EngineOptions()
TRIPLE: Any = (QUESTION, CHUNKS, ANSWER)


@pytest.fixture(scope="module")
def engine() -> AttributionEngine:
    return AttributionEngine.from_model(ARCHITECTURES["llama"].build(), byte_level_bpe())


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda it: it.attribute(QUESTION, None, ANSWER), InputError, "Chunk objects, not NoneTyp"),
        (lambda it: it.score_chunks(QUESTION, None), InputError, "Chunk objects, not NoneType"),
        (
            lambda it: it.attribute(QUESTION, CHUNKS, ANSWER, prompt=5),
            InputError,
            'must be a str, a RawPrompt or a list of messages {"role": …, "content": …}, not int',
        ),
        (
            lambda it: it.attribute(QUESTION, CHUNKS, ANSWER, options=FAST),
            ConfigurationError,
            f"{OPTIONS_HINT}dict",
        ),
        (
            lambda it: it.attribute(QUESTION, CHUNKS, ANSWER, options={}),
            ConfigurationError,
            f"{OPTIONS_HINT}dict",
        ),
        (
            lambda it: it.attribute_batch([REQUEST], options="fast", progress=False),
            ConfigurationError,
            f"{OPTIONS_HINT}str",
        ),
        (
            lambda it: it.score_chunks(QUESTION, CHUNKS, options=FAST),
            ConfigurationError,
            f"{OPTIONS_HINT}dict",
        ),
        (
            lambda it: AttributionEngine(it.target, options=FAST),
            ConfigurationError,
            f"{OPTIONS_HINT}dict",
        ),
        (
            lambda it: AttributionEngine(it.target.model),
            ConfigurationError,
            "target must be a LanguageModel, not LlamaForCausalLM; AttributionEngine.from_",
        ),
        (
            lambda it: AttributionEngine(it.target, SOME),
            ConfigurationError,
            "proxy must be a LanguageModel, not EngineOptions; LanguageModel.from_",
        ),
        (
            lambda it: it.attribute_request(TRIPLE),
            InputError,
            "a request must be an AttributionRequest(question, chunks, answer), not tuple",
        ),
        (
            lambda it: it.attribute_batch([TRIPLE], progress=False, raise_error=True),
            InputError,
            "a request must be an AttributionRequest(question, chunks, answer), not tuple",
        ),
        (
            lambda it: it.attribute_batch(REQUEST, progress=False),
            InputError,
            "requests must be a list of AttributionRequest objects, not AttributionRequest",
        ),
        (
            lambda it: it.attribute_batch(None, progress=False),
            InputError,
            "requests must be a list of AttributionRequest objects, not NoneType",
        ),
    ],
)
def test_calls(
    engine: AttributionEngine,
    call: Callable[[Any], object],
    error: type[AttribotError],
    message: str,
) -> None:
    with pytest.raises(error, match=re.escape(message)):
        call(engine)


def test_a_batch_goes_on_behind_what_is_no_request(engine: AttributionEngine) -> None:
    failed, done = engine.attribute_batch([TRIPLE, REQUEST], progress=False)
    assert isinstance(failed, FailedAttribution)
    assert isinstance(failed.error, InputError)
    assert failed.id is None
    assert isinstance(done, Attribution)


@pytest.mark.parametrize(
    ("model", "tokenizer", "message"),
    [
        (
            "name",
            byte_level_bpe(),
            "model must be a transformers model that is loaded, not str; from_pretrained loads one",
        ),
        (byte_level_bpe(), None, f"that is loaded, not {type(byte_level_bpe()).__name__}"),
        (None, "x", "tokenizer must be a transformers tokenizer that is loaded, not str"),
        (None, None, "tokenizer must be a transformers tokenizer that is loaded, not NoneType"),
    ],
)
def test_what_is_no_model_or_tokenizer(
    engine: AttributionEngine, model: Any, tokenizer: Any, message: str
) -> None:
    with pytest.raises(UnsupportedModelError, match=re.escape(message)):
        AttributionEngine.from_model(model or in_process(engine.target).model, tokenizer)


@pytest.fixture
def no_hub(monkeypatch: pytest.MonkeyPatch) -> None:
    def asked(*arguments: object, **options: object) -> None:
        pytest.fail(f"the hub is asked for {arguments}")

    monkeypatch.setattr("transformers.AutoConfig.from_pretrained", asked)


@pytest.mark.usefixtures("no_hub")
@pytest.mark.parametrize(
    ("checkpoint", "problem"),
    [
        (None, "not NoneType"),
        (5, "not int"),
        (torch.nn.Linear(1, 1), "not Linear"),
        (" ", "it is blank"),
    ],
)
def test_what_is_no_checkpoint(checkpoint: Any, problem: str) -> None:
    message = f"a checkpoint must be a name on the hub or a path, {problem}"
    with pytest.raises(ConfigurationError, match=message):
        AttributionEngine.from_pretrained(checkpoint)


@pytest.mark.usefixtures("no_hub")
@pytest.mark.parametrize(
    "checkpoint",
    [
        Path("nowhere"),
        Path("organisation/nowhere"),
        "./nowhere",
        "../nowhere",
        "/no/such",
        "/nowhere",
        "~/nowhere",
        "models/mine/nowhere",
        "nowhere/",
        "models\\nowhere",
    ],
)
def test_missing_folders_are_told_from_names(checkpoint: str | Path) -> None:
    message = f"cannot load {checkpoint}: there is no such file or folder"
    with pytest.raises(ModelError, match=re.escape(message)):
        LanguageModel.from_pretrained(checkpoint)


@pytest.mark.parametrize("name", ["nowhere", "organisation/nowhere"])
def test_names_are_looked_up_on_the_hub(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(checkpoint: str, **options: object) -> None:
        raise OSError(f"the hub has no {checkpoint}")

    monkeypatch.setattr("transformers.AutoConfig.from_pretrained", missing)
    with pytest.raises(ModelError, match=f"cannot load {name}: the hub has no {name}"):
        LanguageModel.from_pretrained(name)


def test_folders_in_the_home_are_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ARCHITECTURES["gpt2"].build().save_pretrained(tmp_path / "model")
    byte_level_bpe().save_pretrained(tmp_path / "model")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    assert LanguageModel.from_pretrained("~/model").name == str(tmp_path / "model")


@pytest.mark.usefixtures("no_hub")
@pytest.mark.parametrize("dtype", ["fp16", "sin", "torch.float16", "", 16])
def test_unknown_precision(dtype: Any) -> None:
    known = '"auto", "float16", "bfloat16", "float32" or a torch.dtype'
    kind = type(dtype).__name__
    with pytest.raises(ConfigurationError, match=f"dtype must be {known}, not {dtype!r} \\({kind}"):
        LanguageModel.from_pretrained("any", dtype=dtype)


@pytest.mark.parametrize(
    ("dtype", "expected"), [("half", torch.float16), ("auto", torch.float16), ("float32", None)]
)
def test_known_precision(dtype: str, expected: torch.dtype | None, tmp_path: Path) -> None:
    ARCHITECTURES["gpt2"].build().half().save_pretrained(tmp_path)
    byte_level_bpe().save_pretrained(tmp_path)
    model = LanguageModel.from_pretrained(tmp_path, device_map="cpu", dtype=dtype)
    assert model.model.dtype == (expected or torch.float32)


def test_whether_the_demo_has_a_proxy_is_no_name() -> None:
    proxy: Any = "x"
    with pytest.raises(ConfigurationError, match="proxy must be a bool, not str"):
        AttributionEngine.demo(proxy=proxy)
