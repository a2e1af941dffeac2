"""`attribot serve`: attribution as a service."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Annotated, Final

import typer

from attribot_integrations.cli.model_options import (
    ApiOption,
    ChatOption,
    DeviceMapOption,
    DtypeOption,
    ModelOption,
    ProxyOption,
    ServerOption,
    TokenizerOption,
    chat_options,
    loading_options,
)
from attribot_integrations.cli.runtime import clean_errors, connect_engine, load_engine, note
from attribot_integrations.errors import ConfigurationError

if TYPE_CHECKING:
    from attribot_integrations.requests.options import EngineOptions
    from attribot_integrations.service.service_options import ServiceOptions

__all__ = ["TOKEN", "serve"]

TOKEN: Final = "ATTRIBOT_SERVICE_TOKEN"
"""Environment variable with the service's token: arguments are seen by others."""
_DEMO_MODEL = (
    "no --model is given, so the bundled demo model is served: it knows nothing but its own "
    "made-up facts, and its scores on other text are for demonstration only"
)

_Host = Annotated[
    str,
    typer.Option(
        help="Address to listen on. One that others can reach, such as 0.0.0.0, needs a token in "
        f"the environment variable {TOKEN}."
    ),
]
_Port = Annotated[int, typer.Option(min=1, max=65_535, help="Port to listen on.")]
_Method = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        help="Method of requests that name none: exact, balanced, fast (which needs a proxy), …",
        show_default=False,
    ),
]
_MaxWaiting = Annotated[
    int, typer.Option(min=1, help="Most requests that wait; more are answered with 429.")
]
_MaxBatch = Annotated[
    int, typer.Option(min=1, help="Most requests with the same chunks that are run together.")
]
_MaxBytes = Annotated[int, typer.Option(min=1, help="Largest body of a request.")]
_MaxSeconds = Annotated[
    float,
    typer.Option(
        help="Most seconds for one attribution: the best scores so far are sent then, and what is "
        "missing is said."
    ),
]
_MaxTokens = Annotated[
    int | None,
    typer.Option(
        min=1, help="Most tokens run through models for one request, likewise.", show_default=False
    ),
]
_HoldContexts = Annotated[
    int,
    typer.Option(
        metavar="MEGABYTES",
        min=0,
        help="Memory for what models keep of contexts between requests, for each model: text that "
        "prompts begin with alike is run once. By default none.",
        show_default=False,
    ),
]
_StopSeconds = Annotated[
    float, typer.Option(min=0, help="Most seconds to finish what was accepted, when stopped.")
]


def serve(
    model: ModelOption = None,
    proxy: ProxyOption = None,
    host: _Host = "127.0.0.1",
    port: _Port = 8000,
    method: _Method = None,
    max_waiting: _MaxWaiting = 64,
    max_batch: _MaxBatch = 16,
    max_bytes: _MaxBytes = 4_000_000,
    max_seconds: _MaxSeconds = 60.0,
    max_tokens: _MaxTokens = None,
    hold_contexts: _HoldContexts = 0,
    stop_seconds: _StopSeconds = 120.0,
    dtype: DtypeOption = None,
    device_map: DeviceMapOption = "auto",
    chat_option: ChatOption = None,
    server: ServerOption = None,
    api: ApiOption = "auto",
    tokenizer: TokenizerOption = None,
) -> None:
    """Serve attributions over HTTP, until Ctrl-C or SIGTERM; what was accepted is finished.

    POST /v1/attribute, /v1/filter and /v1/audit take JSON; /docs describes them. GET /health,
    /ready and /metrics are for those who run it. In Python, RemoteEngine(url, token=…) asks it.

    Exit codes: 0 when stopped, 1 if it cannot start, 2 for wrong usage.
    """
    from attribot_integrations.service import serving

    if hold_contexts and server is not None:
        raise typer.BadParameter(
            "cannot be used with --server, which has a cache of its own",
            param_hint="--hold-contexts",
        )
    variables = chat_options(chat_option)
    options = _engine_options(method, max_tokens)
    limits = _limits(max_waiting, max_batch, max_bytes, max_seconds)
    with clean_errors():
        serving.check_installed()
        serving.check_address(host, limits.token)
        serving.check_port(host, port)
        loading = loading_options(dtype, device_map, variables)
        if server is not None:
            engine = connect_engine(
                server, model, proxy, options, loading, api=api, tokenizer=tokenizer
            )
        else:
            if model is None:
                note(_DEMO_MODEL)
            engine = load_engine(model, proxy, options, loading)
        if hold_contexts:
            engine.hold_contexts(hold_contexts * 1_000_000)
        serving.serve(engine, limits, host=host, port=port, stop_seconds=stop_seconds)


def _engine_options(method: str | None, max_tokens: int | None) -> EngineOptions:
    from attribot_integrations.methods.presets import named_method
    from attribot_integrations.requests.options import EngineOptions

    try:
        named = None if method is None else named_method(method)
        return EngineOptions(method=named, max_tokens=max_tokens)
    except ConfigurationError as error:
        raise typer.BadParameter(str(error)) from error


def _limits(max_waiting: int, max_batch: int, max_bytes: int, max_seconds: float) -> ServiceOptions:
    from attribot_integrations.service.service_options import ServiceOptions

    try:
        return ServiceOptions(
            token=os.environ.get(TOKEN) or None,
            max_waiting=max_waiting,
            max_batch=max_batch,
            max_bytes=max_bytes,
            max_seconds=max_seconds,
        )
    except ConfigurationError as error:
        raise typer.BadParameter(str(error)) from error
