"""The engine asks a protocol: anything that scores answers can take a model's place."""

from __future__ import annotations

import numpy as np
import pytest

from attribot_integrations import AttributionEngine, AttributionRequest, EngineOptions, LeaveOneOut
from attribot_integrations.context.prompts import Prompt, PromptMessage, Segment
from attribot_integrations.context.sources import SourceSet
from attribot_integrations.engine.attributing import attribute_answer
from attribot_integrations.errors import ConfigurationError, ModelError
from attribot_integrations.methods import Knockout
from attribot_integrations.results import Attribution, FloatArray
from attribot_integrations.results.judging import judged
from attribot_integrations.scoring.protocols import ScoringModel
from attribot_integrations.verifying import LexicalVerifier
from tests.unit.words import WordModel

CHUNKS = ("The harbour opened in 1962. It is old.", "A river runs through the town.")
ANSWER = "It opened in 1962."


def test_the_model_fulfils_the_protocol() -> None:
    assert isinstance(WordModel(), ScoringModel)
    assert not isinstance("a name", ScoringModel)


def test_another_kind_of_model_is_attributed_with() -> None:
    engine = AttributionEngine(WordModel())
    result = engine.attribute("When?", CHUNKS, ANSWER)
    # The first sentence holds "opened" and the year, the second "It"; "in" is the template's own.
    assert result.scores.sum(axis=1).tolist() == [4.0, 2.0, 0.0]
    assert result.method == "exact"
    assert [citation.text for citation in result.citations] == [
        "The harbour opened in 1962.",
        "It is old.",
    ]
    assert result.exact.all()
    assert result.cost.models[0].model == "words"
    assert repr(engine) == "AttributionEngine('words', method='exact', path='counting')"


def test_a_method_that_looks_inside_is_refused_with_the_models_reason() -> None:
    engine = AttributionEngine(WordModel(), options=EngineOptions(method=Knockout()))
    with pytest.raises(ModelError, match="words cannot be hidden"):
        engine.attribute("When?", CHUNKS, ANSWER)


def test_it_takes_the_proxys_place_too() -> None:
    options = EngineOptions(method=LeaveOneOut(on="proxy"))
    result = AttributionEngine(WordModel("big"), WordModel("small"), options).attribute(
        "When?", CHUNKS, ANSWER
    )
    assert [each.model for each in result.cost.models] == ["words", "words"]
    assert set(result.estimands) == {"proxy_loo"}


def test_chunks_are_filtered_with_it() -> None:
    scores = AttributionEngine(WordModel()).score_chunks("When?", CHUNKS, signal="draft")
    assert scores.draft == "It opened in 1962."
    assert scores.keep(threshold=0.5) == (0,)


def test_several_requests_share_what_it_holds() -> None:
    engine = AttributionEngine(WordModel())
    requests = [AttributionRequest("When?", CHUNKS, ANSWER), AttributionRequest("?", CHUNKS, "Old")]
    first, second = engine.attribute_batch(requests, progress=False, raise_error=True)
    assert isinstance(first, Attribution)
    assert isinstance(second, Attribution)
    assert first.scores.sum() == 6.0


@pytest.mark.parametrize("given", ["gpt2", object(), None])
def test_what_scores_nothing_is_refused(given: object) -> None:
    with pytest.raises(ConfigurationError, match="the target must be a LanguageModel"):
        AttributionEngine(given)  # type: ignore[arg-type]


def test_a_prompt_with_known_places_is_used_as_it_is() -> None:
    def placed(question: str, sources: SourceSet) -> Prompt:
        shown = [
            Segment(each.text + " ", (range(each.id, each.id + 1),), sentence_id=each.id)
            for each in sources.sentences
        ]
        return Prompt((PromptMessage(None, (Segment("Sources: "), *shown)),), raw=True)

    model = WordModel()
    request = AttributionRequest("When?", CHUNKS, ANSWER, prompt=placed)
    result = attribute_answer(model, None, request, EngineOptions())
    assert result.scores.sum(axis=1).tolist() == [6.0, 2.0, 0.0]
    assert result.locations == ()


def test_citations_and_labels_are_judged_from_what_was_measured() -> None:
    result = AttributionEngine(WordModel()).attribute("When?", CHUNKS, ANSWER)
    options = EngineOptions()
    again = judged(result, options.policy, options.support)
    assert (again.citations, again.support) == (result.citations, result.support)
    assert result.cost.seconds > 0
    assert result.support[0].label


class Failing:
    """A verifier whose service is down."""

    name = "remote"

    def verify(self, question: str, statements: object, passages: object) -> FloatArray:
        raise ConnectionError("no route")


def test_the_verifier_reads_every_source_and_statement() -> None:
    result = AttributionEngine(WordModel()).attribute("When?", CHUNKS, ANSWER)
    assert result.stated is not None
    assert result.stated.shape == result.statement_scores.shape
    assert result.verifier == LexicalVerifier().name
    without = EngineOptions(verifier=None)
    plain = AttributionEngine(WordModel()).attribute("When?", CHUNKS, ANSWER, options=without)
    assert (plain.stated, plain.verifier) == (None, None)
    assert {each.basis for each in plain.citations} == {"depends"}


def test_a_failing_verifier_loses_no_score(caplog: pytest.LogCaptureFixture) -> None:
    failing = EngineOptions(verifier=Failing())
    result = AttributionEngine(WordModel()).attribute("When?", CHUNKS, ANSWER, options=failing)
    reason = "the verifier 'remote' failed, ConnectionError: no route"
    assert (result.stated, result.unverified) == (None, reason)
    assert f"Not verified: {reason}." in result.notes
    assert result.citations
    assert reason in caplog.text


def test_a_verifier_that_breaks_its_word_is_refused() -> None:
    class Wrong(Failing):
        def verify(self, question: str, statements: object, passages: object) -> FloatArray:
            return np.full((1, 1), 2.0, dtype=np.float32)

    wrong = EngineOptions(verifier=Wrong())
    with pytest.raises(ModelError, match='the verifier "remote" must return one score for each'):
        AttributionEngine(WordModel()).attribute("When?", CHUNKS, ANSWER, options=wrong)
