"""Interfaces by name, and servers that are known not to do."""

from __future__ import annotations

import re

import pytest

from attribot_integrations.errors import ConfigurationError
from attribot_integrations.scoring.servers.interfaces import obstacle, routes_of
from attribot_integrations.scoring.servers.server_options import ServerOptions
from attribot_integrations.scoring.servers.transport import ServerCalls
from tests.unit.scoring.servers.fake_servers import (
    FakeServer,
    LlamaCppServer,
    OllamaServer,
    VllmServer,
)


def test_what_each_name_tries() -> None:
    names = {api: [each.name for each in routes_of(api)] for api in ("vllm", "sglang", "echo")}
    echo = ["echo", "echo, text", "echo, text behind the start"]
    assert names == {"vllm": ["vllm"], "sglang": ["sglang"], "echo": echo}
    assert [each.name for each in routes_of("auto")] == ["vllm-tokens", "vllm", "sglang", *echo]


def test_an_unknown_name() -> None:
    with pytest.raises(ConfigurationError, match=r"api must be one of \['auto', .*got 'ollama'"):
        routes_of("ollama")


@pytest.mark.parametrize(
    ("server", "reason"),
    [
        (OllamaServer(), "this is Ollama, which gives .* of generated tokens only"),
        (LlamaCppServer(), "this is llama.cpp's own server, .* generated tokens only"),
    ],
    ids=("Ollama", "llama.cpp"),
)
def test_known_obstacles_name_a_remedy(server: FakeServer, reason: str) -> None:
    calls = ServerCalls("http://server", ServerOptions(client=server.client()))
    found = obstacle(calls)
    assert found is not None
    assert re.search(reason, found)
    assert "serve the model with vLLM, SGLang or llama-cpp-python's server" in found


def test_any_other_server_is_no_known_obstacle() -> None:
    assert (
        obstacle(ServerCalls("http://server", ServerOptions(client=VllmServer().client()))) is None
    )
