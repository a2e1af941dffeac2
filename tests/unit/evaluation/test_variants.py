from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from attribot_integrations.context.sources import Chunk
from attribot_integrations.evaluation.examples import EvaluationExample, read_set
from attribot_integrations.evaluation.variants import VARIANTS, make_variant
from tests.unit.evaluation.data import write_data


@pytest.fixture
def examples(tmp_path: Path) -> tuple[EvaluationExample, ...]:
    return read_set(write_data(tmp_path / "data.jsonl")).examples


def test_the_answer_is_left_as_it_is(examples: tuple[EvaluationExample, ...]) -> None:
    found = make_variant("answer", examples, 0)
    assert found is not None
    assert found.example is examples[0]
    assert found.changed is None


def test_evidence_is_removed(examples: tuple[EvaluationExample, ...]) -> None:
    found = make_variant("removed", examples, 1)
    assert found is not None
    (chunk,) = found.example.chunks
    assert chunk.text == "The mill is old."
    assert found.example.splitter(chunk.text) == ((0, 16),)
    assert found.example.answer == examples[1].answer
    assert found.changed == (0, len(examples[1].answer))


def test_sentences_that_stay_keep_their_spans(examples: tuple[EvaluationExample, ...]) -> None:
    last_only = replace(examples[1], gold=(((0, 1),),), statements=None)
    found = make_variant("removed", [last_only, *examples], 0)
    assert found is not None
    (chunk,) = found.example.chunks
    spans = found.example.splitter(chunk.text)
    assert [chunk.text[slice(*span)] for span in spans] == [
        "The mill is old.",
        "It has stood since 1871.",
    ]


def test_what_cannot_be_removed(examples: tuple[EvaluationExample, ...]) -> None:
    assert make_variant("removed", examples, 2) is None  # no sentence is marked
    alone = replace(examples[0], chunks=(Chunk("Vela."),), gold=(((0, 0),),))
    assert make_variant("removed", [alone], 0) is None  # nothing would be left
    twice = replace(
        examples[0],
        answer="tea",
        chunks=(Chunk("Vela likes tea."), Chunk("Everybody likes tea.")),
        gold=(((0, 0),),),
        splitter=lambda text: [(0, len(text))],
    )
    assert make_variant("removed", [twice], 0) is None  # it stands elsewhere, too


def test_another_answer(examples: tuple[EvaluationExample, ...]) -> None:
    found = make_variant("other", examples, 0)
    assert found is not None
    assert found.example.answer in {each.answer for each in examples[1:]}
    assert found.example.chunks == examples[0].chunks
    assert make_variant("other", examples[:1], 0) is None


def test_one_number_or_name_is_exchanged(examples: tuple[EvaluationExample, ...]) -> None:
    found = make_variant("exchanged", examples, 0)
    assert found is not None
    assert found.changed is not None
    new = found.example.answer[slice(*found.changed)]
    assert new in {"1871", "Hob Tarn"}
    before = found.example.answer[: found.changed[0]]
    assert examples[0].answer.startswith(before)
    assert found == make_variant("exchanged", examples, 0)
    assert make_variant("exchanged", examples[:1], 0) is None  # nothing to exchange it for


@pytest.mark.parametrize("kind", VARIANTS[1:])
def test_changed_answers_have_no_evidence(
    kind: str, examples: tuple[EvaluationExample, ...]
) -> None:
    for index in range(len(examples)):
        found = make_variant(kind, examples, index)  # type: ignore[arg-type]
        if found is not None:
            assert found.example.gold == ()
            assert found.example.statements is None
