"""What is known of an answer: scores, statements, citations, labels; frozen, and without a model.

Results can be stored, loaded and shown on a machine that has no model library.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from attribot_integrations.lazy_names import lazy_names

if TYPE_CHECKING:
    from attribot_integrations.results.attribution import Attribution, FailedAttribution
    from attribot_integrations.results.hops import Hop, Step
    from attribot_integrations.results.parts import (
        Alternatives,
        Audit,
        Basis,
        Certificate,
        Citation,
        Cost,
        Estimand,
        FloatArray,
        ModelCost,
        Statement,
    )
    from attribot_integrations.results.policies import (
        CitationPolicy,
        CiteDependence,
        CiteEvidence,
        CiteSupport,
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
    from attribot_integrations.results.traces import Trace, TracePath
else:
    __getattr__ = lazy_names(
        __name__,
        {
            "Alternatives": "parts",
            "Attribution": "attribution",
            "Audit": "parts",
            "Basis": "parts",
            "Certificate": "parts",
            "Citation": "parts",
            "CitationPolicy": "policies",
            "Cost": "parts",
            "Estimand": "parts",
            "FEATURES": "support",
            "FailedAttribution": "attribution",
            "FloatArray": "parts",
            "Hop": "hops",
            "LabelSupport": "support",
            "ModelCost": "parts",
            "Statement": "parts",
            "Step": "hops",
            "Support": "support",
            "SupportEvidence": "support",
            "SupportLabel": "support",
            "SupportProbability": "support",
            "Trace": "traces",
            "TracePath": "traces",
            "CiteDependence": "policies",
            "CiteEvidence": "policies",
            "CiteSupport": "policies",
            "support_evidence": "support",
        },
    )

__all__ = [
    "FEATURES",
    "Alternatives",
    "Attribution",
    "Audit",
    "Basis",
    "Certificate",
    "Citation",
    "CitationPolicy",
    "CiteDependence",
    "CiteEvidence",
    "CiteSupport",
    "Cost",
    "Estimand",
    "FailedAttribution",
    "FloatArray",
    "Hop",
    "LabelSupport",
    "ModelCost",
    "Statement",
    "Step",
    "Support",
    "SupportEvidence",
    "SupportLabel",
    "SupportProbability",
    "Trace",
    "TracePath",
    "support_evidence",
]


def __dir__() -> list[str]:
    return sorted(__all__)
