"""Causal citations for retrieval-augmented generation.

Measure, with an open-weight language model, how much an answer's log-likelihood falls when a piece
of its context is removed, and cite the pieces that carry it. Names are loaded when they are first
used, so importing the package imports neither torch nor a framework.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from attribot_integrations.lazy_names import lazy_names

if TYPE_CHECKING:
    from attribot_integrations.context import Chunk, ContextTemplate, RawPrompt, Source
    from attribot_integrations.engine import AttributionEngine
    from attribot_integrations.errors import AttribotError
    from attribot_integrations.methods import (
        FindAlternatives,
        Hierarchical,
        Knockout,
        LeaveOneOut,
        ScreenAndRescore,
    )
    from attribot_integrations.requests import AttributionRequest, EngineOptions
    from attribot_integrations.results import (
        Alternatives,
        Attribution,
        Citation,
        CitationPolicy,
        CiteDependence,
        CiteEvidence,
        CiteSupport,
        FailedAttribution,
        LabelSupport,
        Statement,
        Support,
    )
    from attribot_integrations.scoring import LanguageModel
    from attribot_integrations.service import RemoteEngine
else:
    __getattr__ = lazy_names(
        __name__,
        {
            "Alternatives": "results",
            "AttribotError": "errors",
            "Attribution": "results",
            "AttributionEngine": "engine",
            "AttributionRequest": "requests",
            "Chunk": "context",
            "Citation": "results",
            "CitationPolicy": "results",
            "ContextTemplate": "context",
            "EngineOptions": "requests",
            "FailedAttribution": "results",
            "FindAlternatives": "methods",
            "Hierarchical": "methods",
            "Knockout": "methods",
            "LabelSupport": "results",
            "LanguageModel": "scoring",
            "LeaveOneOut": "methods",
            "RawPrompt": "context",
            "RemoteEngine": "service",
            "ScreenAndRescore": "methods",
            "Source": "context",
            "Statement": "results",
            "Support": "results",
            "CiteDependence": "results",
            "CiteEvidence": "results",
            "CiteSupport": "results",
        },
    )

__all__ = [
    "Alternatives",
    "AttribotError",
    "Attribution",
    "AttributionEngine",
    "AttributionRequest",
    "Chunk",
    "Citation",
    "CitationPolicy",
    "CiteDependence",
    "CiteEvidence",
    "CiteSupport",
    "ContextTemplate",
    "EngineOptions",
    "FailedAttribution",
    "FindAlternatives",
    "Hierarchical",
    "Knockout",
    "LabelSupport",
    "LanguageModel",
    "LeaveOneOut",
    "RawPrompt",
    "RemoteEngine",
    "ScreenAndRescore",
    "Source",
    "Statement",
    "Support",
    "__version__",
]

__version__ = "0.1.0"


def __dir__() -> list[str]:
    return sorted(__all__)
