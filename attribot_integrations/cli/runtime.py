"""What every command runs with: a quietly loaded engine, errors as one message, notes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import typer
from rich.console import Console
from rich.text import Text

from attribot_integrations.errors import AttribotError
from attribot_integrations.render.text import visible

if TYPE_CHECKING:
    from attribot_integrations.engine import AttributionEngine
    from attribot_integrations.requests.options import EngineOptions
    from attribot_integrations.scoring.loading import LoadingOptions

__all__ = ["clean_errors", "load_engine", "note"]


def load_engine(
    model: str | None,
    proxy: str | None,
    options: EngineOptions,
    loading: LoadingOptions | None = None,
) -> AttributionEngine:
    """Load the models without transformers' progress bars.

    Args:
        model: The target's name on the hub or path; the bundled demo target by default.
        proxy: The proxy's, if one is wanted.
        options: What to do with each request.
        loading: How both are loaded.

    Raises:
        ConfigurationError: If the method needs a proxy and there is none.
        ModelError: If a model cannot be used.
    """
    from transformers.utils import logging as transformers_logging

    from attribot_integrations.engine import AttributionEngine
    from attribot_integrations.engine.bundled import bundled_model_path
    from attribot_integrations.scoring.loading import LoadingOptions

    transformers_logging.disable_progress_bar()
    target = model or bundled_model_path("target")
    return AttributionEngine.load(target, proxy, loading or LoadingOptions(), options=options)


@contextmanager
def clean_errors() -> Iterator[None]:
    """Turn errors that the user can act on into one message and exit code 1."""
    try:
        yield
    except BrokenPipeError:
        raise  # the reader of a pipe has gone; typer ends quietly
    except (AttribotError, OSError) as error:
        note(f"error: {error}")
        raise typer.Exit(1) from error


def note(message: str) -> None:
    """Print a message on standard error, with control characters shown as spaces."""
    Console(stderr=True).print(Text(visible(f"attribot: {message}")), soft_wrap=True)
