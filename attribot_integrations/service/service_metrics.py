"""What a service counts, in the form that Prometheus reads."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable

from attribot_integrations.errors import MissingExtraError
from attribot_integrations.results import ModelCost

try:
    from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
    from starlette.types import ASGIApp, Message, Receive, Scope, Send
except ImportError as error:
    raise MissingExtraError("a service", "serve") from error

__all__ = ["Counting", "ServiceMetrics"]

_SECONDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120)


class ServiceMetrics:
    """Counts requests, seconds, batches and tokens; nothing of what requests say.

    Args:
        waiting: Returns how many requests wait.
    """

    def __init__(self, waiting: Callable[[], int]) -> None:
        self._registry = CollectorRegistry()
        self._requests = Counter(
            "attribot_requests", "Requests answered.", ("path", "status"), registry=self._registry
        )
        self._seconds = Histogram(
            "attribot_request_seconds",
            "Seconds from a request to its answer.",
            ("path",),
            buckets=_SECONDS,
            registry=self._registry,
        )
        self._batches = Histogram(
            "attribot_batch_requests",
            "Requests with the same chunks that were run together.",
            buckets=(1, 2, 4, 8, 16, 32, 64),
            registry=self._registry,
        )
        self._tokens = Counter(
            "attribot_model_tokens",
            "Tokens run through models.",
            ("model",),
            registry=self._registry,
        )
        gauge = Gauge("attribot_waiting_requests", "Requests that wait.", registry=self._registry)
        gauge.set_function(waiting)

    def answered(self, path: str, status: int, seconds: float) -> None:
        """Count an answer.

        Args:
            path: The route, one of few.
            status: HTTP status.
            seconds: From the request to the end of its answer.
        """
        self._requests.labels(path, str(status)).inc()
        self._seconds.labels(path).observe(seconds)

    def batched(self, size: int) -> None:
        """Count a batch of some requests."""
        self._batches.observe(size)

    def spent(self, models: Iterable[ModelCost]) -> None:
        """Count the tokens of a result."""
        for model in models:
            self._tokens.labels(model.model.rpartition("/")[2]).inc(model.tokens)

    def text(self) -> bytes:
        """Return all figures in Prometheus' text format."""
        return generate_latest(self._registry)


class Counting:
    """Counts answers and their seconds, around an application.

    Args:
        app: The application.
        metrics: What counts.
    """

    def __init__(self, app: ASGIApp, metrics: ServiceMetrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the application answer, and count that."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begun = time.perf_counter()
        status = 500

        async def sent(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, sent)
        finally:
            path = getattr(scope.get("route"), "path", "other")
            self._metrics.answered(path, status, time.perf_counter() - begun)
