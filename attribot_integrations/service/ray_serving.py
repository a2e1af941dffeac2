"""The service on Ray Serve: the same application in replicas on many machines.

```python
from ray import serve
from attribot_integrations.service.ray_serving import ray_application

serve.run(ray_application("Qwen/Qwen3-8B", replicas=4, actor={"num_gpus": 1}))
```

Ray starts replicas anew where they die. Each has a queue and micro-batches of its own.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from attribot_integrations.errors import ConfigurationError, MissingExtraError
from attribot_integrations.service.service_options import ServiceOptions
from attribot_integrations.service.wire import WIRE_VERSION

if TYPE_CHECKING:
    from ray.serve import Application
    from starlette.requests import Request
    from starlette.types import ASGIApp, Receive, Scope, Send

    from attribot_integrations.requests.options import EngineOptions

__all__ = ["ray_application"]


def ray_application(
    model: str | None = None,
    proxy: str | None = None,
    *,
    models: Mapping[str, str] | None = None,
    options: EngineOptions | None = None,
    limits: ServiceOptions | None = None,
    loading: Mapping[str, Any] | None = None,
    replicas: int = 1,
    autoscaling: Mapping[str, Any] | None = None,
    actor: Mapping[str, Any] | None = None,
    models_at_once: int = 1,
) -> Application:
    """Return the application that `serve.run` takes.

    Args:
        model: The target's name on the hub, or path; by default the bundled demo model.
        proxy: The proxy's, if one is wanted.
        models: Other targets by the names that callers send as the header
            `serve_multiplexed_model_id`; each replica loads those that it is asked for.
        options: What to do with requests that choose nothing else.
        limits: Limits and token of each replica.
        loading: What `AttributionEngine.from_pretrained` takes beside, such as `dtype`.
        replicas: How many run.
        autoscaling: Ray's `autoscaling_config`, such as `{"min_replicas": 1, "max_replicas": 8}`,
            in the place of `replicas`.
        actor: Ray's `ray_actor_options` of a replica, such as `{"num_gpus": 1}`.
        models_at_once: Most models that a replica holds; the one used longest ago is let go.

    Raises:
        ConfigurationError: If a number is below 1.
        MissingExtraError: If Ray Serve is not installed.
    """
    try:
        from ray import serve
    except ImportError as error:
        raise MissingExtraError("the service on Ray", "ray-serve") from error
    for name, count in (("replicas", replicas), ("models_at_once", models_at_once)):
        if not isinstance(count, int) or isinstance(count, bool) or count < 1:
            raise ConfigurationError(f"{name} must be an int of at least 1, got {count!r:.60}")
    chosen = limits or ServiceOptions()
    scale: dict[str, Any] = (
        {"num_replicas": replicas}
        if autoscaling is None
        else {"autoscaling_config": dict(autoscaling)}
    )
    deployment = serve.deployment(
        name="attribot",
        ray_actor_options=dict(actor or {}),
        max_ongoing_requests=chosen.max_waiting + chosen.max_batch,
        max_queued_requests=chosen.max_waiting,
        health_check_period_s=5,
        **scale,
    )
    bound: Application = deployment(_replica_class(serve, models_at_once)).bind(
        {**(models or {}), "": model},
        proxy,
        options,
        chosen,
        dict(loading or {}),
    )
    return bound


def _replica_class(serve: Any, models_at_once: int) -> type:
    """Return the class of replicas; Ray looks at its methods, so they are decorated here."""
    from starlette.responses import JSONResponse, Response

    class Forwarded(Response):
        """What Ray sends: it lets the application answer the request."""

        def __init__(self, app: ASGIApp) -> None:
            super().__init__()
            self._app = app

        async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
            """Answer."""
            await self._app(scope, receive, send)

    class Replica:
        """Runs the application of each model that it is asked for."""

        def __init__(
            self,
            models: Mapping[str, str | None],
            proxy: str | None,
            options: EngineOptions | None,
            limits: ServiceOptions,
            loading: Mapping[str, Any],
        ) -> None:
            self._models = models
            self._how = proxy, options, limits, loading
            self._own = _Loaded(models[""], *self._how)

        @serve.multiplexed(max_num_models_per_replica=models_at_once)  # type: ignore[untyped-decorator]
        async def other(self, name: str) -> _Loaded:
            """Load another model; Ray keeps the last ones."""
            return await asyncio.to_thread(_Loaded, self._models[name], *self._how)

        async def __call__(self, request: Request) -> Response:
            """Answer a request."""
            name = serve.get_multiplexed_model_id()
            if name not in self._models:
                message = f"there is no model {name!r:.60}"
                told = {"wire": WIRE_VERSION, "error": {"type": "InputError", "message": message}}
                return JSONResponse(told, 422)
            if not self._own.allows(request):
                name = ""  # nothing is loaded for who sends no token; that one refuses
            load: Any = self.other
            loaded: _Loaded = await load(name) if name else self._own
            return Forwarded(loaded.app)

        def check_health(self) -> None:
            """Tell Ray to start this replica anew where its thread has ended."""
            if not self._own.ready():
                raise RuntimeError("the thread that runs requests has ended")

    return Replica


class _Loaded:
    """One model's application; its thread ends with it."""

    def __init__(
        self,
        model: str | None,
        proxy: str | None,
        options: EngineOptions | None,
        limits: ServiceOptions,
        loading: Mapping[str, Any],
    ) -> None:
        from attribot_integrations.engine import AttributionEngine
        from attribot_integrations.engine.bundled import bundled_model_path
        from attribot_integrations.service.application import service_app

        target = model or bundled_model_path("target")
        engine = AttributionEngine.from_pretrained(target, proxy, options=options, **loading)
        self.app: ASGIApp
        self.app = app = service_app(engine, limits)
        self.ready: Callable[[], bool] = lambda: bool(app.state.batches.ready)
        self.allows: Callable[[Request], bool] = lambda request: bool(app.state.allows(request))
        self._stop = app.state.batches.stop

    def __del__(self) -> None:
        stop = getattr(self, "_stop", None)
        if stop is not None:
            stop()
