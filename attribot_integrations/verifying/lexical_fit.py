"""The numbers of `LexicalVerifier`; `python -m benchmarks verifier` says how they were fitted."""

from __future__ import annotations

from typing import Final

__all__ = ["LEXICAL_BIAS", "LEXICAL_WEIGHTS"]

LEXICAL_WEIGHTS: Final = (1.31, 2.03, 4.95, 2.25, -1.5, -3.0, -2.52, -3.32)
"""Weights of `agreement.AGREEMENT` in the log-odds."""
LEXICAL_BIAS: Final = -2.57
