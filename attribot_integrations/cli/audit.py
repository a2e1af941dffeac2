"""`attribot audit`: the citations that logged answers carry, checked line by line."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import IO, TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.text import Text

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
from attribot_integrations.cli.first_rows import looked_at
from attribot_integrations.cli.model_options import (
    ChatOption,
    DeviceMapOption,
    DtypeOption,
    ModelOption,
    chat_options,
    loading_options,
)
from attribot_integrations.cli.progress import INTERRUPTED, rows_progress
from attribot_integrations.cli.result_options import ResultFormat, check_format
from attribot_integrations.cli.runtime import clean_errors, load_engine, note, results_console
from attribot_integrations.errors import AttribotError
from attribot_integrations.render.text import one_line
from attribot_integrations.results.fitted import AUDIT_STATED, MIN_SCORE, MIN_SHARE

if TYPE_CHECKING:
    from attribot_integrations.auditing import AnswerAudit, AuditOptions
    from attribot_integrations.batch.auditlines import AuditLine
    from attribot_integrations.batch.fieldnames import FieldNames
    from attribot_integrations.requests.attributors import RequestAttributor

__all__ = ["audit"]

_DEMO_MODEL = (
    "no --model is given, so the bundled demo model judges: it knows nothing but its own made-up "
    "facts, and its verdicts on other text are for demonstration only"
)

_File = Annotated[
    Path,
    typer.Argument(
        metavar="FILE",
        callback=check_input,
        show_default=False,
        help="JSON Lines, a JSON list or CSV with question, chunks and answer, or what `attribot "
        'attribute` wrote as JSON, which needs no model; "-" is standard input.',
    ),
]
_Output = Annotated[
    Path | None,
    typer.Option(
        "--output", "-o", help="Write the audits here, as JSON Lines.", show_default=False
    ),
]
_Html = Annotated[
    Path | None,
    typer.Option(help="Write a page with all audits here, the worst first.", show_default=False),
]
_FailUnder = Annotated[
    float | None,
    typer.Option(
        min=0,
        max=1,
        help="Exit with 1 if mean citation precision or recall is lower.",
        show_default=False,
    ),
]
_MinStates = Annotated[
    float,
    typer.Option(
        min=0, max=1, help="Least word of a verifier on a source that states a statement."
    ),
]


def audit(
    file: _File,
    model: ModelOption = None,
    proxy: ScreenOption = None,
    output: _Output = None,
    html: _Html = None,
    overwrite: OverwriteOption = False,
    fail_under: _FailUnder = None,
    method: MethodOption = None,
    min_score: MinScoreOption = MIN_SCORE,
    min_share: MinShareOption = MIN_SHARE,
    min_states: _MinStates = AUDIT_STATED,
    field: FieldOption = None,
    limit: LimitOption = None,
    dtype: DtypeOption = None,
    device_map: DeviceMapOption = "auto",
    chat_option: ChatOption = None,
) -> None:
    """Check the citations that answers carry: wrong, beside the point, missing, out of range.

    A line is {"question": …, "chunks": […], "answer": "… [1]."}; marks of all usual styles are
    read, numbers count chunks from 1. Citations beside the text are given by "message" and "form"
    (anthropic, openai, gemini, cohere, langchain, llama_index), or by "citations". Answers with
    faults are shown, then the figures of the file.

    Exit codes: 0 if all is well, 1 if a line failed or a figure is below --fail-under, 2 for wrong
    usage, 130 for Ctrl-C.
    """
    from attribot_integrations.auditing import AuditOptions

    options = AuditOptions(dependence(min_score, min_share), min_states)
    variables = chat_options(chat_option)
    named = chosen_method(method)
    names = field_names(field)
    if output is not None and check_format(output, None) is not ResultFormat.JSON_LINES:
        raise typer.BadParameter(
            f"audits are written as JSON Lines (.jsonl), or as a page with --html, not as "
            f"{output.name}",
            param_hint="--output",
        )
    for hint, place in (("--output", output), ("--html", html)):
        if place is not None:
            check_output(place, file, overwrite=overwrite, hint=hint)

    def load() -> RequestAttributor:
        from attribot_integrations.requests.options import EngineOptions

        if model is None:
            note(_DEMO_MODEL)
        loading = loading_options(dtype, device_map, variables)
        return load_engine(model, proxy, EngineOptions(method=named), loading)

    with clean_errors():
        run = _Run(options, load, names)
        with _opened(output) as stream:
            run.all_lines(file, limit, stream)
        run.report(html, file.name)
    if not run.passes(fail_under):
        raise typer.Exit(1)


@dataclass
class _Run:
    """One run of the command."""

    options: AuditOptions
    load: Any
    fields: FieldNames
    engine: RequestAttributor | None = None
    audits: list[AnswerAudit] = dataclasses.field(default_factory=list)
    failed: int = 0

    def all_lines(self, file: Path, limit: int | None, stream: IO[str] | None) -> None:
        """Audit line by line; show answers with faults, and write all as they come."""
        from attribot_integrations.batch.auditlines import read_audit_lines
        from attribot_integrations.batch.datafiles import count_requests

        found = read_audit_lines(file, self.fields)
        lines = looked_at((line, line.content) for line in islice(found, limit))
        total = count_requests(file, self.fields)
        expected = total if total is None or limit is None else min(total, limit)
        if expected == 0:
            note(f"{file} holds no rows")
        errors, console = Console(stderr=True), results_console()
        with rows_progress(errors, shown=not console.is_terminal) as progress:
            task = progress.add_task("auditing", total=expected)
            try:
                for line in lines:
                    self._one(line, stream, console, errors)
                    progress.update(task, advance=1)
            except KeyboardInterrupt:
                progress.stop()
                note(f"interrupted; answers audited: {len(self.audits)}", always=True)
                raise typer.Exit(INTERRUPTED) from None

    def _one(
        self, line: AuditLine, stream: IO[str] | None, console: Console, errors: Console
    ) -> None:
        from attribot_integrations.auditing.audit_terminal import audit_view
        from attribot_integrations.batch.auditlines import audit_line
        from attribot_integrations.requests.options import AttributionRequest

        if isinstance(line.content, AttributionRequest):
            self._attributor()  # a model that cannot be loaded is not the line's fault
        try:
            found = audit_line(line, self._attributor, self.options)
        except AttribotError as error:
            self.failed += 1
            problem = f"line {line.number}: {type(error).__name__}: {one_line(str(error))}"
            errors.print(Text(problem, "red"), soft_wrap=True)
            _write(stream, {"line": line.number, "error": str(error)})
            return
        self.audits.append(found)
        if found.faults:
            name = f" ({one_line(found.id)})" if found.id else ""
            console.print(Text(f"line {line.number}{name}", "dim"))
            console.print(audit_view(found))
        _write(stream, {"line": line.number, **found.to_dict(), "corrected": found.rewrite()})

    def _attributor(self) -> RequestAttributor:
        if self.engine is None:
            self.engine = self.load()
        return self.engine

    def report(self, html: Path | None, name: str) -> None:
        """Show the figures of the file, and write the page."""
        from attribot_integrations.auditing import AuditTotals, audit_page
        from attribot_integrations.auditing.audit_terminal import totals_view

        results_console().print(totals_view(AuditTotals.of(self.audits)))
        if html is not None:
            page = audit_page(self.audits, title=name)
            html.write_text(page, encoding="utf-8", errors="backslashreplace")

    def passes(self, least: float | None) -> bool:
        """Tell whether no line failed and the figures are high enough, and say so if not."""
        from attribot_integrations.auditing import AuditTotals

        if self.failed:
            count = self.failed + len(self.audits)
            note(f"{self.failed} of {count} lines failed", always=True)
        low = least is not None and not AuditTotals.of(self.audits).reaches(least)
        if low:
            note(f"citation precision or recall is below {least:g}", always=True)
        return not (self.failed or low)


@contextmanager
def _opened(output: Path | None) -> Iterator[IO[str] | None]:
    if output is None:
        yield None
        return
    with output.open("w", encoding="utf-8", errors="backslashreplace") as stream:
        yield stream


def _write(stream: IO[str] | None, record: dict[str, Any]) -> None:
    if stream is not None:
        stream.write(json.dumps(record, ensure_ascii=False, allow_nan=False, default=str) + "\n")
        stream.flush()
