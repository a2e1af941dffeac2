"""Telling a judge's query from a user's: evaluators ask their own engines and report no span."""

from __future__ import annotations

import sys
from types import FrameType
from typing import Final

from llama_index.core.evaluation import BaseEvaluator

__all__ = ["is_evaluating"]

_METHODS: Final = frozenset({"evaluate", "aevaluate", "evaluate_response", "aevaluate_response"})


def is_evaluating() -> bool:
    """Tell whether an evaluator is among the callers, also of a coroutine that it awaits."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        if frame.f_code.co_name in _METHODS and isinstance(
            frame.f_locals.get("self"), BaseEvaluator
        ):
            return True
        frame = frame.f_back
    return False
