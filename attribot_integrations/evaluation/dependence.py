"""What an answer really depends on: its likelihood when the best sources go, or alone stay."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from attribot_integrations.evaluation.metrics import datamodeling_score

if TYPE_CHECKING:
    from attribot_integrations.context.sources import Source
    from attribot_integrations.results import FloatArray
    from attribot_integrations.scoring.scorer import Scorer

__all__ = ["dependence"]

Rows = tuple[int, ...]


def dependence(
    scorer: Scorer,
    sources: Sequence[Source],
    scores: Mapping[str, FloatArray],
    kept: npt.NDArray[np.bool_],
    counts: Sequence[int],
) -> dict[str, dict[str, float | None]]:
    """Measure rankings by ablations, for which no reference scores are needed.

    `drop_k` is the log-likelihood lost when the k best sources are removed (comprehensiveness), in
    nats. `keep_k` is the share of what the context gains the answer that stays when only the k best
    stay (sufficiency), `None` where it gains less than a nat. Both as DeYoung et al. 2020, arXiv
    1911.03429, 4.2, in log-likelihoods. `lds` is the linear datamodelling score.

    Args:
        scorer: Scorer of the target for the answer.
        sources: What is ranked.
        scores: `[sources]` by name.
        kept: `[ablations, sources]`, the random ablations of the linear datamodelling score.
        counts: How many sources are removed or stay.
    """
    best = {(name, count): _best(scores[name], count) for name in scores for count in counts}
    every = frozenset(range(len(sources)))
    removals: dict[frozenset[int], None] = {every: None}
    for rows in best.values():
        removals |= {frozenset(rows): None, every - frozenset(rows): None}
    removals |= {frozenset(np.flatnonzero(~row).tolist()): None for row in kept}
    result = scorer.score(
        [frozenset(id_ for row in rows for id_ in sources[row].sentence_ids) for rows in removals]
    )
    after = dict(zip(removals, result.log_probs.sum(axis=1).tolist(), strict=True))
    full = float(result.reference[0].sum())
    gain = full - after[every]
    outcomes = np.array([after[frozenset(np.flatnonzero(~row).tolist())] for row in kept])
    found: dict[str, dict[str, float | None]] = {}
    for name in scores:
        figures = found[name] = {}
        for count in counts:
            chosen = frozenset(best[name, count])
            figures[f"drop_{count}"] = full - after[chosen]
            share = (after[every - chosen] - after[every]) / gain if gain >= 1.0 else None
            figures[f"keep_{count}"] = share
        figures["lds"] = datamodeling_score(scores[name], kept, outcomes)
    return found


def _best(scores: FloatArray, count: int) -> Rows:
    """Return the rows of the sources with the highest scores, ties in reading order."""
    ranked = np.argsort(-scores, kind="stable")[:count]
    return tuple(sorted(int(row) for row in ranked))
