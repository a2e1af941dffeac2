from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
import torch

from attribot_integrations import LanguageModel
from attribot_integrations.capture import capture_prompt
from attribot_integrations.errors import (
    EmptyAnswerError,
    OutOfMemoryError,
    PromptTooLongError,
    UnsupportedModelError,
)
from attribot_integrations.prompts import ContextTemplate, Prompt
from attribot_integrations.scoring.scorer import Scorer
from attribot_integrations.sources import SourceSet, as_chunks
from tests.parity.architectures import ARCHITECTURES
from tests.unit.tokenizers_for_tests import CHATML, byte_level_bpe, with_chat_template

CHUNKS = ("The harbour opened in 1962. It is old.", "A river runs. The bridge crosses it.")
ANSWER = "It opened in 1962."
ONE_BY_ONE = [frozenset({id_}) for id_ in range(4)]


def language_model(name: str = "llama", **overrides: Any) -> LanguageModel:
    tokenizer = with_chat_template(byte_level_bpe(), CHATML)
    return LanguageModel.from_model(ARCHITECTURES[name].build(**overrides), tokenizer)


def prompt() -> Prompt:
    return ContextTemplate()("When did it open?", SourceSet.build(as_chunks(CHUNKS)))


@pytest.fixture
def model() -> LanguageModel:
    return language_model()


def test_reference_is_the_unablated_answer(model: LanguageModel) -> None:
    scores = Scorer(model, prompt(), ANSWER).score([frozenset(), *ONE_BY_ONE])
    assert scores.log_probs.shape == (5, len(Scorer(model, prompt(), ANSWER).answer.ids))
    assert scores.log_probs.dtype == np.float32
    np.testing.assert_allclose(scores.log_probs[0], scores.reference[0], atol=1e-5)
    np.testing.assert_allclose(scores.reference[1:], scores.reference[:1].repeat(4, 0), atol=1e-5)
    np.testing.assert_array_equal(scores.drops, scores.reference - scores.log_probs)


def test_calls_add_up(model: LanguageModel) -> None:
    scorer = Scorer(model, prompt(), ANSWER)
    together = scorer.score(ONE_BY_ONE)
    once = scorer.cost.tokens
    apart = np.concatenate([scorer.score([each]).log_probs for each in ONE_BY_ONE])
    np.testing.assert_allclose(together.log_probs, apart, atol=1e-5)
    assert scorer.cost.tokens > once
    assert scorer.cost.passes == 2 + len(ONE_BY_ONE)


def test_packing_runs_fewer_tokens_than_the_naive_loop(model: LanguageModel) -> None:
    packed = Scorer(model, prompt(), ANSWER)
    plain = Scorer(model, prompt(), ANSWER, path="plain")
    for scorer in (packed, plain):
        scorer.score(ONE_BY_ONE)
    assert plain.cost.tokens == plain.cost.naive_tokens == packed.cost.naive_tokens
    assert plain.cost.passes == 5
    assert packed.cost.tokens < plain.cost.tokens
    assert packed.cost.passes == 2


def test_blank_answer(model: LanguageModel) -> None:
    with pytest.raises(EmptyAnswerError, match=r"the answer is blank \(2 characters\)"):
        Scorer(model, prompt(), " \n")


def test_prompt_longer_than_the_context_says_by_how_much() -> None:
    length = len(Scorer(language_model(), prompt(), ANSWER).prompt.ids)
    answer = len(Scorer(language_model(), prompt(), ANSWER).answer.ids)
    limit = length + answer - 7
    short = language_model(max_position_embeddings=limit)
    with pytest.raises(
        PromptTooLongError,
        match=rf"hold {length + answer} tokens, 7 more than the {limit} of .*fewer or shorter",
    ):
        Scorer(short, prompt(), ANSWER)
    Scorer(language_model(max_position_embeddings=length + answer), prompt(), ANSWER)


def test_sentence_tokens_cover_the_sentences(model: LanguageModel) -> None:
    scorer = Scorer(model, prompt(), ANSWER)
    spans = scorer.layout().sentences()
    sources = SourceSet.build(as_chunks(CHUNKS))
    for source in sources.sentences:
        start, end = spans[source.id]
        offsets = scorer.prompt.offsets[start:end]
        text = model.encoder.encode_text  # the prompt's text is rebuilt from its tokens
        assert text(source.text).ids
        assert offsets[-1][1] - offsets[0][0] in (len(source.text), len(source.text) + 1)


def test_nothing_left_of_a_raw_prompt_still_scores() -> None:
    model = language_model()
    built, sources, _ = capture_prompt(CHUNKS[0], as_chunks(CHUNKS[:1]))
    scores = Scorer(model, built, ANSWER).score([sources.all_ids])
    assert np.isfinite(scores.log_probs).all()


class Starved:
    """A model's forward that runs out of memory above a number of tokens."""

    def __init__(self, forward: Callable[..., Any], most: int) -> None:
        self.forward, self.most, self.failures = forward, most, 0

    def __call__(self, input_ids: torch.Tensor, **inputs: Any) -> Any:
        if inputs.get("attention_mask") is not None and input_ids.numel() > self.most:
            self.failures += 1
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")
        return self.forward(input_ids=input_ids, **inputs)


def test_out_of_memory_halves_the_pack_and_goes_on(
    model: LanguageModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = Scorer(model, prompt(), ANSWER).score(ONE_BY_ONE)
    starved = Starved(model.model.forward, most=130)
    monkeypatch.setattr(model.model, "forward", starved)
    scorer = Scorer(model, prompt(), ANSWER)
    scores = scorer.score(ONE_BY_ONE)
    assert starved.failures >= 1
    np.testing.assert_allclose(scores.log_probs, expected.log_probs, atol=1e-5)
    failures = starved.failures
    scorer.score(ONE_BY_ONE)
    assert starved.failures == failures, "the smaller budget is kept"


def test_out_of_memory_for_a_single_ablation_is_an_error(
    model: LanguageModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(model.model, "forward", Starved(model.model.forward, most=10))
    with pytest.raises(OutOfMemoryError, match=r"a single ablation of .* does not fit in memory"):
        Scorer(model, prompt(), ANSWER).score(ONE_BY_ONE)


def test_other_errors_of_the_model_are_not_taken_for_lack_of_memory(
    model: LanguageModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    scorer = Scorer(model, prompt(), ANSWER)

    def broken(**_: Any) -> Any:
        raise RuntimeError("shapes do not match")

    monkeypatch.setattr(model.model, "forward", broken)
    with pytest.raises(RuntimeError, match="shapes do not match"):
        scorer.score(ONE_BY_ONE)


def test_threads_get_the_same_scores_as_calls_in_turn(model: LanguageModel) -> None:
    answers = [f"It opened in {1900 + number}." for number in range(12)]
    expected = [Scorer(model, prompt(), answer).score(ONE_BY_ONE).log_probs for answer in answers]
    barrier = threading.Barrier(6)

    def work(answer: str) -> np.ndarray[Any, np.dtype[np.float32]]:
        barrier.wait(timeout=30)
        return Scorer(model, prompt(), answer).score(ONE_BY_ONE).log_probs

    with ThreadPoolExecutor(6) as pool:
        got = list(pool.map(work, answers))
    for one, other in zip(got, expected, strict=True):
        np.testing.assert_array_equal(one, other)


def test_longrope_takes_the_plain_path_where_positions_may_change() -> None:
    factors = [1.0 + 0.1 * step for step in range(8)]

    def build(switch: int) -> LanguageModel:
        rope = {
            "rope_type": "longrope",
            "rope_theta": 10000.0,
            "short_factor": factors,
            "long_factor": [3 * factor for factor in factors],
            "original_max_position_embeddings": switch,
        }
        return language_model(
            "phi3",
            sliding_window=None,
            original_max_position_embeddings=switch,
            rope_parameters=rope,
        )

    length = len(Scorer(build(4096), prompt(), ANSWER).prompt.ids)
    for switch, passes in ((4096, 2), (length - 5, 5)):
        model = build(switch)
        plain = Scorer(model, prompt(), ANSWER, path="plain").score(ONE_BY_ONE)
        scorer = Scorer(model, prompt(), ANSWER)
        np.testing.assert_allclose(
            scorer.score(ONE_BY_ONE).drops.sum(1), plain.drops.sum(1), atol=1e-4
        )
        assert scorer.cost.passes == passes


def test_tokenizer_of_another_model_is_refused() -> None:
    with pytest.raises(UnsupportedModelError, match="is it the model's own"):
        language_model(vocab_size=100)


def test_wrapping_changes_neither_model_nor_tokenizer() -> None:
    network, tokenizer = ARCHITECTURES["llama"].build(), byte_level_bpe()
    before = (network.config.to_dict(), tokenizer.backend_tokenizer.to_str(), vars(network).keys())
    weights = {key: value.clone() for key, value in network.state_dict().items()}
    Scorer(LanguageModel.from_model(network, tokenizer), prompt(), ANSWER).score(ONE_BY_ONE)
    after = (network.config.to_dict(), tokenizer.backend_tokenizer.to_str(), vars(network).keys())
    assert after == before
    for key, value in network.state_dict().items():
        torch.testing.assert_close(value, weights[key], rtol=0, atol=0)
