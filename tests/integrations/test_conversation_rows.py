"""Real conversations of MT-RAG, through the message formats of both frameworks.

ATTRIBOT_DATA names the folder that holds `mtrag_dev.jsonl`, one row a line: `history` of turns with
`role` and `text`, `question`, `answer`, and `chunks` of `sentences`.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from langchain_core.documents import Document
from langchain_core.language_models import GenericFakeChatModel
from langchain_core.messages import AIMessage, HumanMessage
from langchain_core.prompts import ChatPromptTemplate, MessagesPlaceholder
from langchain_core.runnables import RunnableLambda
from llama_index.core.base.llms.types import ChatMessage, MessageRole
from llama_index.core.chat_engine import ContextChatEngine
from llama_index.core.memory import ChatMemoryBuffer
from llama_index.core.schema import NodeWithScore, TextNode

from attribot_integrations.context.prompts import Prompt
from attribot_integrations.context.sources import SourceSet
from attribot_integrations.langchain import CitationCallbackHandler, register_documents
from attribot_integrations.llama_index import AttributionEventHandler, get_citations
from attribot_integrations.results import Attribution
from attribot_integrations.tokens.ablated import AblatedText
from attribot_integrations.tokens.encoding import TextEncoder
from tests.integrations.engines import TurnEngine
from tests.integrations.llama_index.fakes import EchoChatLLM, FactRetriever
from tests.unit.tokenizers_for_tests import (
    CHATML,
    REFUSES_SYSTEM,
    byte_level_bpe,
    with_chat_template,
)

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif("ATTRIBOT_DATA" not in os.environ, reason="ATTRIBOT_DATA is not set"),
]

PROMPT = ChatPromptTemplate.from_messages(
    [
        ("system", "Answer by the context.\n\n{context}"),
        MessagesPlaceholder("history"),
        ("human", "{input}"),
    ]
)


def rows() -> list[dict[str, Any]]:
    lines = Path(os.environ["ATTRIBOT_DATA"], "mtrag_dev.jsonl").read_text().splitlines()
    return [json.loads(line) for line in lines]


def texts_of(row: dict[str, Any]) -> list[str]:
    return [" ".join(chunk["sentences"]) for chunk in row["chunks"]]


class Reader(TurnEngine):
    """Encodes every prompt, whole and without each source."""

    def __init__(self, template: str) -> None:
        super().__init__()
        self.encoder = TextEncoder(with_chat_template(byte_level_bpe(), template))

    def look_at(self, prompt: Prompt, sources: SourceSet) -> None:
        text = AblatedText(self.encoder, prompt, frozenset())
        removals = [frozenset(each.sentence_ids) for each in sources.whole_chunks]
        encoded = [ids for _, group in text.without_each(removals) for ids in group]
        assert all(len(ids) < len(text.ids) for ids in encoded)


def check(row: dict[str, Any], found: Attribution | None, earlier: Sequence[str]) -> None:
    """Every earlier turn and every passage is a source, but for what says the same as another."""
    assert found is not None
    said = [chunk for chunk in found.chunks if chunk.said is not None and chunk.kind != "system"]
    placed = {text for text in (each.strip() for each in earlier) if text}
    shown = {chunk.text for chunk in said}
    retrieved = " ".join(" ".join(text.split()) for text in texts_of(row))
    for text in placed - shown:  # a passage may stand in it
        assert any(part in text for part in shown) or " ".join(text.split()) in retrieved
    assert [chunk.text for chunk in found.chunks[: len(row["chunks"])]] == texts_of(row)
    turns = [chunk.said.turn for chunk in said if chunk.said is not None]
    assert turns == sorted(turns)
    assert max(turns, default=0) <= len(row["history"]) / 2


def test_langchain() -> None:
    judge = Reader(CHATML)
    for row in rows():
        handler = CitationCallbackHandler(judge)
        model = GenericFakeChatModel(messages=iter([AIMessage(row["answer"])]))
        documents = [Document(text) for text in texts_of(row)]
        kinds: dict[str, Any] = {"user": HumanMessage, "assistant": AIMessage}
        history = [kinds[turn["role"]](turn["text"]) for turn in row["history"]]

        def gather(asked: dict[str, Any], documents: list[Document] = documents) -> dict[str, Any]:
            register_documents(documents)
            return {**asked, "context": "\n\n".join(each.page_content for each in documents)}

        chain = RunnableLambda(gather) | PROMPT | model
        chain.invoke({"input": row["question"], "history": history}, {"callbacks": [handler]})
        record = handler.last
        assert record is not None
        assert record.error is None, row["id"]
        assert record.prompt_used == "captured", (row["id"], record.reason)
        check(row, record.attribution, [turn["text"] for turn in row["history"]])


def test_llama_index() -> None:
    judge = Reader(REFUSES_SYSTEM)
    roles = {"user": MessageRole.USER, "assistant": MessageRole.ASSISTANT}
    with AttributionEventHandler(judge).attach() as handler:
        for row in rows():
            nodes = [NodeWithScore(node=TextNode(text=text)) for text in texts_of(row)]
            history = [
                ChatMessage(role=roles[turn["role"]], content=turn["text"])
                for turn in row["history"]
            ]
            chat = ContextChatEngine.from_defaults(
                retriever=FactRetriever(nodes=nodes),
                llm=EchoChatLLM(answer=row["answer"], window=32000),
                memory=ChatMemoryBuffer.from_defaults(history, token_limit=32000),
            )
            response = chat.chat(row["question"])
            record = handler.result(response, 600)
            assert record.error is None, row["id"]
            assert record.prompt_used == "captured", (row["id"], record.reason)
            check(row, record.attribution, [turn["text"] for turn in row["history"]])
            get_citations(response)
