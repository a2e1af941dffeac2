"""How much a command says on standard error, by two options that every command has."""

from __future__ import annotations

import inspect
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from enum import Enum
from functools import wraps
from typing import Annotated, Any, Final, get_type_hints

import typer

__all__ = ["Verbosity", "verbosity", "with_verbosity"]


class Verbosity(Enum):
    """How much is said."""

    QUIET = "quiet"
    """Errors only."""
    USUAL = "usual"
    """What is being done, and how far it is."""
    VERBOSE = "verbose"
    """The library's own log, and where in the code an error came from, as well."""


_CHOSEN: ContextVar[Verbosity] = ContextVar("attribot_verbosity", default=Verbosity.USUAL)
_LEVELS: Final = {Verbosity.QUIET: logging.ERROR, Verbosity.VERBOSE: logging.DEBUG}

_Quiet = Annotated[
    bool,
    typer.Option("--quiet", help="Say nothing but errors on standard error.", show_default=False),
]
_Verbose = Annotated[
    bool,
    typer.Option(
        "--verbose",
        help="Show the library's log on standard error, and tracebacks of errors.",
        show_default=False,
    ),
]


def verbosity() -> Verbosity:
    """Return how much the command that runs is to say."""
    return _CHOSEN.get()


def with_verbosity(command: Callable[..., None]) -> Callable[..., None]:
    """Return a command that has the options `--quiet` and `--verbose` in addition."""

    @wraps(command)
    def run(*, quiet: bool, verbose: bool, **given: Any) -> None:
        if quiet and verbose:
            raise typer.BadParameter("give one of them", param_hint="--quiet and --verbose")
        chosen = Verbosity.QUIET if quiet else Verbosity.VERBOSE if verbose else Verbosity.USUAL
        with _saying(chosen):
            command(**given)

    kinds = get_type_hints(command, include_extras=True)
    own = {"quiet": _Quiet, "verbose": _Verbose}
    parameters = [
        each.replace(annotation=kinds[each.name], kind=inspect.Parameter.KEYWORD_ONLY)
        for each in inspect.signature(command).parameters.values()
    ]
    parameters += [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=False, annotation=kind)
        for name, kind in own.items()
    ]
    run.__annotations__ = kinds | own
    vars(run)["__signature__"] = inspect.Signature(parameters, return_annotation=None)
    return run


@contextmanager
def _saying(chosen: Verbosity) -> Iterator[None]:
    token = _CHOSEN.set(chosen)
    logger = logging.getLogger("attribot_integrations")
    before = logger.level
    handler = logging.StreamHandler() if chosen is Verbosity.VERBOSE else None
    if handler is not None:
        handler.setFormatter(logging.Formatter("%(name)s: %(message)s"))
        logger.addHandler(handler)
    logger.setLevel(_LEVELS.get(chosen, before))
    try:
        yield
    finally:
        logger.setLevel(before)
        if handler is not None:
            logger.removeHandler(handler)
        _CHOSEN.reset(token)
