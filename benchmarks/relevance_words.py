"""The filter by words on real text: its default, fits that have not seen the data, and searches.

python -m benchmarks relevance-words --data DIR --rows DIR --json FILE

No language model is run; a sentence encoder retrieves chunks, and is compared. Resumable.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import numpy as np
import typer
from rich.console import Console

from attribot_integrations.evaluation.bootstrap import bootstrap_mean
from attribot_integrations.evaluation.contenders import text_scorer
from attribot_integrations.evaluation.figure_table import Column, figure_table
from attribot_integrations.evaluation.metrics import average_precision
from attribot_integrations.evaluation.store import write_results
from attribot_integrations.filtering.worded import WordProbability
from benchmarks.real_text import ENCODER
from benchmarks.relevance_fit import (
    JudgedWords,
    cross_validated,
    fit_words,
    kept_and_dropped,
    without_marked,
    word_evidence,
)
from benchmarks.relevance_rows import WORD_SETS, JudgedQuestion, judged_questions

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = ["relevance_words"]

_RECALL: Final = 0.95
_WHOLE: Final = "qasper"
"""Whole papers, of which nothing was retrieved: not fitted to."""
_COLUMNS: Final = (
    Column("questions", "questions", 0),
    Column("map", "mAP", 2, with_interval=True),
    Column("recall", "kept", 3, with_interval=True),
    Column("dropped", "others dropped", 2, with_interval=True),
    Column("dropped_at_recall", f"dropped at {_RECALL:.0%} kept", 2),
)


def relevance_words(
    data: Annotated[Path, typer.Option(help="Folder of the data files.", file_okay=False)],
    rows: Annotated[Path, typer.Option(help="Folder of what has been run, to go on with.")],
    models: Annotated[Path, typer.Option(help="What `make models` filled.")] = Path(".models"),
    json_file: Annotated[Path | None, typer.Option("--json", help="Write figures here.")] = None,
) -> None:
    """Measure the filter by words on real text, and fit its default."""
    console = Console(width=130)
    questions: dict[str, list[JudgedQuestion]] = {}
    for name in WORD_SETS:
        questions[name] = judged_questions(data, name, rows, models / ENCODER)
        console.print(f"{name}: {len(questions[name])} questions", style="dim")
    judged = {
        name: [JudgedWords(word_evidence(one.question, one.chunks), one.relevant) for one in own]
        for name, own in questions.items()
    }
    fitted = fit_words(judged)
    console.print(f"fitted: {fitted}")
    unseen = cross_validated(judged)
    figures: dict[str, Any] = {}
    for name, own in questions.items():
        by_question, by_set = unseen[name]
        figures[name] = {
            "words": _default(judged[name], own),
            "words, fitted to other questions": kept_and_dropped(by_question, judged[name]),
            "words, fitted to other data sets": kept_and_dropped(by_set, judged[name]),
            "words, nothing relevant retrieved": _irrelevant(judged[name], own),
            **_searches(own),
        }
        for each in figures[name].values():
            each.setdefault("questions", len(own))
        console.print(figure_table(name, "by", _COLUMNS, figures[name]))
    whole = judged_questions(data, _WHOLE, rows, None)
    figures[f"{_WHOLE}, not fitted to"] = _unfitted(whole)
    console.print(figure_table(_WHOLE, "by", _COLUMNS, figures[f"{_WHOLE}, not fitted to"]))
    if json_file is not None:
        weights = {"matched": fitted.matched, "said": fitted.said, "bias": fitted.bias}
        write_results({"schema": 1, "fitted": weights, "word_relevance": figures}, json_file)


def _unfitted(own: Sequence[JudgedQuestion]) -> dict[str, dict[str, Any]]:
    """Return figures on data that no fit has seen."""
    judged = [JudgedWords(word_evidence(one.question, one.chunks), one.relevant) for one in own]
    figures = {"words": _default(judged, own), **_searches(own)}
    return {name: {"questions": len(own), **each} for name, each in figures.items()}


def _default(judged: Sequence[JudgedWords], own: Sequence[JudgedQuestion]) -> dict[str, Any]:
    """Return figures of the default that is shipped, on the data that it was fitted to."""
    scores = [WordProbability()(each.evidence) for each in judged]
    return {**kept_and_dropped(scores, judged), **_ranking(scores, own)}


def _irrelevant(judged: Sequence[JudgedWords], own: Sequence[JudgedQuestion]) -> dict[str, Any]:
    """Return the share of chunks that the default drops where the marked ones are taken out."""
    left = [
        found
        for each, one in zip(judged, own, strict=True)
        if (found := without_marked(each, one.question, one.chunks)) is not None
    ]
    scores = [WordProbability()(each.evidence) for each in left]
    return {"questions": len(left), **kept_and_dropped(scores, left)}


def _searches(own: Sequence[JudgedQuestion]) -> dict[str, dict[str, Any]]:
    """Return how well searches for the question rank the chunks."""
    similar = [each.similar for each in own if each.similar is not None]
    found = {"embeddings (MiniLM)": _ranking(similar, own)} if similar else {}
    for name in ("bm25", "tfidf"):
        search = text_scorer(name)
        scores = [search.score(one.question, "", [each.text for each in one.chunks]) for one in own]
        found[name] = _ranking(scores, own)
        best = [each / max(float(each.max()), 1e-9) for each in scores]
        found[f"{name}, by the best chunk's"] = _ranking(best, own)
    return found


def _ranking(
    scores: Sequence[npt.NDArray[np.float32]], own: Sequence[JudgedQuestion]
) -> dict[str, Any]:
    """Return how high the marked chunks are, and what one threshold could drop at best."""
    precisions = [
        found
        for score, one in zip(scores, own, strict=True)
        if not one.relevant.all() and (found := average_precision(score, one.relevant)) is not None
    ]
    mean = bootstrap_mean(precisions)
    every, relevant = np.concatenate(scores), np.concatenate([one.relevant for one in own])
    spare = int(np.floor((1 - _RECALL) * relevant.sum() + 1e-9))
    least = np.sort(every[relevant])[spare]
    return {
        "map": None if mean is None else mean.value,
        "map_ci": None if mean is None else [mean.low, mean.high],
        "dropped_at_recall": float((every[~relevant] < least).mean()),
    }
