"""The payload of a record is plain JSON, and says what became of it."""

import json
from dataclasses import replace
from typing import Any

from attribot_integrations.errors import InputError
from attribot_integrations.llama_index import (
    AttributionRecord,
    format_with_markers,
    get_citations,
)
from attribot_integrations.llama_index.capturing import CapturedSynthesis
from attribot_integrations.llama_index.nodes import node_texts
from attribot_integrations.llama_index.records import is_payload, pending_payload
from attribot_integrations.llama_index.spans import is_attributing
from attribot_integrations.requests.options import AttributionRequest
from attribot_integrations.results import Attribution, Certificate, Statement, Support
from tests.integrations.engines import StubEngine
from tests.integrations.llama_index.fakes import node


def record(engine: StubEngine) -> AttributionRecord:
    nodes = (node(""), node(" Ada is old.", id_="n", metadata={"page": 3}))
    texts = node_texts(nodes)
    captured = CapturedSynthesis(
        id="one",
        question="Who?",
        chunks=tuple(text.chunk for text in texts),
        answer="Ada.",
        nodes=nodes,
        texts=texts,
    )
    return AttributionRecord(captured, engine)


def test_payload_of_an_attribution() -> None:
    payload = record(StubEngine()).to_payload()
    assert json.loads(json.dumps(payload)) == payload
    assert is_payload(payload)
    assert payload.keys() == pending_payload("one").keys()
    assert (payload["id"], payload["status"], payload["prompt"]) == (
        "one",
        "approximate",
        "template",
    )
    (citation,) = payload["citations"]
    assert (citation["source_index"], citation["node_id"]) == (1, "n")
    assert (citation["node_start"], citation["node_end"]) == (1, 12)
    assert citation["metadata"] == {"page": 3}


def test_payload_shows_both_kinds_of_evidence() -> None:
    class Weighing(StubEngine):
        def attribute_request(self, request: AttributionRequest) -> Attribution:
            made = super().attribute_request(request)
            (citation,) = made.citations
            return replace(
                made,
                statements=(Statement(0, 0, 4, "Ada.", (0, 0)),),
                citations=(replace(citation, score=0.02, basis="states", states=0.9),),
                support=(Support(0, "parametric", -1.0, -1.0),),
                verifier="lexical",
                certificates=(Certificate(0, (0,), 2.0, 1.0, 0.5),),
            )

    payload = record(Weighing()).to_payload()
    assert (payload["version"], payload["verifier"]) == (3, "lexical")
    (citation,) = payload["citations"]
    assert (citation["basis"], citation["score"], citation["states"]) == ("states", 0.02, 0.9)
    (statement,) = payload["statements"]
    assert statement["remark"] == "known to the model anyway; stated in [1]"
    assert statement["carried"] == "this source alone carries 50 % of it"
    assert statement["certificate"] == {"gain": 2.0, "hold": 1.0, "drop": 0.5, "held": 0.5}
    assert json.loads(json.dumps(payload)) == payload
    (one,) = get_citations(payload)
    assert (one.basis, one.states) == ("states", 0.9)
    assert format_with_markers(payload) == "Ada. [1] (known to the model anyway; stated in [1])"


def test_payload_of_a_failure() -> None:
    payload = record(StubEngine(InputError("broken"), always=True)).to_payload()
    assert (payload["status"], payload["reason"]) == ("error", "InputError: broken")
    assert (payload["method"], payload["seconds"], payload["citations"]) == (None, None, [])


def test_what_is_pending_is_told() -> None:
    payload = pending_payload("one")
    assert is_payload(payload)
    assert (payload["status"], payload["citations"]) == ("pending", [])
    assert not is_payload({"id": "one"})
    assert not is_payload("pending")


def test_events_from_inside_an_attribution_are_ignored() -> None:
    class Looking(StubEngine):
        def attribute_request(self, request: Any) -> Any:
            assert is_attributing()
            return super().attribute_request(request)

    assert record(Looking()).status == "approximate"
    assert not is_attributing()
