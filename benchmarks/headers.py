"""What a verifier says of rows with and without the header of their table; no model runs.

python -m benchmarks headers --data DIR

Statements about small tables, true of one row or with a cell of another row, are verified against
all rows, alone and among contexts of SQuAD; and answers of SQuAD against the sentences of their
contexts, written as rows, members and items.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.console import Console
from rich.table import Table

from attribot_integrations.context.framing import frames_of
from attribot_integrations.context.sources import Chunk, SourceSet
from attribot_integrations.context.structure import SplitStructure
from attribot_integrations.evaluation.examples import EvaluationExample, read_set
from attribot_integrations.results.fitted import DOUBTED, MIN_STATED
from attribot_integrations.verifying import LexicalVerifier
from attribot_integrations.verifying.protocol import verified
from benchmarks.structure import FORMS, example_sentences, is_usable
from benchmarks.table_facts import TABLES, FactTable, asked_of

__all__ = ["headers"]

_AMONG: Final = 3
"""Contexts of SQuAD beside a table."""


@dataclass(frozen=True)
class Case:
    """A statement, and which of the parts of some chunks state it."""

    kind: str
    """What it is counted among."""
    chunks: Sequence[Chunk]
    question: str
    statement: str
    marked: Set[int]
    """Places of parts that state it; of a wrong statement, of the row that it speaks of."""


@dataclass
class Counts:
    """What was counted of the cases of one kind."""

    cases: int = 0
    first: int = 0
    """Cases in which a marked part has the highest score."""
    stated: int = 0
    """Cases in which a marked part states it."""
    doubted: int = 0
    """Cases in which no marked part seems to state it."""
    others: int = 0
    """Parts that are not marked, and state it."""
    parts: int = 0
    """Parts that are not marked."""

    def add(self, scores: Sequence[float], marked: Set[int]) -> None:
        """Count one case."""
        best = max(scores[place] for place in marked)
        others = [score for place, score in enumerate(scores) if place not in marked]
        self.cases += 1
        self.first += best > max(others, default=0.0)
        self.stated += best >= MIN_STATED
        self.doubted += best < DOUBTED
        self.others += sum(score >= MIN_STATED for score in others)
        self.parts += len(others)


def headers(
    data: Annotated[Path, typer.Option(help="Folder of the data files.", file_okay=False)],
    rows: Annotated[int, typer.Option(help="Rows of SQuAD that become tables.", min=1)] = 40,
) -> None:
    """Verify statements about rows, with and without their headers."""
    read = read_set(data / "squad2_dev.jsonl").examples
    usable = [each for each in read if is_usable(each)][:rows]
    found: dict[str, tuple[Counts, Counts]] = {}
    for case in (*_of_tables(read), *_of_sentences(usable)):
        sources = SourceSet.build(case.chunks, SplitStructure()).sentences
        passages = [source.text for source in sources]
        counts = found.setdefault(case.kind, (Counts(), Counts()))
        for one, frames in zip(counts, ((), frames_of(case.chunks, sources)), strict=True):
            asked = (case.question, [case.statement], passages, frames)
            one.add(verified(LexicalVerifier(), *asked)[:, 0].tolist(), case.marked)
    Console(width=150).print(_shown(found))


def _of_tables(read: Sequence[EvaluationExample]) -> Iterator[Case]:
    prose = [each.chunks[0] for each in read]
    for form, write in _TABLE_FORMS.items():
        for among in (0, _AMONG):
            number = count()
            for name, table in TABLES.items():
                ending, written = write(table)
                chunk = Chunk(written, metadata={"file_name": f"{name}.{ending}"})
                for asked in asked_of(table):
                    first = next(number)
                    beside = [prose[(7 * first + 13 * each) % len(prose)] for each in range(among)]
                    kind = f"{form}, {'among prose' if among else 'alone'}"
                    for truth, text in (("right", asked.right), ("wrong", asked.wrong)):
                        chunks = [chunk, *beside]
                        yield Case(f"{kind}: {truth}", chunks, asked.question, text, {asked.row})


def _of_sentences(examples: Sequence[EvaluationExample]) -> Iterator[Case]:
    for form, (ending, write) in FORMS.items():
        if form == "prose":
            continue
        for example in examples:
            sentences = example_sentences(example)
            lengths = enumerate(map(len, sentences))
            places = [(one, place) for one, length in lengths for place in range(length)]
            gold = {place for each in example.gold or () for place in each}
            named = {"file_name": f"facts.{ending}"}
            chunks = [Chunk(write(each), metadata=named) for each in sentences]
            marked = {places.index(place) for place in gold}
            yield Case(f"SQuAD, {form}", chunks, example.question, example.answer, marked)


def _markdown(table: FactTable) -> tuple[str, str]:
    lines = [table.header, ("---",) * len(table.header), *table.rows]
    return "md", "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _csv(table: FactTable) -> tuple[str, str]:
    return "csv", "\n".join(",".join(line) for line in (table.header, *table.rows))


def _html(table: FactTable) -> tuple[str, str]:
    head = "".join(f"<th>{name}</th>" for name in table.header)
    cells = ("".join(f"<td>{cell}</td>" for cell in row) for row in table.rows)
    lines = (f"<tr>{each}</tr>" for each in (head, *cells))
    return "html", "\n".join(("<table>", *lines, "</table>"))


_TABLE_FORMS: Final[Mapping[str, Callable[[FactTable], tuple[str, str]]]] = {
    "Markdown": _markdown,
    "CSV": _csv,
    "HTML": _html,
}
"""How tables are written, with the ending of the file they might come from."""


def _shown(found: dict[str, tuple[Counts, Counts]]) -> Table:
    columns = ("", "cases", "row is first", "row states", "row is doubted", "others state", "of")
    table = Table(*columns, title="row alone → with its header")
    for kind, (alone, framed) in found.items():
        pairs = (
            f"{getattr(alone, name)} → {getattr(framed, name)}"
            for name in ("first", "stated", "doubted", "others")
        )
        table.add_row(kind, str(alone.cases), *pairs, str(alone.parts))
    return table
