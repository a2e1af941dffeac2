"""Options of a server are checked when they are built, and hold their secret."""

from __future__ import annotations

from typing import Any

import pytest

from attribot_integrations.errors import ConfigurationError
from attribot_integrations.scoring.servers.server_options import ServerKeywords, ServerOptions


def test_the_key_is_not_shown() -> None:
    assert "secret" not in repr(ServerOptions(api_key="secret"))


def test_the_keywords_are_the_fields() -> None:
    assert set(ServerKeywords.__annotations__) == set(ServerOptions.__dataclass_fields__)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"api_key": 1}, "api_key must be a str, not int"),
        ({"api_key": "…"}, "api_key must hold printable ASCII only"),
        ({"api_key": "a\n"}, "api_key must hold printable ASCII only"),
        ({"timeout": 0}, "timeout must be above 0 seconds, got 0"),
        ({"max_parallel": 0}, "max_parallel must be an int of at least 1, got 0"),
        ({"attempts": True}, "attempts must be an int of at least 1, got True"),
        ({"chat_options": [1]}, r"chat_options must be a mapping or None, got \[1\]"),
    ],
)
def test_what_is_refused(given: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        ServerOptions(**given)


def test_chat_options_are_copied() -> None:
    given = {"enable_thinking": False}
    options = ServerOptions(chat_options=given)
    given["enable_thinking"] = True
    assert options.chat_options == {"enable_thinking": False}
