"""Documents that a chain shows to its model in another dress, on the bundled models."""

from __future__ import annotations

import html
import json
import textwrap
from collections.abc import Callable

import pytest
from langchain_core.documents import Document
from langchain_core.language_models import FakeListChatModel
from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.runnables import RunnableLambda, RunnablePassthrough

from attribot_integrations.demo.chain import demo_chain
from attribot_integrations.langchain import CitationCallbackHandler
from tests.integrations.langchain.fakes import FixedRetriever, last

QUESTION = "How much does the Norzel bike cost?"
ANSWER = "The price of the Norzel bike is 910 coins."
FACT = "In shops the Norzel bike costs 910 coins."
FLAT = f"The maker of the Norzel bike is Roslin Works. {FACT}"
LINES = FLAT.replace(". In", ".\nIn")
HYPHEN = FLAT.replace("Roslin", "Ros-\nlin")
LONG = (
    f"{FACT} The maker of the Norzel bike is Roslin Works. "
    + "The flag of Galba shows the fox. " * 3
)
OTHER = "The maker of the Norba phone is Kelmar Press."


def joined(show: Callable[[str], str]) -> Callable[[list[Document]], str]:
    return lambda documents: "\n\n".join(show(each.page_content) for each in documents)


@pytest.mark.parametrize(
    ("text", "show"),
    [
        (LINES, str),  # the list of documents itself
        (FLAT, str),
        (LINES, joined(repr)),
        (LONG, joined(lambda text: text[:100])),
        (FLAT.replace("Norzel", '"Norzel"'), joined(lambda text: f"<d>{html.escape(text)}</d>")),
        (LINES, lambda documents: json.dumps([{"text": one.page_content} for one in documents])),
        (HYPHEN, joined(lambda text: text.replace("-\n", ""))),
        (LINES, joined(lambda text: textwrap.indent(text, "> "))),
        (LINES, joined(lambda text: textwrap.indent(text, "- "))),
        (LINES, joined(lambda text: textwrap.indent(text, "    "))),
    ],
)
def test_the_document_that_holds_the_fact_is_cited(
    text: str, show: Callable[[list[Document]], str]
) -> None:
    documents = [Document(OTHER, id="norba"), Document(text, id="norzel")]
    handler = CitationCallbackHandler(demo_chain().engine)
    chain = (
        {
            "context": FixedRetriever(found=documents) | RunnableLambda(show),
            "question": RunnablePassthrough(),
        }
        | ChatPromptTemplate.from_template(
            "Answer the question using only the context.\n\nContext:\n{context}\n\n"
            "Question: {question}"
        )
        | FakeListChatModel(responses=[ANSWER])
        | StrOutputParser()
    )
    chain.invoke(QUESTION, {"callbacks": [handler]})
    record = last(handler)
    assert record.attribution is not None
    assert record.prompt_used == "captured"
    assert not record.attribution.unlocated
    assert [each.label for each in record.attribution.support] == ["supported"]
    cited = record.attribution.citations
    best = max(cited, key=lambda each: each.score)
    assert best.chunk_id == "norzel"
    assert text[best.chunk_start : best.chunk_end] == best.text
    assert best.text.startswith("In shops")
    assert "910" in best.text
