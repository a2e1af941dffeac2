"""Citations in LangChain's standard form are plain dicts that point at the right text."""

import json
from typing import Any

import pytest

from attribot_integrations.context.sources import Chunk
from attribot_integrations.langchain import citation_annotations
from attribot_integrations.langchain.annotations import ID_PREFIX
from attribot_integrations.requests.options import AttributionRequest
from tests.integrations.engines import attribution_of


def annotated(metadata: dict[str, Any], id: str | None = "d1") -> Any:
    chunk = Chunk("Ada is old.", id=id, metadata=metadata)
    made = attribution_of(AttributionRequest("Who?", [chunk], "Ada."), (chunk,))
    (annotation,) = citation_annotations(made)
    return annotation


def test_an_annotation_points_at_answer_and_chunk() -> None:
    annotation = annotated({"title": "Ages"})
    assert annotation["id"].startswith(ID_PREFIX)
    assert (annotation["title"], annotation["cited_text"]) == ("Ages", "Ada is old.")
    assert (annotation["start_index"], annotation["end_index"]) == (0, 4)
    extras = annotation["extras"]
    assert (extras["chunk_id"], extras["chunk_start"], extras["chunk_end"]) == ("d1", 0, 11)
    assert json.loads(json.dumps(annotation)) == annotation


@pytest.mark.parametrize(
    ("metadata", "url"),
    [
        ({"url": "https://x.org/a"}, "https://x.org/a"),
        ({"source": "a.txt", "link": "http://x.org"}, "http://x.org"),
        ({"source": "a.txt"}, None),
        ({"url": "javascript:alert(1)"}, None),
        ({"url": 3}, None),
    ],
)
def test_only_links_are_links(metadata: dict[str, Any], url: str | None) -> None:
    assert annotated(metadata).get("url") == url


def test_there_is_always_a_title() -> None:
    assert annotated({})["title"] == "d1"
    assert annotated({}, None)["title"] == "Source 1"
