"""Relevance of chunks before there is an answer, on real text, against chunks that people marked.

python -m benchmarks relevance --data DIR --rows DIR --json FILE

A drafted answer (`draft`) and the question's own likelihood (`question`), by SmolLM2, beside the
default, `words`, and searches for the question. Resumable.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import numpy as np
import numpy.typing as npt
import torch
import typer
from rich.console import Console

from attribot_integrations.context.sources import SourceSet
from attribot_integrations.evaluation.bootstrap import bootstrap_mean
from attribot_integrations.evaluation.contenders import text_scorer
from attribot_integrations.evaluation.examples import read_set
from attribot_integrations.evaluation.figure_table import Column, figure_table
from attribot_integrations.evaluation.method_runs import environment
from attribot_integrations.evaluation.metrics import average_precision
from attribot_integrations.evaluation.store import RowStore, write_results
from attribot_integrations.filtering.drafted import DraftEvidence, DraftSignal
from attribot_integrations.filtering.keeping import DEFAULT_THRESHOLD
from attribot_integrations.filtering.relevance import RelevanceInput
from attribot_integrations.filtering.signals import QuestionSignal
from attribot_integrations.filtering.worded import WordProbability
from benchmarks.real_text import ENCODER, PLANS, real_engine
from benchmarks.relevance_fit import word_evidence

if TYPE_CHECKING:
    from attribot_integrations import AttributionEngine
    from attribot_integrations.evaluation.examples import EvaluationExample
    from attribot_integrations.evaluation.text_scorers import TextScorer

__all__ = ["relevance"]

_SETS: Final[Mapping[str, int]] = {"hotpotqa": 12, "quotesum": 12, "lfqa": 10}
_RECALL: Final = 0.95
_OURS: Final = ("words", "draft", "question")
_COLUMNS: Final = (
    Column("questions", "questions", 0),
    Column("map", "mAP", 2, with_interval=True),
    Column("recall", "kept at .5", 2),
    Column("dropped", "others dropped", 2),
    Column("dropped_at_recall", f"dropped at {_RECALL:.0%} kept", 2),
)


def relevance(
    data: Annotated[Path, typer.Option(help="Folder of the data files.", file_okay=False)],
    rows: Annotated[Path, typer.Option(help="Folder of what has been run, to go on with.")],
    models: Annotated[Path, typer.Option(help="What `make models` filled.")] = Path(".models"),
    sets: Annotated[str, typer.Option(help="Data sets.")] = ",".join(_SETS),
    json_file: Annotated[Path | None, typer.Option("--json", help="Write figures here.")] = None,
) -> None:
    """Measure what tells relevant chunks of real text from others, before there is an answer."""
    torch.set_num_threads(1)
    engine = real_engine("smollm2", models)
    console = Console(width=130)
    searches = {each: text_scorer(each) for each in ("tfidf", "bm25")}
    if (models / ENCODER).is_dir():
        searches["embeddings (MiniLM)"] = text_scorer(f"embeddings:{models / ENCODER}")
    figures: dict[str, Any] = {}
    for name in (each.strip() for each in sets.split(",")):
        examples = [
            each
            for each in read_set(data / f"{name}_dev.jsonl").examples
            if 0 < len(_marked(each)) < len(each.chunks)
        ][: _SETS[name]]
        store = RowStore.open({"data": name, "searches": [*searches]}, rows / name)
        for number in range(len(store.rows), len(examples)):
            store.append(_row(engine, examples[number], searches))
            console.print(f"{name}: {number + 1} of {len(examples)}", style="dim")
        figures[name] = _figures(store.rows[: len(examples)], examples)
        console.print(figure_table(name, "by", _COLUMNS, figures[name]))
    if json_file is not None:
        results = {
            "schema": 1,
            "target": PLANS["smollm2"].target,
            "environment": environment(engine),
            "relevance": figures,
        }
        write_results(results, json_file)


def _marked(example: EvaluationExample) -> set[int]:
    """Return the chunks that hold marked sentences."""
    return {chunk for fact in example.gold or () for chunk, _ in fact}


def _row(
    engine: AttributionEngine, example: EvaluationExample, searches: Mapping[str, TextScorer]
) -> dict[str, Any]:
    context = SourceSet.build(example.chunks, example.splitter)
    wholes = context.whole_chunks
    inputs = RelevanceInput(engine.target, example.question, context, wholes, engine.options)
    evidence = DraftSignal().examine(inputs)
    texts = [each.text for each in wholes]
    marked = _marked(example)
    return {
        "id": example.id,
        "relevant": [each.chunk_index in marked for each in wholes],
        "draft": evidence.draft,
        "necessary": evidence.necessary.tolist(),
        "sufficient": evidence.sufficient.tolist(),
        "question": QuestionSignal()(inputs).probabilities.tolist(),
        "searches": {
            name: each.score(example.question, "", texts).tolist()
            for name, each in searches.items()
        },
    }


def _figures(
    rows: Sequence[Mapping[str, Any]], examples: Sequence[EvaluationExample]
) -> dict[str, dict[str, Any]]:
    """Return figures by what ranks the chunks."""
    labels = [np.array(row["relevant"], np.bool_) for row in rows]
    evidence = [
        DraftEvidence(
            np.array(row["necessary"], np.float32),
            np.array(row["sufficient"], np.float32),
            row["draft"],
            (),
        )
        for row in rows
    ]
    drafted = DraftSignal().probability
    words = [word_evidence(each.question, each.chunks) for each in examples]
    scores: dict[str, list[npt.NDArray[Any]]] = {
        "words": [WordProbability()(each) for each in words],
        "draft": [drafted(each) if each.draft else each.necessary * 0 for each in evidence],
        "draft, necessary alone": [each.necessary for each in evidence],
        "draft, sufficient alone": [each.sufficient for each in evidence],
        "question": [np.array(row["question"]) for row in rows],
        **{name: [np.array(row["searches"][name]) for row in rows] for name in rows[0]["searches"]},
    }
    return {name: _judged(each, labels, name in _OURS) for name, each in scores.items()}


def _judged(
    scores: Sequence[npt.NDArray[Any]], labels: Sequence[npt.NDArray[np.bool_]], calibrated: bool
) -> dict[str, Any]:
    precisions = [
        found
        for one, label in zip(scores, labels, strict=True)
        if (found := average_precision(one, label)) is not None
    ]
    mean = bootstrap_mean(precisions)
    every, relevant = np.concatenate(scores), np.concatenate(labels)
    spare = int(np.floor((1 - _RECALL) * relevant.sum() + 1e-9))
    least = np.sort(every[relevant])[spare]
    kept = every >= DEFAULT_THRESHOLD
    return {
        "questions": len(scores),
        "map": None if mean is None else mean.value,
        "map_ci": None if mean is None else [mean.low, mean.high],
        "recall": float(kept[relevant].mean()) if calibrated else None,
        "dropped": float((~kept[~relevant]).mean()) if calibrated else None,
        "dropped_at_recall": float((every[~relevant] < least).mean()),
    }
