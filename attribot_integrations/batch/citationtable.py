"""Results as a table for spreadsheets: a row for each citation, or statement without one."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from attribot_integrations.batch.datafiles import RequestLine
from attribot_integrations.render.text import one_line

if TYPE_CHECKING:
    from attribot_integrations.results import Attribution, Citation

__all__ = ["CitationTable"]

_COLUMNS: Final = (
    *("line", "id", "question", "statement", "label", "probability"),
    *("number", "chunk_index", "chunk_id", "cited_text", "score", "exact", "basis", "states"),
    "error",
)
_FORMULA: Final = ("=", "+", "-", "@")


class CitationTable:
    """CSV; text that a spreadsheet would run as a formula has an apostrophe before it."""

    def begin(self) -> str:
        """Return the head of the table."""
        return _csv(_COLUMNS)

    def result(self, line: RequestLine, attribution: Attribution) -> str:
        """Return the rows of an answer."""
        rows: list[str] = []
        supports = attribution.support or [None] * len(attribution.statements)
        for statement, support in zip(attribution.statements, supports, strict=True):
            cited = [
                each
                for each in attribution.shown_citations
                if each.statement_index == statement.index
            ]
            label = ("", "") if support is None else (support.label, support.probability)
            start = [line.number, line.id, attribution.question, statement.text, *label]
            ends = [_cells(each) for each in cited] or [[""] * 8]
            rows += [_csv([*start, *cells, ""]) for cells in ends]
        return "".join(rows)

    def failure(self, line: RequestLine, error: Exception) -> str:
        """Return a row with an error."""
        empty = [""] * (len(_COLUMNS) - 3)
        return _csv([line.number, line.id, *empty, f"{type(error).__name__}: {error}"])

    def end(self) -> str:
        """Return nothing."""
        return ""


def _cells(citation: Citation) -> list[Any]:
    return [
        *(citation.number, citation.chunk_index, citation.chunk_id, citation.text),
        *(citation.score, citation.exact, citation.basis, citation.states),
    ]


def _csv(cells: Sequence[Any]) -> str:
    stream = io.StringIO()
    csv.writer(stream).writerow([_cell(each) for each in cells])
    return stream.getvalue()


def _cell(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    text = one_line(value)
    return f"'{text}" if text.startswith(_FORMULA) else text
