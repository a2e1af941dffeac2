"""Causal citations for retrieval-augmented generation.

Measure, with an open-weight language model, how much an answer's log-likelihood falls when a piece
of its context is removed, and cite the pieces that carry it. Names are loaded when they are first
used, so importing the package imports neither torch nor a framework.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from attribot_integrations.context.locating import RawPrompt
    from attribot_integrations.context.prompts import ContextTemplate
    from attribot_integrations.context.sources import Chunk, Source
    from attribot_integrations.engine import AttributionEngine
    from attribot_integrations.errors import AttribotError
    from attribot_integrations.methods import (
        Hierarchical,
        Knockout,
        LeaveOneOut,
        ScreenAndRescore,
    )
    from attribot_integrations.methods.redundancy import FindAlternatives
    from attribot_integrations.requests.options import AttributionRequest, EngineOptions
    from attribot_integrations.results import (
        Alternatives,
        Attribution,
        Citation,
        FailedAttribution,
        Statement,
    )
    from attribot_integrations.results.citations import CitationPolicy, ThresholdPolicy
    from attribot_integrations.results.support import LabelSupport, Support
    from attribot_integrations.scoring.language_model import LanguageModel

__all__ = [
    "Alternatives",
    "AttribotError",
    "Attribution",
    "AttributionEngine",
    "AttributionRequest",
    "Chunk",
    "Citation",
    "CitationPolicy",
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
    "ScreenAndRescore",
    "Source",
    "Statement",
    "Support",
    "ThresholdPolicy",
    "__version__",
]

__version__ = "0.1.0"

_MODULES = {
    "Alternatives": "results",
    "FindAlternatives": "methods.redundancy",
    "LabelSupport": "results.support",
    "RawPrompt": "context.locating",
    "Support": "results.support",
    "AttribotError": "errors",
    "Attribution": "results",
    "AttributionEngine": "engine",
    "AttributionRequest": "requests.options",
    "Chunk": "context.sources",
    "Citation": "results",
    "CitationPolicy": "results.citations",
    "ContextTemplate": "context.prompts",
    "EngineOptions": "requests.options",
    "FailedAttribution": "results",
    "LanguageModel": "scoring.language_model",
    "Hierarchical": "methods",
    "Knockout": "methods",
    "LeaveOneOut": "methods",
    "ScreenAndRescore": "methods",
    "Source": "context.sources",
    "Statement": "results",
    "ThresholdPolicy": "results.citations",
}


def __getattr__(name: str) -> object:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
