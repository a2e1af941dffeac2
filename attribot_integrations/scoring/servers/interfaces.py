"""Names of interfaces, what each tries, and servers that cannot be used at all."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, get_args

from attribot_integrations.errors import ConfigurationError
from attribot_integrations.scoring.servers.completions import Echo, VllmCompletions
from attribot_integrations.scoring.servers.routes import Api, Route
from attribot_integrations.scoring.servers.sglang import SglangGenerate
from attribot_integrations.scoring.servers.token_scores import VllmTokens
from attribot_integrations.scoring.servers.transport import ServerCalls

__all__ = ["obstacle", "routes_of"]

_ECHO: tuple[Route, ...] = (Echo(), Echo("text"), Echo("text behind the start"))
_ROUTES: Mapping[str, tuple[Route, ...]] = MappingProxyType(
    {
        "auto": (VllmTokens(), VllmCompletions(), SglangGenerate(), *_ECHO),
        "vllm": (VllmCompletions(),),
        "vllm-tokens": (VllmTokens(),),
        "sglang": (SglangGenerate(),),
        "echo": _ECHO,
    }
)
"""What each name tries, in this order."""

_INSTEAD = (
    "serve the model with vLLM, SGLang or llama-cpp-python's server, or load it here with "
    "AttributionEngine.from_pretrained, which reads GGUF files too"
)


def routes_of(api: str) -> tuple[Route, ...]:
    """Return what an interface's name tries.

    Raises:
        ConfigurationError: If there is no such interface.
    """
    if api not in _ROUTES:
        raise ConfigurationError(f"api must be one of {list(get_args(Api))}, got {api!r:.60}")
    return _ROUTES[api]


def obstacle(calls: ServerCalls) -> str | None:
    """Say why a server that no route works with cannot be used, if it is one that is known."""
    version: Any = calls.get("/api/version")
    if isinstance(version, Mapping) and set(version) == {"version"}:
        return (
            "this is Ollama, which gives log-probabilities of generated tokens only, none of a "
            f"prompt's: {_INSTEAD}"
        )
    properties: Any = calls.get("/props")
    if isinstance(properties, Mapping) and "default_generation_settings" in properties:
        return (
            "this is llama.cpp's own server, which gives log-probabilities of generated tokens "
            f"only, whatever is asked with echo: {_INSTEAD}"
        )
    return None
