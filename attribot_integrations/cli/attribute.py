"""`attribot attribute`: logged answers from a JSON Lines file, attributed line by line."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from enum import Enum
from itertools import islice
from pathlib import Path
from typing import IO, TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.text import Text

from attribot_integrations.cli.runtime import clean_errors, load_engine, note
from attribot_integrations.errors import ConfigurationError
from attribot_integrations.render.text import one_line

if TYPE_CHECKING:
    from attribot_integrations.config import EngineOptions
    from attribot_integrations.datafiles import RequestLine, ResultWriter
    from attribot_integrations.engine import AttributionEngine
    from attribot_integrations.sources import Level

__all__ = ["attribute"]

_INTERRUPTED = 130  # 128 + SIGINT, what shells report for a program ended by Ctrl-C


class LevelOption(str, Enum):
    """What is scored."""

    SENTENCE = "sentence"
    CHUNK = "chunk"
    BOTH = "both"


class FormatOption(str, Enum):
    """How results are written."""

    JSON = "json"
    TEXT = "text"


class DtypeOption(str, Enum):
    """Precision of the models' weights."""

    AUTO = "auto"
    FLOAT32 = "float32"
    BFLOAT16 = "bfloat16"
    FLOAT16 = "float16"


_File = Annotated[
    Path,
    typer.Argument(
        metavar="FILE.jsonl",
        exists=True,
        dir_okay=False,
        readable=True,
        show_default=False,
        help="JSON Lines with question, chunks and answer; id and prompt if you have them.",
    ),
]
_Model = Annotated[
    str | None,
    typer.Option(
        help="Target: name on the Hugging Face hub, or path. By default the bundled demo model, "
        "which is not for real text.",
        show_default=False,
    ),
]
_Proxy = Annotated[
    str | None,
    typer.Option(
        help="Smaller model that screens the sources; the best are rescored on the target.",
        show_default=False,
    ),
]
_Output = Annotated[
    Path, typer.Option("--output", "-o", help='File to write; "-" is standard output.')
]
_Overwrite = Annotated[
    bool, typer.Option("--overwrite", help="Replace the output file if there is one.")
]
_Format = Annotated[
    FormatOption, typer.Option(help="JSON Lines with all scores, or text with citations.")
]
_Level = Annotated[LevelOption, typer.Option(help="What is scored.")]
_MinScore = Annotated[float, typer.Option(help="Least score of a cited source, in nats (above 0).")]
_MaxCitations = Annotated[int, typer.Option(min=1, help="Most sources cited for a statement.")]
_Limit = Annotated[
    int | None, typer.Option(min=1, help="Stop after this many lines.", show_default=False)
]
_Dtype = Annotated[
    DtypeOption | None,
    typer.Option(
        help="Precision of the weights. By default the model's own, and float32 on a CPU.",
        show_default=False,
    ),
]
_DeviceMap = Annotated[
    str, typer.Option(help='Where accelerate puts the weights: "auto", "cpu", "cuda:0", …')
]


def attribute(
    file: _File,
    model: _Model = None,
    proxy: _Proxy = None,
    output: _Output = Path("-"),
    overwrite: _Overwrite = False,
    format: _Format = FormatOption.JSON,
    level: _Level = LevelOption.SENTENCE,
    min_score: _MinScore = 1.0,
    max_citations: _MaxCitations = 3,
    limit: _Limit = None,
    dtype: _Dtype = None,
    device_map: _DeviceMap = "auto",
) -> None:
    """Attribute logged answers: one JSON object per line in, one result per line out.

    A line is {"question": …, "chunks": […], "answer": …}; a chunk is a text, or an object with
    "text" (or "sentences"), "id", "title" and "metadata". A line that fails is reported on
    standard error and has an "error" in the output; the other lines go on.

    Exit codes: 0 if every line went through, 1 if any failed, 2 for wrong usage, 130 for Ctrl-C.
    """
    from attribot_integrations.datafiles import ResultWriter, count_requests, read_requests

    options = _engine_options(level, min_score, max_citations)
    _check_output(output, file, overwrite)
    with clean_errors():
        if model is None:
            note(
                "no --model is given, so the bundled demo model is used: it knows nothing but its "
                "own made-up facts, and its scores on other text are for demonstration only"
            )
        engine = load_engine(model, proxy, options, dtype.value if dtype else None, device_map)
        total = count_requests(file)
        if limit is not None and total is not None:
            total = min(total, limit)
        with _opened(output, overwrite) as stream:
            # On a terminal, raw text could hold control codes, and a bar would mix with results.
            terminal = stream.isatty()
            writer = ResultWriter(stream, as_text=format is FormatOption.TEXT, ascii_only=terminal)
            lines = islice(read_requests(file), limit)
            done, failed = _run(engine, lines, writer, total, show_progress=not terminal)
    if failed:
        note(f"{failed} of {done} lines failed")
        raise typer.Exit(1)


def _run(
    engine: AttributionEngine,
    lines: Iterable[RequestLine],
    writer: ResultWriter,
    total: int | None,
    *,
    show_progress: bool,
) -> tuple[int, int]:
    """Attribute line by line; return how many lines there were and how many of them failed."""
    from attribot_integrations.datafiles import attribute_line

    console = Console(stderr=True)
    done = failed = 0
    columns = (
        TextColumn("attributing"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(elapsed_when_finished=True),
    )
    with Progress(
        *columns, console=console, redirect_stdout=False, disable=not show_progress
    ) as progress:
        task = progress.add_task("attributing", total=total)
        try:
            for line in lines:
                error = attribute_line(engine, line, writer)
                done += 1
                progress.update(task, advance=1)
                if error is not None:
                    failed += 1
                    problem = f"line {line.number}: {type(error).__name__}: {one_line(str(error))}"
                    console.print(Text(problem, "red"), soft_wrap=True)
        except KeyboardInterrupt:
            progress.stop()
            note(f"interrupted; lines written: {done}")
            raise typer.Exit(_INTERRUPTED) from None
    return done, failed


def _engine_options(level: LevelOption, min_score: float, max_citations: int) -> EngineOptions:
    from attribot_integrations.citations import ThresholdPolicy
    from attribot_integrations.config import EngineOptions

    levels: dict[LevelOption, tuple[Level, ...]] = {
        LevelOption.SENTENCE: ("sentence",),
        LevelOption.CHUNK: ("chunk",),
        LevelOption.BOTH: ("sentence", "chunk"),
    }
    try:
        policy = ThresholdPolicy(min_score, max_citations)
    except ConfigurationError as error:
        raise typer.BadParameter(str(error)) from error
    return EngineOptions(levels=levels[level], policy=policy)


def _check_output(output: Path, source: Path, overwrite: bool) -> None:
    """Refuse a bad output before the models are loaded."""
    if str(output) == "-":
        return
    hint = "--output"
    if output.is_dir() or not output.parent.is_dir():
        raise typer.BadParameter(f"{output} is not a file in a folder that exists", param_hint=hint)
    if output.exists() and output.samefile(source):
        raise typer.BadParameter("the output must not be the input file", param_hint=hint)
    if output.is_file() and not overwrite:
        raise typer.BadParameter(
            f"{output} exists; pass --overwrite to replace it", param_hint=hint
        )


@contextmanager
def _opened(output: Path, overwrite: bool) -> Iterator[IO[bytes]]:
    if str(output) == "-":
        yield typer.get_binary_stream("stdout")
        return
    device = output.exists() and not output.is_file()
    # "x": a file that appeared while the models were loading is not overwritten either.
    with output.open("wb" if overwrite or device else "xb") as stream:
        yield stream
