"""An engine follows an answer: warmed up, cancelled, and short of memory."""

from __future__ import annotations

from concurrent.futures import CancelledError
from typing import Any

import numpy as np
import pytest

from attribot_integrations.engine import AttributionEngine
from attribot_integrations.engine import following as following_module
from attribot_integrations.engine.attributing import attribute_answer
from attribot_integrations.engine.following import AnswerFollower
from attribot_integrations.errors import EmptyAnswerError, OutOfMemoryError
from attribot_integrations.methods import CertifySets
from attribot_integrations.requests.options import AttributionRequest, EngineOptions
from tests.unit.evaluation.tiny import EXAMPLE, tiny_engine
from tests.unit.words import WordModel

BEGINNINGS = ("It", "It opened in 1962.", "It opened in 1962. It is old.")


def request(answer: str) -> AttributionRequest:
    return AttributionRequest(EXAMPLE.question, EXAMPLE.chunks, answer)


def follower(method: Any, **options: Any) -> AnswerFollower:
    chosen = EngineOptions(method=method, alternatives=None, **options)
    return AttributionEngine(tiny_engine().target, options=chosen).following_answer()


@pytest.mark.parametrize("method", ["exact", "knockout", "balanced"])
def test_what_was_warmed_up_is_not_run_again(method: str) -> None:
    found = follower(method)
    found.warm_up(request("It"))
    warmed = found.tokens
    first = found.attribute_request(request("It"))
    spent = found.tokens - warmed
    assert spent == sum(each.tokens for each in first.cost.models)
    assert spent == 0 or method == "balanced", "only what is rescored was not run"
    plain = tiny_engine().attribute_request(request("It"), options=found.options)
    np.testing.assert_allclose(first.scores, plain.scores, atol=1e-4)


def test_attention_is_read_of_an_answer_that_grows() -> None:
    engine = AttributionEngine.demo(options=EngineOptions(method="instant", alternatives=None))
    found = engine.following_answer()
    found.warm_up(request("It"))
    lengths, ran = [], []
    for answer in (*BEGINNINGS[1:], f"{BEGINNINGS[1]} A bridge crosses the river."):
        live, plain = (each.attribute_request(request(answer)) for each in (found, engine))
        np.testing.assert_allclose(live.scores, plain.scores, atol=1e-4)
        lengths.append(len(live.token_spans))
        ran.append(live.cost.tokens)
    # What is new is run once, and once more without the context.
    assert ran[1] == 2 * (lengths[1] - lengths[0])


def test_sources_that_say_the_same_are_looked_for_when_the_answer_is_complete() -> None:
    options = EngineOptions(method="exact", certificates=CertifySets())
    found = AttributionEngine(WordModel(), options=options).following_answer()
    twice = AttributionRequest("What?", ["It opened. Well.", "Maybe. It opened."], "It opened.")
    early, complete = found.beginnings.attribute_request(twice), found.attribute_request(twice)
    assert (early.alternatives, early.certificates) == ((), ())
    assert [each.source_ids for each in complete.alternatives] == [(0, 3)]
    assert early.scores.tolist() == complete.scores.tolist()


def test_a_failed_warm_up_says_why() -> None:
    with pytest.raises(EmptyAnswerError):
        follower("exact").warm_up(request(" "))


def test_a_model_that_keeps_nothing_is_not_warmed_up() -> None:
    model = WordModel()
    found = AttributionEngine(model, options=EngineOptions(method="exact")).following_answer()
    found.warm_up(request("It"))
    assert model.asked == []
    assert found.attribute_request(request(BEGINNINGS[1])).answer == BEGINNINGS[1]


def test_it_is_cancelled_behind_the_pass_that_runs() -> None:
    found = follower("exact")
    found.attribute_request(request("It"))
    found.cancel()
    with pytest.raises(CancelledError):
        found.attribute_request(request(BEGINNINGS[1]))


def test_where_memory_is_short_nothing_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    found = follower("exact")
    found.attribute_request(request("It"))
    kept: list[bool] = []
    real = attribute_answer

    def short(*args: Any, **options: Any) -> Any:
        kept.append(args[4] is not None)
        if kept[-1]:
            raise OutOfMemoryError("too much")
        return real(*args, **options)

    monkeypatch.setattr(following_module, "attribute_answer", short)
    found.attribute_request(request(BEGINNINGS[1]))
    found.attribute_request(request(BEGINNINGS[2]))
    assert kept == [True, False, False]
    found.let_go()
    found.warm_up(request("It"))


def test_low_precision_stays_within_its_rounding() -> None:
    engine = tiny_engine()
    model: Any = engine.target
    half = AttributionEngine.from_model(model.model.bfloat16(), model.encoder._tokenizer)
    options = EngineOptions(method="knockout", alternatives=None)
    found = AttributionEngine(half.target, options=options).following_answer()
    for answer in BEGINNINGS:
        live = found.attribute_request(request(answer))
        plain = half.attribute_request(request(answer), options=options)
        assert np.abs(live.token_log_probs - plain.token_log_probs).max() < 0.5
        assert np.abs(live.scores - plain.scores).mean() < 0.2
