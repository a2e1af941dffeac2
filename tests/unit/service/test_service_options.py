"""Limits are checked, and a token is not shown."""

from __future__ import annotations

from typing import Any

import pytest

from attribot_integrations.errors import ConfigurationError
from attribot_integrations.service.service_options import ServiceOptions


def test_the_token_is_not_shown() -> None:
    assert "hush-hush" not in repr(ServiceOptions(token="hush-hush"))
    assert ServiceOptions(max_seconds=None).max_seconds is None


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"token": "short"}, "token must be at least 8 printable ASCII characters"),
        ({"token": "with a space"}, "token must be"),
        ({"token": "päss-word"}, "token must be"),
        ({"max_waiting": 0}, "max_waiting must be an int of at least 1, got 0"),
        ({"max_batch": True}, "max_batch must be an int of at least 1, got True"),
        ({"max_bytes": 1.5}, r"max_bytes must be an int of at least 1, got 1\.5"),
        ({"max_seconds": 0}, "max_seconds must be a number of seconds above 0, got 0"),
        ({"max_wait": None}, "max_wait must be a number of seconds above 0, got None"),
        ({"body_seconds": float("inf")}, "body_seconds must be a number of seconds"),
    ],
)
def test_what_cannot_be_is_refused(given: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message) as caught:
        ServiceOptions(**given)
    if isinstance(given.get("token"), str):
        assert given["token"] not in str(caught.value)
