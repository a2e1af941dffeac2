"""Filtering documents by relevance: alone, as a retriever, and in LangChain's own wrappers."""

import asyncio
import copy
import json
import logging
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from langchain_core.callbacks import CallbackManagerForRetrieverRun
from langchain_core.documents import BaseDocumentTransformer, Document
from langchain_core.retrievers import BaseRetriever
from langchain_core.runnables import Runnable, RunnablePassthrough, RunnableSequence

from attribot_integrations import AttributionEngine
from attribot_integrations.demo.chain import DemoChain, DemoRetriever, demo_chain
from attribot_integrations.errors import ConfigurationError, InputError, PromptTooLongError
from attribot_integrations.filtering import QuestionSignal
from attribot_integrations.langchain import (
    AttributionDocumentCompressor,
    CitationCallbackHandler,
    FilteringRetriever,
    cite,
)
from tests.integrations.engines import StubEngine
from tests.integrations.langchain.fakes import FixedRetriever, join, last, rag, using
from tests.integrations.scorers import MarkedScorer

LOGGER = "attribot_integrations.filtering.chunk_filter"
MARKED = [
    Document("A @0.25.", id="a", metadata={"page": 1, "tags": ["x"]}),
    Document("B @0.75.", id="b"),
    Document("C @0.5.", id="c"),
    Document("D.", id="d"),
]


@pytest.fixture(scope="module")
def demo() -> DemoChain:
    return demo_chain(AttributionEngine.demo())


def ids(documents: Sequence[Document]) -> str:
    return "".join(str(one.id) for one in documents)


def dumped(documents: Sequence[Document]) -> list[dict[str, Any]]:
    return copy.deepcopy([one.model_dump() for one in documents])


def gold(demo: DemoChain, question: str) -> set[str | None]:
    """Ids of the documents about what the question names."""
    return {one.id for one in demo.documents if one.metadata["title"] in question}


def over(demo: DemoChain, retriever: Runnable[str, Any]) -> Runnable[str, str]:
    """The demo chain over another retriever."""
    assert isinstance(demo.chain, RunnableSequence)
    chain: Any = RunnableSequence(
        {"context": retriever | join, "question": RunnablePassthrough()}, *demo.chain.steps[1:]
    )
    return chain  # type: ignore[no-any-return]


# What is kept


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, "bc"),
        ({"threshold": 0.5}, "bc"),  # inclusive
        ({"threshold": 0.51}, "b"),
        ({"threshold": 0.0}, "abcd"),
        ({"threshold": 1}, ""),
        ({"top_n": 1}, "b"),
        ({"top_n": 3}, "abc"),
        ({"top_n": 9}, "abcd"),
        ({"top_n": 3, "threshold": 0.5}, "bc"),
        ({"threshold": 1, "min_documents": 2}, "bc"),
        ({"min_documents": 9}, "abcd"),
    ],
)
def test_limits(options: dict[str, Any], expected: str) -> None:
    compressor = AttributionDocumentCompressor(MarkedScorer(), **options)
    assert ids(compressor.compress_documents(MARKED, "?")) == expected


def test_documents_are_copied_and_scored() -> None:
    before = dumped(MARKED)
    kept = AttributionDocumentCompressor(MarkedScorer(), threshold=0.25).compress_documents(
        MARKED, "?"
    )
    assert dumped(MARKED) == before
    assert [one.metadata for one in kept] == [
        {"page": 1, "tags": ["x"], "relevance_score": 0.25},
        {"relevance_score": 0.75},
        {"relevance_score": 0.5},
    ]
    assert all(type(one.metadata["relevance_score"]) is float for one in kept)
    assert not {id(one) for one in kept} & {id(one) for one in MARKED}
    json.dumps([one.metadata for one in kept])


def test_score_key() -> None:
    old = Document("A @0.75.", metadata={"relevance_score": 3.5})
    kept = AttributionDocumentCompressor(MarkedScorer(), score_key="need").compress_documents(
        [old], "?"
    )
    assert kept[0].metadata == {"relevance_score": 3.5, "need": 0.75}
    kept = AttributionDocumentCompressor(MarkedScorer()).compress_documents([old], "?")
    assert kept[0].metadata == {"relevance_score": 0.75}
    assert old.metadata == {"relevance_score": 3.5}


def test_no_documents_come_back_as_they_are() -> None:
    scorer = MarkedScorer()
    nothing: list[Document] = []
    compressor = AttributionDocumentCompressor(scorer, min_documents=1)
    assert compressor.compress_documents(nothing, "?") is nothing
    assert asyncio.run(compressor.acompress_documents(nothing, "?")) is nothing
    assert scorer.questions == []


def test_sentences_are_trimmed() -> None:
    text = "One @0.75. Two.\n\nThree @0.5. Four."
    document = Document(text, id="x", metadata={"start_index": 7})
    other = Document("Five.", id="y")
    before = dumped([document, other])
    compressor = AttributionDocumentCompressor(
        MarkedScorer(), granularity="sentence", min_documents=2
    )
    trimmed, whole = compressor.compress_documents([document, other], "?")
    assert (trimmed.page_content, trimmed.id) == ("One @0.75.\n\nThree @0.5.", "x")
    spans = trimmed.metadata.pop("attribot_spans")
    assert [text[start:end] for start, end in spans] == ["One @0.75.", "Three @0.5."]
    assert trimmed.metadata == {"start_index": 7, "relevance_score": 0.75}
    assert (whole.page_content, whole.metadata["attribot_spans"]) == ("Five.", [[0, 5]])
    assert dumped([document, other]) == before
    strict = compressor.model_copy(update={"threshold": 0.75})
    assert strict.compress_documents([document], "?")[0].page_content == "One @0.75."


# Options


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"threshold": 1.5}, "threshold must be from 0 to 1, got 1.5"),
        ({"threshold": float("nan")}, "threshold must be from 0 to 1, got nan"),
        ({"top_n": 0}, "top_n must be at least 1, got 0"),
        ({"min_documents": -1}, "min_documents must not be negative, got -1"),
        ({"score_key": ""}, "score_key must not be empty or 'attribot_spans', got ''"),
        (
            {"signal": "x"},
            r"signal must be one of \['words', 'draft', 'question', 'both'\], got 'x'",
        ),
        ({"signal": {}}, "signal must be a name or a RelevanceSignal, got {}"),
        ({"granularity": "word"}, r"must be one of \['chunk', 'sentence'\], got 'word'"),
    ],
)
def test_options_are_checked(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        AttributionDocumentCompressor(MarkedScorer(), **options)


def test_typing_errors_are_seen() -> None:
    options: dict[str, Any] = {"treshold": 0.5}
    with pytest.raises(TypeError, match="treshold"):
        AttributionDocumentCompressor(MarkedScorer(), **options)
    compressor = AttributionDocumentCompressor(MarkedScorer())
    with pytest.raises(ValueError, match="frozen"):
        compressor.threshold = 0.7
    fields: dict[str, Any] = {"base": FixedRetriever(found=[]), "compressor": compressor}
    with pytest.raises(ValueError, match="extra"):
        FilteringRetriever(**{**fields, "top": 3})
    with pytest.raises(ValueError, match="greater than or equal to 1"):
        FilteringRetriever(**fields, k=0)
    with pytest.raises(TypeError, match="int"):
        compressor.as_retriever(3)  # type: ignore[arg-type]


# Failures


@pytest.mark.parametrize("error", [InputError("bad"), RuntimeError("worse"), MemoryError()])
def test_documents_that_cannot_be_scored_are_kept(
    error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    compressor = AttributionDocumentCompressor(MarkedScorer(error=error), top_n=1)
    with caplog.at_level(logging.WARNING, LOGGER):
        kept = compressor.compress_documents(MARKED, "?")
    assert kept == MARKED
    assert kept is not MARKED
    message = f"all 4 documents are kept, for they could not be scored: {type(error).__name__}: "
    assert message in caplog.text
    strict = AttributionDocumentCompressor(MarkedScorer(error=error), raise_error=True)
    with pytest.raises(type(error)):
        strict.compress_documents(MARKED, "?")
    with pytest.raises(type(error)):
        asyncio.run(strict.acompress_documents(MARKED, "?"))


def test_huge_documents_are_kept(demo: DemoChain, caplog: pytest.LogCaptureFixture) -> None:
    huge = [*demo.documents[:2], Document("The flag shows the fox. " * 7000, id="huge")]
    compressor = AttributionDocumentCompressor(demo.engine, signal="draft")
    with caplog.at_level(logging.WARNING, LOGGER):
        assert compressor.compress_documents(huge, demo.questions[0]) == huge
    assert "could not be scored: PromptTooLongError: " in caplog.text
    strict = AttributionDocumentCompressor(demo.engine, signal="draft", raise_error=True)
    with pytest.raises(PromptTooLongError):
        strict.compress_documents(huge, demo.questions[0])


def test_blank_query(demo: DemoChain, caplog: pytest.LogCaptureFixture) -> None:
    compressor = AttributionDocumentCompressor(demo.engine)
    assert list(compressor.compress_documents(demo.documents, " ")) == list(demo.documents)
    assert "the question must be text that is not blank" in caplog.text


# On the bundled models


@pytest.mark.parametrize(("signal", "most"), [("words", 7), ("draft", 4)])
def test_relevant_documents_are_found(demo: DemoChain, signal: Any, most: int) -> None:
    before = dumped(demo.documents)
    compressor = AttributionDocumentCompressor(demo.engine, signal=signal)
    order = [one.id for one in demo.documents]
    for question in demo.questions:
        kept = compressor.compress_documents(demo.documents, question)
        names = [one.id for one in kept]
        assert gold(demo, question) <= {*names}
        assert len(names) <= most < len(order)
        assert names == sorted(names, key=order.index)
        assert all(0.5 <= one.metadata["relevance_score"] <= 1 for one in kept)
        for one in kept:
            (original,) = (old for old in demo.documents if old.id == one.id)
            assert one.page_content == original.page_content
            assert one.metadata["title"] == original.metadata["title"]
    assert dumped(demo.documents) == before


def test_chain_answers_the_same_from_fewer_documents(demo: DemoChain) -> None:
    everything = DemoRetriever(documents=demo.documents, k=9)
    plain = over(demo, everything)
    choices: list[dict[str, Any]] = [
        {},
        {"signal": "draft", "granularity": "sentence"},
    ]
    for options in choices:
        compressor = AttributionDocumentCompressor(demo.engine, **options)
        handler = CitationCallbackHandler(demo.engine, raise_error=True)
        filtered = over(demo, compressor.as_retriever(everything))
        for question in demo.questions[-3:]:
            assert filtered.invoke(question, using(handler)) == plain.invoke(question)
            record = last(handler)
            assert record.prompt_used == "captured"
            assert len(record.chunks) <= (4 if options else 7)
            assert all("relevance_score" in chunk.metadata for chunk in record.chunks)
            cited = {record.chunks[one.chunk_index].title for one in record.citations}
            assert cited or options.get("granularity") == "sentence"
            assert all(title and title in question for title in cited)


def test_trimmed_documents_are_parts_of_the_originals(demo: DemoChain) -> None:
    compressor = AttributionDocumentCompressor(demo.engine, granularity="sentence", signal="draft")
    originals = {one.id: one.page_content for one in demo.documents}
    shorter = 0
    for question in demo.questions[:2]:
        for one in compressor.compress_documents(demo.documents, question):
            text = originals[one.id]
            pieces = [text[start:end] for start, end in one.metadata["attribot_spans"]]
            assert one.page_content == " ".join(pieces)
            shorter += len(one.page_content) < len(text)
    assert shorter >= 1


def test_blank_documents_are_dropped_and_doubles_are_kept(demo: DemoChain) -> None:
    question = demo.questions[0]
    relevant = next(one for one in demo.documents if one.id in gold(demo, question))
    other = next(one for one in demo.documents if "phone" in one.page_content)
    double = relevant.model_copy()
    documents = [Document("", id="1"), relevant, Document(" \n\t", id="2"), other, double]
    before = dumped(documents)
    compressor = AttributionDocumentCompressor(demo.engine, signal="draft")
    kept = compressor.compress_documents(documents, question)
    assert [one.id for one in kept] == [relevant.id, relevant.id]
    assert dumped(documents) == before
    blank = [Document(""), Document(" ")]
    assert compressor.compress_documents(blank, question) == []
    least = AttributionDocumentCompressor(demo.engine, min_documents=1, granularity="sentence")
    (one,) = least.compress_documents(blank, question)
    assert one.metadata == {"relevance_score": 0.0, "attribot_spans": [[0, 0]]}


def test_one_document(demo: DemoChain) -> None:
    question = demo.questions[0]
    relevant = next(one for one in demo.documents if one.id in gold(demo, question))
    compressor = AttributionDocumentCompressor(demo.engine)
    (kept,) = compressor.compress_documents((relevant,), question)
    assert (kept.id, kept.page_content) == (relevant.id, relevant.page_content)


def test_signals(demo: DemoChain) -> None:
    question = demo.questions[0]
    by_name = AttributionDocumentCompressor(demo.engine, signal="question", top_n=2)
    as_object = AttributionDocumentCompressor(demo.engine, signal=QuestionSignal(), top_n=2)
    kept = by_name.compress_documents(demo.documents, question)
    assert kept == as_object.compress_documents(demo.documents, question)
    assert len(kept) == 2


def test_threads_and_tasks_get_the_same(demo: DemoChain) -> None:
    compressor = AttributionDocumentCompressor(demo.engine)
    retriever = compressor.as_retriever(DemoRetriever(documents=demo.documents))
    few = [*demo.questions[:2]]
    expected = [retriever.invoke(question) for question in few]
    questions = few * 3
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(retriever.invoke, questions)) == expected * 3

    async def together() -> list[list[Document]]:
        return await asyncio.gather(*map(retriever.ainvoke, questions))

    assert asyncio.run(together()) == expected * 3
    assert retriever.batch(few) == expected


# As a retriever


async def test_event_loop_stays_free() -> None:
    scorer = MarkedScorer(release=threading.Event())
    retriever = AttributionDocumentCompressor(scorer).as_retriever(FixedRetriever(found=MARKED))
    assert scorer.release is not None
    asyncio.get_running_loop().call_later(0.01, scorer.release.set)  # never runs if it is blocked
    assert ids(await retriever.ainvoke("?")) == "bc"
    assert scorer.threads[0].startswith("attribution")


def test_retriever_shows_callbacks_what_is_left() -> None:
    retriever = AttributionDocumentCompressor(MarkedScorer()).as_retriever(
        FixedRetriever(found=MARKED)
    )
    handler = CitationCallbackHandler(StubEngine())
    rag(retriever=retriever).invoke("Ada", using(handler))
    assert [chunk.id for chunk in last(handler).chunks] == ["b", "c"]
    result = cite(rag(retriever=retriever), StubEngine()).invoke("Ada")
    assert ids(result["documents"]) == "bc"


def test_chain_whose_documents_are_all_irrelevant() -> None:
    retriever = AttributionDocumentCompressor(MarkedScorer(), threshold=1).as_retriever(
        FixedRetriever(found=MARKED)
    )
    result = cite(rag(retriever=retriever), StubEngine()).invoke("Ada")
    assert (result["answer"], result["documents"]) == ("About Question: Ada", [])


def test_number_of_documents() -> None:
    compressor = AttributionDocumentCompressor(MarkedScorer(), top_n=1)
    base = FixedRetriever(found=MARKED)
    retriever = compressor.as_retriever(base)
    assert ids(retriever.invoke("?")) == "b"
    assert ids(retriever.invoke("?", k=3)) == "abc"
    retriever = FilteringRetriever(base=base, compressor=compressor, k=2)
    assert ids(retriever.invoke("?")) == "bc"
    assert ids(asyncio.run(retriever.ainvoke("?", k=3))) == "abc"
    with pytest.raises(ConfigurationError, match="top_n must be at least 1, got 0"):
        retriever.invoke("?", k=0)


def test_arguments_of_a_call_reach_the_retriever_below() -> None:
    class Searching(BaseRetriever):
        def _get_relevant_documents(
            self, query: str, *, run_manager: CallbackManagerForRetrieverRun, skip: int = 0
        ) -> list[Document]:
            return MARKED[skip:]

    retriever = AttributionDocumentCompressor(MarkedScorer()).as_retriever(Searching())
    assert ids(retriever.invoke("?", skip=2)) == "c"
    with pytest.raises(TypeError, match="skp"):
        retriever.invoke("?", skp=2)


def test_function_that_searches() -> None:
    retriever = AttributionDocumentCompressor(MarkedScorer()).as_retriever(lambda _: MARKED)
    assert ids(retriever.invoke("?")) == "bc"


# In LangChain's own wrappers


class Shout(BaseDocumentTransformer):
    """Writes documents in capitals."""

    def transform_documents(self, documents: Sequence[Document], **kwargs: Any) -> list[Document]:
        return [Document(one.page_content.upper(), id=one.id) for one in documents]

    async def atransform_documents(
        self, documents: Sequence[Document], **kwargs: Any
    ) -> list[Document]:
        return self.transform_documents(documents)


def test_contextual_compression_retriever(demo: DemoChain) -> None:
    retrievers = pytest.importorskip("langchain_classic.retrievers")
    compressor = AttributionDocumentCompressor(demo.engine)
    base = DemoRetriever(documents=demo.documents, k=6)
    wrapped = retrievers.ContextualCompressionRetriever(
        base_compressor=compressor, base_retriever=base
    )
    own = compressor.as_retriever(base)
    for question in demo.questions[-2:]:
        expected = own.invoke(question)
        assert wrapped.invoke(question) == expected
        assert asyncio.run(wrapped.ainvoke(question)) == expected


def test_compressor_pipeline() -> None:
    module = pytest.importorskip("langchain_classic.retrievers.document_compressors")
    compressor = AttributionDocumentCompressor(MarkedScorer())
    pipeline = module.DocumentCompressorPipeline(transformers=[Shout(), compressor])
    for kept in (
        pipeline.compress_documents(MARKED, "?"),
        asyncio.run(pipeline.acompress_documents(MARKED, "?")),
    ):
        assert [one.page_content for one in kept] == ["B @0.75.", "C @0.5."]
    best = AttributionDocumentCompressor(MarkedScorer(), top_n=1)
    pipeline = module.DocumentCompressorPipeline(transformers=[compressor, best])
    assert ids(pipeline.compress_documents(MARKED, "?")) == "b"


# What the documentation shows


def test_readme_example(demo: DemoChain) -> None:
    retriever, engine, question = (
        DemoRetriever(documents=demo.documents, k=6),
        demo.engine,
        demo.questions[0],
    )

    compressor = AttributionDocumentCompressor(engine, threshold=0.5, top_n=4)
    filtered = compressor.as_retriever(retriever)
    documents = filtered.invoke(question)

    assert 1 <= len(documents) < 6
    assert gold(demo, question) <= {one.id for one in documents}

    result = engine.attribute(
        question, [one.page_content for one in demo.documents], demo.chain.invoke(question)
    )
    (chunk,) = result.supporting_chunks()
    assert "Bragor Selwen" in chunk.text
