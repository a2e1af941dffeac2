"""What a request is refused with: HTTP statuses, and errors as JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from attribot_integrations.errors import (
    AttribotError,
    ConfigurationError,
    InputError,
    MissingExtraError,
    OutOfMemoryError,
    ServerError,
)
from attribot_integrations.service.micro_batches import BusyError, StoppingError
from attribot_integrations.service.wire import WIRE_VERSION
from attribot_integrations.service.wire_results import error_to_wire

try:
    from starlette.exceptions import HTTPException
    from starlette.requests import ClientDisconnect, Request
    from starlette.responses import Response
except ImportError as error:
    raise MissingExtraError("a service", "serve") from error

__all__ = ["GONE", "TOLD", "RequestError", "json_response", "refusal", "tell"]

GONE: Final = 499
"""Status, for the metrics alone, of requests whose caller has left."""


class RequestError(Exception):
    """Why a request is not answered, as HTTP says it."""

    def __init__(self, status: int, kind: str, message: str, **headers: str) -> None:
        super().__init__(message)
        self.status = status
        self.body = {"wire": WIRE_VERSION, "error": {"type": kind, "message": message}}
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}


TOLD: Final = (
    AttribotError,
    BusyError,
    ClientDisconnect,
    Exception,
    HTTPException,
    StoppingError,
    RequestError,
)
"""Errors that are told as JSON; of those that nobody foresaw, the server's log says more."""


def json_response(data: Mapping[str, Any], status: int = 200, **headers: str) -> Response:
    """Return JSON as a response, or fail at what JSON cannot hold."""
    text = json.dumps(data, allow_nan=False, default=str)
    return Response(text, status, headers, media_type="application/json")


def refusal(error: BaseException) -> tuple[int, Mapping[str, Any], dict[str, str]]:
    """Return status, body and headers that tell an error."""
    if isinstance(error, RequestError):
        return error.status, error.body, error.headers
    if isinstance(error, BusyError):
        headers = {"Retry-After": str(error.seconds)}
        return 429, _body_of("Busy", f"the service is busy: {error}"), headers
    if isinstance(error, ClientDisconnect):
        return GONE, _body_of("Gone", "the caller has left"), {}
    if isinstance(error, StoppingError):
        return 503, _body_of("Stopping", str(error)), {"Retry-After": "1"}
    if isinstance(error, HTTPException):
        body = _body_of("NotFound" if error.status_code == 404 else "Refused", error.detail)
        return error.status_code, body, dict(error.headers or {})
    statuses = (
        (InputError, 422),
        (ConfigurationError, 422),
        (OutOfMemoryError, 413),
        (ServerError, 502),
    )
    status = next((number for kind, number in statuses if isinstance(error, kind)), 500)
    return status, error_to_wire(error), {}


def _body_of(kind: str, message: str) -> dict[str, Any]:
    return {"wire": WIRE_VERSION, "error": {"type": kind, "message": message}}


async def tell(request: Request, error: Exception) -> Response:
    """Tell an error, as an exception handler does."""
    status, body, headers = refusal(error)
    return json_response(body, status, **headers)
