"""The one policy for prompts, and what becomes of errors."""

import logging
from dataclasses import replace
from typing import Any

import pytest

from attribot_integrations.answers import attempt
from attribot_integrations.context.locating import RawPrompt
from attribot_integrations.context.prompts import ContextTemplate
from attribot_integrations.context.sources import Chunk
from attribot_integrations.errors import ChunkNotFoundError, InputError, PromptError
from tests.integrations.engines import StubEngine, TurnEngine
from tests.unit.answers.answering import CHUNKS, PROMPT, captured

TOOK = ", a template took its place"


@pytest.mark.parametrize(
    "prompt",
    [
        PROMPT,
        RawPrompt(PROMPT),
        [{"role": "user", "content": PROMPT}],
        ContextTemplate("{context}{question}"),
    ],
)
def test_the_captured_prompt_is_scored(prompt: Any) -> None:
    engine = StubEngine()
    outcome = attempt(engine, captured(prompt=prompt, generated_ids=(1, 2)))
    assert (outcome.status, outcome.reason, outcome.prompt_used) == ("ok", None, "captured")
    (request,) = engine.requests
    assert (request.prompt, request.generated_ids, request.id) == (prompt, (1, 2), "one")
    assert request.chunks == CHUNKS


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"prompt": None}, "the prompt could not be captured"),
        ({"prompt": None, "unseen": "it was lost"}, "it was lost"),
        ({"prompt": "Bea is young."}, "chunks 0 have no place of their own in the prompt"),
        ({"prompt": "Who?"}, "none of the 2 chunks stands in the prompt"),
    ],
)
def test_a_template_takes_the_place_of_other_prompts(changes: dict[str, Any], reason: str) -> None:
    engine = StubEngine()
    outcome = attempt(engine, captured(**changes))
    assert (outcome.status, outcome.prompt_used) == ("approximate", "template")
    assert outcome.reason == reason + TOOK
    assert [request.prompt for request in engine.requests] == [None]


def test_chunks_that_the_model_was_not_shown_are_not_scored() -> None:
    engine = StubEngine()
    chunks = (*CHUNKS[:1], Chunk("Dora"), Chunk(""))
    outcome = attempt(engine, captured(prompt="Ada is old. Cleo.", chunks=chunks))
    assert (outcome.status, outcome.prompt_used) == ("approximate", "captured")
    assert outcome.reason == "chunks 1 were not shown to the model and are not scored"


@pytest.mark.parametrize("error", [PromptError("no system role"), ChunkNotFoundError("no place")])
def test_a_template_takes_the_place_of_a_refused_prompt(
    error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    engine = StubEngine(error)
    outcome = attempt(engine, captured(notes=("it was guessed",)))
    assert outcome.reason == f"it was guessed; the captured prompt cannot be scored ({error}){TOOK}"
    assert [request.prompt for request in engine.requests] == [PROMPT, None]
    assert caplog.text.count(f"answer one: the captured prompt cannot be scored ({error})") == 1


def test_guesses_make_an_outcome_approximate() -> None:
    outcome = attempt(StubEngine(), captured(notes=("one", "two")))
    assert (outcome.status, outcome.reason) == ("approximate", "one; two")
    assert outcome.prompt_used == "captured"


def test_what_the_budget_cut_short_is_approximate() -> None:
    class Stopped(StubEngine):
        def attribute_request(self, request: Any) -> Any:
            return replace(super().attribute_request(request), stopped="max_seconds=2 reached")

    outcome = attempt(Stopped(), captured(notes=("one",)))
    assert (outcome.status, outcome.reason) == ("approximate", "one; max_seconds=2 reached")
    assert outcome.attribution is not None


def test_nothing_to_do_asks_nobody() -> None:
    engine = StubEngine()
    outcome = attempt(engine, captured(answer=""))
    assert (outcome.status, outcome.reason) == ("skipped", "the answer is blank")
    assert (outcome.attribution, outcome.prompt_used, outcome.error) == (None, None, None)
    assert engine.requests == []


def test_errors_are_kept_without_tracebacks(caplog: pytest.LogCaptureFixture) -> None:
    error = InputError("broken")
    with caplog.at_level(logging.DEBUG):
        outcome = attempt(StubEngine(error), captured())
    assert (outcome.status, outcome.reason) == ("error", "InputError: broken")
    assert (outcome.error, outcome.prompt_used) == (error, "captured")
    assert error.__traceback__ is None
    assert "attribution of answer one failed: broken" in caplog.text
    assert "in attribute_request" in caplog.text, "the log has the traceback"


def test_interrupts_go_through() -> None:
    class Interrupted(StubEngine):
        def attribute_request(self, request: Any) -> Any:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        attempt(Interrupted(), captured())


CHAT = [
    {"role": "user", "content": "Ada is old."},
    {"role": "assistant", "content": "I see."},
    {"role": "user", "content": "Bea is young. Who is old?"},
]


def test_a_conversation_is_enough_where_it_counts() -> None:
    outcome = attempt(TurnEngine(), captured(chunks=(), prompt=CHAT, problem="nothing was found"))
    assert (outcome.status, outcome.reason) == ("ok", None)
    assert outcome.attribution is not None
    assert [each.kind for each in outcome.attribution.citations] == ["user", "assistant"]
    only = attempt(StubEngine(), captured(chunks=(), prompt=CHAT, problem="nothing was found"))
    assert (only.status, only.reason) == ("skipped", "nothing was found")
    raw = attempt(TurnEngine(), captured(chunks=(), prompt="Ada?", problem="nothing was found"))
    assert (raw.status, raw.reason) == ("skipped", "nothing was found")
    blank = attempt(TurnEngine(), captured(chunks=(), prompt=CHAT, answer=" "))
    assert (blank.status, blank.reason) == ("skipped", "the answer is blank")
    alone = attempt(TurnEngine(), captured(chunks=(), prompt=CHAT[2:]))
    assert alone.status == "skipped"
    assert str(alone.reason).startswith("no chunks were given, and beside its question")


def test_a_refused_conversation_has_no_template_in_its_place() -> None:
    class Refusing(TurnEngine):
        def attribute_request(self, request: Any) -> Any:
            raise PromptError("roles must alternate")

    outcome = attempt(Refusing(), captured(chunks=(), prompt=CHAT))
    assert outcome.status == "skipped"
    assert outcome.reason == "the captured prompt cannot be scored (roles must alternate)"


def test_steps_and_parts_keep_what_was_said() -> None:
    step = captured(answer="Bea is young.", prompt=[CHAT[0], {"role": "user", "content": PROMPT}])
    steps = captured(prompt=[*CHAT[:2], {"role": "user", "content": "Bea is young. Who is old?"}])
    last = replace(steps, steps=(step,), left_out=frozenset({0, 1}))
    outcome = attempt(TurnEngine(), last)
    assert outcome.attribution is not None, outcome.reason
    made = outcome.attribution
    assert [chunk.text for chunk in made.chunks[:2]] == ["Ada is old.", "Bea is young."]
    for citation in made.citations:
        chunk = made.chunks[citation.chunk_index]
        assert (citation.said, citation.text) == (chunk.said, chunk.text)
    kinds = {citation.kind for citation in made.citations}
    assert "assistant" in kinds
    parts = captured(parts=((0, captured(prompt=CHAT)), (4, captured(prompt=[*CHAT[1:], CHAT[2]]))))
    outcome = attempt(TurnEngine(), parts)
    assert outcome.attribution is not None, outcome.reason
    for citation in outcome.attribution.citations:
        assert outcome.attribution.chunks[citation.chunk_index].text == citation.text
