"""`AttributionFilterPostprocessor`: keeps the retrieved nodes that a query needs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from llama_index.core.callbacks import CBEventType, EventPayload
from llama_index.core.instrumentation.events.rerank import ReRankEndEvent, ReRankStartEvent
from llama_index.core.postprocessor.types import BaseNodePostprocessor
from llama_index.core.schema import BaseNode, MetadataMode, NodeWithScore, QueryBundle
from llama_index_instrumentation import get_dispatcher
from pydantic import Field, PrivateAttr

from attribot_integrations.context.sources import Chunk, Span
from attribot_integrations.errors import InputError
from attribot_integrations.filtering.chunk_filter import (
    SPANS_KEY,
    ChunkFilter,
    ChunkScorer,
    KeptChunk,
    trim,
)
from attribot_integrations.filtering.chunk_scoring import named_signal
from attribot_integrations.filtering.keeping import KeepRule
from attribot_integrations.filtering.worded import WordSignal
from attribot_integrations.llama_index.nodes import NodeText, node_texts

if TYPE_CHECKING:
    from attribot_integrations.filtering import Granularity, RelevanceSignal, SignalName

__all__ = ["AttributionFilterPostprocessor"]

_dispatcher = get_dispatcher(__name__)

_RETRIEVAL_SCORE: Final = "retrieval_score"  # LlamaIndex's own rerankers call it so


class AttributionFilterPostprocessor(BaseNodePostprocessor):
    """Keeps the nodes that are relevant to a query, in their order, with their relevance as score.

    Nodes are judged by the text that the language model would see, metadata included. Nothing is
    changed: scores are in new `NodeWithScore` objects, and a node is copied before it is given
    other text or metadata. If no node is relevant, the list is empty. A node without text has a
    relevance of 0. Nodes that together exceed the model's context, or that cannot be scored for
    another reason, are all kept as they are. Rerank events tell of every call.

    Args:
        engine: Scores the nodes.
        threshold: Least probability of relevance, inclusive; 0.5 if neither it nor `top_n` is
            given.
        top_n: Most nodes, those of highest relevance.
        min_nodes: Nodes that are kept in any case, the most relevant ones.
        keep_retrieval_score: Whether `metadata["retrieval_score"]` holds the score that a node
            came with; prompts and embeddings do not show it.
        signal: What relevance is judged by: "words", which runs no model, "draft", "question",
            "both", or an object.
        granularity: "sentence" cuts sentences below the threshold (0.5 if there is none) out of
            the nodes that are kept; a node that would lose all of them stays whole.
            `metadata["attribot_spans"]` holds the offsets of what is left in the node's text.
        raise_error: Whether nodes that cannot be scored are an error.

    Raises:
        ConfigurationError: If an option has a value it cannot have, or `engine` is no engine.
    """

    threshold: float | None = Field(description="Least probability of relevance, inclusive.")
    top_n: int | None = Field(description="Most nodes, those of highest relevance.")
    min_nodes: int = Field(description="Nodes that are kept in any case.")
    keep_retrieval_score: bool = Field(
        description="Whether to keep the retrieval score in metadata."
    )
    signal: Any = Field(description="What relevance is judged by.")
    granularity: Any = Field(description="Whether sentences are cut out, too.")
    raise_error: bool = Field(description="Whether nodes that cannot be scored are an error.")

    _engine: ChunkScorer = PrivateAttr()

    def __init__(
        self,
        engine: ChunkScorer,
        *,
        threshold: float | None = None,
        top_n: int | None = None,
        min_nodes: int = 0,
        keep_retrieval_score: bool = False,
        signal: RelevanceSignal | SignalName = "words",
        granularity: Granularity = "chunk",
        raise_error: bool = False,
    ) -> None:
        fields: dict[str, Any] = {
            "threshold": threshold,
            "top_n": top_n,
            "min_nodes": min_nodes,
            "keep_retrieval_score": keep_retrieval_score,
            "signal": signal,
            "granularity": granularity,
            "raise_error": raise_error,
        }
        super().__init__(**fields)
        self._engine = engine
        self._filter()

    @classmethod
    def class_name(cls) -> str:
        """Return LlamaIndex's name of the class."""
        return "AttributionFilterPostprocessor"

    def _postprocess_nodes(
        self, nodes: list[NodeWithScore], query_bundle: QueryBundle | None = None
    ) -> list[NodeWithScore]:
        choose = self._filter()
        if not nodes:
            return nodes
        if query_bundle is None:
            raise InputError(
                f"a query is needed to filter {len(nodes)} nodes, pass query_bundle or query_str"
            )
        query = query_bundle.query_str
        most = len(nodes) if self.top_n is None else self.top_n
        model = _model_name(self._engine, choose.signal)
        _dispatcher.event(
            ReRankStartEvent(query=query_bundle, nodes=nodes, top_n=most, model_name=model)
        )
        payload: dict[str, Any] = {
            EventPayload.NODES: nodes,
            EventPayload.MODEL_NAME: model,
            EventPayload.QUERY_STR: query,
            EventPayload.TOP_K: most,
        }
        with self.callback_manager.event(CBEventType.RERANKING, payload=payload) as event:
            filtered = self._filtered(choose, query, nodes)
            event.on_end(payload={EventPayload.NODES: filtered})
        _dispatcher.event(ReRankEndEvent(nodes=filtered))
        return filtered

    def _filter(self) -> ChunkFilter:
        return ChunkFilter(
            engine=self._engine,
            rule=KeepRule(self.threshold, self.top_n, self.min_nodes, noun="node"),
            signal=self.signal,
            granularity=self.granularity,
            raise_error=self.raise_error,
        )

    def _filtered(
        self, choose: ChunkFilter, query: str, nodes: list[NodeWithScore]
    ) -> list[NodeWithScore]:
        texts = node_texts(nodes)
        shown = [Chunk(text.shown, text.chunk.id, text.chunk.metadata) for text in texts]
        kept = choose(query, shown)
        if kept is None:
            return list(nodes)
        return [self._scored(nodes[one.index], texts[one.index], one) for one in kept]

    def _scored(self, old: NodeWithScore, text: NodeText, kept: KeptChunk) -> NodeWithScore:
        node = old.node
        added: dict[str, Any] = {}
        content = None
        if self.granularity == "sentence":
            own = node.get_content(metadata_mode=MetadataMode.NONE)
            content, added[SPANS_KEY] = trim(own, _own_spans(own, text, kept.spans))
        if self.keep_retrieval_score:
            added[_RETRIEVAL_SCORE] = old.score
        if added:
            node = _with_metadata(node, added)
        if content is not None:
            node.set_content(content)
        return NodeWithScore(node=node, score=kept.relevance)


def _with_metadata(node: BaseNode, added: dict[str, Any]) -> BaseNode:
    """Return a copy of a node with more metadata, which prompts and embeddings do not show."""
    update: dict[str, Any] = {"metadata": {**node.metadata, **added}}
    for name in ("excluded_llm_metadata_keys", "excluded_embed_metadata_keys"):
        update[name] = list(dict.fromkeys([*getattr(node, name), *added]))
    return node.model_copy(update=update)


def _own_spans(own: str, text: NodeText, spans: Sequence[Span]) -> list[Span]:
    """Turn spans of the text that a prompt shows into spans of the node's own text."""
    body, first = text.body, text.start + text.chunk.body_span[0]
    if own[text.offset : text.offset + len(body)] != body:  # it shows something else
        return []
    last = first + len(body)
    inside = [(max(start, first), min(end, last)) for start, end in spans]
    shift = text.offset - first
    return [(start + shift, end + shift) for start, end in inside if start < end]


def _model_name(engine: object, signal: RelevanceSignal | str) -> str:
    """Return the name of the model that an engine judges by, or what it judges by without one."""
    if isinstance(named_signal(signal), WordSignal):
        return named_signal(signal).name
    model = getattr(engine, "proxy", None) or getattr(engine, "target", None)
    return str(getattr(model, "name", type(engine).__name__))
