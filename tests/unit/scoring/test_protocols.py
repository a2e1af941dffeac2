"""What a scoring model must have, and that the one in this process has it."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from attribot_integrations.scoring.language_model import LanguageModel
from attribot_integrations.scoring.protocols import (
    AblationScores,
    AnswerScorer,
    Draft,
    HeldContext,
    ScoringModel,
)
from attribot_integrations.scoring.scorer import Scorer
from tests.unit.words import WordModel, WordScorer


def members(protocol: type) -> set[str]:
    return {name for name in vars(protocol) if not name.startswith("_")}


@pytest.mark.parametrize(
    ("protocol", "kinds"),
    [(ScoringModel, (LanguageModel, WordModel)), (AnswerScorer, (Scorer, WordScorer))],
)
def test_who_fulfils_a_protocol_has_all_of_it(protocol: type, kinds: tuple[type, ...]) -> None:
    for kind in kinds:
        has = {*dir(kind), *getattr(kind, "__annotations__", {})}
        assert members(protocol) <= has, kind


def test_drops_are_what_is_lost() -> None:
    scores = AblationScores(
        log_probs=np.array([[-1.0, -4.0], [-2.0, -0.5]], np.float32),
        reference=np.array([[-1.0, -1.0], [-1.0, -1.0]], np.float32),
    )
    assert scores.drops.tolist() == [[0.0, 3.0], [1.0, -0.5]]


def test_a_draft_may_leave_nothing_behind() -> None:
    assert Draft("", None, 40, 1).prefix is None


def test_a_held_context_can_be_let_go() -> None:
    held: HeldContext = WordModel().hold_context()
    assert held.let_go() is False


def test_the_protocols_load_no_model_library() -> None:
    code = "import sys, attribot_integrations.scoring.protocols; print('torch' in sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "False"
