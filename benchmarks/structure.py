"""Rows, fields, turns against sentences: what dividing costs, whether the right one is found.

python -m benchmarks structure --data DIR --rows 25
python -m benchmarks structure --data DIR --forms "prose,one turn,one output"

The sentences of a context become the rows of tables, the members of JSON, the items of a list, what
the user said in one or in many earlier turns, or what tools handed back; questions, answers and
marked evidence stay as they are. The same model scores every form exactly. Half a minute a row;
with `--kept`, resumable.
"""

from __future__ import annotations

import csv
import html
import io
import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, astuple, dataclass, replace
from pathlib import Path
from typing import Annotated, Any, Final

import torch
import typer
from rich.console import Console
from rich.table import Table

from attribot_integrations import AttributionEngine
from attribot_integrations.context.kinds import SourceKind
from attribot_integrations.context.sources import Chunk, SourceSet, split_sentences
from attribot_integrations.context.structure import SplitStructure
from attribot_integrations.evaluation.examples import EvaluationExample, read_set
from attribot_integrations.evaluation.method_runs import environment
from attribot_integrations.evaluation.store import RowStore, write_results
from attribot_integrations.results import Attribution

__all__ = ["ALL", "FORMS", "TURNS", "Turns", "example_sentences", "is_usable", "structure"]

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


def _chat_turns(texts: Sequence[str]) -> list[dict[str, str]]:
    turns = (
        ({"role": "user", "content": text}, {"role": "assistant", "content": "I see."})
        for text in texts
    )
    return [message for turn in turns for message in turn]


def _tool_outputs(texts: Sequence[str]) -> list[dict[str, str]]:
    called = (
        (
            {"role": "assistant", "content": "", "name": "look_up", "calls": _call(number)},
            {"role": "tool", "content": text, "name": "look_up"},
        )
        for number, text in enumerate(texts, 1)
    )
    return [message for pair in called for message in pair]


def _call(number: int) -> str:
    return json.dumps({"name": "look_up", "arguments": {"fact": number}})


@dataclass(frozen=True)
class Turns:
    """How sentences are said in a conversation."""

    kind: SourceKind
    """The kind of source that they are there."""
    say: Callable[[Sequence[str]], list[dict[str, str]]]
    """Returns the messages for texts, one of them for each."""
    together: bool
    """Whether all sentences are one text, of which each is a source."""


TURNS: Final[Mapping[str, Turns]] = {
    "one turn": Turns("user", _chat_turns, together=True),
    "one output": Turns("tool", _tool_outputs, together=True),
    "chat turns": Turns("user", _chat_turns, together=False),
    "tool outputs": Turns("tool", _tool_outputs, together=False),
}
"""The conversations, by name."""


ALL: Final = (*FORMS, *TURNS)
"""All forms."""


@dataclass(frozen=True)
class Found:
    """What was found in one form of one row, or, added up, in all rows."""

    first: int
    """Rows in which the source of the highest score is one of those that were marked."""
    cited: int
    """Rows in which a citation is."""
    citations: int
    right: int
    """Citations of marked sources."""
    seconds: float


def example_sentences(example: EvaluationExample) -> list[list[str]]:
    """Return the sentences of each chunk of an example."""
    return [
        [chunk.text[start:end] for start, end in example.splitter(chunk.text)]
        for chunk in example.chunks
    ]


def is_usable(example: EvaluationExample) -> bool:
    """Tell whether an example has marked evidence, and sentences that any form can hold."""
    sentences = example_sentences(example)
    plain = all("|" not in text and "\n" not in text for one in sentences for text in one)
    return bool(example.gold) and plain and all(len(one) >= _LEAST for one in sentences)


def _find(engine: AttributionEngine, form: str, example: EvaluationExample) -> Found:
    """Score an example in one form, every source exactly, and count what was found.

    Raises:
        ValueError: If the form does not divide into the sentences that it was made of.
    """
    sentences = example_sentences(example)
    places = [(chunk, place) for chunk, one in enumerate(sentences) for place in range(len(one))]
    started = time.process_time()
    made = (_in_turns if form in TURNS else _in_chunks)(engine, form, example, sentences)
    spent = time.process_time() - started
    if len(made.sources) != len(places):
        raise ValueError(f"{example.id} as {form} divides into {len(made.sources)} sources")
    marked = {place for each in example.gold or () for place in each}
    ids = {each.source_id for each in made.shown_citations}
    cited = {place for one, place in zip(made.sources, places, strict=True) if one.id in ids}
    first = places[int(made.source_scores.argmax())] in marked
    right = len(cited & marked)
    return Found(int(first), int(right > 0), len(cited), right, spent)


def _in_chunks(
    engine: AttributionEngine,
    form: str,
    example: EvaluationExample,
    sentences: Sequence[Sequence[str]],
) -> Attribution:
    ending, write = FORMS[form]
    options = replace(engine.options, method="exact", levels=("sentence",), alternatives=None)
    if form == "prose":
        options = replace(options, splitter=example.splitter)
    chunks = [Chunk(write(each), metadata={"file_name": f"facts.{ending}"}) for each in sentences]
    return engine.attribute(example.question, chunks, example.answer, options=options)


def _in_turns(
    engine: AttributionEngine,
    form: str,
    example: EvaluationExample,
    sentences: Sequence[Sequence[str]],
) -> Attribution:
    turns = TURNS[form]
    texts = [text for one in sentences for text in one]
    options = replace(
        engine.options,
        method="exact",
        levels=("sentence" if turns.together else "chunk",),
        splitter=example.splitter,
        alternatives=None,
        sources=("retrieved", turns.kind),
    )
    question = {"role": "user", "content": example.question}
    said = turns.say([" ".join(texts)] if turns.together else texts)
    # Tools are asked after the question, and turns are earlier than it.
    prompt = [question, *said] if turns.kind == "tool" else [*said, question]
    return engine.attribute(example.question, (), example.answer, prompt=prompt, options=options)


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
    forms: Annotated[str, typer.Option(help="Some of the forms, by comma.")] = ",".join(ALL),
    kept: Annotated[Path | None, typer.Option(help="Folder of rows, to go on with.")] = None,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write figures here.")] = None,
    threads: Annotated[int, typer.Option(help="CPU threads.")] = 1,
) -> None:
    """Compare sentences with rows, fields and turns that say the same."""
    chosen = [each.strip() for each in forms.split(",")]
    if unknown := set(chosen) - set(ALL):
        raise typer.BadParameter(f"there are {', '.join(ALL)}; not {sorted(unknown)}")
    torch.set_num_threads(threads)
    read = read_set(data / "squad2_dev.jsonl").examples
    examples = [each for each in read if is_usable(each)][:rows]
    ratio = split_ratio([chunk.text for each in examples for chunk in each.chunks])
    console = Console()
    console.print(f"time to divide prose, structure looked for / not: {ratio:.2f}")
    engine = AttributionEngine.from_pretrained(str(models / _MODEL))
    store = RowStore.open({"forms": chosen, "model": _MODEL}, kept)
    for example in examples[len(store.rows) :]:
        store.append({form: asdict(_find(engine, form, example)) for form in chosen})
        console.print(f"{len(store.rows)} of {len(examples)} rows", style="dim")
    found = store.rows[: len(examples)]
    totals = {form: _total([Found(**each[form]) for each in found]) for form in chosen}
    console.print(_table(totals, len(found)))
    if json_file is not None:
        figures: dict[str, Any] = {
            "schema": 1,
            "answers": len(found),
            "split_ratio": ratio,
            "forms": {form: asdict(each) for form, each in totals.items()},
            "environment": environment(engine),
        }
        write_results(figures, json_file)


def _total(found: Sequence[Found]) -> Found:
    """Add up what was found in rows."""
    added = (sum(column) for column in zip(*map(astuple, found), strict=True))
    return Found(*added)


def _table(totals: Mapping[str, Found], rows: int) -> Table:
    columns = ("form", "highest score is marked", "a citation is", "citations", "marked", "s")
    table = Table(*columns, title=f"SQuAD, {rows} rows, exact scores")
    for form, each in totals.items():
        counts = (each.first, each.cited, each.citations, each.right)
        table.add_row(form, *map(str, counts), f"{each.seconds:.0f}")
    return table
