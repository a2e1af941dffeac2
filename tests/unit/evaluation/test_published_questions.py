"""Question answering in the shapes it is published in, with made-up facts."""

from __future__ import annotations

from typing import Any

import pytest

from attribot_integrations.errors import DataFileError
from attribot_integrations.evaluation.published_questions import (
    clapnq_rows,
    hotpotqa_rows,
    qasper_rows,
    quotesum_rows,
    squad_rows,
)

HOTPOT: dict[str, Any] = {
    "_id": "h1",
    "question": "Where does the sister of Vela live?",
    "answer": "Oro",
    "type": "bridge",
    "level": "easy",
    "supporting_facts": [["Vela", 1], ["Mira", 0], ["Mira", 7], ["Nobody", 0]],
    "context": [
        ["Vela", ["Vela sings.", " Her sister is Mira."]],
        ["Mira", ["Mira lives in Oro."]],
    ],
}

SQUAD: dict[str, Any] = {
    "context": "The mill is old. Hob Tarn built it in 1871. It burned twice.",
    "qas": [
        {
            "id": "s1",
            "question": "Who built the mill?",
            "is_impossible": False,
            "answers": [
                {"text": "Hob Tarn", "answer_start": 17},
                {"text": "old. Hob Tarn", "answer_start": 12},
            ],
        },
        {"id": "s2", "question": "Who sold it?", "is_impossible": True, "answers": []},
    ],
}

CLAPNQ: dict[str, Any] = {
    "id": "c1",
    "input": "what became of the ferry",
    "passages": [
        {"title": "Ferry", "text": "…", "sentences": ["It sank .", "It rained .", "It rose ."]}
    ],
    "output": [
        {"answer": "It sank.", "selected_sentences": ["It sank ."], "meta": {"round": 1}},
        {"answer": "It sank and rose.", "selected_sentences": ["It sank .", "It rose . "]},
    ],
}

QASPER: dict[str, Any] = {
    "title": "On mills",
    "abstract": "Mills.",
    "full_text": [
        {"section_name": "Data", "paragraphs": ["We use 12 mills. All are old.", ""]},
        {"section_name": None, "paragraphs": ["Wind drives them. Water does not."]},
    ],
    "qas": [
        {
            "question": "How many mills?",
            "question_id": "q1",
            "answers": [
                {"answer": {"unanswerable": True, "evidence": [], "extractive_spans": []}},
                {
                    "answer": {
                        "unanswerable": False,
                        "extractive_spans": ["12 mills", "all old"],
                        "free_form_answer": "",
                        "yes_no": None,
                        "evidence": ["We use 12 mills. All are old."],
                        "highlighted_evidence": ["We use 12 mills."],
                    }
                },
            ],
        },
        {
            "question": "Does water drive them?",
            "question_id": "q2",
            "answers": [
                {
                    "answer": {
                        "unanswerable": False,
                        "extractive_spans": [],
                        "free_form_answer": "",
                        "yes_no": False,
                        "evidence": ["Wind drives them. Water does not."],
                        "highlighted_evidence": ["Something else."],
                    }
                }
            ],
        },
        {
            "question": "What does table 1 show?",
            "question_id": "q3",
            "answers": [
                {"answer": {"extractive_spans": ["mills"], "evidence": ["FLOAT SELECTED: Table 1"]}}
            ],
        },
    ],
}

QUOTESUM: dict[str, Any] = {
    "unique_id": "u1",
    "question": "When did the towns burn?",
    "summary": "The town [ 1 burned in 1871 ] . Others say [ 3 it burned ] and [ 1 was rebuilt. ]",
    "title1": "Oro",
    "source1": "Oro burned in 1871. It was rebuilt.",
    "title2": "",
    "source2": "",
    "title3": "Tarn",
    "source3": "In 1902 it burned.",
}


def test_hotpotqa() -> None:
    (row,) = hotpotqa_rows(HOTPOT, 1)
    assert row["id"] == "h1"
    assert row["gold"] == [[0, 1], [1, 0]]  # what names no sentence is left out
    assert row["chunks"][1] == {"title": "Mira", "sentences": ["Mira lives in Oro."]}
    assert row["kind"] == "bridge"


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"context": [["Vela"]]}, '"context" must be a list of'),
        ({"supporting_facts": ["Vela"]}, '"supporting_facts" must be a list of'),
        ({"answer": None}, '"answer" must be text'),
    ],
)
def test_hotpotqa_of_another_form(changed: dict[str, Any], message: str) -> None:
    with pytest.raises(DataFileError, match=message):
        list(hotpotqa_rows({**HOTPOT, **changed}, 1))


def test_squad_marks_what_all_annotators_touch() -> None:
    (row,) = squad_rows(SQUAD, 1)
    assert (row["id"], row["answer"], row["gold"]) == ("s1", "Hob Tarn", [[0, 1]])
    assert row["chunks"][0]["sentences"][1] == "Hob Tarn built it in 1871."


def test_squad_annotators_who_disagree() -> None:
    answers = [{"text": "1871", "answer_start": 38}, {"text": "twice", "answer_start": 54}]
    asked = {"id": "s", "question": "When?", "answers": answers}
    (row,) = squad_rows({"context": SQUAD["context"], "qas": [asked]}, 1)
    assert row["gold"] == [[0, 1]]


def test_clapnq_has_its_last_answer() -> None:
    (row,) = clapnq_rows(CLAPNQ, 1)
    assert (row["answer"], row["gold"]) == ("It sank and rose.", [[0, 0], [0, 2]])
    assert list(clapnq_rows({**CLAPNQ, "output": [{"answer": ""}]}, 1)) == []


def test_qasper() -> None:
    first, second = qasper_rows(QASPER, 1)
    assert (first["id"], first["answer"]) == ("q1", "12 mills, all old")
    assert first["gold"] == [[0, 0]]
    assert [chunk["title"] for chunk in first["chunks"]] == ["Data", ""]
    assert (second["answer"], second["gold"]) == ("No", [[1, 0], [1, 1]])


def test_quotesum_without_its_marks() -> None:
    (row,) = quotesum_rows(QUOTESUM, 1)
    assert row["answer"] == "The town burned in 1871. Others say it burned and was rebuilt."
    assert [each["title"] for each in row["chunks"]] == ["Oro", "Tarn"]
    assert row["statements"] == [
        {"text": "The town burned in 1871.", "gold": [0]},
        {"text": "Others say it burned and was rebuilt.", "gold": [0, 1]},
    ]
