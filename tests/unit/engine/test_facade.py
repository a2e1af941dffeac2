"""The engine's face: whose options count, and what goes where."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable

import pytest

from attribot_integrations import AttributionEngine, AttributionRequest, EngineOptions
from attribot_integrations.engine.batching import ContextSharer
from attribot_integrations.errors import ConfigurationError
from attribot_integrations.results import Attribution
from tests.unit.words import WordModel

CHUNKS = ("The harbour opened in 1962.", "A river runs.")
ANSWER = "It opened in 1962."
WHOLE = EngineOptions(levels=("chunk",))


def test_options_of_a_call_take_the_place_of_the_engines() -> None:
    engine = AttributionEngine(WordModel(), options=WHOLE)
    assert [each.level for each in engine.attribute("?", CHUNKS, ANSWER).sources] == ["chunk"] * 2
    sentences = engine.attribute("?", CHUNKS, ANSWER, options=EngineOptions())
    assert [each.level for each in sentences.sources] == ["sentence"] * 2
    request = AttributionRequest("?", CHUNKS, ANSWER, id="a")
    (batched,) = engine.attribute_batch([request], options=EngineOptions(), progress=False)
    assert isinstance(batched, Attribution)
    assert batched.sources[0].level == "sentence"
    assert batched.id == "a"
    assert engine.options == WHOLE


@pytest.mark.parametrize("call", ["attribute", "attribute_request", "attribute_batch", "chunks"])
def test_options_are_an_object(call: str) -> None:
    engine = AttributionEngine(WordModel())
    request = AttributionRequest("?", CHUNKS, ANSWER)
    options: object = {"levels": ("chunk",)}
    calls: dict[str, Callable[[], object]] = {
        "attribute": lambda: engine.attribute("?", CHUNKS, ANSWER, options=options),  # type: ignore[arg-type]
        "attribute_request": lambda: engine.attribute_request(request, options=options),  # type: ignore[arg-type]
        "attribute_batch": lambda: engine.attribute_batch([request], options=options),  # type: ignore[arg-type]
        "chunks": lambda: engine.score_chunks("?", CHUNKS, options=options),  # type: ignore[arg-type]
    }
    with pytest.raises(ConfigurationError, match=r"options must be an EngineOptions, .* not dict"):
        calls[call]()


async def test_the_async_call_gives_the_same() -> None:
    engine = AttributionEngine(WordModel())
    there = await engine.aattribute("?", CHUNKS, ANSWER, id="x", options=WHOLE)
    here = engine.attribute("?", CHUNKS, ANSWER, id="x", options=WHOLE)
    assert there.scores.tolist() == here.scores.tolist()
    assert (there.id, there.sources) == (here.id, here.sources)


def test_the_proxy_judges_chunks_and_the_target_drafts() -> None:
    target, proxy = WordModel("target"), WordModel("proxy")
    scores = AttributionEngine(target, proxy).score_chunks("When?", CHUNKS, signal="draft")
    assert [each.model for each in scores.cost.models] == ["target", "words"]
    assert target.asked == []
    assert proxy.asked


def test_requests_in_turn_have_the_engines_models_and_options() -> None:
    target, proxy = WordModel("target"), WordModel("proxy")
    sharer = AttributionEngine(target, proxy, WHOLE).sharing_context()
    assert isinstance(sharer, ContextSharer)
    assert (sharer.target, sharer.proxy, sharer.options) == (target, proxy, WHOLE)


def test_copies_share_the_models_and_pickles_are_refused() -> None:
    engine = AttributionEngine(WordModel(), WordModel("proxy"), WHOLE)
    for made in (copy.copy(engine), copy.deepcopy(engine)):
        assert made is not engine
        assert (made.target, made.proxy, made.options) == (engine.target, engine.proxy, WHOLE)
    with pytest.raises(TypeError, match=r"an AttributionEngine cannot be pickled, .* each process"):
        pickle.dumps(engine)
