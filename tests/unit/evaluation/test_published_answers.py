"""Answers that people judged, in the shapes they are published in, with made-up facts."""

from __future__ import annotations

from typing import Any

import pytest

from attribot_integrations.errors import DataFileError
from attribot_integrations.evaluation.published_answers import (
    alce_rows,
    aligned_rows,
    expertqa_rows,
    mtrag_rows,
    ragtruth_rows,
)

ALIGNED: dict[str, Any] = {
    "unique_id": "a1",
    "query": "What is known of the mill?",
    "response": ["The mill is old.", "It burned."],
    "documents": [
        {
            "documentFile": "0",
            "documentText": ["It stands. ", "It is old. "],
            "documentTitle": None,
        },
        {"documentFile": "1", "documentText": ["Rain.", "A fire came."], "source_title": "Fires"},
    ],
    "set_of_highlights_in_context": [
        {
            "documentFile": "1",
            "docSentText": "A fire came.",
            "scuSentence": "It burned.",
            "scuSentCharIdx": 17,
        },
        {
            "documentFile": "0",
            "docSentText": "It is old.",
            "scuSentence": "The mill is old.",
            "scuSentCharIdx": 0,
        },
        {
            "documentFile": "1",
            "docSentText": "\nA fire came.",
            "scuSentence": "It burned.",
            "scuSentCharIdx": 17,
        },
        {"documentFile": None, "scuSentence": "It burned.", "scuSentCharIdx": 17.0},
    ],
}

EXPERTQA: dict[str, Any] = {
    "question": "What drives mills?",
    "annotator_id": "x",
    "answers": {
        "bing": {
            "answer_string": "Wind drives them [2]. Rain too [10].",
            "attribution": ["[2] https://e.x/wind"],
            "claims": [
                {
                    "claim_string": "Wind drives them [2].",
                    "evidence": ["[2] https://e.x/wind\n\nWind drives mills."],
                    "support": "Complete",
                },
                {
                    "claim_string": " Rain too [10].",
                    "evidence": [
                        "[10] https://e.x/rain\n\nRain falls.",
                        "[2] https://e.x\n\nagain",
                    ],
                    "support": "Missing",
                },
            ],
        },
        "gpt": {
            "answer_string": "Wind.",
            "claims": [{"claim_string": "Wind.", "evidence": ["https://e.x"], "support": "N/A"}],
        },
    },
}

MTRAG: dict[str, Any] = {
    "conversation_id": "c",
    "task_id": "c::2",
    "contexts": [{"document_id": "d1", "title": "Mill", "text": "The mill burned in 1871."}],
    "input": [
        {"speaker": "user", "text": "Is there a mill?"},
        {"speaker": "agent", "text": "Yes."},
        {"speaker": "user", "text": "When did it burn?"},
    ],
    "targets": [{"speaker": "agent", "text": "In 1871."}],
    "answerability": ["ANSWERABLE"],
}

ALCE: dict[str, Any] = {
    "id": 7,
    "question": "When did it burn?",
    "answer": "1871",
    "output": "It burned in 1871 [1].",
    "docs": [{"title": "Mill", "text": "It burned in 1871.", "score": 1.0}],
}

RAGTRUTH: dict[str, Any] = {
    "id": "r1",
    "source_id": "9",
    "response": "The mill burned in 1871. Nobody was hurt.",
    "labels": [{"start": 25, "end": 31, "text": "Nobody", "label_type": "Evident Baseless Info"}],
    "source": {
        "task_type": "QA",
        "source_info": {
            "question": "what happened",
            "passages": "passage 1:The mill burned in 1871.\n\npassage 2:It rained.\n\n",
        },
    },
}


def test_sentences_with_the_source_sentences_aligned_with_them() -> None:
    (row,) = aligned_rows(ALIGNED, 1)
    assert (row["question"], row["answer"]) == (ALIGNED["query"], "The mill is old. It burned.")
    assert row["statements"] == [
        {"text": "The mill is old.", "gold_sentences": [[0, 1]]},
        {"text": "It burned.", "gold_sentences": [[1, 1]]},
    ]
    assert [each["title"] for each in row["chunks"]] == ["", "Fires"]


def test_summaries_have_no_question() -> None:
    summary = {name: value for name, value in ALIGNED.items() if name != "query"}
    (row,) = aligned_rows({**summary, "response": "It burned."}, 1)
    assert (row["question"], row["answer"]) == ("Summarize the documents.", "It burned.")
    with pytest.raises(DataFileError, match='"response" must be text or a list'):
        list(aligned_rows({**ALIGNED, "response": 3}, 1))


def test_experts_judge_claims() -> None:
    (row,) = expertqa_rows(EXPERTQA, 4)  # the other answer has no texts
    assert (row["id"], row["kind"]) == ("4/bing", "bing")
    assert row["chunks"] == [
        {"id": "2", "title": "https://e.x/wind", "text": "Wind drives mills."},
        {"id": "10", "title": "https://e.x/rain", "text": "Rain falls."},
    ]
    assert row["statements"][1] == {"text": "Rain too [10].", "support": "Missing"}


def test_a_turn_of_a_conversation() -> None:
    (row,) = mtrag_rows(MTRAG, 1)
    assert (row["id"], row["question"], row["kind"]) == ("c::2", "When did it burn?", "ANSWERABLE")
    assert [each["role"] for each in row["prompt"]] == ["user", "assistant", "user"]
    assert row["prompt"][2]["content"] == "The mill burned in 1871.\n\nWhen did it burn?"
    assert list(mtrag_rows({**MTRAG, "contexts": []}, 1)) == []


def test_results_of_alce() -> None:
    (row,) = alce_rows(ALCE, 3)
    assert (row["id"], row["answer"]) == (7, "It burned in 1871 [1].")
    (before,) = alce_rows({name: ALCE[name] for name in ("question", "answer", "docs")}, 3)
    assert (before["id"], before["answer"]) == ("record-3", "1871")


def test_marked_spans_are_not_supported() -> None:
    (row,) = ragtruth_rows(RAGTRUTH, 1)
    assert row["question"] == "what happened"
    assert row["chunks"] == [{"text": "The mill burned in 1871."}, {"text": "It rained."}]
    assert [each["support"] for each in row["statements"]] == ["Complete", "Missing"]


@pytest.mark.parametrize(
    ("info", "question", "text"),
    [
        ("It burned.", "Summarize the documents.", "It burned."),
        ({"name": "Mill"}, "Write an objective overview about", '{"name": "Mill"}'),
    ],
)
def test_other_tasks_of_ragtruth(info: Any, question: str, text: str) -> None:
    (row,) = ragtruth_rows({**RAGTRUTH, "source": {"source_info": info}}, 1)
    assert row["question"].startswith(question)
    assert row["chunks"] == [{"text": text}]


def test_ragtruth_without_a_source() -> None:
    with pytest.raises(DataFileError, match='"source_info" must be text or an object'):
        list(ragtruth_rows({**RAGTRUTH, "source": {"source_info": 3}}, 1))
