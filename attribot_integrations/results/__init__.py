"""What is known of an answer: scores, statements, citations, labels; frozen, and without a model.

Results can be stored, loaded and shown on a machine that has no model library.
"""

from attribot_integrations.results.attribution import Attribution, FailedAttribution
from attribot_integrations.results.citations import CitationPolicy, ThresholdPolicy
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
from attribot_integrations.results.support import (
    FEATURES,
    LabelSupport,
    Support,
    SupportEvidence,
    SupportLabel,
    SupportProbability,
    support_evidence,
)

__all__ = [
    "FEATURES",
    "Alternatives",
    "Attribution",
    "Audit",
    "Citation",
    "CitationPolicy",
    "Cost",
    "Estimand",
    "FailedAttribution",
    "FloatArray",
    "LabelSupport",
    "ModelCost",
    "Statement",
    "Support",
    "SupportEvidence",
    "SupportLabel",
    "SupportProbability",
    "ThresholdPolicy",
    "support_evidence",
]
