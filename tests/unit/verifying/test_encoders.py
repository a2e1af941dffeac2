"""Verifiers of sentence-transformers, with stand-ins for what it loads."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from attribot_integrations.errors import ConfigurationError, MissingExtraError, ModelError
from attribot_integrations.verifying import CrossEncoderVerifier, EncoderVerifier


class Encoder:
    """Counts letters."""

    def __init__(self, name: str = "x", device: str = "cpu") -> None:
        assert device == "cpu"
        self.loaded = name
        self.batches: list[int] = []

    def encode(
        self, texts: Sequence[str], batch_size: int, show_progress_bar: bool
    ) -> np.ndarray[Any, Any]:
        assert not show_progress_bar
        self.batches.append(batch_size)
        return np.array([[text.count(letter) for letter in "abc"] for text in texts], float)


class Pairs:
    """Gives one row of logits to each pair, and keeps what it was asked."""

    def __init__(self, labels: dict[int, str], logits: Callable[[str, str], Any]) -> None:
        self.config = SimpleNamespace(id2label=labels)
        self.logits = logits
        self.asked: list[tuple[str, str]] = []

    def predict(
        self,
        pairs: Sequence[tuple[str, str]],
        batch_size: int,
        show_progress_bar: bool,
        activation_fn: Callable[[Any], Any],
    ) -> np.ndarray[Any, Any]:
        assert activation_fn("as it is") == "as it is"
        self.asked += pairs
        return np.array([self.logits(*pair) for pair in pairs])


NLI = {0: "contradiction", 1: "Entailment", 2: "neutral"}


def test_an_encoder_scores_by_the_cosine() -> None:
    encoder = Encoder()
    verifier = EncoderVerifier(encoder, batch=7)
    found = verifier.verify("b?", ["aa [1]"], ["aab", "ccc"])
    assert found.shape == (2, 1)
    assert found[0, 0] > 0.9
    assert found[1, 0] < 0.01
    assert encoder.batches == [7]
    steeper = EncoderVerifier(encoder, middle=0.9, slope=50).verify("", ["ab"], ["a"])
    assert steeper[0, 0] < 0.001


def test_a_name_or_folder_is_loaded_when_it_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    import sentence_transformers

    made: list[Encoder] = []

    def load(name: str, device: str) -> Encoder:
        made.append(Encoder(name, device))
        return made[-1]

    monkeypatch.setattr(sentence_transformers, "SentenceTransformer", load)
    verifier = EncoderVerifier("folder/encoder/")
    assert (verifier.name, made) == ("embeddings, encoder", [])
    verifier.verify("", ["a"], ["a"])
    verifier.verify("", ["a"], ["a"])
    assert [each.loaded for each in made] == ["folder/encoder/"]


def test_a_model_with_one_output_reads_the_statement_first() -> None:
    model = Pairs({0: "LABEL_0"}, lambda first, second: [2.0 if second == "yes" else -2.0])
    verifier = CrossEncoderVerifier(model)
    found = verifier.verify("Why?", ["One.", "Two."], ["yes", "no"])
    np.testing.assert_allclose(found, [[0.8808, 0.8808], [0.1192, 0.1192]], atol=1e-4)
    assert model.asked[:2] == [("Why? One.", "yes"), ("Why? Two.", "yes")]
    assert verifier.name == "cross-encoder, Pairs"


def test_logits_without_a_second_axis() -> None:
    model = Pairs({0: "LABEL_0"}, lambda first, second: 0.0)
    assert CrossEncoderVerifier(model).verify("", ["a", "b"], ["p"]).tolist() == [[0.5, 0.5]]


def test_an_nli_model_reads_the_passage_as_premise() -> None:
    model = Pairs(NLI, lambda first, second: [0.0, np.log(6) if first == "p" else 0.0, 0.0])
    found = CrossEncoderVerifier(model).verify("Why?", ["s"], ["p", "q"])
    np.testing.assert_allclose(found, [[6 / 8], [1 / 3]], rtol=1e-6)
    assert model.asked == [("p", "Why? s"), ("q", "Why? s")]


def test_outputs_of_other_names() -> None:
    model = Pairs({0: "yes", 1: "no"}, lambda first, second: [800.0, 0.0])
    with pytest.raises(ModelError, match="has the outputs yes, no: say which"):
        CrossEncoderVerifier(model).verify("", ["s"], ["p"])
    assert CrossEncoderVerifier(model, entailment=0).verify("", ["s"], ["p"]).tolist() == [[1]]
    with pytest.raises(ModelError, match="has no output 2, but 2: yes, no"):
        CrossEncoderVerifier(model, entailment=2).verify("", ["s"], ["p"])


def test_a_cross_encoder_is_loaded_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    import sentence_transformers

    loaded: list[str] = []

    def load(name: str, device: str) -> Pairs:
        loaded.append(name)
        return Pairs(NLI, lambda first, second: [0.0, 0.0, 0.0])

    monkeypatch.setattr(sentence_transformers, "CrossEncoder", load)
    verifier = CrossEncoderVerifier("org/nli")
    for _ in range(2):
        verifier.verify("", ["s"], ["p"])
    assert (loaded, verifier.name) == (["org/nli"], "cross-encoder, nli")


@pytest.mark.parametrize("labels", [1, 3])
def test_a_real_cross_encoder_of_random_weights(labels: int, tmp_path: Any) -> None:
    from sentence_transformers import CrossEncoder
    from torch import manual_seed
    from transformers import BertConfig, BertForSequenceClassification, BertTokenizer

    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "cats", "sleep", "why"]
    (tmp_path / "vocab.txt").write_text("\n".join(words))
    tokenizer = BertTokenizer(str(tmp_path / "vocab.txt"))
    config = BertConfig(
        vocab_size=len(words),
        hidden_size=8,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=8,
        initializer_range=1.0,
    )
    config.id2label = NLI if labels == 3 else {0: "LABEL_0"}
    manual_seed(0)
    BertForSequenceClassification(config).save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    loaded = CrossEncoder(str(tmp_path), device="cpu")
    for verifier in (CrossEncoderVerifier(str(tmp_path)), CrossEncoderVerifier(loaded)):
        found = verifier.verify("why", ["cats sleep", "cats"], ["cats sleep", "sleep", "why"])
        assert found.shape == (3, 2)
        assert ((found > 0) & (found < 1)).all()
        assert len(np.unique(found)) > 3


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: EncoderVerifier("x", batch=0), "batch must be a whole number from 1, got 0"),
        (lambda: EncoderVerifier("x", middle=2), "middle must be a cosine from -1 to 1, got 2"),
        (lambda: EncoderVerifier("x", slope=-1), "slope must be above 0, got -1"),
        (lambda: CrossEncoderVerifier("x", batch=0), "batch must be a whole number"),
        (lambda: CrossEncoderVerifier("x", entailment=-1), "entailment must be None or a number"),
    ],
)
def test_wrong_arguments(build: Callable[[], object], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        build()


@pytest.mark.parametrize("build", [EncoderVerifier, CrossEncoderVerifier])
def test_without_the_package(
    build: Callable[[str], object], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "sentence_transformers", None)
    with pytest.raises(
        MissingExtraError, match=r'pip install "attribot-integrations\[embeddings\]"'
    ):
        build("x")
