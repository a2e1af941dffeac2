"""From a question and chunks to relevance, on the bundled models."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from attribot_integrations.context.sources import Chunk
from attribot_integrations.demo.corpus import DemoQuestion, demo_examples
from attribot_integrations.demo.relations import REFUSAL
from attribot_integrations.engine import AttributionEngine
from attribot_integrations.errors import ConfigurationError, InputError, PromptTooLongError
from attribot_integrations.filtering import (
    CombinedSignal,
    DraftProbability,
    DraftSignal,
    QuestionSignal,
    drafted,
)
from attribot_integrations.filtering.relevance import Relevance, RelevanceInput
from attribot_integrations.scoring import language_model
from attribot_integrations.scoring.drafting import draft_answer
from attribot_integrations.scoring.language_model import in_process
from attribot_integrations.scoring.protocols import AblationScores, Draft
from attribot_integrations.scoring.scorer import Scorer


def example(kind: Any = "single", number: int = 0) -> tuple[DemoQuestion, tuple[str, ...]]:
    made = demo_examples(number + 1, seed=1900, chunks=(5, 7), kinds=(kind,))[number]
    return made.questions[0], made.chunk_texts


def relevant(asked: DemoQuestion) -> set[int]:
    return {chunk for places in asked.gold for chunk, _ in places}


class Judged:
    """A signal of a user's own."""

    name = "own"

    def __call__(self, inputs: RelevanceInput) -> Relevance:
        return Relevance(np.linspace(0, 1, len(inputs.sources), dtype=np.float32), ())


@pytest.mark.parametrize("kind", ["single", "double", "repeated"])
def test_the_chunks_with_the_facts_are_kept_and_most_others_are_not(
    demo: AttributionEngine, kind: str
) -> None:
    for number in range(3):
        asked, chunks = example(kind, number)
        scores = demo.score_chunks(asked.question, chunks, signal="draft")
        kept = set(scores.keep())
        assert relevant(asked) <= kept
        assert len(kept) < len(chunks)
        assert scores.draft == asked.answer
        assert scores.question == asked.question
        assert [chunk.text for chunk in scores.chunks] == list(chunks)
        assert scores.relevance.dtype == np.float32


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("words", "words"),
        ("draft", "draft"),
        ("question", "question"),
        ("both", "draft or question"),
    ],
)
def test_signals_by_name(demo: AttributionEngine, name: Any, shown: str) -> None:
    asked, chunks = example()
    scores = demo.score_chunks(asked.question, chunks, signal=name)
    assert scores.signal == shown
    assert (scores.draft is None) == (name in ("words", "question"))
    assert ((scores.relevance >= 0) & (scores.relevance <= 1)).all()
    assert len(scores.cost.models) == {"words": 0, "draft": 2, "question": 1, "both": 3}[name]


def test_both_is_the_higher_of_the_two(demo: AttributionEngine) -> None:
    asked, chunks = example("two_hop")
    found = [
        demo.score_chunks(asked.question, chunks, signal=name).relevance
        for name in ("draft", "question", "both")
    ]
    np.testing.assert_allclose(np.maximum(found[0], found[1]), found[2], atol=1e-4)


def test_a_signal_of_ones_own(demo: AttributionEngine) -> None:
    scores = demo.score_chunks("Who?", ["A.", " ", "B."], signal=Judged())
    assert scores.signal == "own"
    assert scores.relevance.tolist() == [0.0, 0.0, 1.0]


def test_target_drafts_and_proxy_judges(pair: AttributionEngine) -> None:
    asked, chunks = example()
    scores = pair.score_chunks(asked.question, chunks, signal="draft")
    assert pair.proxy is not None
    assert [each.model for each in scores.cost.models] == ["target", "proxy"]
    assert scores.draft == asked.answer
    assert relevant(asked) <= set(scores.keep())


def test_cost_is_counted(demo: AttributionEngine) -> None:
    asked, chunks = example()
    scores = demo.score_chunks(asked.question, chunks, signal="draft")
    drafting, scoring = scores.cost.models
    length = len(in_process(demo.target).encoder.encode_text(asked.answer).ids)
    # The end of the answer is drafted too, but nothing is run behind it.
    assert drafting.passes == length + 1
    assert drafting.tokens > length
    # The drafting pass leaves the prompt's activations: each source costs two short ends.
    prompt = drafting.tokens - length
    assert 0 < scoring.tokens < prompt + 2 * len(chunks) * (3 * length + 60)
    assert scoring.passes < 2 * len(chunks)
    assert scores.cost.tokens == drafting.tokens + scoring.tokens
    assert scores.cost.seconds > 0


def test_prompt_is_run_once(demo: AttributionEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    asked, chunks = example()
    shared = demo.score_chunks(asked.question, chunks, signal="draft")

    def forgetful(*arguments: Any) -> Draft:
        return replace(draft_answer(*arguments), prefix=None)

    monkeypatch.setattr(language_model, "draft_answer", forgetful)
    alone = demo.score_chunks(asked.question, chunks, signal="draft")
    np.testing.assert_allclose(shared.relevance, alone.relevance, atol=1e-4)
    drafted = shared.cost.models[0]
    prompt = drafted.tokens - drafted.passes + 1
    # The pass that runs the prompt runs the answer, too.
    assert prompt <= alone.cost.tokens - shared.cost.tokens < prompt + drafted.passes


def test_sentences(demo: AttributionEngine) -> None:
    asked, chunks = example()
    scores = demo.score_chunks(asked.question, chunks, granularity="sentence", signal="draft")
    ((place, *_),) = asked.gold
    chunk = scores.chunks[place[0]]
    texts = [chunk.text[start:end] for start, end in scores.trimmed(place[0])]
    value = asked.values[0]
    assert any(value in text for text in texts)
    best = max(scores.sentences, key=lambda each: each.relevance)
    assert best.chunk_index == place[0]
    for index in range(len(chunks)):
        own = [each.relevance for each in scores.sentences if each.chunk_index == index]
        assert scores.relevance[index] >= max(own) - 1e-6
        edges = [(each.start, each.end) for each in scores.sentences if each.chunk_index == index]
        assert edges == sorted(edges)


def test_blank_chunks_are_never_relevant(demo: AttributionEngine) -> None:
    asked, chunks = example()
    scores = demo.score_chunks(
        asked.question, ["", *chunks, " \n"], granularity="sentence", signal="draft"
    )
    assert scores.relevance[0] == scores.relevance[-1] == 0.0
    assert {index + 1 for index in relevant(asked)} <= set(scores.keep())
    assert scores.trimmed(0) == ()


@pytest.mark.parametrize("chunks", [[], [" ", Chunk("", id="b")]])
def test_without_text_there_is_nothing_to_run(
    demo: AttributionEngine, chunks: list[str | Chunk]
) -> None:
    scores = demo.score_chunks("Who?", chunks, granularity="sentence", signal="draft")
    assert len(scores.chunks) == len(chunks)
    assert scores.relevance.tolist() == [0.0] * len(chunks)
    assert scores.keep() == ()
    assert (scores.draft, scores.cost.models) == (None, ())
    assert all(scores.trimmed(index) == () for index in range(len(chunks)))


def test_ids_and_metadata_are_handed_back(demo: AttributionEngine) -> None:
    asked, chunks = example()
    given = [Chunk(text, str(number), {"page": 1}) for number, text in enumerate(chunks)]
    assert demo.score_chunks(asked.question, given, signal="draft").chunks == tuple(given)


@pytest.mark.parametrize(
    ("question", "chunks", "options", "error", "message"),
    [
        (" ", ["A."], {}, InputError, "the question must be text that is not blank, got ' '"),
        (None, ["A."], {}, InputError, "must be text that is not blank, got None"),
        ("Who?", "A.", {}, InputError, "chunks must be a sequence of strings or Chunk objects"),
        ("Who?", ["A.", 3], {}, InputError, "chunk 1 must be a str or Chunk, not int"),
        ("Who?", ["A."], {"signal": "guess"}, ConfigurationError, "signal must be one of"),
        ("Who?", ["A."], {"granularity": "word"}, ConfigurationError, "granularity must be one of"),
    ],
)
def test_bad_input(
    demo: AttributionEngine,
    question: Any,
    chunks: Any,
    options: dict[str, Any],
    error: type[Exception],
    message: str,
) -> None:
    with pytest.raises(error, match=message):
        demo.score_chunks(question, chunks, **options)


@pytest.mark.parametrize("signal", ["draft", "question"])
def test_prompt_that_is_too_long(demo: AttributionEngine, signal: Any) -> None:
    with pytest.raises(PromptTooLongError, match="pass fewer or shorter chunks"):
        demo.score_chunks("Who?", ["word " * 33_000], signal=signal)


@pytest.mark.parametrize("text", ["", " \n"])
def test_a_blank_draft_depends_on_nothing(
    demo: AttributionEngine, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    monkeypatch.setattr(language_model, "draft_answer", lambda *_: Draft(text.strip(), None, 40, 1))
    scores = demo.score_chunks("Who?", ["A.", "B."], granularity="sentence", signal="draft")
    assert scores.draft == ""
    assert scores.relevance.tolist() == [0.0, 0.0]
    assert scores.keep() == ()
    assert scores.cost.tokens == 40


def declined_twice() -> tuple[str, tuple[str, ...]]:
    """Two questions that the chunks do not answer, asked at once."""
    (first, chunks), (second, _) = example("absent", 1), example("absent", 2)
    return f"{first.question} {second.question}", chunks


@pytest.mark.parametrize("granularity", ["chunk", "sentence"])
@pytest.mark.parametrize("engine", ["demo", "pair"])
def test_declining_twice_depends_on_nothing(
    engine: str, granularity: Any, request: pytest.FixtureRequest
) -> None:
    question, chunks = declined_twice()
    scorer: AttributionEngine = request.getfixturevalue(engine)
    scores = scorer.score_chunks(question, chunks, granularity=granularity, signal="draft")
    assert scores.draft == f"{REFUSAL} {REFUSAL}"
    assert scores.keep() == ()
    assert scores.relevance.max() < 0.1


def test_what_is_stated_beside_a_refusal_counts(demo: AttributionEngine) -> None:
    (missing, chunks), (asked, _) = example("absent", 2), example("absent", 3)
    scores = demo.score_chunks(f"{missing.question} {asked.question}", chunks, signal="draft")
    assert scores.draft == f"{REFUSAL} The festival month of Braba is February."
    assert scores.keep() == (1,)


def test_a_second_fact_that_every_chunk_states_counts(demo: AttributionEngine) -> None:
    asked, chunks = example("double", 2)
    place = min(relevant(asked))
    scores = demo.score_chunks(asked.question, [chunks[place]] * 3, signal="draft")
    assert scores.draft == asked.answer
    assert scores.relevance.min() > 0.9


@pytest.mark.parametrize(
    ("restored", "answer", "counts"),
    [
        ([5.0, 6.0, 5.5], "No. It does not say.", False),
        ([6.0], "No. It does not say.", True),  # the only chunk is like no other
        ([6.0, 6.0, 0.0], "No. It does not say.", True),  # not any chunk will do
        ([6.0, 6.0, 6.0], "No. It", True),  # the first token may be all that is said
        ([6.0, 6.0, 6.0], "It does not say.", True),  # a first statement goes on from nothing
    ],
)
def test_only_what_any_chunk_restores_is_no_evidence(
    demo: AttributionEngine,
    monkeypatch: pytest.MonkeyPatch,
    restored: list[float],
    answer: str,
    counts: bool,
) -> None:
    def ablated(scorer: Scorer, ablations: Sequence[frozenset[int]]) -> AblationScores:
        offsets = scorer.answer.offsets
        first = [low <= answer.index("It") < high for low, high in offsets].index(True)
        log_probs = np.zeros((len(ablations), len(offsets)), np.float32)
        log_probs[len(restored) : -1, first] = np.array(restored) - 6.0
        log_probs[-1, first] = -6.0  # without any chunk
        return AblationScores(log_probs, np.zeros_like(log_probs))

    monkeypatch.setattr(language_model, "draft_answer", lambda *_: Draft(answer, None, 40, 1))
    monkeypatch.setattr(drafted, "_ablated", ablated)
    chunks = [f"Chunk {number} is here." for number in range(len(restored))]
    scores = demo.score_chunks("Who?", chunks, signal="draft")
    assert scores.keep() == tuple(
        index for index, gain in enumerate(restored) if counts and gain > 0
    )


def test_fitted_probability(demo: AttributionEngine) -> None:
    asked, chunks = example()
    certain = DraftSignal(probability=DraftProbability(0.0, 0.0, 3.0))
    scores = demo.score_chunks(asked.question, chunks, signal=certain)
    np.testing.assert_allclose(scores.relevance, 1 / (1 + np.exp(-3.0)), rtol=1e-5)
    plain = demo.score_chunks(asked.question, chunks, signal="draft")
    steep = DraftSignal(probability=DraftProbability(5.0, 5.0, -5.0))
    ranked = demo.score_chunks(asked.question, chunks, signal=steep)
    assert relevant(asked) == {int(ranked.relevance.argmax())} == {int(plain.relevance.argmax())}


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: DraftSignal(max_new_tokens=0), "max_new_tokens must be at least 1, got 0"),
        (lambda: DraftSignal(least_gain=0), "least_gain must be above 0 nats, got 0"),
        (lambda: QuestionSignal(half=0), "half must be above 0 nats, got 0"),
        (lambda: CombinedSignal(()), "a combined signal needs at least one signal"),
        (lambda: DraftProbability(1, float("nan"), 0), "weights and bias must be finite, got"),
    ],
)
def test_bad_signals(build: Any, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        build()
