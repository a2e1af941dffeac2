"""The fitted numbers fit what they weigh."""

from __future__ import annotations

from attribot_integrations.verifying.agreement import AGREEMENT
from attribot_integrations.verifying.lexical_fit import LEXICAL_BIAS, LEXICAL_WEIGHTS


def test_one_weight_for_each_measure() -> None:
    assert len(LEXICAL_WEIGHTS) == len(AGREEMENT)


def test_signs_keep_the_score_monotone() -> None:
    against = {"numbers", "exchanged", "unsaid", "unheard"}
    for name, weight in zip(AGREEMENT, LEXICAL_WEIGHTS, strict=True):
        assert (weight < 0) == (name in against), name
    assert LEXICAL_BIAS < 0
