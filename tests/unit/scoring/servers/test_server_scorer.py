"""Scores through every interface are those of the model here, and faults are never scores."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import httpx
import numpy as np
import pytest

from attribot_integrations.context.prompts import Prompt, fill_template
from attribot_integrations.context.sources import SourceSet, as_chunks
from attribot_integrations.errors import (
    EmptyAnswerError,
    ModelError,
    PromptTooLongError,
    ServerError,
)
from attribot_integrations.requests.options import EngineOptions
from attribot_integrations.scoring.budget import Budget
from attribot_integrations.scoring.servers import ServerModel, connecting, transport
from attribot_integrations.tokens.ablated import AblatedText
from tests.unit.scoring.servers.fake_servers import (
    EchoServer,
    FakeServer,
    LlamaCppPythonServer,
    SglangServer,
    TokenServer,
    VllmServer,
    small,
    target,
)

CHUNKS = ("The mayor of Delka is Orin. The town is old.", "A river runs through Delka.")
QUESTION, ANSWER = "Who is the mayor of Delka?", "The mayor of Delka is Orin."
SERVERS: list[type[FakeServer]] = [
    VllmServer,
    EchoServer,
    SglangServer,
    TokenServer,
]
ABLATIONS = [frozenset({0}), frozenset({1}), frozenset({2}), frozenset({0, 1, 2}), frozenset()]


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """No pauses, and a text that the bundled model knows to be one."""
    facts = "The mayor of Delka is Orin. The mayor of Delka is"
    monkeypatch.setattr(connecting, "_TEXT", facts)
    monkeypatch.setattr(transport, "_sleep", lambda seconds, check: check())


def connected(server: FakeServer, **options: Any) -> ServerModel:
    return ServerModel.connect(
        "http://server", tokenizer=_tokenizer(server), client=server.client(), **options
    )


def _tokenizer(server: FakeServer) -> Any:
    return server.model.encoder._tokenizer


def prompt(chunks: tuple[str, ...] = CHUNKS) -> Prompt:
    options = EngineOptions()
    sources = SourceSet.build(as_chunks(chunks), options.splitter)
    return fill_template(options.template, QUESTION, sources)


@pytest.mark.parametrize("kind", SERVERS)
def test_scores_are_those_of_the_model_here(kind: type[FakeServer]) -> None:
    here = target().scorer(prompt(), ANSWER)
    there = connected(kind()).scorer(prompt(), ANSWER)
    assert there.token_spans == here.token_spans
    expected, found = here.score(ABLATIONS), there.score(ABLATIONS)
    assert found.complete
    np.testing.assert_allclose(found.log_probs, expected.log_probs, atol=1e-3)
    np.testing.assert_allclose(found.reference, expected.reference, atol=1e-3)
    assert float(np.abs(found.drops).max()) > 1  # there is something to be wrong about


@pytest.mark.parametrize("adds_start", [True, False])
def test_scores_by_a_server_that_takes_text_only(adds_start: bool) -> None:
    """The chat template begins with the start, as SmolLM2's does."""
    server = LlamaCppPythonServer()
    server.adds_start, server.start_id = adds_start, _first_id()
    tokenizer = copy.deepcopy(_tokenizer(server))
    tokenizer.bos_token = tokenizer.convert_ids_to_tokens(_first_id())
    model = ServerModel.connect("http://server", tokenizer=tokenizer, client=server.client())
    assert model.way == ("echo, text behind the start" if adds_start else "echo, text")
    expected = target().scorer(prompt(), ANSWER).score(ABLATIONS)
    found = model.scorer(prompt(), ANSWER).score(ABLATIONS)
    np.testing.assert_allclose(found.drops, expected.drops, atol=1e-3)


def test_a_server_that_is_right_behind_a_start_only_is_used_behind_one_only() -> None:
    model = connected(LlamaCppPythonServer())
    with pytest.raises(ServerError, match="begins without the tokenizer's start token, and"):
        model.scorer(prompt(), ANSWER).score(ABLATIONS)


def _first_id() -> int:
    return AblatedText(target().encoder, prompt(), frozenset()).ids[0]


@pytest.mark.parametrize("kind", [VllmServer, SglangServer])
def test_a_pruned_context(kind: type[FakeServer]) -> None:
    here = target().scorer(prompt(), ANSWER).within(frozenset({2}))
    scorer = connected(kind()).scorer(prompt(), ANSWER)
    there = scorer.within(frozenset({2}))
    expected, found = here.score(ABLATIONS[:2]), there.score(ABLATIONS[:2])
    np.testing.assert_allclose(found.drops, expected.drops, atol=1e-3)
    assert scorer.cost.tokens == there.cost.tokens > 0


def test_hostile_text_is_sent_as_ids_and_not_as_text() -> None:
    control = _tokenizer(VllmServer()).all_special_tokens
    hostile = (f"The mayor of Delka is Orin. {' '.join(control)} The town is old.",)
    expected = target().scorer(prompt(hostile), ANSWER).score([frozenset({0})])
    found = connected(VllmServer()).scorer(prompt(hostile), ANSWER).score([frozenset({0})])
    np.testing.assert_allclose(found.drops, expected.drops, atol=1e-3)
    assert (
        target().encoder.written_out(
            AblatedText(target().encoder, prompt(hostile), frozenset()).ids
        )
        is None
    )


def test_what_is_asked_again_is_not_sent_again() -> None:
    server = VllmServer()
    scorer = connected(server).scorer(prompt(), ANSWER)
    scorer.score(ABLATIONS)
    sent, cost = len(server.requests), scorer.cost
    again = scorer.score(ABLATIONS[::-1])
    assert len(server.requests) == sent
    assert scorer.cost == cost
    assert again.drops[0].tolist() == [0.0] * len(scorer.token_spans)


def test_what_is_sent_is_counted() -> None:
    server = VllmServer()
    model = connected(server)
    before = len(server.requests)
    scorer = model.scorer(prompt(), ANSWER)
    scorer.score(ABLATIONS)
    sent = [body["prompt"] for _, body in server.requests[before:]]
    assert scorer.cost.passes == len(sent) == 7  # five prompts, and the sample with each group
    assert scorer.cost.tokens == sum(map(len, sent))
    here = target().scorer(prompt(), ANSWER)
    here.score(ABLATIONS)
    assert scorer.cost.naive_tokens == here.cost.naive_tokens


def test_so_many_requests_at_a_time() -> None:
    server = VllmServer()
    connected(server, max_parallel=2).scorer(prompt(), ANSWER).score(ABLATIONS)
    assert 1 <= server.most_at_once <= 2


def test_the_budget_ends_it_with_what_there_is() -> None:
    model = connected(VllmServer())
    whole = model.scorer(prompt(), ANSWER)
    whole.score([frozenset()])
    length = whole.cost.tokens
    budget = Budget(max_tokens=2 * length)
    found = model.scorer(prompt(), ANSWER, budget=budget).score(ABLATIONS)
    assert found.scored is not None
    assert 0 < found.scored.sum() < len(ABLATIONS)
    assert budget.reached is not None
    assert found.log_probs[~found.scored].tolist() == found.reference[~found.scored].tolist()
    nothing = model.scorer(prompt(), ANSWER, budget=Budget(max_tokens=1)).score(ABLATIONS)
    assert nothing.scored is not None
    assert not nothing.scored.any()


def test_sources_are_not_hidden() -> None:
    scorer = connected(VllmServer()).scorer(prompt(), ANSWER)
    assert not scorer.can_knock_out
    with pytest.raises(ModelError, match="tiny does not take: it runs on a server"):
        scorer.knock_out([frozenset({0})])


def test_what_is_too_long_is_told_before_it_is_sent() -> None:
    server = VllmServer(context=60)
    model = connected(server)
    before = len(server.requests)
    with pytest.raises(PromptTooLongError, match="more than the 60 of tiny on its server"):
        model.scorer(prompt(), ANSWER)
    assert len(server.requests) == before


def test_a_blank_answer() -> None:
    with pytest.raises(EmptyAnswerError, match=r"the answer is blank \(2 characters, white"):
        connected(VllmServer()).scorer(prompt(), " \n")


# Faults


def _entries(answer: Any) -> list[Any]:
    found: list[Any] = answer["choices"][0].get("prompt_logprobs") or []
    return found


def nan(answer: Any) -> Any:
    for entry in _entries(answer)[-1:]:
        next(iter(entry.values()))["logprob"] = float("nan")
    return answer


def missing(answer: Any) -> Any:
    for entry in _entries(answer)[-1:]:
        entry.clear()
    return answer


def short(answer: Any) -> Any:
    del _entries(answer)[1:2]
    return answer


def positive(answer: Any) -> Any:
    for entry in _entries(answer)[-1:]:
        next(iter(entry.values()))["logprob"] = 12.5
    return answer


def other_name(answer: Any) -> Any:
    return answer | {"model": "another"}


def half(answer: Any) -> httpx.Response:
    return httpx.Response(200, content=str(answer)[:50])


def never(answer: Any) -> httpx.Response:
    return httpx.Response(503, text="no room")


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        (nan, "gives nan as the log-probability of token"),
        (missing, "gives no log-probability of the token"),
        (short, r"gives \d+ entries for a prompt of \d+ tokens"),
        (positive, "gives 12.5 as the log-probability of token"),
        (other_name, "answers for the model 'another', not 'tiny'"),
        (half, "tried 6 attempts: its answer is no whole JSON"),
        (never, "tried 6 attempts: .* status 503: no room"),
    ],
)
def test_a_fault_is_an_error_and_no_score(fault: Callable[[Any], Any], message: str) -> None:
    server = VllmServer()
    scorer = connected(server).scorer(prompt(), ANSWER)
    server.fault = lambda path, body, answer: fault(answer)
    with pytest.raises(ServerError, match=message):
        scorer.score(ABLATIONS)
    server.fault = None
    assert scorer.score(ABLATIONS).complete  # it is usable once the server is


def test_a_busy_server_is_waited_for() -> None:
    server = VllmServer()
    scorer = connected(server).scorer(prompt(), ANSWER)
    busy = iter([True, False] * 20)

    def fault(path: str, body: dict[str, Any], answer: Any) -> Any:
        return httpx.Response(429, headers={"Retry-After": "0"}) if next(busy) else answer

    server.fault = fault
    expected = target().scorer(prompt(), ANSWER).score(ABLATIONS)
    np.testing.assert_allclose(scorer.score(ABLATIONS).drops, expected.drops, atol=1e-3)


def test_a_server_that_was_killed_and_started_again() -> None:
    server = VllmServer()
    scorer = connected(server).scorer(prompt(), ANSWER)
    down = iter([True] * 3 + [False] * 50)

    def fault(path: str, body: dict[str, Any], answer: Any) -> Any:
        if next(down):
            raise httpx.ConnectError("refused")
        return answer

    server.fault = fault
    expected = target().scorer(prompt(), ANSWER).score(ABLATIONS)
    np.testing.assert_allclose(scorer.score(ABLATIONS).drops, expected.drops, atol=1e-3)


def test_a_server_that_was_started_again_with_another_model() -> None:
    server = VllmServer()
    scorer = connected(server).scorer(prompt(), ANSWER)
    server.model = small()
    with pytest.raises(ServerError, match="another model may run there now; connect again"):
        scorer.score(ABLATIONS)
