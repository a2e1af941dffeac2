"""`add_citations` and `strip_citations`: annotated copies, and the way back."""

import json
from dataclasses import replace
from typing import Any

import pytest
from langchain_core.messages import (
    AIMessage,
    AIMessageChunk,
    HumanMessage,
    message_to_dict,
    messages_from_dict,
)
from langchain_core.messages.block_translators import PROVIDER_TRANSLATORS
from langchain_core.messages.content import Citation as Annotation

from attribot_integrations.context.sources import Chunk
from attribot_integrations.demo.chain import demo_chain
from attribot_integrations.errors import InputError
from attribot_integrations.langchain import (
    CitationCallbackHandler,
    add_citations,
    citation_annotations,
    strip_citations,
)
from attribot_integrations.requests.options import AttributionRequest
from attribot_integrations.results import Attribution, Cost, ModelCost
from attribot_integrations.results.support import Support
from tests.integrations.engines import attribution_of
from tests.integrations.langchain.fakes import last, using

ANSWER = "Ça coûte 9 €. 🎉 Fine."
CHUNK = Chunk("It costs 9.", id="d1", metadata={"title": "Prices", "url": "https://x.org/p"})
PROVIDERS = [None, "unheard-of", *PROVIDER_TRANSLATORS]
CONTENTS: list[Any] = [
    ANSWER,
    [{"type": "text", "text": ANSWER}],
    [{"type": "text", "text": ANSWER[:5]}, {"type": "text", "text": ANSWER[5:]}],
    [ANSWER[:8], ANSWER[8:]],
    [{"type": "reasoning", "reasoning": "Hm."}, {"type": "text", "text": ANSWER}],
]


def attribution(answer: str = ANSWER, chunk: Chunk = CHUNK) -> Attribution:
    made = attribution_of(AttributionRequest("Q?", [chunk], answer), (chunk,))
    first = replace(made.citations[0], answer_end=13)
    second = replace(first, statement_index=1, answer_start=14, answer_end=len(answer))
    return replace(
        made,
        citations=(first, second),
        support=(Support(0, "supported", -1.0, -9.0),),
        cost=Cost(0.1, (ModelCost("open/model", 1, 1, 1, 1),)),
    )


def annotations(message: AIMessage) -> list[tuple[str, Any]]:
    """Every annotation of a message with the text it points at."""
    return [
        (block["text"][item["start_index"] : item["end_index"]], item)
        for block in message.content_blocks
        if block["type"] == "text"
        for item in block.get("annotations", [])
        if item["type"] == "citation"
    ]


def test_standard_annotations() -> None:
    first, second = citation_annotations(attribution())
    assert first == {
        "type": "citation",
        "id": "attribot-0-0",
        "title": "Prices",
        "url": "https://x.org/p",
        "start_index": 0,
        "end_index": 13,
        "cited_text": "It costs 9.",
        "extras": {
            "number": 1,
            "statement_index": 0,
            "chunk_index": 0,
            "chunk_id": "d1",
            "chunk_start": 0,
            "chunk_end": 11,
            "page": None,
            "section": None,
            "text_url": "https://x.org/p#:~:text=It%20costs%209.",
            "document_start": None,
            "document_end": None,
            "metadata": {"title": "Prices", "url": "https://x.org/p"},
            "score": 2.0,
            "exact": True,
            "share": 1.0,
            "either": [],
            "probability": None,
            "support": "supported",
            "scored_by": "open/model",
            "basis": "depends",
            "states": None,
            "stated_by": None,
            "remark": None,
            "carried": None,
            "path": None,
            "kind": "retrieved",
            "turn": None,
            "role": None,
        },
    }
    assert second["extras"]["support"] is None
    assert json.loads(json.dumps([first, second])) == [first, second]


@pytest.mark.parametrize(
    ("chunk", "title", "url"),
    [
        (Chunk("t"), "Source 1", None),
        (Chunk("t", id="d1"), "d1", None),
        (Chunk("t", metadata={"source": "https://x.org"}), "https://x.org", "https://x.org"),
        (Chunk("t", metadata={"source": "a.pdf", "url": "javascript:x"}), "a.pdf", None),
        (Chunk("t", "d1", {"url": "https://x\n](javascript:alert(1))"}), "d1", None),
        (Chunk("t", "d1", {"url": "https://", "link": "https://x.org"}), "d1", "https://x.org"),
    ],
)
def test_title_and_link(chunk: Chunk, title: str, url: str | None) -> None:
    first = citation_annotations(attribution(chunk=chunk))[0]
    assert first["title"] == title, "some front ends leave out what has none"
    assert first.get("url") == url


@pytest.mark.parametrize("kind", [AIMessage, AIMessageChunk])
@pytest.mark.parametrize("content", CONTENTS)
@pytest.mark.parametrize("provider", PROVIDERS)
def test_every_provider_keeps_the_annotations(
    provider: str | None, content: Any, kind: type[AIMessage]
) -> None:
    message = kind(
        content=content,
        response_metadata={"model_provider": provider} if provider else {},
        tool_calls=[],
        id="m1",
    )
    before = message.model_copy(deep=True)
    cited = add_citations(message, attribution())
    assert type(cited) is kind
    assert str(cited.text) == ANSWER
    found = annotations(cited)
    assert {item["id"] for _, item in found} == {"attribot-0-0", "attribot-1-0"}
    for number, statement in ((0, ANSWER[:13]), (1, ANSWER[14:])):
        parts = [text for text, item in found if item["id"] == f"attribot-{number}-0"]
        assert "".join(parts) == statement
    assert message == before
    assert strip_citations(cited) == message
    assert strip_citations(message) is message
    assert cited.id == "m1"


def test_provider_annotations_and_other_blocks_stay() -> None:
    native: Annotation = {"type": "citation", "id": "lc_1", "title": "Native", "cited_text": "x"}
    blocks: list[Any] = [
        {"type": "text", "text": ANSWER, "annotations": [native]},
        {"type": "image", "url": "https://x.org/i.png"},
    ]
    message = AIMessage(content=blocks, response_metadata={"output_version": "v1"})
    before = message.model_copy(deep=True)
    cited = add_citations(message, attribution())
    text, image = cited.content_blocks
    assert [item["id"] for item in text["annotations"]] == [  # type: ignore[typeddict-item]
        "lc_1",
        "attribot-0-0",
        "attribot-1-0",
    ]
    assert image == blocks[1]
    assert strip_citations(cited) == message == before


def test_again_replaces_and_survives_storing() -> None:
    message = AIMessage(ANSWER, response_metadata={"model_provider": "openai"})
    cited = add_citations(add_citations(message, attribution()), attribution())
    assert len(annotations(cited)) == 2
    (stored,) = messages_from_dict([json.loads(json.dumps(message_to_dict(cited)))])
    assert isinstance(stored, AIMessage)
    assert annotations(stored) == annotations(cited)
    assert strip_citations(stored) == message


def test_edited_copies_lose_their_citations_and_keep_the_edit() -> None:
    cited = add_citations(AIMessage(ANSWER), attribution())
    assert isinstance(cited.content, list)
    edited = cited.model_copy(update={"content": [*cited.content, {"type": "text", "text": "!"}]})
    stripped = strip_citations(edited)
    assert str(stripped.text) == ANSWER + "!"
    assert "attribot" not in str(stripped.content)
    assert "attribot" not in stripped.response_metadata


def test_answer_may_be_a_part_of_the_message() -> None:
    cited = add_citations(AIMessage(f"  {ANSWER}\n"), attribution())
    assert [text for text, _ in annotations(cited)] == [ANSWER[:13], ANSWER[14:]]


def test_plain_annotations_can_be_given() -> None:
    cited = add_citations(AIMessage(ANSWER), citation_annotations(attribution()))
    assert [text for text, _ in annotations(cited)] == [ANSWER[:13], ANSWER[14:]]
    message = "a citation of characters 14 to 21 does not fit the message, whose text has 5"
    with pytest.raises(InputError, match=message):
        add_citations(AIMessage("Short"), citation_annotations(attribution())[1:])


def test_another_answer_is_an_error() -> None:
    message = "the message does not hold the answer that was attributed, 'Other.' against"
    with pytest.raises(InputError, match=message):
        add_citations(AIMessage("Other."), attribution())


def test_other_messages_are_left_alone() -> None:
    human = HumanMessage("Hello")
    assert strip_citations(human) is human
    odd = AIMessage([{"type": "text", "text": "x", "annotations": "none"}])
    assert strip_citations(odd) is odd


def test_real_attribution() -> None:
    demo = demo_chain()
    handler = CitationCallbackHandler(demo.engine)
    answer = demo.chain.invoke(demo.questions[0], using(handler))
    made = last(handler).attribution
    assert made is not None
    cited = add_citations(AIMessage(answer), made)
    ((text, item), *_) = annotations(cited)
    assert text == made.statements[0].text
    assert item["extras"]["support"] == "supported"
    assert item["extras"]["scored_by"] == last(handler).scored_by == "target"
