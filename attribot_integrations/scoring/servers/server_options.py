"""How a scoring server is spoken to, in one object that is checked when it is built."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypedDict

from attribot_integrations.context.mappings import ReadOnlyMapping
from attribot_integrations.errors import ConfigurationError

if TYPE_CHECKING:
    import httpx

__all__ = ["ServerKeywords", "ServerOptions"]


class ServerKeywords(TypedDict, total=False):
    """The fields of `ServerOptions`, for type checkers, where they are given as keywords."""

    api_key: str | None
    timeout: float
    max_parallel: int
    attempts: int
    chat_options: Mapping[str, Any] | None
    client: httpx.Client | None


@dataclass(frozen=True)
class ServerOptions:
    """How a scoring server is spoken to.

    Raises:
        ConfigurationError: If an option has a value that it cannot have.
    """

    api_key: str | None = field(default=None, repr=False)
    """Sent as a bearer token; shown and logged nowhere."""
    timeout: float = 120.0
    """Most seconds that the server may take for one answer."""
    max_parallel: int = 8
    """Most requests on their way at a time, by all threads together."""
    attempts: int = 6
    """How often a request is sent at most where the server is busy (429, 502, 503, 504) or the
    connection breaks: with growing random pauses between, or those that the server asks for."""
    chat_options: Mapping[str, Any] | None = None
    """Variables for the chat template, such as `{"enable_thinking": False}`."""
    client: httpx.Client | None = field(default=None, repr=False)
    """A client to send requests with, for certificates or proxies of your own; it is not closed.
    By default one is made."""

    def __post_init__(self) -> None:
        if self.api_key is not None and not isinstance(self.api_key, str):
            raise ConfigurationError(f"api_key must be a str, not {type(self.api_key).__name__}")
        if self.api_key is not None and not (self.api_key.isascii() and self.api_key.isprintable()):
            raise ConfigurationError("api_key must hold printable ASCII only, as a header does")
        if not self.timeout > 0:
            raise ConfigurationError(f"timeout must be above 0 seconds, got {self.timeout!r:.60}")
        for name in ("max_parallel", "attempts"):
            value = getattr(self, name)
            if not isinstance(value, int) or isinstance(value, bool) or value < 1:
                raise ConfigurationError(f"{name} must be an int of at least 1, got {value!r:.60}")
        if self.chat_options is not None:
            if not isinstance(self.chat_options, Mapping):
                raise ConfigurationError(
                    f"chat_options must be a mapping or None, got {self.chat_options!r:.60}"
                )
            object.__setattr__(self, "chat_options", ReadOnlyMapping(self.chat_options))
