"""The matrix: every way to format documents, in every shape of a pipeline, in every form of call.

Each cell must cite the document that holds the fact, or say why it does not.
`python -m tests.integrations.matrix --write docs/matrix.md` writes the page.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Final, Literal

from attribot_integrations.answers import AnswerRecord
from attribot_integrations.requests.attributors import RequestAttributor
from tests.integrations.overlap import OverlapEngine

__all__ = [
    "ANSWER",
    "PIECES",
    "QUESTION",
    "Absent",
    "Cell",
    "Half",
    "Piece",
    "Result",
    "Shape",
    "cells",
    "halves",
    "run",
    "sample",
]

QUESTION: Final = "How much does the Norzel bike cost?"
ANSWER: Final = "The price of the Norzel bike is 910 coins."


@dataclass(frozen=True)
class Piece:
    """One retrieved document."""

    id: str
    text: str


PIECES: Final = (
    Piece(
        "norba", "The maker of the Norba phone is Kelmar Press.\nThe Norba phone costs 440 coins."
    ),
    Piece(
        "norzel",
        'The maker of the "Norzel" bike is Ros-\nlin Works & Sons.\nIn shops the Norzel bike costs '
        "910 coins. It is sold in red.",
    ),
    Piece("galba", "The flag of Galba shows the fox.\nThe festival month of Galba is May."),
)
"""What is retrieved: lines, quotes, a hyphen and an ampersand in it; `norzel` holds the fact."""

FACT: Final = "910"

Shape = Callable[[str, str, RequestAttributor], Sequence[AnswerRecord]]
"""Runs one shape of a pipeline over `PIECES` in a format, in a form of call, with a scripted model;
gives its records."""


class Absent(Exception):  # noqa: N818 - it is no error
    """The framework has no such pipeline."""


@dataclass(frozen=True)
class Half:
    """One framework's pipelines."""

    shapes: Mapping[str, Shape]
    formats: tuple[str, ...]
    forms: tuple[str, ...]


_HALVES: Final = {
    "LangChain": "tests.integrations.langchain.matrix_shapes",
    "LlamaIndex": "tests.integrations.llama_index.matrix_shapes",
}


@dataclass(frozen=True)
class Cell:
    """One pipeline in one form over documents in one format."""

    framework: str
    shape: str
    format: str
    form: str


@dataclass(frozen=True)
class Result:
    """What became of a cell."""

    outcome: Literal["cites", "reason", "wrong", "absent"]
    reason: str | None = None


@cache
def halves() -> Mapping[str, Half]:
    """Return the pipelines of both frameworks."""
    return {name: import_module(module).HALF for name, module in _HALVES.items()}


def cells(framework: str | None = None) -> Iterator[Cell]:
    """Yield all cells."""
    for name, half in halves().items():
        if framework in (None, name):
            for shape in half.shapes:
                for format in half.formats:
                    for form in half.forms:
                        yield Cell(name, shape, format, form)


def sample(framework: str, turns: int = 2) -> list[Cell]:
    """Return some cells, with every shape, every format and every form among them."""
    half = halves()[framework]
    shapes = list(half.shapes)
    return [
        Cell(
            framework,
            shapes[place % len(shapes)],
            format,
            half.forms[(place + turn) % len(half.forms)],
        )
        for turn in range(turns)
        for place, format in enumerate(half.formats, start=3 * turn)
    ]


def run(cell: Cell) -> Result:
    """Run a cell, and judge the records of its answer: the others are those of other questions."""
    shape = halves()[cell.framework].shapes[cell.shape]
    try:
        records = shape(cell.format, cell.form, OverlapEngine())
    except Absent:
        return Result("absent")
    found = [record for record in records if ANSWER in record.answer]
    if not found:
        return Result("wrong", "no record of the answer")
    results = [_judged(record) for record in found]
    return max(results, key=lambda result: ("cites", "reason", "wrong").index(result.outcome))


def _judged(record: AnswerRecord) -> Result:
    right = [
        citation
        for citation in record.citations
        if FACT in citation.text and record.chunks[citation.chunk_index].id == "norzel"
    ]
    told = record.answer
    strange = [
        citation
        for citation in record.citations
        if FACT in told[citation.answer_start : citation.answer_end]
        and not record.chunks[citation.chunk_index].text.count("Norzel")
    ]
    if right and not strange:
        return Result("cites", record.reason)
    if record.status != "ok" and record.reason:
        return Result("reason", record.reason)
    return Result("wrong", f"status {record.status}, cited {[c.text for c in record.citations]}")


_INTRODUCTION: Final = """\
# The matrix of pipelines

Every way to format documents, in every shape of a pipeline, called in every form. The documents
hold lines, quotation marks, a hyphen at the end of a line and an ampersand. Models follow a script,
and a stand-in that counts shared words takes the scoring model's place: what is tested is that
prompts, answers and documents are found.

✓: the document that holds the fact is cited, in all forms that there are (nothing streams in the
mode accumulate). Letters: it is cited, or is not, with the reason below; the forms are told where
they differ. ✗: wrong, and nothing said. Empty: the framework has no such pipeline.
"""


def page(results: Mapping[Cell, Result]) -> str:
    """Return the matrix as a page of Markdown."""
    counts = Counter(result.outcome for result in results.values())
    lines = [
        _INTRODUCTION,
        f"{counts.total() - counts['absent']} cells: {counts['cites']} cite the document, "
        f"{counts['reason']} give a reason instead, {counts['wrong']} are wrong. Written by "
        "`python -m tests.integrations.matrix --write docs/matrix.md`.",
    ]
    reasons: dict[str, str] = {}
    for framework, half in halves().items():
        lines += ["", f"## {framework}", "", f"Forms: {', '.join(half.forms)}.", ""]
        lines += [_row(["", *half.shapes]), _row(["---"] * (len(half.shapes) + 1))]
        for format in half.formats:
            shown = [
                _shown(
                    {form: results[Cell(framework, shape, format, form)] for form in half.forms},
                    reasons,
                )
                for shape in half.shapes
            ]
            lines.append(_row([format, *shown]))
    if reasons:
        lines += ["", "## Reasons", ""]
        lines += [f"- {letter}: {reason}" for reason, letter in reasons.items()]
    return "\n".join(lines) + "\n"


def _row(items: Sequence[str]) -> str:
    return f"| {' | '.join(items)} |"


def _shown(forms: Mapping[str, Result], reasons: dict[str, str]) -> str:
    there = {form: result for form, result in forms.items() if result.outcome != "absent"}
    texts = {form: _symbol(result, reasons) for form, result in there.items()}
    if len(set(texts.values())) < 2:
        return next(iter(texts.values()), "")
    return ", ".join(f"{form} {text}" for form, text in texts.items())


def _symbol(result: Result, reasons: dict[str, str]) -> str:
    if result.outcome == "wrong":
        return "✗"
    mark = "✓" if result.outcome == "cites" else ""
    if result.reason is None:
        return mark
    letter = reasons.setdefault(result.reason, chr(ord("a") + len(reasons)))
    return f"{mark} {letter}".strip()


def main() -> None:
    """Run all cells, and write the page."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--write", type=Path, required=True, help="where to write the page")
    path: Path = parser.parse_args().write
    path.write_text(page({cell: run(cell) for cell in cells()}), encoding="utf-8")


if __name__ == "__main__":
    # The halves import this module by its name, and raise that one's exception.
    import_module("tests.integrations.matrix").main()
