"""Arguments of the wrong kind are refused with what is expected and what was given."""

from typing import Any

import pytest
from langchain_core.documents import Document
from langchain_core.messages import AIMessage

from attribot_integrations.engine import AttributionEngine
from attribot_integrations.errors import ConfigurationError, InputError
from attribot_integrations.langchain import (
    AttributionDocumentCompressor,
    CitationCallbackHandler,
    add_citations,
    cite,
    get_citations_callback,
    strip_citations,
)
from tests.integrations.engines import StubEngine
from tests.integrations.langchain.fakes import rag
from tests.integrations.scorers import MarkedScorer


def enter(engine: Any) -> None:
    with get_citations_callback(engine):
        pass


def cited(engine: Any) -> None:
    cite(rag(), engine)


def middleware(engine: Any) -> None:
    agents = pytest.importorskip("attribot_integrations.langchain.agents")
    agents.CitationMiddleware(engine)


PLACES = [CitationCallbackHandler, enter, cited, middleware, AttributionDocumentCompressor]


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize(
    ("engine", "given"),
    [
        ("Qwen/Qwen3-0.6B", r"got a str: 'Qwen/Qwen3-0\.6B'; load one with"),
        (AttributionEngine, r"got the class AttributionEngine itself; load one with"),
        (None, r"got None; load one with"),
        ({}, r"got a dict; load one with"),
    ],
)
def test_what_is_no_engine_is_refused(place: Any, engine: Any, given: str) -> None:
    with pytest.raises(ConfigurationError, match=f"engine must be an AttributionEngine, {given}"):
        place(engine)


def test_an_engine_needs_the_method_that_is_called() -> None:
    CitationCallbackHandler(StubEngine())
    AttributionDocumentCompressor(MarkedScorer())
    with pytest.raises(ConfigurationError, match="got a StubEngine without score_chunks"):
        AttributionDocumentCompressor(StubEngine())  # type: ignore[arg-type]


@pytest.mark.parametrize("documents", [["abc"], "abc", [Document("x"), "abc"]])
def test_only_documents_can_be_compressed(documents: Any) -> None:
    compressor = AttributionDocumentCompressor(MarkedScorer())
    message = "compress_documents takes LangChain documents, got str"
    with pytest.raises(InputError, match=message):
        compressor.compress_documents(documents, "?")


def test_only_messages_can_be_annotated() -> None:
    message: Any = "The answer."
    with pytest.raises(InputError, match=r"takes a LangChain message, got str.*AIMessage\(text\)"):
        add_citations(message, [])
    with pytest.raises(InputError, match="takes a LangChain message, got str"):
        strip_citations(message)


def test_only_citations_can_be_added() -> None:
    nothing: Any = None
    with pytest.raises(InputError, match=r"got None: .* its record's reason says why"):
        add_citations(AIMessage("Yes."), nothing)
    citations: Any = [Document("x")]
    with pytest.raises(InputError, match="takes an Attribution or annotations, got Document"):
        add_citations(AIMessage("Yes."), citations)
