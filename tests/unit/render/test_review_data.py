"""What a review page is made of."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from attribot_integrations.context.sources import Chunk
from attribot_integrations.render.review_data import LABEL_ORDER, answer_key, review_data
from attribot_integrations.results.support import Support, SupportLabel
from tests.unit.attributions import make_attribution
from tests.unit.render.samples import HOSTILE, hostile, sample, weighed


def cited_text(data: dict[str, Any], answer: dict[str, Any], citation: dict[str, Any]) -> str:
    text = data["texts"][answer["chunks"][citation["chunk"]]]["text"].encode("utf-16-le")
    cut: bytes = text[2 * citation["start"] : 2 * citation["end"]]
    return cut.decode("utf-16-le")


def test_statements_have_labels_and_all_their_citations() -> None:
    data = review_data([weighed()], ["source"])
    (answer,) = data["answers"]
    assert answer["question"] == "When did the pier open?"
    statements = answer["statements"]
    assert [each["label"] for each in statements] == [
        "supported",
        "supported",
        "unsupported",
        "parametric",
    ]
    found = [
        [(each["number"], each["denied"], cited_text(data, answer, each)) for each in one]
        for one in (each["citations"] for each in statements)
    ]
    assert found == [
        [
            (1, False, "The pier opened in 1962."),
            (2, False, "Since 1962 people use the pier."),
        ],
        [(3, False, "It measures 900 metres.")],
        [(1, True, "It is blue.")],
        [(4, False, "Fish is sold at six."), (1, True, "It is blue.")],
    ]
    assert statements[1]["citations"][0]["worth"] == "6.00 nats; stated .06; approximate"
    assert "another source says the same" in statements[0]["citations"][0]["worth"]
    assert [each["name"] for each in data["texts"]] == [
        "Pier history",
        "survey.pdf",
        "Guide",
        "chunk 4",
    ]
    assert data["texts"][1]["more"] == ["source: survey.pdf"]


def with_labels(question: str, *labels: tuple[SupportLabel, float | None]) -> Any:
    made = make_attribution(question, ["One."], "It is old. It is long.")
    support = tuple(
        Support(place, label, -1.0, -1.0, probability)
        for place, (label, probability) in enumerate(labels)
    )
    return replace(made, support=support)


def test_the_worst_come_first_by_label_and_probability() -> None:
    made = [
        with_labels("supported", ("supported", 0.6), ("supported", 0.9)),
        with_labels("unlabelled"),
        with_labels("less likely", ("supported", 0.9), ("unsupported", 0.1)),
        with_labels("uncertain", ("uncertain", 0.05), ("supported", 0.9)),
        with_labels("likelier", ("unsupported", 0.3), ("supported", 0.9)),
        with_labels("worse", ("supported", 0.5), ("supported", 0.9)),
    ]
    assert [each["question"] for each in review_data(made)["answers"]] == [
        "less likely",
        "likelier",
        "uncertain",
        "worse",
        "supported",
        "unlabelled",
    ]
    assert LABEL_ORDER[0] == "unsupported"


def test_texts_that_answers_share_are_there_once() -> None:
    data = review_data([sample(), replace(sample(), question="Another?")])
    assert len(data["texts"]) == 4
    first, second = data["answers"]
    assert first["chunks"] == second["chunks"] == [0, 1, 2, 3]
    assert first["key"] != second["key"]


def test_keys_are_of_the_answer_and_not_of_its_place() -> None:
    assert answer_key(sample()) == answer_key(replace(sample(), id="x", method="other"))
    changed = replace(sample(), chunks=(*sample().chunks[:3], Chunk("Fish.")))
    assert answer_key(changed) != answer_key(sample())


def test_markdown_is_left_out_and_shape_is_not_judged() -> None:
    answer = "# Piers\n\nIt is **long**.\n\n| a | b |\n| - | - |\n| c | `d` |"
    made = make_attribution("Q", ["👍 One."], answer)
    (citation,) = made.citations
    made = replace(made, citations=(replace(citation, statement_index=1),))
    data = review_data([made])
    (shown,) = data["answers"]
    assert [(each["text"], "shape" in each) for each in shown["statements"]] == [
        ("Piers", True),
        ("It is long.", False),
        ("a · b", True),
        ("c · d", False),
    ]
    (found,) = shown["statements"][1]["citations"]
    assert cited_text(data, shown, found) == "👍 One."


@pytest.mark.parametrize("text", HOSTILE)
def test_any_text_is_json(text: str) -> None:
    json.dumps(review_data([hostile(text)]), ensure_ascii=False).encode()
