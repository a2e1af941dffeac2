"""The numbers of `LexicalVerifier`; `python -m benchmarks verifier` says how they were fitted."""

from __future__ import annotations

from typing import Final

__all__ = ["LEXICAL_BIAS", "LEXICAL_WEIGHTS"]

LEXICAL_WEIGHTS: Final = (1.35, 1.7, 6.63, 2.88, -1.5, -3.0, -2.75, -3.65)
"""Weights of `agreement.AGREEMENT` in the log-odds."""
LEXICAL_BIAS: Final = -2.8
