"""Errors as HTTP: status, body, headers."""

from __future__ import annotations

import json

import pytest
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from attribot_integrations.errors import (
    ConfigurationError,
    EmptyAnswerError,
    ModelError,
    OutOfMemoryError,
    ServerError,
)
from attribot_integrations.service.micro_batches import BusyError, StoppingError
from attribot_integrations.service.refusals import (
    GONE,
    TOLD,
    RequestError,
    json_response,
    refusal,
)


@pytest.mark.parametrize(
    ("error", "status", "kind"),
    [
        (EmptyAnswerError("blank"), 422, "EmptyAnswerError"),
        (ConfigurationError("no proxy"), 422, "ConfigurationError"),
        (OutOfMemoryError("no room"), 413, "OutOfMemoryError"),
        (ServerError("away"), 502, "ServerError"),
        (ModelError("NaN"), 500, "ModelError"),
        (ZeroDivisionError("secret"), 500, "InternalError"),
        (StoppingError("stops"), 503, "Stopping"),
        (ClientDisconnect(), GONE, "Gone"),
        (HTTPException(404), 404, "NotFound"),
        (HTTPException(405), 405, "Refused"),
        (RequestError(415, "InputError", "no JSON"), 415, "InputError"),
    ],
)
def test_statuses(error: Exception, status: int, kind: str) -> None:
    found, body, _ = refusal(error)
    assert (found, body["error"]["type"], body["wire"]) == (status, kind, 1)
    assert "secret" not in json.dumps(body)
    assert isinstance(error, TOLD)


def test_headers() -> None:
    assert refusal(BusyError("3 wait", 7))[2] == {"Retry-After": "7"}
    assert refusal(RequestError(401, "A", "b", WWW_Authenticate="Bearer"))[2] == {
        "WWW-Authenticate": "Bearer"
    }
    assert refusal(HTTPException(405, headers={"Allow": "POST"}))[2] == {"Allow": "POST"}


def test_what_json_cannot_hold_is_no_response() -> None:
    assert json_response({"a": 1}, 202, X="y").headers["X"] == "y"
    with pytest.raises(ValueError, match="not JSON compliant"):
        json_response({"a": float("nan")})
