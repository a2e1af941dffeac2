"""Which documents and which prompt belong to an answer."""

from __future__ import annotations

import pytest

from attribot_integrations.context.sources import Chunk
from attribot_integrations.errors import DataFileError
from attribot_integrations.traces import assembling
from attribot_integrations.traces.assembling import TraceAnswer, answers_of
from attribot_integrations.traces.tracespans import TraceSpan
from tests.unit.traces.made import step, texts

ROOT = step("root", question="Who?", answer="Ada.")
FOUND = step("r", "root", "retriever", start="2", documents=("Ada wrote it.",), question="who")
WROTE = step("m", "root", "llm", start="3", answer="Ada.", prompt="Ada wrote it. Who?")


def one(*spans: TraceSpan) -> TraceAnswer:
    (answer,) = answers_of(spans)
    return answer


def test_a_chain() -> None:
    answer = one(ROOT, WROTE, FOUND)
    assert answer.request.question == "Who?"
    assert answer.request.answer == "Ada."
    assert answer.request.prompt == [{"role": "user", "content": "Ada wrote it. Who?"}]
    assert answer.request.id == "t#root"
    (chunk,) = answer.request.chunks
    assert chunk == Chunk("Ada wrote it.", metadata={"retrieved_by": {"span": "r", "position": 0}})
    assert answer.guessed == ()


def test_the_model_that_wrote_the_answer_counts() -> None:
    """Not the one that worded the question before, or judged the answer after."""
    condensed = step("c", "root", "llm", start="1", answer="Who wrote it?", prompt="Who?")
    graded = step("g", "root", "llm", start="4", answer="yes", prompt="Is it grounded?")
    assert one(ROOT, condensed, FOUND, WROTE, graded).request == one(ROOT, FOUND, WROTE).request


def test_documents_that_came_later_do_not_count() -> None:
    late = step("late", "root", "retriever", start="4", documents=("Late.",))
    assert texts(one(ROOT, FOUND, WROTE, late).request) == ["Ada wrote it."]


def test_without_times_all_documents_count() -> None:
    found = step("r", "root", "retriever", documents=("One.",))
    wrote = step("m", "root", "llm", answer="Ada.")
    assert texts(one(ROOT, wrote, found).request) == ["One."]


def test_of_nested_retrievers_the_outermost_counts() -> None:
    inner = step("i", "r", "retriever", start="2", documents=("Inner.", "Ada wrote it."))
    deeper = step("d", "i", "retriever", start="2", documents=("Deeper.",))
    assert texts(one(ROOT, FOUND, WROTE, inner, deeper).request) == ["Ada wrote it."]


def test_a_retriever_whose_own_documents_are_unknown_is_looked_into() -> None:
    outer = step("outer", "root", "retriever", start="1")
    inner = step("inner", "outer", "retriever", start="2", documents=("Inner.",))
    assert texts(one(ROOT, outer, inner, WROTE).request) == ["Inner."]


def test_of_nested_models_the_innermost_counts() -> None:
    outer = step("o", "root", "llm", start="3", answer="Ada.", prompt="a template")
    inner = step("i", "o", "llm", start="3", answer="Ada.", prompt="the prompt")
    assert one(ROOT, FOUND, outer, inner).request.prompt == [
        {"role": "user", "content": "the prompt"}
    ]


def test_a_reranker_takes_the_place_of_what_it_was_given() -> None:
    first = step("r1", "root", "retriever", start="1", documents=("One.", "Two."))
    reranked = step("k", "root", "reranker", start="2", given=("One.", "Two."), documents=("Two.",))
    second = step("r2", "root", "retriever", start="2.5", documents=("Three.",))
    answer = one(ROOT, first, reranked, second, WROTE)
    assert texts(answer.request) == ["Two.", "Three."]
    assert [chunk.metadata["retrieved_by"] for chunk in answer.request.chunks] == [  # type: ignore[union-attr]
        {"span": "k", "position": 0},
        {"span": "r2", "position": 0},
    ]


def test_a_reranker_that_does_not_tell_what_it_was_given_had_everything() -> None:
    reranked = step("k", "root", "reranker", start="2.5", documents=("Kept.",))
    assert texts(one(ROOT, FOUND, reranked, WROTE).request) == ["Kept."]


def test_the_nearest_documents_count() -> None:
    part = step("part", "root")
    near = step("near", "part", "retriever", start="2", documents=("Near.",))
    wrote = step("m", "part", "llm", start="3", answer="Ada.", prompt="Near.")
    assert texts(one(ROOT, FOUND, part, near, wrote).request) == ["Near."]


def test_parts_with_documents_of_their_own_have_an_answer_each() -> None:
    steps = [step("root", answer=None)]
    for name in ("a", "b"):
        steps += [
            step(f"{name}", "root", question=f"{name}?"),
            step(f"{name}r", name, "retriever", start="1", documents=(f"{name}.",), question="q"),
            step(f"{name}1", name, "llm", start="2", answer="a draft"),
            step(f"{name}2", name, "llm", start="3", answer=f"It is {name}."),
        ]
    first, second = answers_of(steps)
    assert (first.request.answer, texts(first.request)) == ("It is a.", ["a."])
    assert (second.request.answer, texts(second.request)) == ("It is b.", ["b."])
    assert second.request.id == "t#b2"
    assert second.request.question == "b?"
    assert second.guessed == (assembling.NO_PROMPT,)


@pytest.mark.parametrize(("start", "expected"), [("9", "Last."), ("2.5", "Inner.")])
def test_of_a_part_and_what_is_around_it_the_later_answer_counts(start: str, expected: str) -> None:
    steps = [
        step("root", question="Who?"),
        FOUND,
        step("part", "root"),
        step("near", "part", "retriever", start="4", documents=("Near.",)),
        step("inner", "part", "llm", start="5", answer="Inner."),
        step("outer", "root", "llm", start=start, answer="Last."),
    ]
    answer = one(*steps)
    assert (answer.request.answer, answer.request.question) == (expected, "Who?")


def test_an_answer_that_is_a_part_of_what_was_written() -> None:
    wrote = step("m", "root", "llm", start="3", answer='{"answer": "Ada.", "sure": true}')
    answer = one(ROOT, FOUND, wrote)
    assert answer.request.answer == "Ada."
    assert answer.guessed == (assembling.PART, assembling.NO_PROMPT)


def test_an_answer_with_more_than_what_was_written() -> None:
    root = step("root", question="Who?", answer="Ada.\n\nSources: one")
    assert one(root, FOUND, WROTE).request.answer == "Ada."


def test_an_answer_that_no_model_wrote_has_no_prompt() -> None:
    root = step("root", question="Who?", answer="Nobody knows.")
    answer = one(root, FOUND, WROTE)
    assert (answer.request.answer, answer.request.prompt) == ("Nobody knows.", None)
    assert answer.guessed == (assembling.UNKNOWN_PROMPT,)


def test_documents_without_a_text_are_said() -> None:
    found = step("r", "root", "retriever", start="2", documents=("One.", "", "Three."))
    answer = one(ROOT, found, WROTE)
    assert answer.guessed == (assembling.SOME_TEXTS,)
    assert [chunk.metadata["retrieved_by"]["position"] for chunk in answer.request.chunks] == [0, 2]  # type: ignore[union-attr]


def test_a_part_of_a_trace() -> None:
    """The export may begin in the middle: the step around it is missing."""
    (answer,) = answers_of([FOUND, WROTE])
    assert (answer.request.question, answer.request.id) == ("who", "t#m")
    assert answer.guessed == (assembling.GUESSED_QUESTION,)


@pytest.mark.parametrize(
    ("steps", "reason"),
    [
        ([ROOT, WROTE], assembling.NO_DOCUMENTS),
        ([ROOT, step("r", "root", "retriever")], assembling.NO_DOCUMENTS),
        ([step("root"), FOUND], assembling.NO_ANSWER),
        ([step("root", failed=True), FOUND], assembling.FAILED),
        ([ROOT, step("r", "root", "retriever", documents=("", "")), WROTE], assembling.NO_TEXTS),
        (
            [step("root", "x", answer="Ada."), step("r", "root", "retriever", documents=("A.",))],
            assembling.NO_QUESTION,
        ),
        ([step("a", "a", "retriever", documents=("A.",))], "their parents form a circle"),
    ],
)
def test_why_nothing_can_be_attributed(steps: list[TraceSpan], reason: str) -> None:
    with pytest.raises(DataFileError, match=reason):
        answers_of(steps)


def test_many_steps_take_no_longer_than_they_must() -> None:
    """In time that grows with their number; a thousand models after a thousand searches."""
    steps = [step("root", question="Who?")]
    for number in range(1_000):
        steps += [
            step(f"r{number}", "root", "retriever", start=f"{number:04}a", documents=("A.",)),
            step(f"m{number}", "root", "llm", start=f"{number:04}b", answer=f"{number}"),
        ]
    assert one(*steps).request.answer == "999"
