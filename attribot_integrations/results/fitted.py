"""Every number that was chosen by measuring on real text; `docs/real_text.md` says how.

Two small models of different families were measured, on data sets with evidence marked by people,
with answers that the context supports and others that it does not.
"""

from __future__ import annotations

__all__ = [
    "ENOUGH_SCORE",
    "MAX_CITATIONS",
    "MIN_PROBABILITY",
    "MIN_SCORE",
    "MIN_SHARE",
    "MIN_STATES",
    "SUPPORT_BIAS",
    "SUPPORT_WEIGHTS",
]

MIN_SCORE = 0.2
"""Least score of a cited source, in nats."""
MIN_SHARE = 0.25
"""Least share of a cited source in the sum of all positive scores."""
ENOUGH_SCORE = 8.0
"""Score, in nats, from which on a source is cited whatever its share."""
MIN_STATES = 0.7
"""Least word of the lexical verifier on a chunk that states a statement, in audits; chosen on
answers with planted faults."""
MAX_CITATIONS = 5
"""Most sources cited for a statement."""

SUPPORT_WEIGHTS = (3.37, 1.31, 0.601, 0.241, -1.277)
"""Weights of `support.FEATURES` in the log-odds of support."""
SUPPORT_BIAS = 2.11
MIN_PROBABILITY = 0.45
"""Least probability of support of what is not `unsupported`."""
