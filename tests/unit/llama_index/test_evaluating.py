"""Whether an evaluator is among the callers."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from llama_index.core.evaluation import BaseEvaluator, EvaluationResult

from attribot_integrations.llama_index.evaluating import is_evaluating


class Judge(BaseEvaluator):
    """Says what it finds while it judges."""

    def _get_prompts(self) -> dict[str, Any]:
        return {}

    def _update_prompts(self, prompts: Any) -> None:
        pass

    async def aevaluate(
        self,
        query: str | None = None,
        response: str | None = None,
        contexts: Sequence[str] | None = None,
        **kwargs: Any,
    ) -> EvaluationResult:
        await asyncio.sleep(0)
        return EvaluationResult(passing=asked())


class Other:
    """Has a method of that name, and judges nothing."""

    def evaluate(self) -> bool:
        return asked()


def asked() -> bool:
    return is_evaluating()


def test_nobody_judges() -> None:
    assert not is_evaluating()
    assert not Other().evaluate()


def test_a_judge_is_seen_also_from_a_coroutine() -> None:
    assert Judge().evaluate(response="It did.").passing
    assert asyncio.run(Judge().aevaluate(response="It did.")).passing
