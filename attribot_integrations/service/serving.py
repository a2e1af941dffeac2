"""Running the service with uvicorn: where it may listen, and how it stops."""

from __future__ import annotations

import ipaddress
import signal
import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from attribot_integrations.errors import ConfigurationError, MissingExtraError

if TYPE_CHECKING:
    from attribot_integrations.engine import AttributionEngine
    from attribot_integrations.service.service_options import ServiceOptions

__all__ = ["check_address", "check_installed", "check_port", "serve"]


def check_installed() -> None:
    """Check that what a service needs is installed.

    Raises:
        MissingExtraError: If it is not.
    """
    try:
        import fastapi
        import prometheus_client
        import uvicorn  # noqa: F401
    except ImportError as error:
        raise MissingExtraError("a service", "serve") from error
    del fastapi, prometheus_client


def check_address(host: str, token: str | None) -> None:
    """Refuse an address that others can reach, where no token is asked for.

    Args:
        host: An address, or a name.
        token: The service's token.

    Raises:
        ConfigurationError: If anyone could use the service.
    """
    if token is None and not _is_loopback(host):
        raise ConfigurationError(
            f"without a token the service listens on this machine only, and {host!r:.60} can be "
            "reached by others: set ATTRIBOT_SERVICE_TOKEN, or listen on 127.0.0.1"
        )


def check_port(host: str, port: int) -> None:
    """Make sure that a port is free, before models are loaded.

    Raises:
        OSError: If it cannot be listened on.
    """
    place = host.strip("[]")
    family = socket.AF_INET6 if ":" in place else socket.AF_INET
    with socket.create_server((place, port), family=family):
        pass


def serve(
    engine: AttributionEngine,
    options: ServiceOptions,
    *,
    host: str = "127.0.0.1",
    port: int = 8000,
    stop_seconds: float = 120.0,
) -> None:
    """Serve until SIGINT or SIGTERM; what was accepted by then is finished.

    Args:
        engine: What attributes.
        options: Limits and token.
        host: Where to listen.
        port: Where to listen.
        stop_seconds: Most seconds to wait for what was accepted.

    Raises:
        ConfigurationError: If others can reach the address and there is no token.
        MissingExtraError: If what it needs is not installed.
    """
    check_installed()
    check_address(host, options.token)
    import uvicorn

    from attribot_integrations.service.application import service_app

    app = service_app(engine, options)
    with _ending_in_order():
        uvicorn.run(
            app,
            host=host,
            port=port,
            timeout_graceful_shutdown=int(stop_seconds),
            server_header=False,
            ws="none",
        )


@contextmanager
def _ending_in_order() -> Iterator[None]:
    """Exit with 0 on SIGTERM, which uvicorn raises again when it has stopped."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(0))
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _is_loopback(host: str) -> bool:
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False  # a name, which may be anyone's
