"""Every number that was chosen by measuring on real text; `docs/real_text.md` says how.

Two small models of different families were measured, on data sets with evidence marked by people,
with answers that the context supports and others that it does not.
"""

from __future__ import annotations

__all__ = [
    "AUDIT_STATED",
    "DOUBTED",
    "ENOUGH_OF_BOTH",
    "ENOUGH_SCORE",
    "MAX_CITATIONS",
    "MIN_PROBABILITY",
    "MIN_SCORE",
    "MIN_SHARE",
    "MIN_STATED",
    "NEAR_BEST_STATED",
    "RELEVANCE_BIAS",
    "RELEVANCE_WEIGHTS",
    "SUPPORT_BIAS",
    "SUPPORT_VERIFIER",
    "SUPPORT_WEIGHTS",
    "UNVERIFIED_BIAS",
    "UNVERIFIED_WEIGHTS",
]

MIN_SCORE = 0.2
"""Least score of a cited source, in nats."""
MIN_SHARE = 0.25
"""Least share of a cited source in the sum of all positive scores."""
ENOUGH_SCORE = 8.0
"""Score, in nats, from which on a source is cited whatever its share."""
MAX_CITATIONS = 5
"""Most sources cited for a statement."""
MIN_STATED = 0.5
"""Least verifier's score of a source that states the statement, and is cited for that."""
NEAR_BEST_STATED = 0.9
"""Least share of the best source's such score."""
DOUBTED = 0.1
"""Verifier's score below which a source that the statement depends on does not seem to state it."""
AUDIT_STATED = 0.4
"""Verifier's score from which on an audit says that a chunk states a statement."""

SUPPORT_WEIGHTS = (0.0, 0.0, 0.585, 0.301, 1.327, 0.901)
"""Weights of `support.FEATURES` in the log-odds of support."""
SUPPORT_BIAS = 2.333
SUPPORT_VERIFIER = "word overlap"
"""Whose scores the last weight is for."""
UNVERIFIED_WEIGHTS = (4.105, 0.961, 0.567, 0.226, -0.864)
"""The same without a verifier."""
UNVERIFIED_BIAS = 1.875
MIN_PROBABILITY = 0.5
"""Least probability of support of what is not `unsupported`."""
ENOUGH_OF_BOTH = 0.25
"""Share of it that is enough where a source states what the statement takes from it."""

RELEVANCE_WEIGHTS = (3.64, 3.6)
"""Weights of what words show of a chunk, see `filtering.worded`, in the log-odds of relevance."""
RELEVANCE_BIAS = -0.945
