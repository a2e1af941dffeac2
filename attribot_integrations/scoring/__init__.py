"""Running language models: loading them, and scoring an answer under ablations."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attribot_integrations.lazy_names import lazy_names

if TYPE_CHECKING:
    from attribot_integrations.scoring.capabilities import Capabilities
    from attribot_integrations.scoring.language_model import LanguageModel
    from attribot_integrations.scoring.scorer import AblationScores, Scorer
else:
    __getattr__ = lazy_names(
        __name__,
        {
            "AblationScores": "scorer",
            "Capabilities": "capabilities",
            "LanguageModel": "language_model",
            "Scorer": "scorer",
        },
    )

__all__ = [
    "AblationScores",
    "Capabilities",
    "LanguageModel",
    "Scorer",
]


def __dir__() -> list[str]:
    return sorted(__all__)
