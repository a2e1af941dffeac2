"""A scorer that shows what it attends to, and a screen for it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from attribot_integrations.methods.screens import AttentionScreen
from attribot_integrations.scoring.protocols import AttentionReading, ModelSignature
from tests.unit.methods.linear import LinearScorer

SIGNATURE = ModelSignature("Tiny", 1, 9, np.arange(6, dtype=np.float32).reshape(2, 3) - 1)
SCREEN = AttentionScreen(np.array([0.5, 2.0], np.float32), SIGNATURE, "tiny")


def signature(**changed: object) -> ModelSignature:
    """The signature with some parts exchanged."""
    parts = {"architecture": "Tiny", "layers": 1, "vocabulary": 9, "probe": SIGNATURE.probe}
    return ModelSignature(**{**parts, **changed})  # type: ignore[arg-type]


@dataclass(frozen=True)
class ReadingScorer(LinearScorer):
    """Its first head attends to sentences by their number, its second one to what is lost."""

    model: ModelSignature = SIGNATURE

    def read_attention(
        self, groups: Sequence[frozenset[int]], beside: Sequence[frozenset[int]] = ()
    ) -> AttentionReading:
        self.asked.append(("read", frozenset().union(*groups)))
        losses = np.array(self.losses, np.float32)
        numbers = [[float(sum(group))] * 2 for group in groups]
        lost = [losses[sorted(group)].sum(axis=0) for group in groups]
        shares = np.stack([np.array(numbers, np.float32), np.array(lost, np.float32)])
        return AttentionReading((shares / 10).astype(np.float32), self.model)
