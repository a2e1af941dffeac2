"""Many requests: what shares a context, what fails, and what is let go."""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from concurrent.futures import CancelledError
from typing import Any

import pytest

from attribot_integrations.engine.batching import ContextSharer, attribute_all
from attribot_integrations.errors import InputError, OutOfMemoryError
from attribot_integrations.requests.options import AttributionRequest, EngineOptions
from attribot_integrations.results import Attribution, FailedAttribution
from tests.unit.attributions import make_attribution
from tests.unit.words import Held, WordModel, WordScorer


class Engine:
    """Notes in which order, and with whom, requests come."""

    def __init__(self, problem: Exception | None = None) -> None:
        self.problem = problem
        self.seen: list[tuple[str, bool]] = []
        self._sharing = False

    def sharing_context(self) -> Engine:
        sharer = Engine(self.problem)
        sharer.seen, sharer._sharing = self.seen, True
        return sharer

    def attribute_request(self, request: AttributionRequest) -> Attribution:
        self.seen.append((request.id or "", self._sharing))
        if request.answer == "bad" and self.problem:
            raise self.problem
        return make_attribution(request.question, request.chunks, request.answer, id=request.id)


def request(id_: str, *chunks: str, answer: str = "Yes.") -> AttributionRequest:
    return AttributionRequest("Who?", chunks, answer, id=id_)


def run(engine: Engine, requests: Sequence[Any], **options: Any) -> list[Any]:
    return [
        *attribute_all(engine, requests, **{"progress": False, "raise_error": False, **options})
    ]


def test_requests_with_the_same_chunks_come_in_turn_and_results_in_order() -> None:
    engine = Engine()
    requests = [request("1", "A."), request("2", "B."), request("3", "A."), request("4", "C.")]
    assert [each.id for each in run(engine, requests)] == ["1", "2", "3", "4"]
    assert engine.seen == [("1", True), ("3", True), ("2", False), ("4", False)]


def test_a_failure_takes_its_place_without_its_frames(caplog: pytest.LogCaptureFixture) -> None:
    cause = KeyError("inner")
    problem = InputError("no text")
    problem.__cause__ = cause
    results = run(Engine(problem), [request("1", "A."), request("2", "A.", answer="bad")])
    assert isinstance(results[0], Attribution)
    failed = results[1]
    assert isinstance(failed, FailedAttribution)
    assert (failed.error, failed.id) == (problem, "2")
    assert problem.__traceback__ is None
    assert "attribution of request '2' failed: no text" in caplog.text
    assert {record.levelno for record in caplog.records} == {logging.WARNING}


def test_what_is_no_request_fails_alone() -> None:
    results = run(Engine(), ["text", request("2", "A.")])
    assert isinstance(results[0], FailedAttribution)
    assert results[0].id is None
    assert results[1].id == "2"


def test_the_first_failure_ends_a_batch_that_asks_for_it() -> None:
    engine = Engine(InputError("no text"))
    with pytest.raises(InputError, match="no text"):
        run(engine, [request("1", "A.", answer="bad"), request("2", "B.")], raise_error=True)
    assert engine.seen == [("1", False)]


def test_nothing_to_do() -> None:
    assert run(Engine(), []) == []


def test_requests_are_several() -> None:
    with pytest.raises(InputError, match="must be a list of AttributionRequest objects, not int"):
        run(Engine(), 3)  # type: ignore[arg-type]


class Small(WordModel):
    """Runs out of memory while it holds a context."""

    def __init__(self, always: bool = False) -> None:
        super().__init__()
        self.always, self.holding = always, True
        self.tried = 0

    def hold_context(self, most_bytes: int | None = None) -> Held:
        model = self

        class Holding(Held):
            def let_go(self) -> bool:
                held, model.holding = model.holding, False
                return held

        return Holding()

    def scorer(self, *args: Any, held: Any = None, **others: Any) -> WordScorer:
        self.tried += 1
        if self.always or held is not None:
            raise OutOfMemoryError("too much")
        return super().scorer(*args, **others)


def test_what_does_not_fit_beside_a_held_context_is_tried_without_it() -> None:
    model = Small()
    sharer = ContextSharer(model, None, EngineOptions())
    result = sharer.attribute_request(request("1", "Yes. No.", answer="Yes."))
    assert result.scores.shape == (2, 1)
    assert (model.tried, model.holding) == (2, False)


def test_without_anything_held_there_is_nothing_to_give_up() -> None:
    model = Small(always=True)
    sharer = ContextSharer(model, None, EngineOptions())
    with pytest.raises(OutOfMemoryError, match="too much"):
        sharer.attribute_request(request("1", "Yes."))
    assert model.tried == 2  # once with what was held, once without
    with pytest.raises(OutOfMemoryError, match="too much"):
        sharer.attribute_request(request("1", "Yes."))
    assert model.tried == 3


class Asking(WordModel):
    """Looks whether it is wanted before it scores."""

    def scorer(self, *args: Any, **others: Any) -> WordScorer:
        others["budget"].check_wanted()
        return super().scorer(*args, **others)


def test_a_call_may_have_options_of_its_own_and_may_be_cancelled() -> None:
    sharer = ContextSharer(Asking(), None, EngineOptions(method="exact"))
    one = request("1", "Ada wrote it.", answer="Ada.")
    assert sharer.attribute_request(one).sources[0].level == "sentence"
    chosen = EngineOptions(method="exact", levels=("chunk",))
    assert sharer.attribute_request(one, options=chosen).sources[0].level == "chunk"
    cancelled = threading.Event()
    cancelled.set()
    with pytest.raises(CancelledError):
        sharer.attribute_request(one, cancelled=cancelled)
