"""The directive `command-line`: all commands and options, from the program itself."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import typer
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

__all__ = ["CommandLine", "command_lines", "setup"]

_OPTION = re.compile(r"(?<![\w-])--\w[\w-]*")


def command_lines(program: str, app: typer.Typer) -> Iterator[str]:
    """Yield Markdown lines that describe a program's commands.

    Args:
        program: How the program is called.
        app: The program.
    """
    group: Any = typer.main.get_command(app)
    for name, command in group.commands.items():
        context = typer.Context(command, info_name=f"{program} {name}")
        yield from ("", f"## `{program} {name}`", "")
        yield from _with_options_as_code(command.help or "").splitlines()
        yield ""
        yield f"    {' '.join([program, name, *command.collect_usage_pieces(context)])}"
        yield ""
        for parameter in command.get_params(context):
            record = parameter.get_help_record(context)
            if record is not None:
                yield f"`{record[0]}`"
                yield f": {_with_options_as_code(_escaped(record[1]))}"
                yield ""


class CommandLine(SphinxDirective):
    """Describes the command line of this package."""

    def run(self) -> list[nodes.Node]:
        """Return one section for each command."""
        from attribot_integrations.cli import app

        text = "\n".join(command_lines("attribot", app))
        parsed: list[nodes.Node] = self.parse_text_to_nodes(text, allow_section_headings=True)
        return parsed


def setup(app: Sphinx) -> dict[str, bool]:
    """Add the directive."""
    app.add_directive("command-line", CommandLine)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def _with_options_as_code(text: str) -> str:
    parts = text.split("`")
    parts[::2] = [_OPTION.sub(r"`\g<0>`", part) for part in parts[::2]]
    return "`".join(parts)


def _escaped(text: str) -> str:
    """Keep Markdown from reading emphasis, links or HTML into a help text."""
    return "".join(f"\\{letter}" if letter in "\\*_[]<>" else letter for letter in text)
