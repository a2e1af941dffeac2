"""Options of the commands that read a file of answers, and the checks of what they name."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from attribot_integrations.errors import ConfigurationError, DataFileError
from attribot_integrations.results.fitted import ENOUGH_SCORE

if TYPE_CHECKING:
    from attribot_integrations.batch.fieldnames import FieldNames
    from attribot_integrations.methods import Method
    from attribot_integrations.results.policies import CiteDependence

__all__ = [
    "FieldOption",
    "LimitOption",
    "MethodOption",
    "MinScoreOption",
    "MinShareOption",
    "OverwriteOption",
    "ScreenOption",
    "check_input",
    "check_output",
    "check_place",
    "chosen_method",
    "dependence",
    "field_names",
]

ScreenOption = Annotated[
    str | None,
    typer.Option(
        "--proxy",
        help="Smaller model that screens the sources; the best are rescored on the target.",
        show_default=False,
    ),
]
OverwriteOption = Annotated[
    bool, typer.Option("--overwrite", help="Replace output files if there are any.")
]
MethodOption = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        help="exact, balanced, fast (which needs a proxy), instant (which needs an attention "
        "screen: instant:FILE or balanced:FILE, see fit-screen), attribot, or one of the others. "
        "By default what may matter is scored exactly.",
        show_default=False,
    ),
]
MinScoreOption = Annotated[
    float,
    typer.Option(help="Least score of a source that a statement depends on, in nats (above 0)."),
]
MinShareOption = Annotated[
    float,
    typer.Option(
        min=0,
        max=1,
        help="Least share of such a source in all that sources add up to; "
        f"{ENOUGH_SCORE:g} nats are enough whatever the share.",
    ),
]
LimitOption = Annotated[
    int | None, typer.Option(min=1, help="Stop after this many lines.", show_default=False)
]

FieldOption = Annotated[
    list[str] | None,
    typer.Option(
        "--field",
        metavar="OURS=THEIRS",
        help="What the file calls a field: question=query, answer=outputs.text; may be given "
        "several times. Ours are question, chunks, answer, id and prompt, and text, title and "
        "metadata of a chunk.",
        show_default=False,
    ),
]


def field_names(given: Sequence[str] | None) -> FieldNames:
    """Return the names that --field gives.

    Raises:
        BadParameter: If one is none.
    """
    from attribot_integrations.batch.fieldnames import FieldNames

    try:
        return FieldNames.parse(given or ())
    except ConfigurationError as error:
        raise typer.BadParameter(str(error), param_hint="--field") from error


def chosen_method(name: str | None) -> Method | None:
    """Return the method that --method names, `None` where it is left out.

    Behind "instant:" or "balanced:" stands the file of an attention screen, which gives the scores,
    or is followed by knockouts of the best and exact scores of those.

    Raises:
        BadParameter: If there is none of that name, or no such file.
    """
    from attribot_integrations.methods import (
        AttentionScreen,
        Knockout,
        LearnedAttention,
        ScreenAndRescore,
    )
    from attribot_integrations.methods.presets import named_method

    kind, _, screen = (name or "").partition(":")
    try:
        if screen and kind in ("instant", "balanced"):
            learned = LearnedAttention(AttentionScreen.load(screen))
            rescored = ScreenAndRescore(Knockout(after=learned), at_least=1)
            return learned if kind == "instant" else rescored
        return None if name is None else named_method(name)
    except (ConfigurationError, DataFileError, OSError) as error:
        raise typer.BadParameter(str(error), param_hint="--method") from error


def dependence(min_score: float, min_share: float) -> CiteDependence:
    """Return the rule by which a statement depends on a source.

    Raises:
        BadParameter: If a number is out of range.
    """
    from attribot_integrations.results.policies import CiteDependence

    try:
        return CiteDependence(min_score=min_score, min_share=min_share)
    except ConfigurationError as error:
        raise typer.BadParameter(str(error)) from error


def check_input(file: Path) -> Path:
    """Return a file that can be read, or "-" for standard input.

    Raises:
        BadParameter: If there is no such file.
    """
    if str(file) != "-" and not file.exists():
        raise typer.BadParameter(f"there is no file {file}")
    if file.is_dir():
        raise typer.BadParameter(f"{file} is a folder")
    return file


def check_place(output: Path, hint: str = "--output") -> None:
    """Refuse a file that cannot be written, before models are loaded.

    Raises:
        BadParameter: If it is none in a folder that exists.
    """
    if output.is_dir() or not output.parent.is_dir():
        raise typer.BadParameter(f"{output} is not a file in a folder that exists", param_hint=hint)


def check_output(output: Path, source: Path, *, overwrite: bool, hint: str = "--output") -> None:
    """Refuse a bad output before models are loaded.

    Args:
        output: The file to write.
        source: The file that is read.
        overwrite: Whether a file that is there may be replaced.
        hint: The option that names the output.

    Raises:
        BadParameter: If it cannot be written, is the input, or is there already.
    """
    check_place(output, hint)
    if output.exists() and source.exists() and output.samefile(source):
        raise typer.BadParameter("the output must not be the input file", param_hint=hint)
    if output.is_file() and not overwrite:
        raise typer.BadParameter(
            f"{output} exists; pass --overwrite to replace it", param_hint=hint
        )
