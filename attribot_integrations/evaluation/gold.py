"""Comparison with the evidence that people marked."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from attribot_integrations.evaluation.metrics import average_precision, citation_quality

if TYPE_CHECKING:
    from attribot_integrations.evaluation.cases import Case
    from attribot_integrations.results import FloatArray

__all__ = ["compare_with_gold"]


def compare_with_gold(
    case: Case,
    scores: FloatArray,
    cited: frozenset[tuple[int, int]] | None,
    supported: float | None,
) -> dict[str, float | None]:
    """Compare a ranking, and the citations of either level, with gold evidence.

    Args:
        case: The example.
        scores: `[sources]`.
        cited: Cited sentences by chunk and number; `None` for what cites nothing on principle.
        supported: Share of the statements that are labelled as supported.

    Returns:
        Figures by name; none where nobody marked evidence.
    """
    gold = case.example.gold
    if gold is None:
        return {}
    evidence = {ref for places in gold for ref in places}
    relevant = np.array(
        [(source.chunk_index, source.sentence_index) in evidence for source in case.sources]
    )
    values: dict[str, float | None] = {"gold_map": average_precision(scores, relevant)}
    if cited is None:
        return values
    values["supported_with_gold" if gold else "supported_without_gold"] = supported
    if not gold:
        return {**values, "silent_without_gold": float(not cited)}
    places = {
        "sentence": (cited, gold),
        "chunk": (
            {chunk for chunk, _ in cited},
            [{chunk for chunk, _ in places} for places in gold],
        ),
    }
    # Alternatives included: all sentences that state a fact, of which any would be enough.
    values["all_gold_cited"] = float(evidence <= cited)
    for level, (found, needed) in places.items():
        quality = citation_quality(found, needed)
        if quality is not None:
            values |= {
                f"{level}_precision": quality.precision,
                f"{level}_recall": quality.recall,
                f"{level}_f1": quality.f1,
            }
    return values
