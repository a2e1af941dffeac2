"""`attribot review`: a page on which people judge attributed answers."""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from attribot_integrations.cli.answer_options import OverwriteOption, check_output
from attribot_integrations.cli.runtime import clean_errors, note
from attribot_integrations.errors import DataFileError

if TYPE_CHECKING:
    from attribot_integrations.results import Attribution

__all__ = ["review"]


class ThemeOption(str, Enum):
    """Colours of a page."""

    AUTO = "auto"
    LIGHT = "light"
    DARK = "dark"


_File = Annotated[
    Path,
    typer.Argument(
        metavar="RESULTS",
        exists=True,
        dir_okay=False,
        readable=True,
        show_default=False,
        help="What `attribot attribute` wrote as JSON Lines.",
    ),
]
_Output = Annotated[Path, typer.Option("--output", "-o", help="Page to write.", show_default=False)]
_Title = Annotated[str | None, typer.Option(help="Title of the page, by default the file's name.")]
_Metadata = Annotated[
    list[str] | None,
    typer.Option(
        metavar="KEY",
        help="Key of the chunks' metadata that is shown with each source; may be given often.",
        show_default=False,
    ),
]


def review(
    file: _File,
    output: _Output,
    overwrite: OverwriteOption = False,
    title: _Title = None,
    metadata: _Metadata = None,
    theme: Annotated[ThemeOption, typer.Option(help="Colours.")] = ThemeOption.AUTO,
) -> None:
    """Make a page on which people judge answers, the worst first, and needs no server.

    It filters by label, source and text, opens each cited passage in its document, and saves what
    was judged as labels, which `attribot calibrate` fits the probability of support to.

    Exit codes: 0 if every line was read, 1 if any was not, 2 for wrong usage.
    """
    from attribot_integrations.render.reviewing import review_page

    check_output(output, file, overwrite=overwrite)
    failed: list[int] = []
    with clean_errors():
        page = review_page(
            _results(file, failed),
            title=title or file.name,
            theme=theme.value,
            metadata=metadata or (),
        )
        output.write_text(page, encoding="utf-8")
    if failed:
        raise typer.Exit(1)


def _results(file: Path, failed: list[int]) -> Iterator[Attribution]:
    """Yield the attributions of a file, and say which lines hold none."""
    from attribot_integrations.batch.storedresults import read_results

    done = 0
    for line in read_results(file):
        if isinstance(line.content, DataFileError):
            failed.append(line.number)
            note(f"line {line.number}: {line.content}")
        else:
            done += 1
            yield line.content
    if not done:
        raise DataFileError(f"{file} holds no result that could be shown")
