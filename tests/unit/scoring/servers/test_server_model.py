"""A model on a server is found, checked, and says of itself what it can do."""

from __future__ import annotations

import logging
import subprocess
import sys
from typing import Any

import httpx
import pytest

from attribot_integrations.engine.bundled import bundled_model_path
from attribot_integrations.errors import ConfigurationError, ModelError, ServerError
from attribot_integrations.scoring.servers import ServerModel, transport
from tests.unit.scoring.servers.fake_servers import (
    EchoServer,
    FakeServer,
    LlamaCppPythonServer,
    LlamaCppServer,
    OllamaServer,
    SglangServer,
    VllmServer,
    target,
)
from tests.unit.scoring.servers.test_server_scorer import connected, prompt


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport, "_sleep", lambda seconds, check: check())


@pytest.mark.parametrize(
    ("kind", "way"),
    [
        (VllmServer, "vllm"),
        (EchoServer, "echo"),
        (SglangServer, "sglang"),
        (LlamaCppPythonServer, "echo, text behind the start"),
    ],
)
def test_the_interface_that_works_is_found(kind: type[FakeServer], way: str) -> None:
    model = connected(kind())
    assert (model.name, model.way, model.context_length) == ("tiny", way, 2048)
    assert model.noise_floor < 1e-4


def test_what_it_says_of_itself() -> None:
    model = connected(VllmServer())
    assert not model.can_knock_out
    assert model.uses_chat_template
    assert model.parameters == 0
    assert not model.runs(model)
    assert not model.hold_context().let_go()
    text = "The mayor of Delka is Orin."
    assert model.count_tokens(text) == target().count_tokens(text)


def test_it_drafts_what_the_model_here_drafts() -> None:
    here = target().draft(prompt(), 6)
    for kind in (VllmServer, SglangServer):
        there = connected(kind()).draft(prompt(), 6)
        assert here.text.startswith(there.text[:10])
        assert there.prefix is None
        assert there.tokens > 6


@pytest.mark.parametrize("kind", [OllamaServer, LlamaCppServer])
def test_servers_that_cannot_do_it_say_what_can(kind: type[FakeServer]) -> None:
    with pytest.raises(ServerError, match=r"of generated tokens only.* serve the model with vLLM"):
        connected(kind())


def test_an_interface_that_the_server_has_not() -> None:
    with pytest.raises(ServerError, match=r"(?s)cannot be relied on .*- sglang: .* status 404"):
        connected(VllmServer(), api="sglang")


def test_a_model_that_the_server_has_not() -> None:
    with pytest.raises(ConfigurationError, match=r"has no model 'big', but \['tiny'\]"):
        connected(VllmServer(), model="big")


def test_a_server_that_lists_nothing_must_be_told() -> None:
    class Silent(VllmServer):
        def answer(self, path: str, body: dict[str, Any]) -> Any:
            return None if path == "/v1/models" else super().answer(path, body)

    with pytest.raises(ConfigurationError, match="model must be given, for the server lists no"):
        connected(Silent())
    assert connected(Silent(), model="tiny").context_length is None


def test_a_server_that_is_down() -> None:
    def handler(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused")

    client = httpx.Client(transport=httpx.MockTransport(handler))
    with pytest.raises(ServerError, match=r"http://server was tried 6 attempts: it cannot be"):
        ServerModel.connect("http://server", client=client)


def test_a_key_is_needed_and_never_shown(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with pytest.raises(ServerError, match=r"status 401: .*Bearer ….*pass the server's key") as told:
        connected(VllmServer(api_key="sk-right"), api_key="sk-secret")
    model = connected(VllmServer(api_key="sk-secret"), api_key="sk-secret")
    assert "sk-secret" not in caplog.text + str(told.value) + repr(model)


def test_the_name_is_the_tokenizers_by_default() -> None:
    with pytest.raises(
        ModelError, match=r"(?s)cannot load the tokenizer no/such: .* pass tokenizer=…"
    ):
        ServerModel.connect("http://server", client=VllmServer(name="no/such").client())


def test_noise_that_reaches_into_citations_is_told(caplog: pytest.LogCaptureFixture) -> None:
    count = iter(range(10_000))

    def noisy(path: str, body: dict[str, Any], answer: Any) -> Any:
        lower = 0.02 * (next(count) % 2)
        for choice in answer.get("choices", []):
            for entry in (choice.get("prompt_logprobs") or [])[1:]:
                next(iter(entry.values()))["logprob"] -= lower
        return answer

    model = connected(VllmServer(fault=noisy))
    assert model.noise_floor > 0.1
    assert "raise min_score of CiteDependence" in caplog.text


WITHOUT_TORCH = """
import json, sys, zlib
sys.modules["torch"] = None
import httpx
from transformers import AutoTokenizer
from attribot_integrations import AttributionEngine

folder = sys.argv[1]
tokenizer = AutoTokenizer.from_pretrained(folder)


def value(before, id_):  # any function of what stands before a token
    if id_ == likeliest(before):
        return -0.5
    return -1.0 - zlib.crc32(json.dumps([before, id_]).encode()) % 1000 / 1000


def likeliest(before):
    return 300 + len(before) % 7


def answer(request):
    if request.url.path == "/v1/models":
        return httpx.Response(200, json={"data": [{"id": "tiny"}]})
    if request.url.path != "/v1/completions":
        return httpx.Response(404)
    body = json.loads(request.content)
    ids, new = body["prompt"], []
    for _ in range(body["max_tokens"]):
        new.append(likeliest(ids + new))
    entries = [None] + [
        {str(id_): {"logprob": value(ids[:place], id_), "decoded_token": tokenizer.decode([id_])}}
        for place, id_ in enumerate(ids) if place
    ]
    choice = {"text": tokenizer.decode(new), "token_ids": new, "prompt_logprobs": entries}
    choice["logprobs"] = {"token_logprobs": [-0.5] * len(new)}
    return httpx.Response(200, json={"model": "tiny", "choices": [choice]})


client = httpx.Client(transport=httpx.MockTransport(answer))
engine = AttributionEngine.from_server("http://x", tokenizer=folder, client=client)
result = engine.attribute("Who?", ["The mayor is Orin. The town is old."], "The mayor is Orin.")
print(bool(result.exact.all()), len(result.sources), result.to_json()[:1])
"""


def test_an_attribution_on_a_server_needs_no_torch() -> None:
    command = [sys.executable, "-c", WITHOUT_TORCH, str(bundled_model_path())]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    assert run.stdout.split() == ["True", "2", "{"], run.stderr
