"""What is known of an answer: scores, statements, citations, labels; frozen, and without a model.

Results can be stored, loaded and shown on a machine that has no model library.
"""

from attribot_integrations.results.attribution import Attribution, FailedAttribution
from attribot_integrations.results.parts import (
    Alternatives,
    Audit,
    Citation,
    Cost,
    Estimand,
    FloatArray,
    ModelCost,
    Statement,
)

__all__ = [
    "Alternatives",
    "Attribution",
    "Audit",
    "Citation",
    "Cost",
    "Estimand",
    "FailedAttribution",
    "FloatArray",
    "ModelCost",
    "Statement",
]
