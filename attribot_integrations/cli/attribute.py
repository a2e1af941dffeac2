"""`attribot attribute`: logged answers from a file, attributed line by line or as a batch job."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from enum import Enum
from itertools import chain
from pathlib import Path
from typing import IO, TYPE_CHECKING, Annotated
from urllib.parse import urlsplit, urlunsplit

import typer
from rich.console import Console
from rich.text import Text

from attribot_integrations.batch.plan import Share
from attribot_integrations.batch.processes import leads
from attribot_integrations.cli.answer_options import (
    FieldOption,
    LimitOption,
    MethodOption,
    MinScoreOption,
    MinShareOption,
    OverwriteOption,
    ScreenOption,
    check_input,
    check_output,
    chosen_method,
    dependence,
    field_names,
)
from attribot_integrations.cli.conversation_sources import (
    ChosenSources,
    ConversationCount,
    SourcesOption,
    chosen_sources,
)
from attribot_integrations.cli.model_options import (
    ApiOption,
    ChatOption,
    DeviceMapOption,
    DtypeOption,
    ModelOption,
    ServerOption,
    TokenizerOption,
    chat_options,
    loading_options,
)
from attribot_integrations.cli.progress import INTERRUPTED, rows_progress
from attribot_integrations.cli.result_options import (
    FormatOption,
    ResultFormat,
    check_format,
    result_form,
)
from attribot_integrations.cli.runtime import clean_errors, connect_engine, load_engine, note
from attribot_integrations.cli.trace_files import read_exported
from attribot_integrations.errors import ConfigurationError
from attribot_integrations.render.text import one_line
from attribot_integrations.results.fitted import (
    MAX_CITATIONS,
    MIN_SCORE,
    MIN_SHARE,
    MIN_STATED,
)

if TYPE_CHECKING:
    from attribot_integrations.batch.datafiles import RequestLine
    from attribot_integrations.batch.resultfiles import ResultWriter
    from attribot_integrations.cli.jobs import Selection
    from attribot_integrations.context.sources import Level
    from attribot_integrations.engine import AttributionEngine
    from attribot_integrations.requests.options import EngineOptions
    from attribot_integrations.results.policies import CiteEvidence

__all__ = ["attribute"]

_DEMO_MODEL = (
    "no --model is given, so the bundled demo model is used: it knows nothing but its own made-up "
    "facts, and its scores on other text are for demonstration only"
)


class LevelOption(str, Enum):
    """What is scored."""

    SENTENCE = "sentence"
    CHUNK = "chunk"
    BOTH = "both"


_File = Annotated[
    Path,
    typer.Argument(
        metavar="FILE",
        callback=check_input,
        show_default=False,
        help="JSON Lines, a JSON list, CSV or Parquet with question, chunks and answer; id and "
        'prompt if you have them. It may be compressed; "-" is standard input.',
    ),
]
_Output = Annotated[
    Path, typer.Option("--output", "-o", help='File to write; "-" is standard output.')
]
_Level = Annotated[LevelOption, typer.Option(help="What is scored.")]
_MinStated = Annotated[
    float,
    typer.Option(
        help="Least score, 0 to 1, by which a source is cited because it states the statement, "
        "whether or not the answer depends on it; 1 to cite hardly any."
    ),
]
_MaxCitations = Annotated[int, typer.Option(min=1, help="Most sources cited for a statement.")]
_MaxSeconds = Annotated[
    float | None,
    typer.Option(
        help="Most seconds for one line: the best scores so far are written, and what is missing "
        "is said.",
        show_default=False,
    ),
]
_MaxTokens = Annotated[
    int | None,
    typer.Option(
        min=1, help="Most tokens run through models for one line, likewise.", show_default=False
    ),
]
_Certificates = Annotated[
    bool,
    typer.Option(
        "--certificates", help="Also measure what the citations of each statement carry together."
    ),
]
_Shard = Annotated[
    str | None,
    typer.Option(
        metavar="I/N",
        help="Do every n-th line only, from the i-th on: for jobs that run apart.",
        show_default=False,
    ),
]
_Resume = Annotated[
    bool,
    typer.Option(
        "--resume",
        help="Work as a batch job: after a kill at any moment, the same command goes on where it "
        "was. Results are kept in OUTPUT.job until all are there; lines that fail go to "
        "OUTPUT.errors.jsonl.",
    ),
]


_From = Annotated[
    str | None,
    typer.Option(
        "--from",
        metavar="TOOL",
        help="FILE holds traces that another tool exported: langsmith, langfuse, phoenix, mlflow "
        "or otlp.",
        show_default=False,
    ),
]


def attribute(
    file: _File,
    source: _From = None,
    model: ModelOption = None,
    proxy: ScreenOption = None,
    output: _Output = Path("-"),
    overwrite: OverwriteOption = False,
    format: FormatOption = None,
    field: FieldOption = None,
    method: MethodOption = None,
    level: _Level = LevelOption.SENTENCE,
    sources: SourcesOption = "retrieved",
    min_score: MinScoreOption = MIN_SCORE,
    min_share: MinShareOption = MIN_SHARE,
    min_stated: _MinStated = MIN_STATED,
    max_citations: _MaxCitations = MAX_CITATIONS,
    max_seconds: _MaxSeconds = None,
    max_tokens: _MaxTokens = None,
    certificates: _Certificates = False,
    limit: LimitOption = None,
    shard: _Shard = None,
    resume: _Resume = False,
    dtype: DtypeOption = None,
    device_map: DeviceMapOption = "auto",
    chat_option: ChatOption = None,
    server: ServerOption = None,
    api: ApiOption = "auto",
    tokenizer: TokenizerOption = None,
) -> None:
    """Attribute logged answers: one JSON object, or row of a table, in, one result out.

    A line is {"question": …, "chunks": […], "answer": …}; a chunk is a text, or an object with
    "text" (or "sentences"), "id", "title" and "metadata". A line that fails is reported on
    standard error and has an "error" in the output; the others go on. The ending of the output's
    name says what is written.
    With Parquet output, --resume, or several processes (`accelerate launch -m
    attribot_integrations.cli attribute …`), the output appears once all is done.

    Exit codes: 0 if every line went through, 1 if any failed, 2 for wrong usage, 130 for Ctrl-C.
    """
    from attribot_integrations.cli.jobs import Selection, Start, check_job, is_job, run_job

    if source is not None and field:
        raise typer.BadParameter("cannot be used with --from", param_hint="--field")
    wanted = check_format(output, format)
    variables = chat_options(chat_option)
    limits = {"max_seconds": max_seconds, "max_tokens": max_tokens}
    policy = _policy(min_score, max_citations, min_share, min_stated)
    kinds = chosen_sources(sources)
    options = _engine_options(
        method, level, kinds, policy, max_seconds, max_tokens, certificates=certificates
    )
    counted = None if kinds == "retrieved" else ConversationCount(kinds)
    selected = Selection(file, limit, _share(shard), field_names(field), counted=counted)
    start = Start(resume, overwrite, device_map)
    if str(output) != "-":
        check_output(output, file, overwrite=overwrite or resume)
    _check_server(server, api, tokenizer)
    if as_job := resume or is_job(output):
        check_job(output, start, wanted)

    def load(place: str) -> AttributionEngine:
        loading = loading_options(dtype, place, variables)
        if server is not None:
            return connect_engine(
                server, model, proxy, options, loading, api=api, tokenizer=tokenizer
            )
        if model is None and leads():
            note(_DEMO_MODEL)
        return load_engine(model, proxy, options, loading)

    with clean_errors():
        if source is not None:
            selected = replace(selected, traces=read_exported(file, source))
        if as_job:
            models = {
                "model": model or ("demo" if server is None else "the server's"),
                "proxy": proxy,
                "dtype": dtype.value if dtype else None,
            }
            if server is not None:
                models |= {"server": _without_secrets(server), "api": api, "tokenizer": tokenizer}
            shown = {"level": level.value, "policy": asdict(policy)}
            given: dict[str, object] = {
                name: limit for name, limit in limits.items() if limit is not None
            }
            given |= {"certificates": True} if certificates else {}
            given |= {} if kinds == "retrieved" else {"sources": options.sources}
            given |= {"fields": dict(selected.fields.places)} if field else {}
            given |= {"from": source} if source is not None else {}
            how = {"method": method, "chat_options": variables, **given}
            run_job(selected, output, {**models, **how, **shown}, load, start)
        else:
            _stream(selected, output, load, device_map, wanted, overwrite=overwrite)


def _stream(
    selected: Selection,
    output: Path,
    load: Callable[[str], AttributionEngine],
    device_map: str,
    wanted: ResultFormat,
    *,
    overwrite: bool,
) -> None:
    """Write results as they come."""
    from attribot_integrations.batch.resultfiles import ResultWriter

    lines, total = selected.lines()
    first = next(lines, None)
    engine = None if first is None else load(device_map)
    with _opened(output, overwrite) as stream:
        # On a terminal, raw text could hold control codes, and a bar would mix with results.
        terminal = stream.isatty()
        writer = ResultWriter(stream, result_form(wanted, on_terminal=terminal))
        writer.write(writer.form.begin())
        if first is None or engine is None:
            note(f"{selected.file} holds no rows")
            done = failed = 0
        else:
            rows = chain([first], lines)
            done, failed = _run(engine, rows, writer, total, show_progress=not terminal)
        writer.write(writer.form.end())
    selected.say_what_was_counted()
    if failed:
        note(f"{failed} of {done} lines failed", always=True)
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
    from attribot_integrations.batch.resultfiles import attribute_line

    console = Console(stderr=True)
    done = failed = 0
    with rows_progress(console, shown=show_progress) as progress:
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
            writer.write(writer.form.end())
            note(f"interrupted; lines written: {done}", always=True)
            raise typer.Exit(INTERRUPTED) from None
    return done, failed


def _engine_options(
    method: str | None,
    level: LevelOption,
    sources: ChosenSources,
    policy: CiteEvidence,
    max_seconds: float | None,
    max_tokens: int | None,
    *,
    certificates: bool,
) -> EngineOptions:
    from attribot_integrations.methods.certifying import CertifySets
    from attribot_integrations.requests.options import EngineOptions

    levels: dict[LevelOption, tuple[Level, ...]] = {
        LevelOption.SENTENCE: ("sentence",),
        LevelOption.CHUNK: ("chunk",),
        LevelOption.BOTH: ("sentence", "chunk"),
    }
    try:
        return EngineOptions(
            method=chosen_method(method),
            levels=levels[level],
            sources=sources,
            policy=policy,
            max_seconds=max_seconds,
            max_tokens=max_tokens,
            certificates=CertifySets() if certificates else None,
        )
    except ConfigurationError as error:
        raise typer.BadParameter(str(error)) from error


def _policy(
    min_score: float, max_citations: int, min_share: float, min_stated: float
) -> CiteEvidence:
    from attribot_integrations.results.policies import CiteEvidence, CiteSupport

    depends = replace(dependence(min_score, min_share), max_citations=max_citations)
    try:
        return CiteEvidence(depends, CiteSupport(min_stated, max_citations=max_citations))
    except ConfigurationError as error:
        raise typer.BadParameter(str(error)) from error


def _share(shard: str | None) -> Share:
    try:
        return Share.parse(shard) if shard is not None else Share()
    except ConfigurationError as error:
        raise typer.BadParameter(str(error), param_hint="--shard") from error


def _check_server(server: str | None, api: str, tokenizer: str | None) -> None:
    """Refuse options of a server without one."""
    for name, given in (("--api", api != "auto"), ("--tokenizer", tokenizer is not None)):
        if given and server is None:
            raise typer.BadParameter("is for a --server, and none is given", param_hint=name)


def _without_secrets(url: str) -> str:
    """Return a server's address as a job keeps it."""
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit((parts.scheme, host, parts.path.rstrip("/"), "", ""))


@contextmanager
def _opened(output: Path, overwrite: bool) -> Iterator[IO[bytes]]:
    if str(output) == "-":
        yield typer.get_binary_stream("stdout")
        return
    device = output.exists() and not output.is_file()
    # "x": a file that appeared while the models were loading is not overwritten either.
    with output.open("wb" if overwrite or device else "xb") as stream:
        yield stream
