"""Answers of reasoning models lead through their thoughts."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from attribot_integrations.answers.captured import CapturedAnswer
from attribot_integrations.answers.record import AnswerRecord
from attribot_integrations.answers.thinking import with_thoughts
from attribot_integrations.context.locating import RawPrompt
from attribot_integrations.context.prompts import BEGUN
from attribot_integrations.context.sources import Chunk
from attribot_integrations.errors import ModelError
from attribot_integrations.results import Attribution
from tests.integrations.overlap import OverlapEngine
from tests.unit.answers.answering import captured

CHUNKS = (Chunk("Ada is 90."), Chunk("Bea is 7."), Chunk("Oslo is cold."))
THOUGHTS = "Ada: 90. Cleo is no matter."
ANSWER = f"<think>\n{THOUGHTS}\n</think>\n\nThe oldest is Ada, 90. It is in Oslo."
ASKED = "Ada is 90.\nBea is 7.\nOslo is cold.\nWho is old?"


def answer(**changes: Any) -> CapturedAnswer:
    return captured(**{"chunks": CHUNKS, "answer": ANSWER, "prompt": ASKED, **changes})


def through(engine: OverlapEngine, **changes: Any) -> Attribution | None:
    return AnswerRecord(answer(**changes), engine).through_thoughts()


def test_a_trace_leads_through_thoughts_and_directly() -> None:
    engine = OverlapEngine()
    made = through(engine)
    assert made is not None
    (step,) = made.steps
    assert (step.kind, step.text) == ("thoughts", THOUGHTS)
    ways = {tuple(each.text for each in path.texts) for path in made.trace(0).paths}
    assert ways == {("Ada: 90.", "Ada is 90."), ("Ada is 90.",)}
    assert [each.kind for each in made.trace(0).paths[0].texts][-1] == "passage"
    assert {each.kind for each in made.trace(0).below} == {"thoughts", "passage"}
    assert {path.texts for path in made.trace(1).paths} == {made.trace(1).below}
    assert all(each.chunk_index < 3 for each in made.citations), "thoughts are never cited"
    assert "thoughts: Ada: 90." in str(made.trace(0))
    assert Attribution.from_json(made.to_json()).steps == made.steps


def test_statements_have_their_places_in_the_whole_answer() -> None:
    made = through(OverlapEngine())
    assert made is not None
    assert (made.answer, [each.text for each in made.statements]) == (
        ANSWER,
        ["The oldest is Ada, 90.", "It is in Oslo."],
    )


def test_what_the_model_had_written_stands_behind_the_prompt() -> None:
    engine = OverlapEngine()
    through(engine)
    answered, thought = engine.requests
    begun = ANSWER[: ANSWER.index("The oldest")]
    assert (answered.prompt, answered.answer) == (ASKED + begun, ANSWER)
    assert (thought.prompt, thought.answer) == (f"{ASKED}<think>\n", THOUGHTS)
    through(engine, prompt=[{"role": "user", "content": ASKED}])
    assert engine.requests[2].prompt == [
        {"role": "user", "content": ASKED},
        {"role": BEGUN, "content": begun},
    ]
    through(engine, prompt=RawPrompt(ASKED, trusted=True, bos_added=True))
    assert engine.requests[4].prompt == RawPrompt(ASKED + begun, trusted=True, bos_added=True)


def test_without_a_captured_prompt_a_template_shows_question_and_chunks() -> None:
    engine = OverlapEngine()
    made = through(engine, prompt=None)
    assert made is not None
    prompt: Any = engine.requests[0].prompt
    asked, begun = prompt
    assert "Ada is 90.\n\nBea is 7." in asked["content"]
    assert begun["role"] == BEGUN
    assert made.steps[0].kind == "thoughts"


def test_thoughts_lead_through_intermediate_answers_too() -> None:
    said = answer(answer="Ada has 90.", left_out=frozenset({2}))
    made = through(
        OverlapEngine(), prompt="Said: Ada has 90.", steps=(said,), left_out=frozenset({0, 1, 2})
    )
    assert made is not None
    assert [each.kind for each in made.steps] == ["answer", "thoughts"]
    ways = {tuple(each.text for each in path.texts) for path in made.trace(0).paths}
    assert ("Ada: 90.", "Ada has 90.", "Ada is 90.") in ways


@pytest.mark.parametrize(
    "changes",
    [
        {"answer": "The oldest is Ada."},
        {"answer": "<think>Ada."},
        {"answer": "<think> </think> The oldest is Ada."},
        {"chunks": ()},
        {"prompt": "Something else."},
    ],
)
def test_without_thoughts_or_their_prompt_there_is_nothing(changes: dict[str, Any]) -> None:
    assert through(OverlapEngine(), **changes) is None


def test_the_record_itself_knows_nothing_of_thoughts() -> None:
    record = AnswerRecord(answer(), OverlapEngine())
    record.through_thoughts()
    assert not record.done
    assert record.attribution is not None
    assert record.attribution.steps == ()


class Failing:
    def attribute_request(self, request: Any) -> Attribution:
        raise ModelError("it is out of order")


def test_errors_are_raised_where_they_are_asked_for() -> None:
    assert AnswerRecord(answer(), Failing()).through_thoughts() is None
    with pytest.raises(ModelError, match="it is out of order"):
        AnswerRecord(answer(), Failing(), raise_error=True).through_thoughts()


def test_what_was_captured_stays_as_it_is() -> None:
    own = answer(generated_ids=(1, 2))
    kept = replace(own)
    made = with_thoughts(own)
    assert made is not None
    assert made.generated_ids is None
    assert own == kept
