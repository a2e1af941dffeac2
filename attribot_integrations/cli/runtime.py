"""What every command runs with: a quietly loaded engine, errors as one message, notes."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, cast

import typer
from rich.console import Console
from rich.text import Text

from attribot_integrations.cli.verbosity import Verbosity, verbosity
from attribot_integrations.errors import AttribotError
from attribot_integrations.render.text import model_name, visible

if TYPE_CHECKING:
    from attribot_integrations.engine import AttributionEngine
    from attribot_integrations.requests.options import EngineOptions
    from attribot_integrations.scoring.loading import LoadingOptions
    from attribot_integrations.scoring.servers.routes import Api

__all__ = ["clean_errors", "connect_engine", "load_engine", "note", "results_console"]

_KEY = "ATTRIBOT_API_KEY"
"""Environment variable with a server's key: arguments are seen by others."""


def load_engine(
    model: str | None,
    proxy: str | None,
    options: EngineOptions,
    loading: LoadingOptions | None = None,
) -> AttributionEngine:
    """Load the models, and say so.

    Args:
        model: The target's name on the hub or path; the bundled demo target by default.
        proxy: The proxy's, if one is wanted.
        options: What to do with each request.
        loading: How both are loaded.

    Raises:
        ConfigurationError: If the method needs a proxy and there is none.
        ModelError: If a model cannot be used.
    """
    from attribot_integrations.engine import AttributionEngine
    from attribot_integrations.engine.bundled import bundled_model_path
    from attribot_integrations.engine.method_choice import chosen_method
    from attribot_integrations.scoring.loading import LoadingOptions

    chosen_method(options, has_proxy=bool(proxy))  # before anything is loaded
    _download_quietly()
    target = model or bundled_model_path("target")
    for name in (model or "the bundled model", proxy):
        if name:
            note(f"loading {model_name(name)} …")
    return AttributionEngine.load(target, proxy, loading or LoadingOptions(), options=options)


def connect_engine(
    url: str,
    model: str | None,
    proxy: str | None,
    options: EngineOptions,
    loading: LoadingOptions,
    *,
    api: str,
    tokenizer: str | None,
) -> AttributionEngine:
    """Connect to a server that runs the target.

    Args:
        url: Its address.
        model: The target's name there.
        proxy: A model to load here, if one is wanted.
        options: What to do with each request.
        loading: How the proxy is loaded, and variables for chat templates.
        api: Interface of the server.
        tokenizer: The target's; by its name by default.

    Raises:
        ConfigurationError: If the server has no such model or interface.
        ServerError: If it cannot be relied on.
        ModelError: If tokenizer or proxy cannot be loaded.
    """
    from attribot_integrations.engine import AttributionEngine
    from attribot_integrations.engine.method_choice import chosen_method
    from attribot_integrations.scoring.servers.interfaces import routes_of

    _download_quietly()
    routes_of(api)  # before anything is loaded
    chosen_method(options, has_proxy=bool(proxy))
    small = None
    if proxy:
        note(f"loading {model_name(proxy)} …")
        from attribot_integrations.scoring.language_model import LanguageModel

        small = LanguageModel.load(proxy, loading)
    return AttributionEngine.from_server(
        url,
        model=model,
        api=cast("Api", api),
        tokenizer=tokenizer,
        proxy=small,
        options=options,
        api_key=os.environ.get(_KEY),
        chat_options=loading.chat_options,
    )


@contextmanager
def clean_errors() -> Iterator[None]:
    """Turn errors that the user can act on into one message and exit code 1.

    A closed pipe is none.
    """
    try:
        yield
    except BrokenPipeError:
        # Whoever read the results has read enough, as `head` does.
        with suppress(OSError):  # a standard output that has no descriptor
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise typer.Exit from None
    except (AttribotError, OSError) as error:
        if verbosity() is Verbosity.VERBOSE:
            traceback.print_exc()
        note(f"error: {error}", always=True)
        raise typer.Exit(1) from error


def _download_quietly() -> None:
    """Show no bars of downloads where nothing is to be shown."""
    if verbosity() is not Verbosity.QUIET:
        return
    with suppress(ImportError):  # what needs transformers says so itself
        from transformers.utils import logging as transformers_logging

        transformers_logging.disable_progress_bar()


def note(message: str, *, always: bool = False) -> None:
    """Print a message on standard error, with control characters shown as spaces.

    Args:
        message: What is to be said.
        always: Whether it is said even with `--quiet`.
    """
    if always or verbosity() is not Verbosity.QUIET:
        Console(stderr=True).print(Text(visible(f"attribot: {message}")), soft_wrap=True)


def results_console() -> Console:
    """Return a console for results on standard output."""
    return _Results()


class _Results(Console):
    """One that tells of a closed pipe, which rich would call an error."""

    def on_broken_pipe(self) -> None:
        raise BrokenPipeError
