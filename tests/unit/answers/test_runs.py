"""What the runs below a root add up to."""

from collections.abc import Hashable
from typing import Any

from attribot_integrations.answers import CapturedAnswer, ModelCall
from attribot_integrations.answers.output import Output
from attribot_integrations.answers.runs import Run, RunTree
from attribot_integrations.context.sources import Chunk

ADA, BEA = Chunk("Ada is old."), Chunk("Bea is young.")


def tree(**runs: Run) -> RunTree:
    found: dict[Hashable, Run] = {"root": Run("chain", None, False)}
    found.update(runs)
    return RunTree("root", found)


def retriever(*chunks: Chunk, **fields: Any) -> Run:
    return Run("retriever", "root", False, query="Who?", chunks=chunks, **fields)


def model(prompt: str, text: str, **fields: Any) -> Run:
    call = ModelCall(prompt, text, generator="far/away", ended=True)
    return Run("model", "root", False, call=call, **fields)


def sum_up(tree: RunTree, question: str | None = None, answer: str | None = None) -> Any:
    return tree.sum_up(question, Output(answer), kind="documents", untold="tell me")


def test_what_belongs_together() -> None:
    captured = sum_up(tree(r=retriever(ADA), m=model("Ada is old. Who?", "Ada.")), "Who is old?")
    assert isinstance(captured, CapturedAnswer)
    assert (captured.id, captured.question, captured.answer) == ("root", "Who is old?", "Ada.")
    assert (captured.chunks, captured.prompt) == ((ADA,), "Ada is old. Who?")
    assert (captured.generator, len(captured.calls)) == ("far/away", 1)
    assert (captured.problem, captured.kind) == (None, "documents")


def test_the_question_may_be_the_retrievers() -> None:
    assert sum_up(tree(r=retriever(ADA)), None, "Ada.").question == "Who?"


def test_runs_of_retrievers_and_failed_attempts_do_not_count() -> None:
    inner = Run("model", "r", True, call=ModelCall("Rewrite.", "Ada.", ended=True))
    failed = Run("chain", "root", False, state="failed")
    below = Run("retriever", "f", False, chunks=(BEA,))
    found = tree(r=retriever(ADA), i=inner, f=failed, b=below, m=model("Ada is old.", "Ada."))
    assert sum_up(found).chunks == (ADA,)
    assert len(sum_up(found).calls) == 1


def test_registered_chunks_come_behind_those_of_retrievers() -> None:
    tool = Run("tool", "root", False, chunks=(Chunk("Ada is old.", id="twin"), BEA))
    assert tree(t=tool, r=retriever(ADA)).gathered() == (ADA, BEA)


def test_what_tools_wrote_is_the_context_if_nothing_else_is() -> None:
    run = model("Ada is old.", "Ada.")
    run.call.tool_chunks = (ADA,)
    assert sum_up(tree(m=run)).chunks == (ADA,)


def test_nothing_to_sum_up() -> None:
    assert sum_up(tree(t=Run("tool", "root", False)), "Who?", "Ada.") is None
    without = tree(r=retriever(ADA))
    assert without.sum_up("Who?", Output(), kind="documents", untold="") is None
    written = tree(m=model("Who?", "Ada."))
    assert written.sum_up("Who?", Output(named=True), kind="documents", untold="") is None


def test_nothing_was_found() -> None:
    assert sum_up(tree(r=retriever()), None, "Ada.").problem == "the retriever found no documents"
    assert sum_up(tree(m=model("Who?", "Ada."))).problem == "tell me"
