"""Searches and evaluations outside of any pipeline."""

from attribot_integrations.answers import CapturedAnswer, ModelCall
from attribot_integrations.answers.captured import MessagesOrText
from attribot_integrations.answers.loose import LooseRuns
from attribot_integrations.answers.runs import Run, RunTree
from attribot_integrations.context.sources import Chunk

ADA = Chunk("Ada is old.")


def asked(prompt: MessagesOrText, text: str = "It is Ada.") -> RunTree:
    call = ModelCall(prompt, text, ended=True)
    return RunTree("m", {"m": Run("model", None, False, call=call)})


def search(*chunks: Chunk) -> Run:
    return Run("retriever", "unseen", False, query="Who?", chunks=chunks)


def answered(loose: LooseRuns, answer: str = "It is Ada.") -> None:
    loose.answered(CapturedAnswer(id=answer, question="", chunks=(ADA,), answer=answer))


def test_a_search_belongs_to_the_call_that_saw_its_finds() -> None:
    loose = LooseRuns()
    loose.found("r", search(ADA))
    loose.found("other", search(Chunk("Bea is young."), Chunk(" ")))
    tree = asked("Ada is  old. Who?")
    assert loose.complete(tree)
    assert set(tree.runs) == {"m", "r"}
    assert tree.gathered() == (ADA,)
    assert not asked("Who?").gathered()


def test_who_is_shown_an_answer_judges_it() -> None:
    loose = LooseRuns()
    answered(loose)
    assert not loose.complete(asked([{"role": "user", "content": "Right? It is Ada."}], "Well."))
    assert not loose.complete(asked("Right? It is Ada.", "yes")), "a grade, whoever was shown it"
    assert loose.complete(asked("Who? It is Ada. And Bea?", "So."))
    assert loose.complete(asked([{"role": "assistant", "content": "It is Ada."}], "So."))
    answered(loose, "yes")
    assert loose.complete(asked([{"role": "user", "content": "Say yes."}])), "too short to tell"


def test_a_new_search_makes_an_answer_of_it() -> None:
    loose = LooseRuns()
    loose.found("old", search(ADA))
    answered(loose)
    prompt: MessagesOrText = [{"role": "user", "content": "Ada is old. It is Ada. Sure?"}]
    assert not loose.complete(asked(prompt, "I am."))
    loose.found("new", search(ADA))
    assert loose.complete(asked(prompt, "I am."))
