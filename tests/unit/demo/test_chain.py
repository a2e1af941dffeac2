"""The demo chain, end to end: retrieval, answer, citations."""

from typing import Any

import pytest
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.messages import HumanMessage

from attribot_integrations import AttributionEngine
from attribot_integrations.demo.chain import (
    DemoChain,
    DemoChatModel,
    DemoRetriever,
    demo_chain,
    demo_corpus,
)
from attribot_integrations.demo.relations import NAMES, RELATIONS
from attribot_integrations.demo.showcase import unanswerable_question
from attribot_integrations.errors import ConfigurationError
from attribot_integrations.langchain import CitationCallbackHandler
from attribot_integrations.scoring.language_model import in_process


@pytest.fixture(scope="module")
def demo() -> DemoChain:
    return demo_chain(AttributionEngine.demo())


def test_corpus_is_fixed_and_titled() -> None:
    documents, questions = demo_corpus()
    assert (documents, questions) == demo_corpus()
    assert len(documents) == len({document.id for document in documents}) == 9
    assert all(document.metadata["title"] for document in documents)
    for document in documents:
        assert all(
            document.metadata["title"] in sentence
            for sentence in document.page_content.rstrip(".").split(". ")
        )
    assert len(questions) == 4
    assert questions[-1].count("?") == 2


def test_retriever_finds_the_chunks_that_the_question_names() -> None:
    documents, questions = demo_corpus()
    retriever = DemoRetriever(documents=documents, k=3)
    for question in questions:
        found = retriever.invoke(question)
        assert len(found) == 3
        named = {item.id for item in documents if item.metadata["title"] in question}
        assert named
        assert named <= {item.id for item in found}


def test_answers_are_cited_from_the_chunks_that_the_question_names(demo: DemoChain) -> None:
    handler = CitationCallbackHandler(demo.engine, raise_error=True)
    for question in demo.questions:
        answer = demo.chain.invoke(question, {"callbacks": [handler]})
        record = handler.last
        assert record is not None
        assert (record.question, record.answer) == (question, answer)
        assert record.prompt_used == "captured"
        assert record.attribution is not None
        assert not record.attribution.unlocated
        for statement in record.attribution.statements:
            first = record.attribution.citations_of(statement.index)[0]
            assert record.chunks[first.chunk_index].metadata["title"] in question
    assert len(handler.records) == len(demo.questions)


def test_question_that_no_document_answers(demo: DemoChain) -> None:
    text = " ".join(document.page_content for document in demo.documents)
    named = [name for name in NAMES if name in demo.unanswerable]
    assert len(named) == 2
    assert not [name for name in named if name in text]
    assert demo.unanswerable not in demo.questions
    wordings = {wording for relation in RELATIONS for wording in relation.questions}
    assert demo.unanswerable in {wording.format(s=" ".join(named)) for wording in wordings}


def test_unanswerable_question_avoids_the_names_of_the_documents(demo: DemoChain) -> None:
    preferred = [name for name in NAMES if name in demo.unanswerable]
    question = unanswerable_question([f"At home {' '.join(preferred)} keeps a cat."])
    named = [name for name in NAMES if name in question]
    assert len(named) == 2
    assert not set(named) & set(preferred)


async def test_async_chain_gives_the_same_answers(demo: DemoChain) -> None:
    answers = await demo.chain.abatch(list(demo.questions))
    assert answers == demo.chain.batch(list(demo.questions))


def test_model_refuses_stop_words(demo: DemoChain) -> None:
    model = DemoChatModel(model=in_process(demo.engine.target).model, tokenizer=None)
    with pytest.raises(ConfigurationError, match="no stop words, got \\['x'\\]"):
        model.invoke([HumanMessage("Hello")], stop=["x"])
    assert "Llama" not in repr(model)


def test_answers_stream_word_by_word(demo: DemoChain) -> None:
    question = demo.questions[0]
    pieces = list(demo.chain.stream(question))
    assert len(pieces) > 3
    assert "".join(pieces) == demo.chain.invoke(question)
    tokens: list[str] = []

    class Listener(BaseCallbackHandler):
        def on_llm_new_token(self, token: Any, **_: Any) -> None:
            tokens.append(token)

    assert list(demo.chain.stream(question, {"callbacks": [Listener()]})) == pieces
    assert "".join(tokens) == "".join(pieces)


def test_the_retriever_is_the_chains_own(demo: DemoChain) -> None:
    found = demo.retriever.invoke(demo.questions[0])
    assert len(found) == 4
    assert set(map(id, found)) <= set(map(id, demo.documents))
