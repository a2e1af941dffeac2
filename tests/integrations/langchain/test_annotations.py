"""Citations in LangChain's standard form are plain dicts that point at the right text."""

import json
from typing import Any

import pytest

from attribot_integrations.context.sources import Chunk
from attribot_integrations.langchain import citation_annotations
from attribot_integrations.langchain.annotations import ID_PREFIX, Annotation
from attribot_integrations.requests.options import AttributionRequest
from tests.integrations.engines import attribution_of
from tests.unit.render.samples import weighed
from tests.unit.results.test_remarks import KNOWN, NOT_STATED


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


def test_both_kinds_of_evidence_are_extras() -> None:
    annotations = citation_annotations(weighed())
    extras = [each["extras"] for each in annotations]
    assert [
        (each["number"], each["basis"], each["score"], each["states"], each["stated_by"])
        for each in extras
    ] == [
        (1, "both", 0.25, 0.94, "lexical"),
        (2, "both", 0.125, 0.91, "lexical"),
        (3, "depends", 6.0, 0.0625, "lexical"),
        (4, "states", 0.02, 0.875, "lexical"),
    ]
    assert [each["remark"] for each in extras] == [None, None, NOT_STATED, KNOWN]
    assert extras[0]["carried"] == "these 2 sources together carry 96 % of it"
    assert (extras[3]["support"], extras[3]["carried"]) == ("parametric", None)
    assert all(each.keys() <= Annotation.__annotations__.keys() for each in annotations)
    assert json.loads(json.dumps(annotations)) == annotations


def test_there_is_always_a_title() -> None:
    assert annotated({})["title"] == "d1"
    assert annotated({}, None)["title"] == "Source 1"
