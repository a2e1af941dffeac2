"""Relevance by words."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from attribot_integrations.context.sources import Source, SourceSet, as_chunks
from attribot_integrations.errors import ConfigurationError
from attribot_integrations.filtering import WordProbability, WordSignal
from attribot_integrations.filtering.chunk_scores import ChunkScores
from attribot_integrations.filtering.chunk_scoring import score_chunks
from attribot_integrations.filtering.relevance import RelevanceInput
from attribot_integrations.filtering.worded import WordEvidence
from attribot_integrations.requests.options import EngineOptions
from tests.unit.words import WordModel

QUESTION = "When was the lighthouse of Farsund rebuilt?"
GOLD = "Farsund is a town in the south. Its lighthouse was rebuilt in 1887 after a storm."
NEAR = "The lighthouse of Lindesnes is older, and it was the first in the country."
FAR = "Herring was salted here for the export to Spain. Most boats were small."
GERMAN = "Der Leuchtturm wurde nach einem Sturm im Jahr 1887 neu gebaut, und er ist aus Eisen."


class Unasked(WordModel):
    """Must not be run."""

    def scorer(self, *_: object, **__: object) -> Any:
        raise AssertionError("words need no model")

    draft = scorer


def scored(chunks: Sequence[str], question: str = QUESTION, **options: Any) -> ChunkScores:
    given = {"signal": "words", "granularity": "chunk", "options": EngineOptions(), **options}
    return score_chunks(Unasked(), question, chunks, **given)


def evidence(chunks: Sequence[str], question: str = QUESTION) -> WordEvidence:
    context = SourceSet.build(as_chunks(chunks))
    return WordSignal().examine(inputs(context, context.whole_chunks, question))


def inputs(
    context: SourceSet, sources: tuple[Source, ...], question: str = QUESTION
) -> RelevanceInput:
    return RelevanceInput(Unasked(), question, context, sources, EngineOptions())


def test_what_says_most_of_the_question_is_kept_and_no_model_is_run() -> None:
    scores = scored([FAR, GOLD, NEAR])
    assert scores.relevance.argmax() == 1
    assert scores.relevance[0] < 0.5 < scores.relevance[1]
    assert scores.keep() == (1, 2)
    assert (scores.signal, scores.draft, scores.cost.models) == ("words", None, ())
    assert scores.relevance.dtype == np.float32


def test_what_is_measured() -> None:
    found = evidence(["Red fox.", "Red.", "Blue."], "red fox")
    # red is in two of the three chunks, fox in one
    red, fox, blue = np.log(8 / 2.5), np.log(8 / 1.5), np.log(8 / 1.5)
    both = np.hypot(red, fox)
    np.testing.assert_allclose(found.matched, [1, red / both, 0], rtol=1e-5)
    np.testing.assert_allclose(found.said, [1, red / (red + fox), 0], rtol=1e-5)
    assert blue > 0
    assert found.telling.all()
    assert found.features().shape == (3, 2)


def test_a_long_chunk_is_as_relevant_as_its_best_stretch() -> None:
    filler = [f"{FAR} Number {number} of the records says nothing else." for number in range(40)]
    around = " ".join([*filler[:20], GOLD, *filler[20:]])
    assert scored([FAR, around, NEAR]).relevance[1] > 0.8
    assert len(around) > 20 * len(GOLD)


def test_a_text_without_full_stops_is_divided() -> None:
    words = " ".join(f"word{number}" for number in range(400))
    found = evidence([FAR, f"{words} {QUESTION[:-1]} {words}"])
    assert found.said[1] == pytest.approx(1)
    assert found.matched[1] == 1


def test_the_best_chunk_is_always_kept() -> None:
    assert scored(["Cod is dried.", "The town lies in the north."]).keep() == (1,)
    assert scored([NEAR]).keep() == (0,)
    default = WordProbability()
    assert default.matched + default.bias > 0
    assert default.said > 0


def test_another_language_is_kept() -> None:
    scores = scored([GOLD, GERMAN, "Cod is dried.", "灯台は1887年に再建されました。"])
    assert scores.relevance[[1, 3]].tolist() == [0.5, 0.5]
    assert scores.keep() == (0, 1, 3)
    foreign = scored([GOLD, NEAR, FAR], "Wann wurde der Leuchtturm von Farsund neu gebaut?")
    assert foreign.keep() == (0, 1, 2)


def test_words_that_nobody_has_drop_nothing() -> None:
    scores = scored([FAR, "Cod is dried."], "Lighthouse keepers?")
    assert scores.relevance.tolist() == [0.5, 0.5]
    assert scored([FAR, GOLD], "???").keep() == (0, 1)
    assert scored(["...", GOLD]).keep() == (1,), "text without words says nothing"


def test_order_and_repetition_do_not_matter() -> None:
    first = scored([FAR, GOLD, NEAR]).relevance
    np.testing.assert_allclose(scored([NEAR, GOLD, FAR]).relevance, first[::-1], rtol=1e-6)
    twice = scored([GOLD, FAR, GOLD])
    assert twice.relevance[0] == twice.relevance[2]
    assert twice.keep() == (0, 2)


def test_sentences_are_as_relevant_as_the_stretch_around_them() -> None:
    filler = "Herring from here went to Spain. Most boats are small. They hold four men each."
    chunk = " ".join([GOLD, *[filler] * 9])
    scores = scored([chunk, NEAR], granularity="sentence")
    own = [each for each in scores.sentences if each.chunk_index == 0]
    assert max(each.relevance for each in own) == pytest.approx(float(scores.relevance[0]))
    town, rebuilt = own[:2]
    assert town.relevance == rebuilt.relevance > 0.5, "one without the other says less"
    assert own[-1].relevance < 0.5
    ((start, end),) = scores.trimmed(0)
    assert chunk[start:end].startswith(GOLD)
    assert end < len(chunk)


def test_probability() -> None:
    shown = WordEvidence(
        np.array([1, 0.5, 0.9], np.float32),
        np.array([0.5, 0.0, 0.9], np.float32),
        np.array([True, True, False]),
    )
    found = WordProbability(2.0, 4.0, -3.0)(shown)
    np.testing.assert_allclose(found, 1 / (1 + np.exp([-1.0, 2.0, 0.0])), rtol=1e-5)


def test_stems_are_of_a_language() -> None:
    chunks = ["Alte Boote liegen am Ufer.", "Er repariert Segel."]
    german = WordSignal(language="german")
    assert scored(chunks, "altes Boot", signal=german).keep() == (0,)
    assert scored(chunks, "altes Boot", signal=WordSignal(language=None)).keep() == (0, 1)


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: WordSignal(language="klingon"), "language must be None or one of .*'klingon'"),
        (lambda: WordProbability(1, 2, float("inf")), r"weights and bias must be finite, got"),
    ],
)
def test_bad_options(build: Any, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        build()


def test_it_needs_no_torch() -> None:
    code = "import sys; from attribot_integrations.filtering import WordSignal; WordSignal()"
    code += "; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
