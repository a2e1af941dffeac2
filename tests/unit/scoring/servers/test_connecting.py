"""A server is believed after its log-probabilities are found to be those of the tokens."""

from __future__ import annotations

import copy
import logging
from typing import Any

import pytest

from attribot_integrations.errors import ServerError
from attribot_integrations.scoring.servers import connecting
from attribot_integrations.scoring.servers.completions import Echo, VllmCompletions
from attribot_integrations.scoring.servers.connecting import Connection, asked_for, check_route
from attribot_integrations.scoring.servers.routes import Route
from attribot_integrations.scoring.servers.server_options import ServerOptions
from attribot_integrations.scoring.servers.sglang import SglangGenerate
from attribot_integrations.scoring.servers.token_scores import VllmTokens
from attribot_integrations.scoring.servers.transport import ServerCalls
from attribot_integrations.tokens.encoding import TextEncoder
from tests.unit.scoring.servers.fake_servers import (
    EchoServer,
    FakeServer,
    LlamaCppPythonServer,
    SglangServer,
    TokenServer,
    VllmServer,
    small,
    table,
    target,
)
from tests.unit.tokenizers_for_tests import byte_level_bpe


def check(server: FakeServer, route: Route, encoder: TextEncoder | None = None) -> Connection:
    calls = ServerCalls("http://server", ServerOptions(client=server.client()))
    return check_route(calls, route, "tiny", encoder or target().encoder)


@pytest.fixture
def known_text(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lets the bundled model be asked whether a text makes sense."""
    facts = "The mayor of Delka is Orin. The mayor of Delka is"
    monkeypatch.setattr(connecting, "_TEXT", facts)


PAIRS = [
    (VllmServer(), VllmCompletions()),
    (EchoServer(), Echo()),
    (SglangServer(), SglangGenerate()),
    (TokenServer(), VllmTokens()),
]


@pytest.mark.usefixtures("known_text")
@pytest.mark.parametrize(("server", "route"), PAIRS, ids=lambda each: type(each).__name__)
def test_what_passes(server: FakeServer, route: Route) -> None:
    found = check(server, route)
    assert found.starts == {True, False}
    assert found.noise_floor < 1e-4
    ids = list(found.sample.ids)
    rows = table(target(), ids)
    expected = [float(rows[place - 1, ids[place]]) for place in range(found.sample.first, len(ids))]
    assert found.log_probs == pytest.approx(expected, abs=1e-4)


def test_text_behind_a_start_is_right_and_without_it_wrong(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.WARNING):
        found = check(LlamaCppPythonServer(), Echo("text behind the start"))
    assert found.starts == {True}
    assert "prompts without the start token in another way" in caplog.text
    plain = LlamaCppPythonServer()
    plain.adds_start = False
    with pytest.raises(ServerError, match="are not those that the server gave when it wrote them"):
        check(plain, Echo("text"), without_start())


def without_start() -> TextEncoder:
    """The bundled tokenizer, which now takes another token for the start of texts."""
    encoder = copy.copy(target().encoder)
    encoder.start_id = 300
    return encoder


def _only(entry: dict[str, Any]) -> dict[str, Any]:
    (found,) = entry.values()
    return found  # type: ignore[no-any-return]


# Each gets path, request and the right answer, and changes the answer.


def shifted(path: str, body: dict[str, Any], answer: Any) -> Any:
    """Each token has the log-probability of the one before it."""
    for choice in answer.get("choices", []):
        values = choice.get("logprobs", {}).get("token_logprobs", [])
        if body.get("echo"):
            values[2:] = values[1:-1]
        entries = choice.get("prompt_logprobs") or []
        before = [_only(each)["logprob"] for each in entries[1:]]
        for entry, value in zip(entries[2:], before, strict=False):
            _only(entry)["logprob"] = value
    entries = answer.get("meta_info", {}).get("input_token_logprobs", [])
    before = [each[0] for each in entries]
    for entry, value in zip(entries[2:], before[1:], strict=False):
        entry[0] = value
    if len(entries) == 2:
        entries[1][0] -= 1.0
    return answer


def likeliest(path: str, body: dict[str, Any], answer: Any) -> Any:
    """Each token has the log-probability of the likeliest one in its place."""
    ids = body.get("prompt") or body.get("input_ids") or []
    best = table(target(), ids).max(-1).values.tolist() if ids else []
    for choice in answer.get("choices", []):
        if body.get("echo"):
            values = choice["logprobs"]["token_logprobs"]
            values[1 : len(ids)] = best[:-1]
        for place, entry in enumerate(choice.get("prompt_logprobs") or []):
            if entry:
                _only(entry)["logprob"] = best[place - 1]
    entries = answer.get("meta_info", {}).get("input_token_logprobs", [])
    first = len(ids) - len(entries)
    for place, entry in enumerate(entries[1:], first + 1):
        entry[0] = best[place - 1]
    return answer


def of_another_model(path: str, body: dict[str, Any], answer: Any) -> Any:
    """What is scored is scored by another model than writes."""
    if body.get("prompt_logprobs") is None:
        return answer
    return VllmServer(model=small(), name="tiny").answer(path, body)


@pytest.mark.parametrize(("server", "route"), PAIRS[:3], ids=lambda each: type(each).__name__)
@pytest.mark.parametrize(
    ("fault", "message"),
    [
        (shifted, "are not those that the server gave when it wrote them"),
        (likeliest, "it is not the token's own"),
    ],
)
def test_wrong_numbers_are_found_out(
    server: FakeServer, route: Route, fault: Any, message: str
) -> None:
    with pytest.raises(ServerError, match=message):
        check(type(server)(fault=fault), route)


def test_a_model_that_scores_otherwise_than_it_writes() -> None:
    with pytest.raises(ServerError, match=r"differ by \d+\.\d\d nats a token on average"):
        check(VllmServer(fault=of_another_model), VllmCompletions())


@pytest.mark.parametrize(("server", "route"), PAIRS, ids=lambda each: type(each).__name__)
def test_another_models_tokenizer(server: FakeServer, route: Route) -> None:
    wrong = TextEncoder(byte_level_bpe())
    said = r"the tokenizer is (not that|hardly its own)|answers with status|cannot be compared"
    with pytest.raises(ServerError, match=said):
        check(server, route, wrong)


def test_noise_is_measured() -> None:
    count = iter(range(10_000))

    def noisy(path: str, body: dict[str, Any], answer: Any) -> Any:
        lower = 0.001 * (next(count) % 2)
        for choice in answer.get("choices", []):
            for entry in (choice.get("prompt_logprobs") or [])[1:]:
                _only(entry)["logprob"] -= lower
        return answer

    found = check(VllmServer(fault=noisy), VllmCompletions())
    tokens = len(found.sample.scored)
    assert found.noise_floor == pytest.approx(0.001 * tokens, rel=0.01)


def test_a_server_that_has_changed_is_found_out() -> None:
    found = check(VllmServer(), VllmCompletions())
    found.check_same([each + 0.01 for each in found.log_probs], "tiny")
    with pytest.raises(ServerError, match="the server of tiny does not score a short text as"):
        found.check_same([each - 0.5 for each in found.log_probs], "tiny")
    with pytest.raises(ServerError, match="by inf nats"):
        found.check_same(found.log_probs[:-1], "tiny")


def test_what_is_asked_for_says_how_it_begins() -> None:
    encoder = target().encoder
    assert asked_for(encoder, (encoder.start_id, 300, 301), 1).start == encoder.start_id
    assert asked_for(encoder, (300, 301), 1).start is None
