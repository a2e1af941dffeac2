"""One retrieved thing, in every form."""

import pytest
from langchain_core.messages import HumanMessage

from attribot_integrations.context.sources import Chunk
from attribot_integrations.langchain.documents import chunks_in
from attribot_integrations.langchain.found import block_chunk, chunk_of
from tests.integrations.langchain.scripted import BIKE

FACT = BIKE.page_content
WEB = {"url": "https://example.org/bike", "title": "Bikes", "content": FACT, "score": 0.9}
BLOCK = {
    "type": "search_result",
    "source": "https://example.org/bike",
    "title": "Bikes",
    "citations": {"enabled": True},
    "content": [{"type": "text", "text": FACT}],
}


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (BIKE, Chunk(FACT, "norzel", {"page": 17})),
        ((BIKE, 0.25), Chunk(FACT, "norzel", {"page": 17})),
        ([BIKE, 0.25], Chunk(FACT, "norzel", {"page": 17})),
        ({"page_content": FACT, "metadata": {"page": 17}, "id": "norzel", "type": "Document"},
         Chunk(FACT, "norzel", {"page": 17})),
        (WEB, Chunk(FACT, None, {"url": WEB["url"], "title": "Bikes", "score": 0.9})),
        ({"link": "https://x.org", "title": "T", "snippet": FACT},
         Chunk(FACT, None, {"link": "https://x.org", "title": "T"})),
        ({"href": "https://x.org", "body": FACT}, Chunk(FACT, None, {"href": "https://x.org"})),
        ({"text": FACT, "metadata": {"page": 3}}, Chunk(FACT, None, {"page": 3})),
        (BLOCK, Chunk(FACT, None, {"title": "Bikes", "source": "https://example.org/bike"})),
        ({"type": "document", "title": "T",
          "source": {"type": "text", "media_type": "text/plain", "data": FACT}},
         Chunk(FACT, None, {"title": "T"})),
        ({"type": "document",
          "source": {"type": "content", "content": [{"type": "text", "text": FACT}]}},
         Chunk(FACT, None, {})),
        ({"type": "text-plain", "text": FACT, "mime_type": "text/plain"}, Chunk(FACT, None, {})),
    ],
)  # fmt: skip
def test_a_retrieved_thing_is_taken_whole(found: object, expected: Chunk) -> None:
    made = chunk_of(found)
    assert made is not None
    assert (made.text, made.id, dict(made.metadata)) == (
        expected.text,
        expected.id,
        dict(expected.metadata),
    )
    assert chunks_in([found, found]) == (made, made)
    assert chunks_in({"results": [found]}) == (made,)


@pytest.mark.parametrize(
    "other",
    [
        "Text.",
        3,
        {"role": "user", "content": FACT},
        {"type": "text", "text": FACT},
        {"type": "image", "source": {"type": "base64", "data": "AAAA"}},
        {"type": "document", "source": {"type": "base64", "data": "AAAA"}},
        {"content": FACT},
        HumanMessage(FACT),
    ],
)
def test_other_things_are_no_documents(other: object) -> None:
    assert chunk_of(other) is None
    assert chunks_in([other]) == ()
    assert block_chunk(other) is None
