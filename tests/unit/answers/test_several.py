"""Several answers of one run, and the one answer of several texts."""

from collections.abc import Hashable

from attribot_integrations.answers import CapturedAnswer, ModelCall
from attribot_integrations.answers.output import Field, Output
from attribot_integrations.answers.runs import Run, RunTree
from attribot_integrations.answers.several import answers_of
from attribot_integrations.context.sources import Chunk

ADA, BEA = Chunk("Ada is old."), Chunk("Bea is young.")


def run(kind: str, parent: Hashable, **fields: object) -> Run:
    return Run(kind, parent, False, **fields)  # type: ignore[arg-type]


def wrote(parent: Hashable, prompt: str, text: str) -> Run:
    return run("model", parent, call=ModelCall(prompt, text, ended=True))


def tree(**runs: Run) -> RunTree:
    found: dict[Hashable, Run] = {"root": Run("chain", None, False)}
    found.update(runs)
    return RunTree("root", found)


def branches() -> RunTree:
    return tree(
        one=run("chain", "root", query="Who is old?"),
        r1=run("retriever", "one", chunks=(ADA,)),
        m1=wrote("one", "Ada is old. Who is old?", "It is Ada."),
        two=run("chain", "root"),
        r2=run("retriever", "two", query="Who is young?", chunks=(BEA,)),
        m2=wrote("two", "Bea is young. Who is young?", "It is Bea."),
    )


def answers(tree: RunTree, *texts: str, answer: str | None = None) -> list[CapturedAnswer]:
    fields = tuple(Field(f"$.{place}", text) for place, text in enumerate(texts))
    output = Output(answer, fields=fields)
    return answers_of(tree, "All?", output, kind="documents", untold="tell me")


def test_branches_give_an_answer_each() -> None:
    first, second = answers(branches(), "It is Ada.", "Other", "It is Bea.")
    assert (first.id, first.question, first.chunks) == ("one", "Who is old?", (ADA,))
    assert (second.id, second.question, second.chunks) == ("two", "Who is young?", (BEA,))
    assert (first.prompt, second.prompt) == (
        "Ada is old. Who is old?",
        "Bea is young. Who is young?",
    )
    assert first.left_out == second.left_out == frozenset()


def test_searches_outside_of_branches_go_to_who_saw_them() -> None:
    shared = tree(
        r1=run("retriever", "root", query="Who is old?", chunks=(ADA,)),
        r2=run("retriever", "root", query="Who is young?", chunks=(BEA,)),
        m1=wrote("root", "Ada is old. Who?", "It is Ada."),
        m2=wrote("root", "Bea is young. Who?", "It is Bea."),
    )
    first, second = answers(shared, "It is Ada.", "It is Bea.")
    assert (first.chunks, first.question) == ((ADA,), "Who is old?")
    assert (second.chunks, second.question) == ((BEA,), "Who is young?")


def test_texts_with_a_usual_key_are_one_answer() -> None:
    together = tree(
        r=run("retriever", "root", chunks=(ADA, BEA)),
        m1=wrote("root", "Ada is old. Who?", "It is Ada."),
        m2=wrote("root", "Bea is young. Ask more.", "And Cleo?"),
    )
    (one,) = answers(together, "And Cleo?", answer="It is Ada.")
    assert (one.answer, one.notes) == ("It is Ada.", ())


def test_texts_that_others_were_made_from_are_no_answers() -> None:
    drafted = tree(
        r=run("retriever", "root", chunks=(ADA,)),
        m1=wrote("root", "Ada is old. Who?", "A draft of it."),
        m2=wrote("root", "Polish: A draft of it.", "It is Ada."),
        m3=wrote("root", "Ada is old. It is Ada. Right?", "yes"),
    )
    (one,) = answers(drafted, "A draft of it.", "It is Ada.", "yes")
    assert one.answer == "It is Ada."
    assert [step.answer for step in one.steps] == ["A draft of it."]
    assert len(one.notes) == 1
    assert "name the answer's with answer_key" in one.notes[0]


def test_fields_of_one_object_are_one_answer() -> None:
    filled = tree(
        r=run("retriever", "root", chunks=(ADA,)),
        m=run(
            "model",
            "root",
            call=ModelCall("Ada is old.", None, '[{"a": "One. Two.", "b": "Three."}]', ended=True),
        ),
    )
    (one,) = answers(filled, "One. Two.", "Three.")
    assert (one.answer, one.statements) == ("One. Two.\nThree.", ((0, 9), (10, 16)))
    assert one.paths == ("$.0", "$.1")
    assert one.prompt == "Ada is old."
