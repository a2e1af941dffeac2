"""Limits of a service and its token, in one object that is checked when it is built."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from attribot_integrations.errors import ConfigurationError

__all__ = ["ServiceOptions"]


@dataclass(frozen=True)
class ServiceOptions:
    """How much a service takes on, and from whom.

    Raises:
        ConfigurationError: If an option has a value that it cannot have.
    """

    token: str | None = field(default=None, repr=False)
    """Bearer token that callers must send; shown and logged nowhere. By default none is asked
    for."""
    max_waiting: int = 64
    """Most requests that wait; more are answered with status 429 and the seconds to wait."""
    max_batch: int = 16
    """Most requests with the same chunks that are run together, one behind the other."""
    max_bytes: int = 4_000_000
    """Largest body of a request."""
    max_chunks: int = 1_000
    """Most chunks of a request."""
    max_seconds: float | None = 60.0
    """Most seconds that an attribution may take, once it is begun: the best scores so far are sent
    then, and `stopped` says what is missing. `None` for any."""
    max_wait: float = 60.0
    """Seconds after which a request that was not begun is answered with 429."""
    body_seconds: float = 10.0
    """Most seconds that a caller may take to send its request."""

    def __post_init__(self) -> None:
        token: object = self.token
        if token is not None:
            good = isinstance(token, str) and token.isascii() and token.isprintable()
            if not good or len(str(token)) < 8 or " " in str(token):
                raise ConfigurationError(
                    "token must be at least 8 printable ASCII characters without spaces"
                )
        for name in ("max_waiting", "max_batch", "max_bytes", "max_chunks"):
            value = getattr(self, name)
            if not isinstance(value, int) or isinstance(value, bool) or value < 1:
                raise ConfigurationError(f"{name} must be an int of at least 1, got {value!r:.60}")
        for name in ("max_wait", "body_seconds", "max_seconds"):
            value = getattr(self, name)
            if name == "max_seconds" and value is None:
                continue
            number = isinstance(value, int | float) and not isinstance(value, bool)
            if not (number and 0 < value < math.inf):
                raise ConfigurationError(
                    f"{name} must be a number of seconds above 0, got {value!r:.60}"
                )
