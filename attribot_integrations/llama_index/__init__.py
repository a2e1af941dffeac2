"""LlamaIndex integration: citations for any query engine, chat engine or agent."""

from __future__ import annotations

from attribot_integrations.errors import MissingExtraError

try:
    import llama_index.core  # noqa: F401
except ImportError as error:
    raise MissingExtraError("LlamaIndex integration", "llama-index") from error

from attribot_integrations.llama_index.blocks import format_with_markers, to_citation_blocks
from attribot_integrations.llama_index.callbacks import AttributionCallbackHandler
from attribot_integrations.llama_index.events import AttributionEventHandler
from attribot_integrations.llama_index.filter_postprocessor import AttributionFilterPostprocessor
from attribot_integrations.llama_index.live import AnswerPiece, CitedStatement
from attribot_integrations.llama_index.node_citations import NodeCitation, get_citations
from attribot_integrations.llama_index.postprocessors import AttributionNodePostprocessor
from attribot_integrations.llama_index.query_engines import AttributedQueryEngine
from attribot_integrations.llama_index.records import AttributionRecord
from attribot_integrations.llama_index.spans import AttributionSpanHandler
from attribot_integrations.llama_index.verifiers import EmbedModelVerifier

__all__ = [
    "AnswerPiece",
    "AttributedQueryEngine",
    "AttributionCallbackHandler",
    "AttributionEventHandler",
    "AttributionFilterPostprocessor",
    "AttributionNodePostprocessor",
    "AttributionRecord",
    "AttributionSpanHandler",
    "CitedStatement",
    "EmbedModelVerifier",
    "NodeCitation",
    "format_with_markers",
    "get_citations",
    "to_citation_blocks",
]
