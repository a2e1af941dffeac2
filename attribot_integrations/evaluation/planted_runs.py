"""Audits of recorded answers with planted faults: what is found, and what is a false alarm."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from attribot_integrations.evaluation.bootstrap import bootstrap_mean
from attribot_integrations.evaluation.planted import (
    CitedExample,
    PlantedOutcome,
    cited_example,
    planted_answers,
    planted_outcome,
)
from attribot_integrations.results import Attribution
from attribot_integrations.verifying import with_verifier

if TYPE_CHECKING:
    from attribot_integrations.auditing import AuditOptions
    from attribot_integrations.evaluation.recordings import Recorded
    from attribot_integrations.verifying import Verifier

__all__ = ["planted_figures", "recorded_pairs"]

Pair = tuple[CitedExample, Attribution]


def recorded_pairs(recorded: Iterable[Recorded]) -> Iterator[Pair]:
    """Yield the recorded answers that faults can be planted in, with their attributions.

    Where the sentences of a single chunk stand for chunks, so do they in the attribution: what is
    known of each is what removing it from its chunk costs.

    Args:
        recorded: What `recordings.Recorder` has read.
    """
    for each in recorded:
        if each.variant.kind != "answer":
            continue
        example = cited_example(each.variant.example)
        if example is None:
            continue
        alone = len(each.variant.example.chunks) == 1
        yield example, _by_sentence(each.attribution, example) if alone else each.attribution


def _by_sentence(attribution: Attribution, example: CitedExample) -> Attribution:
    """Make each sentence of a single chunk a chunk of its own."""
    sources = tuple(
        replace(
            source,
            chunk_index=source.sentence_index or 0,
            sentence_index=0,
            start=0,
            end=len(source.text),
        )
        for source in attribution.sources
    )
    return replace(attribution, chunks=example.chunks, sources=sources, citations=())


def planted_figures(
    pairs: Iterable[Pair],
    *,
    options: AuditOptions | None = None,
    verifier: Verifier | None = None,
    seed: int = 0,
) -> dict[str, Any]:
    """Return what audits find of planted faults, and how often they call right citations wrong.

    `exchanged`, `dropped`, `added`: share of such faults that are found; `…_located`: share of
    which the right chunk is named instead. `alarms`: share of the right citations that are called
    wrong, over answers without a fault; `unknown`: that are not judged; `missing`: share of the
    statements with all their citations of which one is said to be missing. Each has a bootstrap
    interval at 95 %, and the number of values.

    Args:
        pairs: Answers with their attributions.
        options: What counts as evidence.
        verifier: Says what sources state; `None` for dependence alone.
        seed: Of where the faults are.
    """
    values: dict[str, list[float]] = {}
    answers = 0
    for example, recorded in pairs:
        answers += 1
        attribution = with_verifier(recorded, verifier)
        for planted in planted_answers(example, seed):
            outcome = planted_outcome(planted, attribution, options)
            for name, value in _values(planted.fault, outcome):
                values.setdefault(name, []).append(value)
    figures: dict[str, Any] = {"answers": answers}
    for name, found in values.items():
        mean = bootstrap_mean(found)
        if mean is not None:
            figures |= {
                name: mean.value,
                f"{name}_ci": [mean.low, mean.high],
                f"{name}_n": mean.count,
            }
    return figures


def _values(fault: str | None, outcome: PlantedOutcome) -> Iterator[tuple[str, float]]:
    if fault is not None:
        yield fault, float(bool(outcome.found))
        if outcome.located is not None:
            yield f"{fault}_located", float(outcome.located)
        return
    for name, part, whole in (
        ("alarms", outcome.alarms, outcome.citations),
        ("unknown", outcome.unknown, outcome.citations),
        ("missing", outcome.missing, outcome.statements),
    ):
        yield from [(name, 1.0)] * part + [(name, 0.0)] * (whole - part)
