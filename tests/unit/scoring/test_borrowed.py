"""Models that a framework's component holds are shared, found by their attributes alone."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from attribot_integrations.errors import ModelError, UnsupportedModelError
from attribot_integrations.scoring.borrowed import model_of_langchain, model_of_llama_index
from tests.unit.scoring.small import llama
from tests.unit.tokenizers_for_tests import CHATML, byte_level_bpe, with_chat_template


def pipeline() -> Any:
    tokenizer = with_chat_template(byte_level_bpe(), CHATML)
    return SimpleNamespace(model=llama()[0], tokenizer=tokenizer)


def test_a_pipeline_and_a_chat_model_around_it() -> None:
    inner = SimpleNamespace(pipeline=pipeline())
    for llm in (inner, SimpleNamespace(llm=inner)):
        shared = model_of_langchain(llm)
        assert shared.model is llama()[0]
        assert shared.uses_chat_template
        assert shared.runs(inner.pipeline.model)


def test_a_model_of_llama_index() -> None:
    held = pipeline()
    llm = SimpleNamespace(_model=held.model, _tokenizer=held.tokenizer, model_name="another")
    shared = model_of_llama_index(llm)
    assert shared.model is held.model
    assert shared.name != "another"


@pytest.mark.parametrize(
    "llm",
    [
        object(),
        SimpleNamespace(pipeline=None),
        SimpleNamespace(pipeline=SimpleNamespace(model=object())),
        SimpleNamespace(llm=SimpleNamespace(endpoint="https://example.org")),
    ],
    ids=["object", "no pipeline", "no tokenizer", "remote"],
)
def test_langchain_models_that_run_elsewhere_are_refused(llm: object) -> None:
    name = type(llm).__name__
    with pytest.raises(UnsupportedModelError, match=f"{name} runs no transformers model in this"):
        model_of_langchain(llm)


@pytest.mark.parametrize(
    "llm",
    [
        object(),
        SimpleNamespace(_model=None, _tokenizer=object()),
        SimpleNamespace(_model=object(), _tokenizer=object()),
    ],
    ids=["object", "no model", "no generation"],
)
def test_llama_index_models_that_run_elsewhere_are_refused(llm: object) -> None:
    with pytest.raises(UnsupportedModelError, match="holds no transformers model and tokenizer to"):
        model_of_llama_index(llm)


def test_a_model_in_training_mode_is_refused() -> None:
    held = pipeline()
    held.model.train()
    try:
        with pytest.raises(ModelError, match="training mode"):
            model_of_langchain(SimpleNamespace(pipeline=held))
    finally:
        held.model.eval()
