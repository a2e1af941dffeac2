"""The context among all that came by, and the call that gave the answer."""

import pytest

from attribot_integrations.answers import ModelCall
from attribot_integrations.answers.captured import UNSEEN
from attribot_integrations.answers.choosing import choose_call, choose_chunks, merge_chunks
from attribot_integrations.context.sources import Chunk

TEXTS = ["Ada is old.", "Bea is young."]
BOTH = "Ada is  old.\nBea is young.\nWho?"


def call(prompt: str, text: str | None = None, arguments: str = "") -> ModelCall:
    return ModelCall(prompt, text, arguments, ended=text is not None or bool(arguments))


def test_no_call_was_seen() -> None:
    assert choose_call([], TEXTS, "Ada.").unseen == UNSEEN
    asked_for_tools = ModelCall("Who?", ended=True)
    assert choose_call([asked_for_tools], TEXTS, "Ada.").call is None


@pytest.mark.parametrize("prompt", [BOTH, "Other."])
def test_a_single_call_is_taken(prompt: str) -> None:
    one = call(prompt, "Yes: Ada.")
    choice = choose_call([one], TEXTS, "Ada.")
    assert (choice.call, choice.unseen, choice.notes) == (one, None, ())


def test_what_makes_a_choice_less_than_sure() -> None:
    assert choose_call([call(BOTH, "Ada.")], TEXTS, "Bea.").notes == (
        "the answer is not word for word what the model wrote",
    )
    assert choose_call([call(BOTH, " ")], TEXTS, "Sorry.").problem == "the model wrote nothing"
    assert choose_call([call(BOTH)], TEXTS, "Ada.").notes == (), "its stream is not over"
    assert choose_call([call(BOTH, "Ada.")], TEXTS, None).notes == ()


def test_the_first_that_saw_a_chunk_and_wrote_the_answer() -> None:
    rewrite, early, late = call("Rewrite.", "Ada."), call(BOTH, "Ada."), call(BOTH, "Ada.")
    check = call("Is it true? Ada.", "Ada.")
    assert choose_call([rewrite, early, late, check], TEXTS, "Ada.").call is early
    other = call(BOTH, "Else.")
    assert choose_call([early, other], TEXTS, "Ada.").call is early


def test_structured_output_is_found_in_arguments() -> None:
    filled = call(BOTH, arguments='[{"answer": "So \\"it\\" is."}]')
    assert choose_call([filled, call(BOTH, "Else.")], TEXTS, 'So "it" is.').call is filled


def test_answers_that_no_single_prompt_explains() -> None:
    first, second = call("Ada is old.", "A."), call("Bea is young.", "B.")
    both = choose_call([first, second], TEXTS, "A. B.")
    assert both.unseen == "the answer was put together from 2 texts of the model"
    assert both.parts == ((0, 0), (3, 1))
    neither = choose_call([first, second], TEXTS, "Both.").unseen
    assert neither is not None
    assert neither.endswith("a model wrote with answer_key")
    assert choose_call([first, call(BOTH, "C.")], TEXTS, "Other.").unseen is None, "it saw all"


def test_messages_are_prompts_too() -> None:
    seen = ModelCall([{"role": "system", "content": TEXTS[0]}, {"role": "user", "content": "Who?"}])
    assert choose_call([seen, call("Polish.", "Ada.")], TEXTS, "Ada.").call is seen


def chunk(text: str, id: str | None = None) -> Chunk:
    return Chunk(text, id=id)


def test_chunks_are_merged() -> None:
    one, two, twin = chunk("a", "1"), chunk("b"), chunk("a", "2")
    assert merge_chunks([(one, two, two), (two, one, twin)]) == (one, two, two, twin)
    assert merge_chunks([(twin, chunk("c"))], (one,)) == (one, chunk("c"))


def test_passed_chunks_count_where_they_are_shown() -> None:
    gathered = (chunk("Ada is old."),)
    part, other = chunk("is old"), chunk("Bea is young.")
    passed = [(part, other, chunk("Cleo."))]
    assert choose_chunks(gathered, passed, BOTH) == (*gathered, other)
    assert choose_chunks(gathered, [], BOTH) is gathered
    assert choose_chunks((), [(chunk("Cleo."),)], BOTH) == (chunk("Cleo."),), (
        "nothing else is known"
    )
    assert choose_chunks(gathered, [(chunk("Cleo."),)], None) == gathered
