"""Rows and fields against sentences: what dividing costs, and whether the right one is found.

python -m benchmarks structure --data DIR --rows 25

The sentences of a context become the rows of tables, the members of JSON and the items of a list;
questions, answers and marked evidence stay as they are. The same model scores every form exactly.
"""

from __future__ import annotations

import csv
import html
import io
import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any, Final

import torch
import typer
from rich.console import Console
from rich.table import Table

from attribot_integrations import AttributionEngine
from attribot_integrations.context.sources import Chunk, SourceSet, split_sentences
from attribot_integrations.context.structure import SplitStructure
from attribot_integrations.evaluation.examples import EvaluationExample, read_set
from attribot_integrations.evaluation.store import write_results

__all__ = ["FORMS", "structure"]

_MODEL: Final = "SmolLM2-135M-Instruct.Q4_1.gguf"
_ROUNDS: Final = 5
_LEAST: Final = 3
"""Sentences of the shortest context."""


def _markdown_table(sentences: Sequence[str]) -> str:
    rows = (f"| {number} | {text} |" for number, text in enumerate(sentences, 1))
    return "\n".join(["| No. | Fact |", "| --- | --- |", *rows])


def _html_table(sentences: Sequence[str]) -> str:
    rows = (f"<tr><td>{html.escape(text, quote=False)}</td></tr>" for text in sentences)
    return "\n".join(["<table>", "<tr><th>Fact</th></tr>", *rows, "</table>"])


def _csv(sentences: Sequence[str]) -> str:
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(["number", "title", "fact"])
    writer.writerows([number, "fact", text] for number, text in enumerate(sentences, 1))
    return file.getvalue()


def _json(sentences: Sequence[str]) -> str:
    facts = {f"fact_{number}": text for number, text in enumerate(sentences, 1)}
    return json.dumps(facts, ensure_ascii=False, indent=2)


FORMS: Final[Mapping[str, tuple[str, Callable[[Sequence[str]], str]]]] = {
    "prose": ("txt", " ".join),
    "Markdown table": ("md", _markdown_table),
    "HTML table": ("html", _html_table),
    "CSV": ("csv", _csv),
    "JSON": ("json", _json),
    "list": ("md", lambda sentences: "\n".join(f"- {text}" for text in sentences)),
}
"""How sentences are written, and the ending of the file they might come from."""


@dataclass
class Found:
    """What was found in one form, over all rows so far."""

    form: str
    rows: int = 0
    first: int = 0
    """Rows in which the source of the highest score is one of those that were marked."""
    cited: int = 0
    """Rows in which a citation is."""
    citations: int = 0
    seconds: float = 0.0


def _sentences(example: EvaluationExample) -> list[list[str]]:
    return [
        [chunk.text[start:end] for start, end in example.splitter(chunk.text)]
        for chunk in example.chunks
    ]


def _usable(example: EvaluationExample) -> bool:
    """Tell whether an example has marked evidence, and sentences that any form can hold."""
    sentences = _sentences(example)
    plain = all("|" not in text and "\n" not in text for one in sentences for text in one)
    return bool(example.gold) and plain and all(len(one) >= _LEAST for one in sentences)


def _find(engine: AttributionEngine, found: Found, example: EvaluationExample) -> None:
    """Score an example in one form, every source exactly, and count what was found.

    Raises:
        ValueError: If the form does not divide into the sentences that it was made of.
    """
    ending, write = FORMS[found.form]
    options = replace(engine.options, method="exact", levels=("sentence",), alternatives=None)
    if found.form == "prose":
        options = replace(options, splitter=example.splitter)
    sentences = _sentences(example)
    chunks = [Chunk(write(each), metadata={"file_name": f"facts.{ending}"}) for each in sentences]
    started = time.perf_counter()
    made = engine.attribute(example.question, chunks, example.answer, options=options)
    found.seconds += time.perf_counter() - started
    if len(made.sources) != sum(map(len, sentences)):
        raise ValueError(f"{example.id} as {found.form} divides into {len(made.sources)} sources")
    marked = {place for places in example.gold or () for place in places}
    best = made.sources[int(made.source_scores.argmax())]
    ids = {each.source_id for each in made.shown_citations}
    cited = {(each.chunk_index, each.sentence_index) for each in made.sources if each.id in ids}
    found.rows += 1
    found.first += (best.chunk_index, best.sentence_index) in marked
    found.cited += bool(cited & marked)
    found.citations += len(cited)


def split_ratio(texts: Sequence[str]) -> float:
    """Return how long prose takes to divide when structure is looked for, as a share without.

    Args:
        texts: Prose.
    """
    chunks = [Chunk(text) for text in texts]
    best: dict[bool, float] = {}
    for _ in range(_ROUNDS):
        for looked_for in (False, True):
            splitter = SplitStructure() if looked_for else split_sentences
            started = time.process_time()
            SourceSet.build(chunks, splitter)
            spent = time.process_time() - started
            best[looked_for] = min(spent, best.get(looked_for, spent))
    return best[True] / best[False]


def structure(
    data: Annotated[Path, typer.Option(help="Folder of the data files.", file_okay=False)],
    models: Annotated[Path, typer.Option(help="What `make models` filled.")] = Path(".models"),
    rows: Annotated[int, typer.Option(help="Rows of SQuAD that are scored.", min=1)] = 25,
    forms: Annotated[str, typer.Option(help="Some of the forms, by comma.")] = ",".join(FORMS),
    json_file: Annotated[Path | None, typer.Option("--json", help="Write figures here.")] = None,
    threads: Annotated[int, typer.Option(help="CPU threads.")] = 1,
) -> None:
    """Compare sentences with rows and fields that say the same."""
    chosen = [each.strip() for each in forms.split(",")]
    if unknown := set(chosen) - set(FORMS):
        raise typer.BadParameter(f"there are {', '.join(FORMS)}; not {sorted(unknown)}")
    torch.set_num_threads(threads)
    examples = [each for each in read_set(data / "squad2_dev.jsonl").examples if _usable(each)]
    ratio = split_ratio([chunk.text for each in examples for chunk in each.chunks])
    console = Console()
    console.print(f"time to divide prose, structure looked for / not: {ratio:.2f}")
    engine = AttributionEngine.from_pretrained(str(models / _MODEL))
    found = [Found(form) for form in chosen]
    for example in examples[:rows]:
        for each in found:
            _find(engine, each, example)
        console.print({each.form: f"{each.first}/{each.rows}" for each in found})
    console.print(_table(found))
    if json_file is not None:
        figures: dict[str, Any] = {"split_ratio": ratio, "forms": [vars(each) for each in found]}
        write_results(figures, json_file)


def _table(found: Sequence[Found]) -> Table:
    columns = ("form", "rows", "highest score is marked", "a citation is marked", "citations", "s")
    table = Table(*columns, title="SQuAD, exact scores")
    for each in found:
        counts = (each.rows, each.first, each.cited, each.citations)
        table.add_row(each.form, *map(str, counts), f"{each.seconds:.0f}")
    return table
