"""The forms in which the results of a data file's lines are written."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Protocol

from attribot_integrations.batch.citationtable import CitationTable
from attribot_integrations.batch.datafiles import RequestLine
from attribot_integrations.errors import ModelError
from attribot_integrations.render.escaping import escape_markdown
from attribot_integrations.render.text import one_line
from attribot_integrations.results.serialization import json_data

if TYPE_CHECKING:
    from attribot_integrations.results import Attribution

__all__ = [
    "FORMS",
    "CitedMarkdown",
    "CitedPage",
    "CitedText",
    "JsonLines",
    "JsonList",
    "ResultForm",
]


class ResultForm(Protocol):
    """Turns results into text that is written one after the other."""

    def begin(self) -> str:
        """Return what comes first."""

    def result(self, line: RequestLine, attribution: Attribution) -> str:
        """Return an attribution as it is written.

        Raises:
            ModelError: If it holds a number that cannot be written.
        """

    def failure(self, line: RequestLine, error: Exception) -> str:
        """Return what went wrong with a line as it is written."""

    def end(self) -> str:
        """Return what comes last."""


@dataclass(frozen=True)
class JsonLines:
    """A JSON object on each line, with all scores."""

    ascii_only: bool = False
    """Whether to escape all but ASCII, so that a terminal shows no control codes."""

    def begin(self) -> str:
        """Return nothing."""
        return ""

    def result(self, line: RequestLine, attribution: Attribution) -> str:
        """Return a line."""
        try:
            return self._json({"line": line.number, **json_data(attribution)})
        except ValueError as error:
            raise ModelError(f"the result cannot be written: {error}") from error

    def failure(self, line: RequestLine, error: Exception) -> str:
        """Return a line with an `error`."""
        problem = {"type": type(error).__name__, "message": str(error)}
        return self._json({"line": line.number, "id": line.id, "error": problem})

    def end(self) -> str:
        """Return nothing."""
        return ""

    def _json(self, record: Mapping[str, Any]) -> str:
        text = json.dumps(record, ensure_ascii=self.ascii_only, allow_nan=False, default=str)
        return f"{text}\n"


@dataclass
class JsonList:
    """The same objects as one JSON list."""

    lines: JsonLines = JsonLines()
    written: bool = False

    def begin(self) -> str:
        """Return the beginning of a list."""
        return "["

    def result(self, line: RequestLine, attribution: Attribution) -> str:
        """Return a member."""
        return self._member(self.lines.result(line, attribution))

    def failure(self, line: RequestLine, error: Exception) -> str:
        """Return a member with an `error`."""
        return self._member(self.lines.failure(line, error))

    def end(self) -> str:
        """Return the end of the list."""
        return "\n]\n"

    def _member(self, text: str) -> str:
        comma, self.written = "," if self.written else "", True
        return f"{comma}\n{text.rstrip()}"


class CitedText:
    """Questions, answers with citations, and the cited sentences."""

    def begin(self) -> str:
        """Return nothing."""
        return ""

    def result(self, line: RequestLine, attribution: Attribution) -> str:
        """Return an answer."""
        return f"{_heading(line)}: {one_line(attribution.question)}\n{attribution}\n\n"

    def failure(self, line: RequestLine, error: Exception) -> str:
        """Return what went wrong, on one line."""
        return f"{_heading(line)}: {_problem(error)}\n\n"

    def end(self) -> str:
        """Return nothing."""
        return ""


class CitedMarkdown:
    """The same as Markdown, a heading for each question."""

    def begin(self) -> str:
        """Return nothing."""
        return ""

    def result(self, line: RequestLine, attribution: Attribution) -> str:
        """Return an answer below its heading."""
        title = escape_markdown(one_line(attribution.question))
        return f"## {title}\n\n{attribution.to_markdown().strip()}\n\n"

    def failure(self, line: RequestLine, error: Exception) -> str:
        """Return what went wrong, as a paragraph."""
        return f"{escape_markdown(f'{_heading(line)}: {_problem(error)}')}\n\n"

    def end(self) -> str:
        """Return nothing."""
        return ""


@dataclass
class CitedPage:
    """One web page with all answers, which is held in memory until the end."""

    title: str | None = None
    attributions: list[Attribution] = field(default_factory=list)

    def begin(self) -> str:
        """Return nothing."""
        return ""

    def result(self, line: RequestLine, attribution: Attribution) -> str:
        """Keep an answer, and return nothing yet."""
        self.attributions.append(attribution)
        return ""

    def failure(self, line: RequestLine, error: Exception) -> str:
        """Return nothing: a page shows answers, and standard error what failed."""
        return ""

    def end(self) -> str:
        """Return the page."""
        from attribot_integrations.render.html import html_page

        return html_page(self.attributions, title=self.title)


FORMS: Final[Mapping[str, Callable[[], ResultForm]]] = {
    "jsonl": JsonLines,
    "json": JsonList,
    "text": CitedText,
    "markdown": CitedMarkdown,
    "html": CitedPage,
    "csv": CitationTable,
}
"""The forms by name."""


def _heading(line: RequestLine) -> str:
    return f"line {line.number}" + ("" if line.id is None else f" ({one_line(line.id)})")


def _problem(error: Exception) -> str:
    return f"{type(error).__name__}: {one_line(str(error))}"
