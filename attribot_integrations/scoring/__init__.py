"""Running language models: loading them, and scoring an answer under ablations.

`LanguageModel` runs in this process, `ServerModel` on a server. Whatever else fulfils
`ScoringModel` can take its place in an engine.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from attribot_integrations.lazy_names import lazy_names

if TYPE_CHECKING:
    from attribot_integrations.scoring.budget import Budget
    from attribot_integrations.scoring.capabilities import Capabilities
    from attribot_integrations.scoring.language_model import LanguageModel
    from attribot_integrations.scoring.protocols import (
        AblationScores,
        AnswerScorer,
        Draft,
        HeldContext,
        ScoringModel,
    )
    from attribot_integrations.scoring.servers.server_model import ServerModel
else:
    __getattr__ = lazy_names(
        __name__,
        {
            "AblationScores": "protocols",
            "AnswerScorer": "protocols",
            "Budget": "budget",
            "Capabilities": "capabilities",
            "Draft": "protocols",
            "HeldContext": "protocols",
            "LanguageModel": "language_model",
            "ScoringModel": "protocols",
            "ServerModel": "servers.server_model",
        },
    )

__all__ = [
    "AblationScores",
    "AnswerScorer",
    "Budget",
    "Capabilities",
    "Draft",
    "HeldContext",
    "LanguageModel",
    "ScoringModel",
    "ServerModel",
]


def __dir__() -> list[str]:
    return sorted(__all__)
