"""The service as an ASGI application: routes, errors, limits, token."""

from __future__ import annotations

import asyncio
import hmac
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, TypeVar

from attribot_integrations import __version__
from attribot_integrations.auditing.audit_data import audit_to_dict
from attribot_integrations.auditing.auditor import audit_request
from attribot_integrations.engine import AttributionEngine
from attribot_integrations.engine.method_choice import expected_method
from attribot_integrations.errors import InputError, MissingExtraError
from attribot_integrations.requests.context_runs import context_key
from attribot_integrations.requests.options import AttributionRequest, EngineOptions
from attribot_integrations.results import Attribution
from attribot_integrations.service.api_schema import (
    ATTRIBUTE,
    AUDIT,
    FILTER,
    answer_schema,
    error_responses,
    request_body,
)
from attribot_integrations.service.event_streams import attribution_events
from attribot_integrations.service.micro_batches import Job, MicroBatches, StoppingAttributor
from attribot_integrations.service.refusals import (
    GONE,
    TOLD,
    RequestError,
    json_response,
    refusal,
    tell,
)
from attribot_integrations.service.service_metrics import Counting, ServiceMetrics
from attribot_integrations.service.service_options import ServiceOptions
from attribot_integrations.service.wire import (
    WIRE_VERSION,
    attribute_call,
    audit_call,
    filter_call,
)
from attribot_integrations.service.wire_fields import parse_json
from attribot_integrations.service.wire_results import (
    answer_to_wire,
    attribution_to_wire,
    scores_to_wire,
)

try:
    from fastapi import APIRouter, Depends, FastAPI, Request, Response
    from fastapi.responses import StreamingResponse
    from fastapi.security import HTTPBearer
except ImportError as error:
    raise MissingExtraError("a service", "serve") from error

__all__ = ["service_app"]

T = TypeVar("T")

_LOOK: Final = 0.25
"""Seconds between two looks at whether the caller is still there."""


def service_app(engine: AttributionEngine, options: ServiceOptions | None = None) -> FastAPI:
    """Return the application, for uvicorn or any other ASGI server.

    Args:
        engine: What attributes; its options are those of requests that choose none.
        options: Limits and token.
    """
    return _Service(engine, options or ServiceOptions()).app()


@dataclass(frozen=True)
class _Chosen:
    """Attributes with the options of one call."""

    attributor: StoppingAttributor
    options: EngineOptions
    unwanted: Any

    def attribute_request(self, request: AttributionRequest) -> Attribution:
        return self.attributor.attribute_request(
            request, options=self.options, cancelled=self.unwanted
        )


class _Service:
    """One engine, its queue and its routes."""

    def __init__(self, engine: AttributionEngine, options: ServiceOptions) -> None:
        self._engine = engine
        self._limits = options
        own, most = engine.options, options.max_seconds
        seconds = [each for each in (own.max_seconds, most) if each is not None]
        self._default = replace(own, max_seconds=min(seconds, default=None))
        self._model = _shown(engine.target.name)
        self._metrics = ServiceMetrics(lambda: self._batches.waiting)
        self._batches = MicroBatches(
            engine,
            max_waiting=options.max_waiting,
            max_batch=options.max_batch,
            max_wait=options.max_wait,
            observe=self._metrics.batched,
        )

    def app(self) -> FastAPI:
        @asynccontextmanager
        async def lifespan(app: FastAPI) -> AsyncIterator[None]:
            yield
            await asyncio.to_thread(self._batches.close)

        app = FastAPI(
            title="attribot",
            version=__version__,
            description="Which retrieved text an answer depends on.",
            lifespan=lifespan,
        )
        app.state.batches = self._batches
        app.state.allows = self.allows
        app.include_router(self._router())
        app.add_api_route("/health", self.health, methods=["GET"], summary="Whether it runs")
        app.add_api_route(
            "/ready",
            self.ready,
            methods=["GET"],
            summary="Whether it takes requests",
            responses={503: {"description": "It is being stopped."}},
        )
        for kind in TOLD:
            app.add_exception_handler(kind, tell)
        app.add_middleware(Counting, metrics=self._metrics)
        return app

    def _router(self) -> APIRouter:
        token = self._limits.token is not None
        bearer = HTTPBearer(auto_error=False, description="The service's token.")
        guards = [Depends(bearer), Depends(self.check_token)] if token else []
        router = APIRouter(dependencies=guards)
        posts: tuple[tuple[str, Any, dict[str, Any], str, str], ...] = (
            ("attribute", self.attribute, ATTRIBUTE, "attribution", "Cite what an answer rests on"),
            ("filter", self.filter, FILTER, "relevance", "Score chunks before there is an answer"),
            ("audit", self.audit, AUDIT, "audit", "Check the citations of an answer"),
        )
        for name, route, schema, kind, summary in posts:
            content: dict[str, Any] = {"application/json": {"schema": answer_schema(kind)}}
            if name == "attribute":
                content["text/event-stream"] = {"schema": {"type": "string"}}
            router.add_api_route(
                f"/v1/{name}",
                route,
                methods=["POST"],
                summary=summary,
                openapi_extra=request_body(schema),
                response_class=Response,
                responses={
                    **error_responses(token=token),
                    200: {"description": "The result.", "content": content},
                },
            )
        refused = error_responses(token=True)
        told: dict[int | str, dict[str, Any]] = {401: refused[401]} if token else {}
        router.add_api_route(
            "/v1/model", self.describe, methods=["GET"], summary="What runs", responses=told
        )
        router.add_api_route(
            "/metrics", self.metrics, methods=["GET"], summary="Figures", responses=told
        )
        return router

    # Routes

    async def health(self) -> dict[str, str]:
        """Tell that the process runs."""
        return {"status": "ok"}

    async def ready(self) -> Response:
        """Tell whether requests are taken."""
        ready = self._batches.ready
        return json_response({"status": "ready" if ready else "stopping"}, 200 if ready else 503)

    async def metrics(self) -> Response:
        """Return the figures, for Prometheus."""
        return Response(self._metrics.text(), media_type="text/plain; version=0.0.4")

    async def describe(self) -> dict[str, Any]:
        """Say what runs here."""
        target, proxy, limits = self._engine.target, self._engine.proxy, self._limits
        return {
            "wire": WIRE_VERSION,
            "version": __version__,
            "model": self._model,
            "proxy": None if proxy is None else _shown(proxy.name),
            "method": expected_method(target, proxy, self._default).name,
            "uses_chat_template": target.uses_chat_template,
            "limits": {
                "max_waiting": limits.max_waiting,
                "max_bytes": limits.max_bytes,
                "max_chunks": limits.max_chunks,
                "max_seconds": self._default.max_seconds,
                "max_tokens": self._default.max_tokens,
            },
        }

    async def attribute(self, request: Request) -> Response:
        """Attribute an answer; with `stream`, its statements come as server-sent events."""
        call = await self._read(request, attribute_call)
        asked = call.request
        waiting = self._batches.waiting

        def work(attributor: StoppingAttributor, unwanted: Any) -> Attribution:
            return _Chosen(attributor, call.options, unwanted).attribute_request(asked)

        job = self._batches.submit(context_key(asked, id(call)), work)
        if call.stream:
            events = attribution_events(job, waiting, self._model, lambda error: refusal(error)[1])
            return StreamingResponse(
                events, media_type="text/event-stream", headers={"Cache-Control": "no-store"}
            )
        found: Attribution = await _wanted(job, request)
        self._metrics.spent(found.cost.models)
        return await self._answer(lambda: attribution_to_wire(found))

    async def filter(self, request: Request) -> Response:
        """Say how relevant chunks are to a question, and which to keep."""
        call = await self._read(request, filter_call)

        def work(attributor: StoppingAttributor, unwanted: Any) -> dict[str, Any]:
            scores = self._engine.score_chunks(
                call.question,
                call.chunks,
                signal=call.signal,
                granularity=call.granularity,
                options=call.options,
            )
            self._metrics.spent(scores.cost.models)
            return scores_to_wire(scores, call.rule.kept(scores.relevance))

        found: dict[str, Any] = await _wanted(self._batches.submit(id(call), work), request)
        return await self._answer(lambda: found)

    async def audit(self, request: Request) -> Response:
        """Check the citations that an answer came with."""
        call = await self._read(request, audit_call)

        def work(attributor: StoppingAttributor, unwanted: Any) -> dict[str, Any]:
            audit = audit_request(
                call.request,
                engine=_Chosen(attributor, call.options, unwanted),
                citations=call.citations,
                numbers=call.numbers,
                options=call.evidence,
            )
            return audit_to_dict(audit)

        job = self._batches.submit(context_key(call.request, id(call)), work)
        found: dict[str, Any] = await _wanted(job, request)
        return await self._answer(lambda: found)

    # What they share

    def allows(self, request: Request) -> bool:
        """Tell whether a request has the token, if one is asked for."""
        token = self._limits.token
        if token is None:
            return True
        scheme, _, sent = request.headers.get("Authorization", "").partition(" ")
        same = hmac.compare_digest(sent.strip().encode(), token.encode())  # in constant time
        return same and scheme.lower() == "bearer"

    async def check_token(self, request: Request) -> None:
        """Refuse who does not send the token."""
        if not self.allows(request):
            raise RequestError(
                401,
                "Unauthorized",
                "send the service's token: Authorization: Bearer …",
                WWW_Authenticate="Bearer",
            )

    async def _read(self, request: Request, parse: Callable[[Any, EngineOptions], T]) -> T:
        """Read a request's body, under all limits."""
        kind = request.headers.get("Content-Type", "").partition(";")[0].strip().lower()
        if kind != "application/json":  # which no web page can send to another site unasked
            raise RequestError(
                415, "InputError", f"Content-Type must be application/json, got {kind!r:.60}"
            )
        try:
            raw = await asyncio.wait_for(self._body(request), self._limits.body_seconds)
        except asyncio.TimeoutError:
            seconds = self._limits.body_seconds
            raise RequestError(
                408, "InputError", f"the body did not come within {seconds:g} s", Connection="close"
            ) from None
        try:
            data = parse_json(raw)
        except InputError as error:
            raise RequestError(400, "InputError", str(error)) from error
        chunks = data.get("chunks") if isinstance(data, dict) else None
        if isinstance(chunks, list) and len(chunks) > self._limits.max_chunks:
            raise RequestError(
                413,
                "InputError",
                f"chunks must be at most {self._limits.max_chunks}, got {len(chunks)}",
            )
        return parse(data, self._default)

    async def _body(self, request: Request) -> bytes:
        most = self._limits.max_bytes
        whole = bytearray()
        async for piece in request.stream():
            whole += piece
            if len(whole) > most:
                raise RequestError(
                    413, "InputError", f"the body must be at most {most} bytes", Connection="close"
                )
        return bytes(whole)

    async def _answer(self, result: Callable[[], Mapping[str, Any]]) -> Response:
        """Write a result as JSON, beside the event loop, for it may be long."""
        return await asyncio.to_thread(lambda: json_response(answer_to_wire(result(), self._model)))


async def _wanted(job: Job, request: Request) -> Any:
    """Wait for a job; where the caller leaves, it is not wanted any more."""
    _, result = job.awaited()
    try:
        while not result.done():
            await asyncio.wait({result}, timeout=_LOOK)
            if not result.done() and await request.is_disconnected():
                raise RequestError(GONE, "Gone", "the caller has left")
        return result.result()
    finally:
        job.unwanted.set()


def _shown(model: str) -> str:
    """Return a model's name without the folders of this machine."""
    return Path(model).name if Path(model).is_absolute() else model
