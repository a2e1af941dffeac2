"""The chain over documents on real subjects, with tiny models in the place of real ones."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from langchain_core.embeddings import Embeddings
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage
from transformers import AutoModel, AutoTokenizer

from attribot_integrations import AttributionEngine
from attribot_integrations.context.prompts import Prompt, PromptMessage, Segment
from attribot_integrations.demo.chain import DemoChain
from attribot_integrations.demo.library_chain import (
    EngineChatModel,
    MeanEmbeddings,
    library_chain,
)
from attribot_integrations.errors import ConfigurationError, ModelError
from attribot_integrations.langchain import CitationCallbackHandler
from attribot_integrations.scoring.protocols import Draft
from tests.unit.demo.encoders import LENGTH, tiny_encoder


class Words(Embeddings):
    """Texts that share words lie close together."""

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        return [self.embed_query(text) for text in texts]

    def embed_query(self, text: str) -> list[float]:
        found = np.zeros(1024)
        for word in text.lower().replace("?", " ").replace(".", " ").split():
            if len(word) > 4:
                found[sum(map(ord, word)) % 1024] += 1
        return [float(each) for each in found / max(1.0, float(np.linalg.norm(found)))]


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_encoder(tmp_path_factory.mktemp("encoder"))


@pytest.fixture(scope="module")
def engine() -> AttributionEngine:
    return AttributionEngine.demo()


@pytest.fixture(scope="module")
def built(engine: AttributionEngine) -> DemoChain:
    return library_chain(engine, Words(), k=3)


def test_embeddings_are_means_of_length_one(encoder: Path) -> None:
    embeddings = MeanEmbeddings(encoder)
    text = "The harbour of Veltrano opened in 1962."
    tokens: Any = AutoTokenizer.from_pretrained(encoder)(text, return_tensors="pt")
    model: Any = AutoModel.from_pretrained(encoder).eval()
    with torch.inference_mode():
        states = model(**tokens).last_hidden_state[0].numpy()
    assert len(states) > 5
    expected = states.mean(axis=0) / np.linalg.norm(states.mean(axis=0))
    np.testing.assert_allclose(embeddings.embed_query(text), expected, atol=1e-5)
    two = embeddings.embed_documents([text, "A river runs through the town."])
    assert two[0] == embeddings.embed_query(text)
    assert math.dist(*two) > 0.05


def test_long_texts_are_cut(encoder: Path) -> None:
    embeddings = MeanEmbeddings(encoder)
    long = "one two three " * LENGTH
    assert embeddings.embed_query(long) == embeddings.embed_query(f"{long} and more")


def test_an_encoder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=f"cannot load {tmp_path}: "):
        MeanEmbeddings(tmp_path)


def test_paragraphs_that_are_close_to_the_question_are_retrieved(built: DemoChain) -> None:
    handler = CitationCallbackHandler(built.engine, raise_error=True)
    answer = built.chain.invoke(built.questions[0], {"callbacks": [handler]})
    record = handler.last
    assert record is not None
    assert (record.question, record.answer) == (built.questions[0], answer)
    assert record.prompt_used == "captured"
    assert record.attribution is not None
    assert len(record.attribution.chunks) == 3
    assert "stayed closed for eight years" in record.attribution.chunks[0].text


def test_the_chat_model_writes_what_the_engine_drafts(engine: AttributionEngine) -> None:
    chat = EngineChatModel(model=engine.target, max_new_tokens=5)
    answer = chat.invoke("Where does Bragor work?").text
    prompt = Prompt((PromptMessage("user", (Segment("Where does Bragor work?"),)),))
    assert answer == engine.target.draft(prompt, 5).text
    assert 1 < engine.target.count_tokens(answer) <= 6


def test_the_chat_model_is_shown_all_messages() -> None:
    class Recorder:
        def draft(self, prompt: Prompt, max_new_tokens: int) -> Draft:
            shown.extend((message.role, message.text) for message in prompt.messages)
            return Draft("yes", None, 1, 1)

    shown: list[tuple[str | None, str]] = []
    asked = [SystemMessage("Be kind."), HumanMessage("Hi"), AIMessage("Ho"), HumanMessage("Why?")]
    assert EngineChatModel(model=Recorder()).invoke(asked).text == "yes"
    assert shown == [
        ("system", "Be kind."),
        ("user", "Hi"),
        ("assistant", "Ho"),
        ("user", "Why?"),
    ]


def test_the_chat_model_knows_no_stop_words(engine: AttributionEngine) -> None:
    with pytest.raises(ConfigurationError, match=r"knows no stop words, got \['x'\]"):
        EngineChatModel(model=engine.target).invoke("hello", stop=["x"])
