"""How well verifiers find what states a statement, and the fit of the built-in one.

python -m benchmarks verifier --data DIR --json benchmarks/results/verifier.json
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import numpy.typing as npt
import typer
from rich.console import Console
from rich.table import Table
from sklearn.metrics import roc_auc_score

from attribot_integrations.evaluation.calibration import expected_calibration_error
from attribot_integrations.evaluation.metrics import average_precision, citation_quality
from attribot_integrations.evaluation.store import write_results
from attribot_integrations.evaluation.text_scorers import StringFirst, TextScorer, TfidfSimilarity
from attribot_integrations.results import FloatArray
from attribot_integrations.verifying import EncoderVerifier, LexicalVerifier, Verifier
from attribot_integrations.verifying.agreement import AGREEMENT, measure_agreement
from attribot_integrations.verifying.protocol import verified
from benchmarks.verifier_cases import VerifierCase, read_cases
from benchmarks.verifier_fit import LexicalFit, fit_lexical

__all__ = ["verifier", "verifier_figures"]

CITED = 0.4
"""Least score of a sentence that counts as cited, for F1."""

Score = Callable[[VerifierCase], FloatArray]
Figures = dict[str, Any]


def verifier(
    data: Annotated[Path, typer.Option(help="Folder of the data files.", file_okay=False)],
    encoder: Annotated[
        Path | None, typer.Option(help="Folder of an encoder to measure beside.", file_okay=False)
    ] = None,
    share: Annotated[float, typer.Option(help="Share of the rows.")] = 1.0,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write figures here.")] = None,
) -> None:
    """Measure verifiers on marked sentences and unsupported answers, and fit the built-in one."""
    cases = list(read_cases(data, share))
    scores: dict[str, Score] = {
        "answer string, then TF-IDF": _asking(StringFirst()),
        "TF-IDF": _asking(TfidfSimilarity()),
        "words": _verifying(LexicalVerifier()),
        "words, not stemmed": _verifying(LexicalVerifier(None)),
    }
    if encoder is not None:
        scores[f"embeddings, {encoder.name}"] = _verifying(EncoderVerifier(_Remembering(encoder)))
    verifiers = {name: verifier_figures(cases, score) for name, score in scores.items()}
    fit, halves = _fitted(cases)
    verifiers["words, fitted on the other half"] = halves
    results = {
        "schema": 1,
        "rows": {
            name: len({each.index for each in cases if each.data == name}) for name in _sets(cases)
        },
        "answers": len(cases),
        "verifiers": verifiers,
        "fit": {"measures": list(AGREEMENT), "weights": list(fit.weights), "bias": fit.bias},
    }
    console = Console(width=160)
    for table in _tables(results):
        console.print(table)
    console.print(results["fit"])
    if json_file is not None:
        write_results(results, json_file)


def verifier_figures(cases: Sequence[VerifierCase], score: Score) -> Figures:
    """Return how well scores place marked sentences, and tell supported statements from others.

    `map` and `f1` are of marked sentences, by data set; a statement's score is that of its best
    sentence for `auroc`, by data set and over all, `auroc_of`, by what was made of the answers,
    and `calibration_error`. `seconds` is for each answer.

    Args:
        cases: The answers.
        score: Returns `[passages, statements]` for one.
    """
    started = time.perf_counter()
    scores = [score(case) for case in cases]
    seconds = (time.perf_counter() - started) / len(cases)
    precision: dict[str, list[float]] = {}
    quality: dict[str, list[float]] = {}
    for case, found in zip(cases, scores, strict=True):
        for name, value in _of_gold(case, found):
            (precision if name == "map" else quality).setdefault(case.data, []).append(value)
    judged = [
        (case.data, case.kind, known, float(best))
        for case, found in zip(cases, scores, strict=True)
        for known, best in zip(case.supported, found.max(axis=0), strict=True)
        if known is not None
    ]
    truth = np.array([known for _, _, known, _ in judged])
    values = np.array([best for _, _, _, best in judged])
    sets = np.array([name for name, _, _, _ in judged])
    kinds = np.array([kind for _, kind, _, _ in judged])
    probable = bool(((values >= 0) & (values <= 1)).all())
    return {
        "map": {name: float(np.mean(each)) for name, each in precision.items()},
        "f1": {name: float(np.mean(each)) for name, each in quality.items()} if probable else None,
        "auroc": {
            **{name: _auroc(truth, values, sets == name) for name in _sets(cases)},
            "all": _auroc(truth, values, sets != ""),
        },
        "auroc_of": {
            kind: _auroc(truth, values, (truth | (kinds == kind)) & (sets != "expertqa"))
            for kind in ("removed", "other", "exchanged")
        },
        "calibration_error": expected_calibration_error(values, truth) if probable else None,
        "seconds": seconds,
    }


def _of_gold(case: VerifierCase, scores: FloatArray) -> Iterator[tuple[str, float]]:
    for unit in case.gold:
        best = scores[:, list(unit.statements)].max(axis=1)
        found = average_precision(best, np.array([each in unit.sentences for each in case.places]))
        if found is not None:
            yield "map", found
        cited = {place for place, each in zip(case.places, best, strict=True) if each >= CITED}
        quality = citation_quality(cited, [{each} for each in unit.sentences])
        if quality is not None:
            yield "f1", quality.f1


def _auroc(
    truth: npt.NDArray[np.bool_], values: npt.NDArray[np.float64], rows: npt.NDArray[np.bool_]
) -> float | None:
    chosen = truth[rows]
    if not chosen.any() or chosen.all():
        return None
    return float(roc_auc_score(chosen, values[rows]))


def _fitted(cases: Sequence[VerifierCase]) -> tuple[LexicalFit, Figures]:
    """Return the fit on all, and figures of each half of the rows by the fit on the other."""
    agreements = [
        measure_agreement(case.question, case.statements, case.passages, "english")
        for case in cases
    ]
    halves = []
    for half in (1, 0):
        kept = [each for each, case in enumerate(cases) if case.index % 2 == half]
        halves.append(
            fit_lexical([cases[each] for each in kept], [agreements[each] for each in kept])
        )
    of_case = {id(case): values for case, values in zip(cases, agreements, strict=True)}

    def score(case: VerifierCase) -> FloatArray:
        logits = halves[case.index % 2].logits(of_case[id(case)])
        return np.asarray(1 / (1 + np.exp(-logits)), dtype=np.float32)

    return fit_lexical(cases, agreements), verifier_figures(cases, score) | {"seconds": None}


class _Remembering:
    """An encoder that encodes a text once, for variants of an answer share their passages."""

    def __init__(self, folder: Path) -> None:
        from sentence_transformers import SentenceTransformer

        self._encoder = SentenceTransformer(str(folder), device="cpu")
        self._known: dict[str, npt.NDArray[np.float32]] = {}

    def encode(
        self, texts: Sequence[str], batch_size: int, show_progress_bar: bool
    ) -> npt.NDArray[np.float32]:
        new = list(dict.fromkeys(text for text in texts if text not in self._known))
        if new:
            found = self._encoder.encode(
                new, batch_size=batch_size, show_progress_bar=show_progress_bar
            )
            self._known.update(zip(new, np.asarray(found), strict=True))
        return np.stack([self._known[text] for text in texts])


def _verifying(verifier: Verifier) -> Score:
    return lambda case: verified(verifier, case.question, case.statements, case.passages)


def _asking(scorer: TextScorer) -> Score:
    def score(case: VerifierCase) -> FloatArray:
        columns = [scorer.score(case.question, each, case.passages) for each in case.statements]
        return np.stack(columns, axis=1)

    return score


def _sets(cases: Sequence[VerifierCase]) -> list[str]:
    return list(dict.fromkeys(case.data for case in cases))


def _tables(results: Mapping[str, Any]) -> Iterator[Table]:
    for title, key in (
        ("mAP of marked sentences", "map"),
        (f"F1 of sentences with a score of {CITED} or more", "f1"),
        ("AUROC, supported against unsupported statements", "auroc"),
        ("AUROC by what is unsupported", "auroc_of"),
    ):
        rows = {name: each[key] for name, each in results["verifiers"].items() if each[key]}
        columns = list(dict.fromkeys(column for each in rows.values() for column in each))
        table = Table("", *columns, title=title)
        for name, each in rows.items():
            cells = [each.get(column) for column in columns]
            table.add_row(name, *("" if cell is None else f"{cell:.3f}" for cell in cells))
        yield table
