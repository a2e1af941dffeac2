"""A small LlamaIndex query engine over made-up facts, for demonstrations and tests.

Every part is a real LlamaIndex component: a retriever, a synthesizer with a prompt template, the
bundled target as a language model. Nothing is downloaded, and a query takes a fraction of a second
on a CPU.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from pydantic import Field

from attribot_integrations.context.prompts import DEFAULT_TEMPLATE
from attribot_integrations.demo.showcase import DemoFacts, demo_facts, rank
from attribot_integrations.demo.writing import write_answer
from attribot_integrations.engine import AttributionEngine
from attribot_integrations.errors import MissingExtraError
from attribot_integrations.scoring.language_model import in_process

try:
    from llama_index.core.base.llms.types import (
        CompletionResponse,
        CompletionResponseGen,
        LLMMetadata,
    )
    from llama_index.core.llms import CustomLLM
    from llama_index.core.llms.callbacks import llm_completion_callback
    from llama_index.core.prompts import PromptTemplate
    from llama_index.core.query_engine import RetrieverQueryEngine
    from llama_index.core.response_synthesizers import CompactAndRefine
    from llama_index.core.retrievers import BaseRetriever
    from llama_index.core.schema import NodeWithScore, QueryBundle, TextNode
except ImportError as error:
    raise MissingExtraError("the demo query engine", "llama-index") from error

__all__ = ["DemoLLM", "DemoNodeRetriever", "DemoQueryEngine", "demo_nodes", "demo_query_engine"]

_TEMPLATE: Final = DEFAULT_TEMPLATE.format(context="{context_str}", question="{query_str}")
"""The prompt that the bundled target was trained with, with LlamaIndex's names of the fields."""


@dataclass(frozen=True)
class DemoQueryEngine:
    """A query engine, and what can be asked of it."""

    query_engine: RetrieverQueryEngine
    questions: tuple[str, ...]
    """Questions that the nodes answer; the last one asks for two facts."""
    unanswerable: str
    """A question like these, about a person whom no node mentions."""
    nodes: tuple[TextNode, ...]
    """All nodes that the engine retrieves from."""
    retriever: BaseRetriever
    """Finds the nodes; also for chat engines."""
    llm: DemoLLM
    """Writes the answers."""
    engine: AttributionEngine
    """The engine whose target the `llm` is."""


class DemoNodeRetriever(BaseRetriever):
    """Retrieves the nodes that share the rarest words with the question.

    Args:
        nodes: What is searched.
        k: Number of nodes retrieved.
    """

    def __init__(self, nodes: tuple[TextNode, ...], k: int = 4) -> None:
        self.nodes = nodes
        self.k = k
        super().__init__()

    def _retrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        texts = [node.text for node in self.nodes]
        found = rank(query_bundle.query_str, texts)[: self.k]
        return [
            NodeWithScore(node=self.nodes[index], score=1.0 / place)
            for place, index in enumerate(found, start=1)
        ]


class DemoLLM(CustomLLM):
    """A transformers model that always writes its likeliest token, one user message a prompt."""

    model: Any = Field(repr=False, exclude=True)
    """A causal language model of transformers; it may be shared with an engine."""
    tokenizer: Any = Field(repr=False, exclude=True)
    """The model's own tokenizer, with a chat template."""
    max_new_tokens: int = 64
    """Most tokens of an answer."""

    @property
    def metadata(self) -> LLMMetadata:
        """What LlamaIndex needs to know of the model."""
        return LLMMetadata(
            context_window=self.model.config.max_position_embeddings,
            num_output=self.max_new_tokens,
            model_name="attribot-demo",
        )

    @llm_completion_callback()
    def complete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> CompletionResponse:
        """Answer a prompt."""
        messages = [{"role": "user", "content": prompt}]
        return CompletionResponse(
            text=write_answer(self.model, self.tokenizer, messages, self.max_new_tokens)
        )

    @llm_completion_callback()
    def stream_complete(
        self, prompt: str, formatted: bool = False, **kwargs: Any
    ) -> CompletionResponseGen:
        """Answer a prompt word by word, once the whole answer is there."""
        text = self.complete(prompt, formatted=True).text
        words = text.split(" ")

        def stream() -> CompletionResponseGen:
            written = ""
            for number, word in enumerate(words):
                delta = f" {word}" if number else word
                written += delta
                yield CompletionResponse(text=written, delta=delta)

        return stream()


def demo_nodes(facts: DemoFacts | None = None) -> tuple[TextNode, ...]:
    """Return a fixed set of nodes about made-up entities; their titles are not shown to models."""
    return tuple(
        TextNode(
            text=chunk.text,
            id_=chunk.id or "",
            metadata=dict(chunk.metadata),
            excluded_llm_metadata_keys=["title"],
        )
        for chunk in (facts or demo_facts()).chunks
    )


def demo_query_engine(
    engine: AttributionEngine | None = None, *, k: int = 4, streaming: bool = False
) -> DemoQueryEngine:
    """Build a query engine that answers with an attribution engine's target.

    Args:
        engine: The engine whose model writes the answers; by default one with the bundled models.
        k: Number of nodes retrieved for a question.
        streaming: Whether responses stream.

    Raises:
        ModelError: If a model cannot be loaded.
    """
    from transformers import AutoTokenizer

    engine = engine or AttributionEngine.demo()
    facts = demo_facts()
    nodes = demo_nodes(facts)
    llm = DemoLLM(
        model=in_process(engine.target).model,
        tokenizer=AutoTokenizer.from_pretrained(engine.target.name),
    )
    retriever = DemoNodeRetriever(nodes, k)
    synthesizer = CompactAndRefine(
        llm=llm, text_qa_template=PromptTemplate(_TEMPLATE), streaming=streaming
    )
    return DemoQueryEngine(
        RetrieverQueryEngine(retriever=retriever, response_synthesizer=synthesizer),
        facts.questions,
        facts.unanswerable,
        nodes,
        retriever,
        llm,
        engine,
    )
