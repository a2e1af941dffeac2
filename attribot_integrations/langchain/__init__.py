"""LangChain integration: citations for any chain, agent or graph.

The middleware for agents is in `attribot_integrations.langchain.agents`, for it needs an extra.
"""

from __future__ import annotations

from attribot_integrations.errors import MissingExtraError

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
from attribot_integrations.langchain.records import CitationRecord
from attribot_integrations.langchain.registration import aregister_documents, register_documents
from attribot_integrations.langchain.runnables import CitedAnswer, CitingRunnable, cite

__all__ = [
    "AttributionDocumentCompressor",
    "CitationCallbackHandler",
    "CitationRecord",
    "CitedAnswer",
    "CitingRunnable",
    "FilteringRetriever",
    "add_citations",
    "aregister_documents",
    "citation_annotations",
    "cite",
    "get_citations_callback",
    "register_documents",
    "strip_citations",
]
