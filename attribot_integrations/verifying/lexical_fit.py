"""The numbers of `LexicalVerifier`; `python -m benchmarks verifier` says how they were fitted."""

from __future__ import annotations

from typing import Final

__all__ = ["LEXICAL_BIAS", "LEXICAL_WEIGHTS"]

LEXICAL_WEIGHTS: Final = (1.34, 1.64, 6.53, 2.59, -1.5, -3.0, -2.86, -3.71)
"""Weights of `agreement.AGREEMENT` in the log-odds."""
LEXICAL_BIAS: Final = -2.86
