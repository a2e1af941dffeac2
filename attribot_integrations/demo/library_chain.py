"""A LangChain RAG chain over documents on real subjects, with real models.

The documents are divided into paragraphs, embedded, and kept in LangChain's vector store in memory.
What an attribution engine scores with also writes the answers.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import Field

from attribot_integrations.context.prompts import Prompt, PromptMessage, Segment
from attribot_integrations.demo.chain import DemoChain, WordByWord, rag_chain
from attribot_integrations.demo.library import (
    LIBRARY_QUESTIONS,
    OUTSIDE_QUESTION,
    library_chunks,
)
from attribot_integrations.engine import AttributionEngine
from attribot_integrations.errors import MissingExtraError, ModelError
from attribot_integrations.scoring.hub_access import check_reachable, quiet_loading

try:
    from langchain_core.documents import Document
    from langchain_core.embeddings import Embeddings
    from langchain_core.vectorstores import InMemoryVectorStore
except ImportError as error:
    raise MissingExtraError("the demo chain", "langchain") from error

__all__ = ["EngineChatModel", "MeanEmbeddings", "library_chain"]


class MeanEmbeddings(Embeddings):
    """Sentence embeddings as MiniLM's: the mean over a text's tokens, of length 1.

    Args:
        checkpoint: Name on the hub, or folder, of an encoder.

    Raises:
        ModelError: If it cannot be loaded.
    """

    def __init__(self, checkpoint: str | Path) -> None:
        from transformers import AutoModel, AutoTokenizer

        check_reachable(str(checkpoint))
        try:
            self._tokenizer = AutoTokenizer.from_pretrained(checkpoint)
            with quiet_loading():
                loaded: Any = AutoModel.from_pretrained(checkpoint, use_safetensors=True)
        except (OSError, ValueError) as error:
            raise ModelError(f"cannot load {checkpoint}: {error}") from error
        self._model = loaded.eval()

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        """Embed texts, cut at the encoder's length."""
        return [self.embed_query(text) for text in texts]

    def embed_query(self, text: str) -> list[float]:
        """Embed a text."""
        import torch

        tokens = self._tokenizer(text, truncation=True, return_tensors="pt")
        with torch.inference_mode():
            mean = self._model(**tokens).last_hidden_state[0].mean(dim=0)
        found: list[float] = torch.nn.functional.normalize(mean, dim=0).tolist()
        return found


class EngineChatModel(WordByWord):
    """What an engine scores with, as a LangChain chat model that writes its likeliest tokens."""

    model: Any = Field(repr=False)
    """A `ScoringModel`, such as an engine's target."""

    @property
    def _llm_type(self) -> str:
        return "attribot-engine"

    def answer(self, messages: list[dict[str, Any]]) -> str:
        """Answer messages, each with `role` and `content`."""
        prompt = Prompt(
            tuple(PromptMessage(each["role"], (Segment(each["content"]),)) for each in messages)
        )
        text: str = self.model.draft(prompt, self.max_new_tokens).text
        return text


def library_chain(engine: AttributionEngine, embeddings: Embeddings, *, k: int = 4) -> DemoChain:
    """Build a RAG chain over the documents of `library_chunks`.

    Args:
        engine: The engine whose target writes the answers.
        embeddings: What paragraphs and questions are compared by.
        k: Number of paragraphs retrieved for a question.
    """
    documents = [
        Document(chunk.text, id=chunk.id, metadata=dict(chunk.metadata))
        for chunk in library_chunks()
    ]
    store = InMemoryVectorStore(embeddings)
    store.add_documents(documents)
    retriever = store.as_retriever(search_kwargs={"k": k})
    chain = rag_chain(retriever, EngineChatModel(model=engine.target))
    return DemoChain(
        chain, LIBRARY_QUESTIONS, OUTSIDE_QUESTION, tuple(documents), engine, retriever
    )
