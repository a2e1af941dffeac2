"""What was captured of a synthesis, put as the scoring model can take it."""

from types import SimpleNamespace
from typing import Any

import pytest

from attribot_integrations.context.locating import RawPrompt
from attribot_integrations.llama_index.capturing import UNTOLD, CapturedSynthesis, capture
from attribot_integrations.llama_index.scopes import PromptedCall, Scope
from tests.integrations.engines import StubEngine
from tests.integrations.llama_index.fakes import node

PROMPT = "Ada is old.\n\nWho?"


class Knowing(StubEngine):
    """An engine on a model that may be the generator's own."""

    def __init__(self, model: object = None, *, chat: bool = True) -> None:
        super().__init__()
        self.model = model
        self.uses_chat_template = chat

    def runs(self, model: object) -> bool:
        return model is not None and model is self.model


def captured(
    engine: Any = None, answer: str = "Ada.", *, seen: bool = True, **call: Any
) -> CapturedSynthesis:
    calls = [PromptedCall(**{"prompt": PROMPT, "text": "Ada.", **call})] if call or seen else []
    scope = Scope("synthesis", question="Who?", nodes=[node("\n Ada is old.\n", id_="n")])
    scope.calls = calls if call.get("prompt", PROMPT) else []
    return capture("one", scope, answer, engine or StubEngine(), calls_seen=seen, problem=None)


def test_what_belongs_together() -> None:
    found = captured(generator="far/away")
    assert (found.id, found.question, found.answer) == ("one", "Who?", "Ada.")
    assert (found.generator, found.kind, found.problem) == ("far/away", "nodes", None)
    assert [chunk.text for chunk in found.chunks] == ["Ada is old."]
    assert [text.offset for text in found.texts] == [2]
    assert [one.node.node_id for one in found.nodes] == ["n"]
    assert found.generated_ids is None


@pytest.mark.parametrize(
    ("engine", "prompt"),
    [
        (StubEngine(), [{"role": "user", "content": PROMPT}]),
        (Knowing(), [{"role": "user", "content": PROMPT}]),
        (Knowing(chat=False), PROMPT),
    ],
)
def test_a_completion_prompt_is_put_as_a_chat_where_the_scorer_has_a_template(
    engine: Any, prompt: Any
) -> None:
    assert captured(engine).prompt == prompt


def test_markup_of_the_generators_own_stays() -> None:
    llm = SimpleNamespace(completion_to_prompt=lambda prompt: f"<{prompt}>")
    assert captured(llm=llm).prompt == PROMPT


@pytest.mark.parametrize("raw", [None, f"<bos>{PROMPT}"])
def test_the_very_model_is_scored_on_its_own_text_and_ids(raw: str | None) -> None:
    model = object()
    llm = SimpleNamespace(_model=model)
    found = captured(Knowing(model), llm=llm, raw=raw, token_ids=(1, 2))
    assert found.prompt == RawPrompt(raw or PROMPT, bos_added=True)
    assert found.generated_ids == (1, 2)
    assert captured(Knowing(object()), llm=llm, token_ids=(1, 2)).generated_ids is None
    assert captured(StubEngine(), llm=llm, token_ids=(1, 2)).generated_ids is None


def test_why_there_is_no_prompt() -> None:
    unseen = captured(seen=False)
    assert (unseen.prompt, unseen.unseen) == (None, "the prompt could not be captured")
    assert unseen.problem is None
    assert captured(prompt=None).problem == "no language model was asked"
    assert captured(text="").problem == "the model wrote nothing"
    assert captured(answer="Else.").notes == (
        "the answer is not word for word what the model wrote",
    )


def test_what_an_earlier_call_wrote_may_be_unheard() -> None:
    scope = Scope("synthesis", nodes=[node("Ada is old.", id_="a"), node("Bea is tall.", id_="b")])
    scope.calls = [
        PromptedCall(prompt="Ada is old. Who?", text=None),
        PromptedCall(prompt="Someone. Bea is tall. Who?", text="Bea."),
    ]
    (note,) = capture("one", scope, "Bea.", StubEngine(), calls_seen=True, problem=None).notes
    assert note.startswith("what the model wrote in 1 earlier calls was not seen")
    scope.calls[0].text = "Someone."
    assert capture("one", scope, "Bea.", StubEngine(), calls_seen=True, problem=None).notes == ()


@pytest.mark.parametrize(
    ("scope", "problem"),
    [
        (Scope("query"), UNTOLD),
        (Scope("workflow"), UNTOLD),
        (Scope("query", searched=True), None),
        (Scope("synthesis"), None),
    ],
)
def test_why_there_are_no_nodes(scope: Scope, problem: str | None) -> None:
    found = capture("one", scope, "Ada.", StubEngine(), calls_seen=False, problem=None)
    assert found.problem == problem
    assert found.nothing_to_do() == (problem or "no nodes were retrieved")
    failed = capture("one", scope, "Ada.", StubEngine(), calls_seen=False, problem="it failed")
    assert failed.problem == "it failed"
