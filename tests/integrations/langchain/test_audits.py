"""The marks of an answer are checked against the numbers of the chain's prompt."""

from __future__ import annotations

import pytest
from langchain_core.documents import Document
from langchain_core.language_models import FakeListChatModel, GenericFakeChatModel
from langchain_core.messages import AIMessage
from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.runnables import Runnable, RunnablePassthrough

from attribot_integrations.auditing import given_answer
from attribot_integrations.langchain import CitationCallbackHandler
from tests.integrations.langchain.fakes import FixedRetriever, last, using
from tests.unit.auditing.hand_made import HandMadeEngine

DOCUMENTS = [Document("The harbour opened in 1962."), Document("The bridge shut in 1990.")]
SCORES = {(0, 0): 5.0, (1, 1): 5.0}


def numbered(documents: list[Document], first: int, step: int) -> str:
    return "\n".join(
        f"[{first + step * place}] {document.page_content}"
        for place, document in enumerate(documents)
    )


def chain(answer: str, first: int = 1, step: int = 1) -> Runnable[str, str]:
    prompt = ChatPromptTemplate.from_template("Cite.\n{context}\nQuestion: {question}")
    context = FixedRetriever(found=DOCUMENTS) | (lambda found: numbered(found, first, step))
    model = FakeListChatModel(responses=[answer])
    asked = {"context": context, "question": RunnablePassthrough()}
    return asked | prompt | model | StrOutputParser()


@pytest.mark.parametrize(
    ("answer", "first", "step", "corrected"),
    [
        ("It opened in 1962 [1]. It shut in 1990 [2].", 1, 1, None),
        ("It opened in 1962 [2]. It shut in 1990 [1].", 2, -1, None),
        (
            "It opened in 1962 [2]. It shut in 1990 [1].",
            1,
            1,
            "It opened in 1962 [1]. It shut in 1990 [2].",
        ),
        (
            "It opened in 1962 [5]. It shut in 1990.",
            5,
            1,
            "It opened in 1962 [5]. It shut in 1990 [6].",
        ),
    ],
)
def test_marks_have_the_numbers_of_the_prompt(
    answer: str, first: int, step: int, corrected: str | None
) -> None:
    handler = CitationCallbackHandler(HandMadeEngine(SCORES))
    chain(answer, first, step).invoke("What happened?", using(handler))
    found = last(handler).audit()
    assert found is not None
    assert found.rewrite() == (corrected or answer)
    assert bool(found.faults) == (corrected is not None)


def test_annotations_of_the_message_are_audited() -> None:
    message = AIMessage(
        content_blocks=[
            {
                "type": "text",
                "text": "It opened in 1962.",
                "annotations": [{"type": "citation", "cited_text": "The bridge shut in 1990."}],
            }
        ]
    )
    handler = CitationCallbackHandler(HandMadeEngine({(0, 0): 5.0}))
    prompt = ChatPromptTemplate.from_template("{context}\n{question}")
    asked = {
        "context": FixedRetriever(found=DOCUMENTS) | (lambda found: numbered(found, 1, 1)),
        "question": RunnablePassthrough(),
    }
    answer = (asked | prompt | GenericFakeChatModel(messages=iter([message]))).invoke(
        "What happened?", using(handler)
    )
    record = last(handler)
    given = given_answer(message, record.chunks, "langchain")
    assert given.text == record.answer == answer.text
    found = record.audit(given.citations)
    assert found is not None
    assert [(each.verdict, each.instead) for each in found.citations] == [("neither", 0)]
