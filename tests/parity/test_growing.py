"""An answer that is scored while it grows gets the scores that it gets when it is complete."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
import pytest

from attribot_integrations.context.sources import as_chunks
from attribot_integrations.engine import AttributionEngine
from attribot_integrations.engine.attributing import build_prompt
from attribot_integrations.methods import Knockout, LeaveOneOut, Method
from attribot_integrations.requests.options import AttributionRequest, EngineOptions
from attribot_integrations.results import Attribution
from attribot_integrations.scoring.language_model import in_process
from attribot_integrations.scoring.packed import PackedPath
from tests.parity.architectures import ARCHITECTURES
from tests.unit.tokenizers_for_tests import CHATML, byte_level_bpe, with_chat_template

TOLERANCE = 1e-4
NAMES = ("llama", "gemma3", "phi3", "bloom")
CHUNKS = ["The harbour opened in 1962. It is old.", "A river runs. The bridge crosses it."]
ANSWER = "It opened in 1962. A bridge crosses the river. It is old."
BORDERS = (2, 18, 46, len(ANSWER))


@functools.cache
def engine_of(name: str) -> AttributionEngine:
    tokenizer = with_chat_template(byte_level_bpe(), CHATML)
    return AttributionEngine.from_model(ARCHITECTURES[name].build(), tokenizer)


def options_of(method: Any) -> EngineOptions:
    return EngineOptions(method=method, alternatives=None)


def request(answer: str) -> AttributionRequest:
    return AttributionRequest("When did the harbour open?", CHUNKS, answer)


def assert_same(found: Attribution, expected: Attribution) -> None:
    assert [each.text for each in found.statements] == [each.text for each in expected.statements]
    np.testing.assert_allclose(found.scores, expected.scores, atol=TOLERANCE)
    np.testing.assert_allclose(found.token_log_probs, expected.token_log_probs, atol=TOLERANCE)
    np.testing.assert_allclose(
        found.token_log_probs_without_context,
        expected.token_log_probs_without_context,
        atol=TOLERANCE,
    )


@pytest.mark.parametrize(
    ("name", "method"),
    [
        *((name, LeaveOneOut()) for name in NAMES),
        *((name, Knockout(rerun=4)) for name in NAMES[:2]),
    ],
)
def test_each_beginning_has_the_scores_of_a_single_call(name: str, method: Method) -> None:
    engine, options = engine_of(name), options_of(method)
    following = AttributionEngine(engine.target, options=options).following_answer()
    tokens = 0
    for end in BORDERS:
        expected = engine.attribute_request(request(ANSWER[:end]), options=options)
        found = following.attribute_request(request(ANSWER[:end]))
        assert_same(found, expected)
        tokens += found.cost.models[0].tokens
    whole = expected.cost.models[0].tokens
    if name != "phi3":  # whose positions are counted in another way when the text grows
        assert tokens < 1.3 * whole


def test_a_beginning_that_ran_in_parts_is_gone_on_from(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(PackedPath, "least_in_parts", 2)
    test_each_beginning_has_the_scores_of_a_single_call("llama", Knockout(rerun=4))


@pytest.mark.parametrize("name", [*NAMES[:3], "falcon-alibi", "mpt"])
def test_attention_and_removals_of_what_is_new_are_those_of_a_single_pass(name: str) -> None:
    passes = 1 if name in NAMES else 2  # those that take no mask run one text at a time
    model = in_process(engine_of(name).target)
    held = model.hold_answer()
    costs = []
    goes_on = [ANSWER[:end] for end in BORDERS]
    for answer in (*goes_on, f"{ANSWER[:18]} A river runs."):  # the last is another answer
        chunks, options = as_chunks(CHUNKS), options_of(LeaveOneOut())
        prompt, sources, _ = build_prompt(request(answer), chunks, options)
        groups, everything = [frozenset([each.id]) for each in sources.sentences], sources.all_ids
        growing, single = model.scorer(prompt, answer, held=held), model.scorer(prompt, answer)
        found, expected = (each.read_attention(groups, [everything]) for each in (growing, single))
        np.testing.assert_allclose(found.shares, expected.shares, atol=TOLERANCE)
        scores, known = (each.score([everything]) for each in (growing, single))
        np.testing.assert_allclose(scores.log_probs, known.log_probs, atol=TOLERANCE)
        np.testing.assert_allclose(scores.reference, known.reference, atol=TOLERANCE)
        costs.append((growing.cost, growing.cost.tokens / single.cost.tokens))
    if name != "phi3":  # whose positions are counted in another way when the text grows
        assert {cost.passes for cost, _ in costs[1:]} == {passes}
        assert max(share for _, share in costs[2:4]) < 0.4, "only what is new is run"


def test_in_low_precision_attention_is_read_of_what_is_new_alone() -> None:
    tokenizer = with_chat_template(byte_level_bpe(), CHATML)
    built = ARCHITECTURES["llama"].build()
    built.bfloat16()
    model = in_process(AttributionEngine.from_model(built, tokenizer).target)
    held = model.hold_answer()
    shares = []
    for answer in (ANSWER[:end] for end in BORDERS):
        chunks, options = as_chunks(CHUNKS), options_of(LeaveOneOut())
        prompt, sources, _ = build_prompt(request(answer), chunks, options)
        groups, everything = [frozenset([each.id]) for each in sources.sentences], sources.all_ids
        growing, single = model.scorer(prompt, answer, held=held), model.scorer(prompt, answer)
        found, expected = (each.read_attention(groups, [everything]) for each in (growing, single))
        np.testing.assert_allclose(found.shares, expected.shares, atol=0.02)
        before = growing.cost.tokens
        growing.score([everything])
        shares.append(before / single.cost.tokens)
    assert max(shares[2:]) < 0.25, "what is known is not run again"
