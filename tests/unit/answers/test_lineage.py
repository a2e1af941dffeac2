"""What each call saw, and what it owes to earlier ones."""

import pytest

from attribot_integrations.answers import ModelCall
from attribot_integrations.answers.lineage import Lineage, prompt_texts, stands_in, wrote

TEXTS = ["Ada is old.", "Bea is\nyoung."]


def call(prompt: str, text: str | None = None, arguments: str = "") -> ModelCall:
    return ModelCall(prompt, text, arguments, ended=True)


def lineage(*calls: ModelCall) -> Lineage[ModelCall]:
    return Lineage(calls, TEXTS)


def test_what_stands_in_prompts() -> None:
    found = lineage(
        call("Ada  is old. Who?", "A summary."),
        call("Say 'Bea is\\nyoung.'", "Another one."),
        call("A summary.\nAnother one.", "All."),
        call("Nothing.", "None."),
    )
    assert found.shown == [{0}, {1}, frozenset(), frozenset()], "the second in other dress"
    assert found.steps == [(), (), (0, 1), ()]
    assert found.reached == [{0}, {1}, {0, 1}, frozenset()]
    assert (found.behind(2), found.behind(0)) == ({0, 1}, set())


def test_a_call_that_is_alone_is_not_looked_at() -> None:
    found = lineage(call("Anything.", "Text."))
    assert found.shown == found.reached == [{0, 1}]
    assert found.steps == [()]


def test_what_is_no_step() -> None:
    found = lineage(
        call("Ada is old.", "yes"),  # a grade
        call("Who?", "A question?"),  # saw no chunk
        call("Ada is old.", "is old"),  # stands in the chunk only
        call("Ada is old.", "A long summary of it."),
        call("Ada is old.", "summary of it"),  # is a part of another
        call("Ada is old. yes A question? A long summary of it.", "All."),
    )
    assert found.steps[-1] == (3,)


def test_texts_that_were_written_twice_lead_to_the_first() -> None:
    found = lineage(call("Ada is old.", "Same."), call("Bea is young.", "Same."), call("Same."))
    assert found.steps[-1] == (0,)


def test_answers_in_prompts() -> None:
    found = lineage(call("Ada is old. Yes?", "Yes."), call("Judge: it is Ada.", "ok"))
    assert [found.holds(1, text) for text in ("Ada", "it is\nAda.", "Ad")] == [True, True, False]
    assert not found.holds(0, "old"), "that is the chunk's"


@pytest.mark.parametrize(
    ("call", "answer", "level"),
    [
        (call("", "It is."), "It is.", 2),
        (call("", "It  is.\n"), "It is.", 2),
        (call("", "Answer: It is. Score: 3"), "It is.", 1),
        (call("", '{"a": "It is \\"so\\"."}'), 'It is "so".', 1),
        (call("", None, '[{"a": "It is."}]'), "It is.", 1),
        (call("", None, '[{"a": 910.0, "b": -3}]'), "910", 1),
        (call("", None, '[{"a": 910.0, "b": -3}]'), "-3", 1),
        (call("", None, '[{"a": 910.0, "b": -3}]'), "91", 0),
        (call("", "This"), "is", 0),
        (call("", "It is."), " ", 0),
        (call("", "It is."), None, 0),
        (call("", None), "It is.", 0),
    ],
)
def test_who_wrote_an_answer(call: ModelCall, answer: str | None, level: int) -> None:
    assert wrote(call, answer) == level


def test_texts_in_texts() -> None:
    assert stands_in("yes", "Say yes.")
    assert not stands_in("yes", "yesterday")
    assert not stands_in("", "yes")
    assert stands_in("售价", "自行车售价元"), "no spaces between words"
    assert prompt_texts([{"role": "user", "content": "a"}]) == prompt_texts("a") == ["a"]
    assert prompt_texts(None) == []
