"""LangChain integration: citations for any chain, agent or graph.

`CitationMiddleware`, for agents, is loaded when it is first used, for it needs an extra of its own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from attribot_integrations.errors import MissingExtraError
from attribot_integrations.lazy_names import lazy_names

try:
    import langchain_core  # noqa: F401
except ImportError as error:
    raise MissingExtraError("LangChain integration", "langchain") from error

from attribot_integrations.langchain.annotations import citation_annotations
from attribot_integrations.langchain.callbacks import CitationCallbackHandler
from attribot_integrations.langchain.compressors import (
    AttributionDocumentCompressor,
    FilteringRetriever,
)
from attribot_integrations.langchain.context import get_citations_callback
from attribot_integrations.langchain.messages import add_citations, strip_citations
from attribot_integrations.langchain.plain import DocumentData, SupportData
from attribot_integrations.langchain.records import CitationRecord
from attribot_integrations.langchain.registration import aregister_documents, register_documents
from attribot_integrations.langchain.runnables import (
    CitedAnswer,
    CitedPiece,
    CitingRunnable,
    cite,
)
from attribot_integrations.langchain.verifiers import EmbeddingsVerifier

if TYPE_CHECKING:
    from attribot_integrations.langchain.agents import CitationMiddleware, CitedAgentState
else:
    __getattr__ = lazy_names(
        __name__, {"CitationMiddleware": "agents", "CitedAgentState": "agents"}
    )

__all__ = [
    "AttributionDocumentCompressor",
    "CitationCallbackHandler",
    "CitationMiddleware",
    "CitationRecord",
    "CitedAgentState",
    "CitedAnswer",
    "CitedPiece",
    "CitingRunnable",
    "DocumentData",
    "EmbeddingsVerifier",
    "FilteringRetriever",
    "SupportData",
    "add_citations",
    "aregister_documents",
    "citation_annotations",
    "cite",
    "get_citations_callback",
    "register_documents",
    "strip_citations",
]


def __dir__() -> list[str]:
    return sorted(__all__)
