"""The `attribot` command line.

Heavy packages (torch, transformers, LangChain) are imported inside the commands, so that help and
usage errors are quick. Results go to standard output or a file; everything else goes to standard
error.
"""

from __future__ import annotations

from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup

from attribot_integrations import __version__
from attribot_integrations.cli import (
    attribute,
    audit,
    evaluate,
    evaluate_filter,
    fit_screen,
    serve,
    show_demo,
)
from attribot_integrations.cli.verbosity import with_verbosity

__all__ = ["app", "main"]


class _ShortFlags:
    """Help in which flags have no type, for they take no value."""

    def get_params(self, ctx: Any) -> list[Any]:
        """Return the parameters, with nothing to be shown for the type of a flag."""
        found: list[Any] = super().get_params(ctx)  # type: ignore[misc]
        for each in found:
            if getattr(each, "is_flag", False):
                each.metavar = ""
        return found


class _Command(_ShortFlags, TyperCommand):
    pass


class _Group(_ShortFlags, TyperGroup):
    pass


app = typer.Typer(
    name="attribot",
    cls=_Group,
    help="Causal citations for RAG: which retrieved text an answer really depends on.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def main() -> None:
    """Run the command line."""
    app()


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"attribot {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool,
        typer.Option(
            "--version",
            callback=_show_version,
            is_eager=True,
            help="Show the version and exit.",
        ),
    ] = False,
) -> None:
    """Causal citations for RAG: which retrieved text an answer really depends on."""


for command in (
    show_demo.demo,
    attribute.attribute,
    audit.audit,
    serve.serve,
    evaluate.evaluate,
    evaluate_filter.evaluate_filter,
    fit_screen.fit_screen,
):
    app.command(cls=_Command)(with_verbosity(command))
