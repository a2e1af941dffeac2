from __future__ import annotations

import threading
import weakref
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
import torch

from attribot_integrations import LanguageModel
from attribot_integrations.context.locating import capture_prompt
from attribot_integrations.context.prompts import ContextTemplate
from attribot_integrations.context.sources import SourceSet, as_chunks
from attribot_integrations.errors import (
    EmptyAnswerError,
    ModelError,
    OutOfMemoryError,
    PromptTooLongError,
)
from attribot_integrations.scoring.paths import PATHS
from attribot_integrations.scoring.scorer import Scorer
from attribot_integrations.tokens.encoding import EncodedText
from tests.parity.architectures import ARCHITECTURES
from tests.unit.scoring.harbour import ANSWER, CHUNKS, ONE_BY_ONE, language_model, prompt
from tests.unit.tokenizers_for_tests import byte_level_bpe


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


def test_what_is_asked_again_is_not_run_again(model: LanguageModel) -> None:
    scorer = Scorer(model, prompt(), ANSWER)
    together = scorer.score(ONE_BY_ONE)
    once = scorer.cost
    again = scorer.score([*ONE_BY_ONE, ONE_BY_ONE[2]])
    assert scorer.cost == once
    np.testing.assert_array_equal(again.log_probs[:4], together.log_probs)
    np.testing.assert_array_equal(again.log_probs[4], together.log_probs[2])
    apart = Scorer(model, prompt(), ANSWER)
    rows = np.concatenate([apart.score([each]).log_probs for each in ONE_BY_ONE])
    np.testing.assert_allclose(together.log_probs, rows, atol=1e-5)
    assert apart.cost.passes == 1 + len(ONE_BY_ONE)
    hidden = scorer.knock_out(ONE_BY_ONE, rerun=2)
    tokens = scorer.cost.tokens
    np.testing.assert_array_equal(scorer.knock_out(ONE_BY_ONE[:1], rerun=2).drops, hidden.drops[:1])
    assert scorer.cost.tokens == tokens
    scorer.knock_out(ONE_BY_ONE[:1], rerun=3)
    assert scorer.cost.tokens > tokens


@pytest.mark.parametrize("rerun", [None, 0, 4])
def test_what_will_be_run_is_known_before(model: LanguageModel, rerun: int | None) -> None:
    scorer = Scorer(model, prompt(), ANSWER)

    def run(sets: Sequence[frozenset[int]]) -> int:
        before = scorer.cost.tokens
        _ = scorer.score(sets) if rerun is None else scorer.knock_out(sets, rerun)
        return scorer.cost.tokens - before

    first, others = ONE_BY_ONE[0], ONE_BY_ONE[1:]
    run([first])  # with the prompt, and the unablated answer
    expected = sum(scorer.tokens_for(each, rerun) for each in others)
    assert run(others) == pytest.approx(expected, rel=0.1)
    assert [scorer.tokens_for(each, rerun) for each in ONE_BY_ONE] == [0] * len(ONE_BY_ONE)


def test_the_naive_loop_runs_every_set_of_sentences_once(model: LanguageModel) -> None:
    everything = frozenset(range(4))
    plain = Scorer(model, prompt(), ANSWER, path="plain")
    plain.score([*ONE_BY_ONE, everything, frozenset(), everything])
    packed = Scorer(model, prompt(), ANSWER)
    packed.knock_out([*ONE_BY_ONE, everything])
    packed.score([everything])
    packed.score([*ONE_BY_ONE, everything])
    assert plain.cost.tokens == plain.cost.naive_tokens == packed.cost.naive_tokens
    assert plain.cost.passes == 6


def test_rows_in_the_order_asked_whatever_order_they_run_in(model: LanguageModel) -> None:
    asked = [ONE_BY_ONE[1], frozenset({0, 3}), frozenset(), ONE_BY_ONE[3], frozenset(range(4))]
    scores = Scorer(model, prompt(), ANSWER).score(asked)
    for row, ablation in enumerate(asked):
        expected = Scorer(model, prompt(), ANSWER, path="plain").score([ablation])
        np.testing.assert_allclose(scores.log_probs[row], expected.log_probs[0], atol=1e-5)


def test_ablations_in_small_groups_score_the_same(
    model: LanguageModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = [frozenset({0, 3}), *ONE_BY_ONE, frozenset(range(4))]
    expected = Scorer(model, prompt(), ANSWER).score(asked)
    monkeypatch.setattr("attribot_integrations.tokens.ablated._CHARACTERS", 1)
    scorer = Scorer(model, prompt(), ANSWER)
    at_once: list[int] = []
    encode = model.encoder.quick_ids

    def noting(texts: Sequence[str], full: EncodedText) -> list[tuple[int, ...] | None]:
        at_once.append(len(texts))
        return encode(texts, full)

    monkeypatch.setattr(model.encoder, "quick_ids", noting)
    np.testing.assert_allclose(scorer.score(asked).log_probs, expected.log_probs, atol=1e-5)
    assert at_once == [1] * len(asked)


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
    with pytest.raises(
        EmptyAnswerError, match=r"the answer is blank \(2 characters, white space only\)"
    ):
        Scorer(model, prompt(), " \n")


def test_prompt_longer_than_the_context_says_by_how_much() -> None:
    length = len(Scorer(language_model(), prompt(), ANSWER).prompt.ids)
    answer = len(Scorer(language_model(), prompt(), ANSWER).answer.ids)
    needed = length + answer - 1  # nothing is predicted from the answer's last token
    short = language_model(max_position_embeddings=needed - 7)
    with pytest.raises(
        PromptTooLongError,
        match=rf"take {needed} positions, 7 more than the {needed - 7} of .*fewer or shorter",
    ):
        Scorer(short, prompt(), ANSWER)
    for path in PATHS:
        fitting = language_model("gpt2", max_position_embeddings=needed, n_positions=needed)
        assert np.isfinite(
            Scorer(fitting, prompt(), ANSWER, path=path).score(ONE_BY_ONE).drops
        ).all()


def test_an_ablation_that_tokenisation_lengthens_past_the_context(
    model: LanguageModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    scorer = Scorer(model, prompt(), ANSWER)
    needed = len(scorer.prompt.ids) + len(scorer.answer.ids) - 1
    tight = language_model("gpt2", max_position_embeddings=needed, n_positions=needed)
    scorer = Scorer(tight, prompt(), ANSWER)
    longer = (*scorer.prompt.ids, 5)
    monkeypatch.setattr(tight.encoder, "quick_ids", lambda texts, full: [longer] * len(texts))
    with pytest.raises(PromptTooLongError, match="1 more than the"):
        scorer.score(ONE_BY_ONE)


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

    def __init__(self, forward: Callable[..., Any], most: int, *, masked: bool = True) -> None:
        self.forward, self.most, self.masked, self.failures = forward, most, masked, 0
        self.given: list[weakref.ref[torch.Tensor]] = []
        self.alive: list[int] = []

    def __call__(self, input_ids: torch.Tensor, **inputs: Any) -> Any:
        mask = inputs.get("attention_mask")
        self.alive.append(sum(each() is not None for each in self.given))
        if (mask is not None or not self.masked) and input_ids.numel() > self.most:
            self.failures += 1
            self.given += [weakref.ref(mask)] if mask is not None else []
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")
        return self.forward(input_ids=input_ids, **inputs)


def test_out_of_memory_halves_the_pack_and_goes_on(
    model: LanguageModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("attribot_integrations.scoring.forward._LEAST_CAP", 1)
    expected = Scorer(model, prompt(), ANSWER).score(ONE_BY_ONE)
    starved = Starved(model.model.forward, most=130)
    monkeypatch.setattr(type(model.model), "forward", starved)
    scores = Scorer(model, prompt(), ANSWER).score(ONE_BY_ONE)
    assert starved.failures >= 1
    assert not any(starved.alive), "what the failed pass held is let go of before the next"
    np.testing.assert_allclose(scores.log_probs, expected.log_probs, atol=1e-5)
    failures = starved.failures
    Scorer(model, prompt(), ANSWER).score(ONE_BY_ONE)
    assert starved.failures == failures, "later requests start with the smaller budget"


def test_a_single_ablation_whose_mask_does_not_fit_is_run_without_one(
    model: LanguageModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = Scorer(model, prompt(), ANSWER).score(ONE_BY_ONE)
    monkeypatch.setattr(type(model.model), "forward", Starved(model.model.forward, most=10))
    scores = Scorer(model, prompt(), ANSWER).score(ONE_BY_ONE)
    np.testing.assert_allclose(scores.log_probs, expected.log_probs, atol=1e-5)
    with pytest.raises(
        OutOfMemoryError, match=r"a single ablation of .* over a prefix of .* does not fit"
    ):
        Scorer(model, prompt(), ANSWER).knock_out(ONE_BY_ONE)


@pytest.mark.parametrize(
    ("path", "spare", "message"),
    [
        ("packed", 0, r"a prompt of [\d,]+ tokens does not fit in memory; pass fewer"),
        ("cached", 0, r"a prompt of [\d,]+ tokens does not fit in memory; pass fewer"),
        ("plain", 0, r"a prompt with its answer, of [\d,]+ tokens, does not fit in memory"),
    ],
)
def test_out_of_memory_is_an_error_with_advice(
    model: LanguageModel, monkeypatch: pytest.MonkeyPatch, path: Any, spare: int, message: str
) -> None:
    starved = Starved(model.model.forward, most=10 + spare, masked=False)
    monkeypatch.setattr(type(model.model), "forward", starved)
    with pytest.raises(OutOfMemoryError, match=message + r".*\(CUDA out of memory") as raised:
        Scorer(model, prompt(), ANSWER, path=path).score(ONE_BY_ONE)
    assert raised.value.__context__ is None


def test_a_suffix_that_does_not_fit_is_an_error_with_advice(
    model: LanguageModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    scorer = Scorer(model, prompt(), ANSWER, path="cached")
    scorer.score(ONE_BY_ONE[3:])
    starved = Starved(model.model.forward, most=10, masked=False)
    monkeypatch.setattr(type(model.model), "forward", starved)
    with pytest.raises(OutOfMemoryError, match=r"a single ablation of .* does not fit in memory"):
        scorer.score(ONE_BY_ONE[:1])


def test_other_errors_of_the_model_are_not_taken_for_lack_of_memory(
    model: LanguageModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    scorer = Scorer(model, prompt(), ANSWER)

    def broken(**_: Any) -> Any:
        raise RuntimeError("shapes do not match")

    monkeypatch.setattr(type(model.model), "forward", staticmethod(broken))
    message = r"LlamaForCausalLM fails on [\d,]+ tokens: RuntimeError: shapes do not match"
    with pytest.raises(ModelError, match=message):
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


def test_knockout_says_why_it_cannot_be_used() -> None:
    tuned = language_model("llama4-tuned", attention_chunk_size=1024, floor_scale=1 << 20)
    length = len(Scorer(tuned, prompt(), ANSWER).prompt.ids)
    length += len(Scorer(tuned, prompt(), ANSWER).answer.ids)
    assert Scorer(tuned, prompt(), ANSWER).can_knock_out
    for limit, possible in ((2 * length, False), (2 * length + 1, True)):
        near = language_model("llama4-tuned", attention_chunk_size=1024, floor_scale=limit)
        assert Scorer(near, prompt(), ANSWER).can_knock_out == possible
    near = language_model("llama4-tuned", attention_chunk_size=1024, floor_scale=2 * length)
    with pytest.raises(ModelError, match=rf"changes from {2 * length} cached and packed tokens on"):
        Scorer(near, prompt(), ANSWER).knock_out(ONE_BY_ONE)
    plain = Scorer(tuned, prompt(), ANSWER, path="plain")
    assert plain.knockout_obstacle == "the plain path was asked for"
    with pytest.raises(ModelError, match="does not take here: the plain path was asked for"):
        plain.tokens_for(ONE_BY_ONE[0], rerun=0)


def test_numbers_that_are_not_finite_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    model = ARCHITECTURES["llama"].build()
    language_model = LanguageModel.from_model(model, byte_level_bpe(), name="overflowing")
    sources = SourceSet.build(as_chunks(["One. Two."]))
    scorer = Scorer(language_model, ContextTemplate()("Which?", sources), "One.")
    forward = model.forward

    def overflowing(**inputs: Any) -> Any:
        output = forward(**inputs)
        output.logits *= float("nan")
        return output

    monkeypatch.setattr(type(model), "forward", staticmethod(overflowing))
    message = r"overflowing gives log-probabilities that are not finite in torch.float32; load it"
    with pytest.raises(ModelError, match=message):
        scorer.score([frozenset({0})])
    with pytest.raises(ModelError, match=message):
        scorer.knock_out([frozenset({0})])


def test_attention_is_read_in_the_pass_that_scores_go_on_from(model: LanguageModel) -> None:
    scorer = Scorer(model, prompt(), ANSWER)
    reading = scorer.read_attention([*ONE_BY_ONE, frozenset().union(*ONE_BY_ONE), frozenset()])
    length = len(scorer.prompt.ids) + len(scorer.answer.ids) - 1
    assert scorer.cost.passes == 1
    assert scorer.cost.tokens == length
    shares = reading.shares
    assert shares.shape == (16, 6, len(scorer.answer.ids))
    np.testing.assert_allclose(shares[:, :4].sum(axis=1), shares[:, 4], atol=1e-5)
    assert not shares[:, 5].any()
    assert reading.model is model.signature
    scorer.score(ONE_BY_ONE)
    alone = Scorer(model, prompt(), ANSWER)
    alone.score(ONE_BY_ONE)
    assert scorer.cost.tokens == alone.cost.tokens
    before = scorer.cost.tokens
    again = scorer.read_attention(ONE_BY_ONE)
    assert scorer.cost.tokens - before == len(scorer.answer.ids)
    np.testing.assert_allclose(again.shares, shares[:, :4], atol=1e-5)


def test_a_model_that_shows_no_attention_is_refused(
    model: LanguageModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    from attribot_integrations.scoring import attention

    monkeypatch.setattr(attention, "scaled_dot_product_attention", None)  # as in other kernels
    scorer = Scorer(model, prompt(), ANSWER)
    with pytest.raises(ModelError, match=r"shows no weights \(0 of 4 layers do\): load it with"):
        scorer.read_attention(ONE_BY_ONE)


def test_the_unablated_copy_costs_no_more_than_the_answer(model: LanguageModel) -> None:
    scorer = Scorer(model, prompt(), ANSWER)
    everything = frozenset().union(*ONE_BY_ONE)
    scorer.score([everything])
    layout, answer = scorer.layout(), len(scorer.answer.ids)
    left = len(scorer.prompt.ids) - sum(high - low for low, high in layout.hidden(everything))
    assert scorer.cost.tokens <= len(scorer.prompt.ids) + answer - 1 + left + 2 * answer
