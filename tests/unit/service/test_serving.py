"""Where a service may listen, and with what it is started."""

from __future__ import annotations

import signal
import socket
import sys
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import pytest
import uvicorn

from attribot_integrations.errors import ConfigurationError, MissingExtraError
from attribot_integrations.service.service_options import ServiceOptions
from attribot_integrations.service.serving import (
    check_address,
    check_installed,
    check_port,
    serve,
)
from tests.unit.service.running import engine


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", "::1", "[::1]", "localhost"])
def test_this_machine_needs_no_token(host: str) -> None:
    check_address(host, None)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.0.0.7", "example.org", "", "0"])
def test_other_addresses_do(host: str) -> None:
    check_address(host, "hush-hush")
    with pytest.raises(ConfigurationError, match="can be reached by others: set ATTRIBOT_SERVICE"):
        check_address(host, None)


def test_a_port_is_tried_before_a_model_is_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    tried: list[object] = []

    def listen(place: object, *, family: int) -> AbstractContextManager[None]:
        tried.append((place, family))
        if place == ("127.0.0.1", 80):
            raise PermissionError("Permission denied")
        return nullcontext()

    monkeypatch.setattr(socket, "create_server", listen)
    check_port("[::1]", 8000)
    assert tried == [(("::1", 8000), socket.AF_INET6)]
    with pytest.raises(PermissionError):
        check_port("127.0.0.1", 80)


def test_what_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    with pytest.raises(MissingExtraError, match=r"attribot-integrations\[serve\]"):
        check_installed()


def test_it_is_run_with_its_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    given: dict[str, Any] = {}
    monkeypatch.setattr(uvicorn, "run", lambda app, **options: given.update(options, app=app))
    serve(engine(), ServiceOptions(), port=8123, stop_seconds=5)
    assert (given["host"], given["port"]) == ("127.0.0.1", 8123)
    assert given["timeout_graceful_shutdown"] == 5
    assert given["app"].state.batches.ready
    given["app"].state.batches.close()
    with pytest.raises(ConfigurationError, match="without a token"):
        serve(engine(), ServiceOptions(), host="0.0.0.0")


def test_sigterm_ends_it_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    apps: list[Any] = []

    def run(app: Any, **options: Any) -> None:
        apps.append(app)
        signal.raise_signal(signal.SIGTERM)  # as uvicorn does behind its own work

    monkeypatch.setattr(uvicorn, "run", run)
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(SystemExit) as ended:
        serve(engine(), ServiceOptions())
    assert ended.value.code == 0
    assert signal.getsignal(signal.SIGTERM) is before
    apps[0].state.batches.close()
