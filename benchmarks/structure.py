"""Rows, fields, turns against sentences: what dividing costs, whether the right one is found.

python -m benchmarks structure --data DIR --rows 25
python -m benchmarks structure --data DIR --forms "prose,chat turns,tool outputs"

The sentences of a context become the rows of tables, the members of JSON, the items of a list, what
the user said in earlier turns, or what tools handed back; questions, answers and marked evidence
stay as they are. The same model scores every form exactly.
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
from attribot_integrations.context.kinds import SourceKind
from attribot_integrations.context.sources import Chunk, SourceSet, split_sentences
from attribot_integrations.context.structure import SplitStructure
from attribot_integrations.evaluation.examples import EvaluationExample, read_set
from attribot_integrations.evaluation.store import write_results
from attribot_integrations.results import Attribution

__all__ = ["ALL", "FORMS", "TURNS", "structure"]

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


def _chat_turns(sentences: Sequence[str]) -> list[dict[str, str]]:
    turns = (
        ({"role": "user", "content": text}, {"role": "assistant", "content": "I see."})
        for text in sentences
    )
    return [message for turn in turns for message in turn]


def _tool_outputs(sentences: Sequence[str]) -> list[dict[str, str]]:
    called = (
        (
            {"role": "assistant", "content": "", "name": "look_up", "calls": _call(number)},
            {"role": "tool", "content": text, "name": "look_up"},
        )
        for number, text in enumerate(sentences, 1)
    )
    return [message for pair in called for message in pair]


def _call(number: int) -> str:
    return json.dumps({"name": "look_up", "arguments": {"fact": number}})


TURNS: Final[Mapping[str, tuple[SourceKind, Callable[[Sequence[str]], list[dict[str, str]]]]]] = {
    "chat turns": ("user", _chat_turns),
    "tool outputs": ("tool", _tool_outputs),
}
"""How sentences are said in a conversation, and the kind of source that they are there."""


ALL: Final = (*FORMS, *TURNS)
"""All forms."""


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
    sentences = _sentences(example)
    places = [(chunk, place) for chunk, one in enumerate(sentences) for place in range(len(one))]
    started = time.perf_counter()
    attribute = _in_turns if found.form in TURNS else _in_chunks
    made = attribute(engine, found.form, example, sentences)
    found.seconds += time.perf_counter() - started
    if len(made.sources) != len(places):
        raise ValueError(f"{example.id} as {found.form} divides into {len(made.sources)} sources")
    marked = {place for each in example.gold or () for place in each}
    ids = {each.source_id for each in made.shown_citations}
    cited = {place for one, place in zip(made.sources, places, strict=True) if one.id in ids}
    found.rows += 1
    found.first += places[int(made.source_scores.argmax())] in marked
    found.cited += bool(cited & marked)
    found.citations += len(cited)


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
    kind, say = TURNS[form]
    options = replace(engine.options, method="exact", levels=("chunk",), alternatives=None)
    options = replace(options, sources=("retrieved", kind))
    question = {"role": "user", "content": example.question}
    said = say([text for one in sentences for text in one])
    # Tools are asked after the question, and turns are earlier than it.
    prompt = [question, *said] if kind == "tool" else [*said, question]
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
    json_file: Annotated[Path | None, typer.Option("--json", help="Write figures here.")] = None,
    threads: Annotated[int, typer.Option(help="CPU threads.")] = 1,
) -> None:
    """Compare sentences with rows, fields and turns that say the same."""
    chosen = [each.strip() for each in forms.split(",")]
    if unknown := set(chosen) - set(ALL):
        raise typer.BadParameter(f"there are {', '.join(ALL)}; not {sorted(unknown)}")
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
