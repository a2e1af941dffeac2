"""The matrix: every way to format documents, in every shape of a pipeline, in every form of call.

Each cell must cite the document that holds the fact, or say why it does not.
`python -m tests.integrations.matrix --write docs/matrix.md` writes the page.
"""

from __future__ import annotations

import argparse
import html
import json
import textwrap
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Final, Literal

from attribot_integrations.answers import AnswerRecord
from attribot_integrations.requests.attributors import RequestAttributor
from tests.integrations.overlap import OverlapEngine

__all__ = [
    "ANSWER",
    "FORMATS",
    "FORMS",
    "PIECES",
    "QUESTION",
    "Cell",
    "Form",
    "Format",
    "Piece",
    "Shape",
    "cells",
    "run",
    "shapes",
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

Format = Callable[[Sequence[str]], str]
"""Makes the context that stands in the prompt out of the documents' texts."""


def _each(show: Callable[[int, str], str], between: str = "\n\n") -> Format:
    return lambda texts: between.join(show(place, text) for place, text in enumerate(texts, 1))


FORMATS: Final[Mapping[str, Format]] = {
    "joined": _each(lambda _, text: text),
    "numbered": _each(lambda place, text: f"[{place}] {text}"),
    "headings": _each(lambda place, text: f"### Source {place}\n{text}\n---"),
    "XML, escaped": _each(lambda place, text: f'<doc id="{place}">{html.escape(text)}</doc>'),
    "JSON": lambda texts: json.dumps([{"text": text} for text in texts]),
    "repr of a list": lambda texts: repr(list(texts)),
    "quoted": _each(lambda _, text: textwrap.indent(text, "> ")),
    "bullets": _each(lambda _, text: textwrap.indent(text, "- "), "\n"),
    "indented": _each(lambda place, text: f"{place}.\n{textwrap.indent(text, '    ')}"),
    "cut to 120 characters": _each(lambda _, text: text[:120]),
    "wrapped anew": _each(lambda _, text: textwrap.fill(text.replace("-\n", "- "), 34)),
    "hyphens mended": _each(lambda _, text: text.replace("-\n", "")),
}

Form = Literal["sync", "async", "stream", "batch"]
FORMS: Final[tuple[Form, ...]] = ("sync", "async", "stream", "batch")

Shape = Callable[[Format, Form, RequestAttributor], Sequence[AnswerRecord]]
"""Runs one shape of a pipeline, over `PIECES` and with a scripted model, and gives its records."""

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
    form: Form


@dataclass(frozen=True)
class Result:
    """What became of a cell."""

    outcome: Literal["cites", "reason", "wrong"]
    reason: str | None = None


def shapes() -> dict[str, Mapping[str, Shape]]:
    """Return the shapes of each framework whose half of the matrix there is."""
    return {
        name: import_module(module).SHAPES for name, module in _HALVES.items() if find_spec(module)
    }


def cells(framework: str | None = None) -> Iterator[Cell]:
    """Yield all cells."""
    for name, known in shapes().items():
        if framework in (None, name):
            for shape in known:
                for format in FORMATS:
                    for form in FORMS:
                        yield Cell(name, shape, format, form)


def run(cell: Cell) -> Result:
    """Run a cell, and judge its last record: the others are those of other questions."""
    shape = shapes()[cell.framework][cell.shape]
    records = shape(FORMATS[cell.format], cell.form, OverlapEngine())
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


def page(results: Mapping[Cell, Result]) -> str:
    """Return the matrix as a page of Markdown."""
    counts = dict.fromkeys(("cites", "reason", "wrong"), 0)
    for result in results.values():
        counts[result.outcome] += 1
    lines = [
        "# The matrix of pipelines",
        "",
        "Every way to format documents, in every shape of a pipeline, called in every form",
        "(sync, async, stream, batch). The documents hold lines, quotation marks, a hyphen at the",
        "end of a line and an ampersand. Models follow a script, and a stand-in that counts shared",
        "words takes the scoring model's place: what is tested is that prompts, answers and",
        "documents are found.",
        "",
        "✓: the document that holds the fact is cited, in all four forms. Letters: it is cited,",
        "or is not, with the reason below; the forms are told where they differ. ✗: wrong, and",
        "nothing said.",
        "",
        f"{len(results)} cells: {counts['cites']} cite the document, {counts['reason']} give a "
        f"reason instead, {counts['wrong']} are wrong. Written by "
        "`python -m tests.integrations.matrix --write docs/matrix.md`.",
    ]
    reasons: dict[str, str] = {}
    for framework, known in shapes().items():
        lines += ["", f"## {framework}", "", _row(["", *known]), _row(["---"] * (len(known) + 1))]
        for format in FORMATS:
            shown = [
                _shown(
                    {form: results[Cell(framework, shape, format, form)] for form in FORMS}, reasons
                )
                for shape in known
            ]
            lines.append(_row([format, *shown]))
    if reasons:
        lines += ["", "## Reasons", ""]
        lines += [f"- {letter}: {reason}" for reason, letter in reasons.items()]
    return "\n".join(lines) + "\n"


def _row(items: Sequence[str]) -> str:
    return f"| {' | '.join(items)} |"


def _shown(forms: Mapping[Form, Result], reasons: dict[str, str]) -> str:
    texts = {form: _symbol(result, reasons) for form, result in forms.items()}
    if len(set(texts.values())) == 1:
        return next(iter(texts.values()))
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
    main()
