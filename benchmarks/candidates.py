"""What the defaults were chosen by: candidates on recorded answers, and the fit of the labels.

python -m benchmarks defaults --data DIR --output DIR --json benchmarks/results/defaults.json
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, Final

import numpy as np
import typer
from rich.console import Console
from rich.table import Table

from attribot_integrations.evaluation.calibration import calibrate_statements
from attribot_integrations.evaluation.gold_units import citation_figures, gold_units
from attribot_integrations.evaluation.label_figures import known_support
from attribot_integrations.evaluation.recordings import Recorded
from attribot_integrations.evaluation.store import write_results
from attribot_integrations.results.judging import judged
from attribot_integrations.results.policies import (
    CitationPolicy,
    CiteDependence,
    CiteEvidence,
    CiteSupport,
)
from attribot_integrations.results.support import LabelSupport, SupportEvidence, support_evidence
from attribot_integrations.verifying import LexicalVerifier, with_verifier
from benchmarks.real_text import PLANS, real_suite

__all__ = ["POLICIES", "defaults"]

POLICIES: Final[tuple[CitationPolicy, ...]] = (
    CiteDependence(1.0, 3, 0.0),
    CiteDependence(0.3, 3, 0.2, 99.0),
    CiteDependence(0.1, 5, 0.25, 99.0),
    CiteDependence(0.1, 5, 0.25, 8.0),
    CiteDependence(0.2, 5, 0.25, 8.0),
    CiteDependence(0.2, 5, 0.25, 4.0),
    CiteDependence(0.2, 5, 0.2, 8.0),
    CiteDependence(0.2, 5, 0.3, 8.0),
    CiteSupport(0.3, 0.7),
    CiteSupport(0.5, 0.9),
    CiteSupport(0.9, 0.9),
    CiteEvidence(CiteDependence(), CiteSupport(0.5, 0.9)),
    CiteEvidence(CiteDependence(), CiteSupport(0.7, 0.9)),
    CiteEvidence(CiteDependence(), CiteSupport(0.8, 0.9)),
    CiteEvidence(CiteDependence(), CiteSupport(0.9, 0.9)),
    CiteEvidence(CiteDependence(min_share=0.3), CiteSupport(0.9, 0.9)),
    CiteEvidence(CiteDependence(), CiteSupport(0.95, 0.9)),
)
"""The first is the threshold that the method's authors' scale suggests: one nat."""

_TOLD_BY_WORDS: Final = ", expertqa"
"""What the fit without a verifier leaves out: dependence on a small model tells nothing of claims
that experts judged by whole web pages, and a fit to them would believe what no passage says."""

Sets = Mapping[str, list[Recorded]]


def defaults(
    data: Annotated[Path, typer.Option(help="Folder of the data files.", file_okay=False)],
    models: Annotated[Path, typer.Option(help="What `make models` filled.")] = Path(".models"),
    output: Annotated[Path, typer.Option(help="Folder of the recordings.")] = Path(".recordings"),
    json_file: Annotated[Path | None, typer.Option("--json", help="Write figures here.")] = None,
) -> None:
    """Judge candidates for the defaults on what `real` has recorded."""
    sets = {name: found for name, found in _recorded(data, models, output) if found}
    policies = [_judged(policy, sets) for policy in POLICIES]
    evidence, supported = _known(sets)
    others = {name: found for name, found in sets.items() if not name.endswith(_TOLD_BY_WORDS)}
    unverified, without = _known(others)
    results = {
        "schema": 1,
        "sets": {
            name: len({each.attribution.id for each in found}) for name, found in sets.items()
        },
        "policies": policies,
        "support": _fitted(evidence, supported),
        "support_without_verifier": _fitted(
            [replace(each, best_stated=None) for each in unverified], without
        ),
    }
    console = Console(width=160)
    table = Table("policy", *sets, title="F1 of cited sentences against gold")
    for row in policies:
        table.add_row(row["policy"], *(_shown(row["f1"][name]) for name in sets))
    console.print(table)
    console.print(results["support"], results["support_without_verifier"])
    if json_file is not None:
        write_results(results, json_file)


def _shown(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def _recorded(data: Path, models: Path, output: Path) -> Iterator[tuple[str, list[Recorded]]]:
    for model in (name for name, plan in PLANS.items() if plan.gold):
        suite = real_suite(model, data, models)
        for part in suite.parts:
            name = next(iter(part.methods))
            folder = output / model / part.data.name.removesuffix(".jsonl") / name
            if folder.is_dir():
                found = [
                    replace(each, attribution=with_verifier(each.attribution, LexicalVerifier()))
                    for each in suite.recorder(part, name).read(folder)
                ]
                yield f"{model}, {part.data.name.removesuffix('_dev.jsonl')}", found


def _judged(policy: CitationPolicy, sets: Sets) -> dict[str, Any]:
    found: dict[str, float | None] = {}
    for name, recorded in sets.items():
        values = [
            figures["sentence_f1"]
            for each in recorded
            for unit in gold_units(each, judged(each.attribution, policy, LabelSupport()))
            if (figures := citation_figures(unit, unit.cited)).get("sentence_f1") is not None
        ]
        known = [each for each in values if each is not None]
        found[name] = float(np.mean(known)) if known else None  # no sentence is marked
    return {"policy": repr(policy), "f1": found}


def _fitted(evidence: Sequence[SupportEvidence], supported: Sequence[bool]) -> dict[str, Any]:
    fit = calibrate_statements(evidence, supported)
    probability = fit.labels.probability
    return {
        "weights": list(probability.weights) if probability else None,
        "bias": probability.bias if probability else None,
        "statements": fit.statements,
        "supported": int(np.sum(supported)),
        "auroc": fit.auroc,
        "accuracy": fit.accuracy,
        "calibration_error": fit.calibration_error,
        "best_threshold": fit.labels.min_probability,
    }


def _known(sets: Sets) -> tuple[list[SupportEvidence], list[bool]]:
    """Return the statements that labels are fitted to, and whether each has support."""
    evidence: list[SupportEvidence] = []
    supported: list[bool] = []
    for recorded in sets.values():
        for each in recorded:
            found = support_evidence(each.attribution)
            for index, known in known_support(each):
                evidence.append(found[index])
                supported.append(known)
    return evidence, supported
