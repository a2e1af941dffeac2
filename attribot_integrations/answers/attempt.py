"""From what was captured to its attribution, or to the reason why there is none.

The one policy for prompts: the captured one is scored if every chunk that holds text has its place
in it, and stands nowhere else. Otherwise a template renders question and chunks, and the outcome
says so; so no score and no label rests on a removal that was incomplete.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from concurrent.futures import CancelledError
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal, TypeAlias

from attribot_integrations.answers.captured import CapturedAnswer
from attribot_integrations.context.locating import ChunkLocation, capture_prompt
from attribot_integrations.context.sources import Chunk
from attribot_integrations.errors import (
    ChunkNotFoundError,
    EmptyContextError,
    PromptError,
    free_frames,
)
from attribot_integrations.requests.options import AttributionRequest, conversation_of
from attribot_integrations.results.composing import copied_from, joined, led_on

if TYPE_CHECKING:
    from attribot_integrations.context.kinds import SourceKind
    from attribot_integrations.context.locating import CapturedPrompt
    from attribot_integrations.context.prompts import PromptTemplate
    from attribot_integrations.requests.attributors import RequestAttributor
    from attribot_integrations.results import Attribution

__all__ = ["Outcome", "PromptUsed", "Status", "attempt", "first_request"]

_logger = logging.getLogger(__name__)

Status = Literal["ok", "approximate", "skipped", "error"]
"""What became of an attribution.

`ok`: the very prompts were scored, with every chunk in its place. `approximate`: scored, but the
reason says what had to be guessed, or that a template took the prompt's place. `skipped`: there is
nothing to attribute; the reason says why. `error`: the attribution failed.
"""

PromptUsed = Literal["captured", "template"]
"""The prompt that was scored: the one that the model saw, or one that the engine rendered."""


@dataclass(frozen=True)
class Outcome:
    """What became of an attribution."""

    status: Status
    reason: str | None = None
    """Why the status is not `ok`, in plain words."""
    attribution: Attribution | None = None
    prompt_used: PromptUsed | None = None
    error: Exception | None = None
    """What made the attribution fail, without its tracebacks, which are logged for debugging."""


def attempt(engine: RequestAttributor, captured: CapturedAnswer) -> Outcome:
    """Attribute an answer; what goes wrong is logged and handed back, never raised."""
    reason = captured.nothing_to_do(engine)
    if reason is not None:
        return Outcome("skipped", reason)
    used: PromptUsed = "captured"
    try:
        try:
            attribution, notes = _Through(engine, captured.chunks).answer(captured)
            return _scored(_with_paths(attribution, captured), used, (*captured.notes, *notes))
        except _UnusableError as error:
            unusable = str(error)
        except (ChunkNotFoundError, PromptError) as error:
            unusable = f"the captured prompt cannot be scored ({error})"
        except EmptyContextError as error:
            if captured.chunks:
                raise
            return Outcome("skipped", str(error))
        if not captured.chunks:
            return Outcome("skipped", unusable)
        used = "template"
        note = f"{unusable}, a template took its place"
        if captured.prompt is not None or captured.parts:
            _logger.warning("answer %s: %s", captured.id, note)
        attribution = engine.attribute_request(_request(captured, captured.chunks, None))
        return _scored(_with_paths(attribution, captured), used, (*captured.notes, note))
    except CancelledError as error:  # by whom nobody waits for it any more
        return Outcome("error", str(error), None, used, error)
    except Exception as error:
        _logger.warning("attribution of answer %s failed: %s", captured.id, error)
        _logger.debug("traceback of answer %s", captured.id, exc_info=error)
        free_frames(error)
        return Outcome("error", f"{type(error).__name__}: {error}", None, used, error)


class _UnusableError(Exception):
    """The captured prompt must not be scored, for the reason given."""


_Made: TypeAlias = "tuple[Attribution, tuple[str, ...]]"
"""An attribution, and what is to be said about it."""


class _Through:
    """Attributes an answer by its own prompts, each intermediate answer once.

    Args:
        engine: Attributes each.
        chunks: What was retrieved, for all of them.
    """

    def __init__(self, engine: RequestAttributor, chunks: tuple[Chunk, ...]) -> None:
        self._engine = engine
        self._chunks = list(chunks)
        """The chunks, and behind them what earlier messages say, in all prompts so far."""
        self._retrieved = len(chunks)
        self._known: dict[int, _Made] = {}

    def answer(self, captured: CapturedAnswer) -> _Made:
        """Attribute an answer, or hand back what is known of it."""
        if id(captured) not in self._known:
            self._known[id(captured)] = self._led_through(captured)
        return self._known[id(captured)]

    def _led_through(self, captured: CapturedAnswer) -> _Made:
        if captured.parts:
            made = [(start, *self.answer(part)) for start, part in captured.parts]
            parts = [(start, attribution) for start, attribution, _ in made]
            if len(self._chunks) > self._retrieved:
                start, first = parts[0]
                parts[0] = start, replace(first, chunks=tuple(self._chunks))
            said = tuple(dict.fromkeys(note for _, _, notes in made for note in notes))
            return joined(captured.question, captured.answer, parts, captured.id), said
        kinds = conversation_of(self._engine)
        request, own, absent, steps = _own_request(captured, kinds)
        last = self._engine.attribute_request(request)
        notes = [*_left_out(captured, absent), *_repeated(captured, last, own)]
        turns = last.chunks[len(own) + len(steps) :] if kinds else ()
        places = (*own, *(None for _ in steps), *self._places_of(turns))
        if not steps and len(own) == self._retrieved and places == tuple(range(len(places))):
            return last, tuple(notes)
        cited = {citation.chunk_index for citation in last.citations}
        behind = {}
        for place, step in enumerate(steps, start=len(own)):
            if place in cited or copied_from(last, step.answer):
                behind[place], said = self.answer(step)
                notes += [note for note in said if note not in notes]
        return led_on(last, tuple(self._chunks), places, behind, captured.id), tuple(notes)

    def _places_of(self, said: Iterable[Chunk]) -> list[int]:
        """Return which of the chunks they are that a prompt's messages say, and add new ones."""
        places: list[int] = []
        for each in said:
            known = range(self._retrieved, len(self._chunks))
            same = (place for place in known if self._chunks[place] == each)
            place = next((place for place in same if place not in places), len(self._chunks))
            self._chunks += [each] if place == len(self._chunks) else []
            places.append(place)
        return places


def first_request(captured: CapturedAnswer, engine: object = None) -> AttributionRequest:
    """Return what an attempt asks first, as far as can be told before the engine is asked."""
    try:
        return _own_request(captured, conversation_of(engine))[0]
    except (_UnusableError, ChunkNotFoundError, PromptError):
        return _request(captured, captured.chunks, None)


def _own_request(
    captured: CapturedAnswer, kinds: frozenset[SourceKind]
) -> tuple[AttributionRequest, list[int], list[int], list[CapturedAnswer]]:
    """Return the request of the last call, its chunks, those it lacks, and the steps it saw.

    Raises:
        _UnusableError: If the prompt must not be scored.
        ChunkNotFoundError: If no chunk stands in it.
        EmptyContextError: If there is no chunk, nor anything else that could be a source.
        PromptError: If it is no prompt.
    """
    out = _really_left_out(captured)
    own = [place for place in range(len(captured.chunks)) if place not in out]
    chunks = tuple(captured.chunks[place] for place in own)
    absent, steps = _places(captured, chunks, own, kinds)
    texts = tuple(
        Chunk(step.answer, metadata={"title": f"intermediate answer {number}"})
        for number, step in enumerate(steps, start=1)
    )
    return _request(captured, (*chunks, *texts), captured.prompt), own, absent, steps


def _really_left_out(captured: CapturedAnswer) -> frozenset[int]:
    """Return the chunks that were left out, but for those that the prompt shows in other dress."""
    if not captured.left_out or captured.prompt is None or callable(captured.prompt):
        return captured.left_out
    steps = (Chunk(step.answer) for step in captured.steps)  # which may resemble a chunk
    try:
        _, _, locations = capture_prompt(captured.prompt, (*captured.chunks, *steps))
    except ChunkNotFoundError:
        return captured.left_out
    shown = {place.chunk_index for place in locations if place.located}
    return captured.left_out - shown


def _places(
    captured: CapturedAnswer,
    chunks: tuple[Chunk, ...],
    own: Sequence[int],
    kinds: frozenset[SourceKind],
) -> tuple[list[int], list[CapturedAnswer]]:
    """Return the chunks that are not in the captured prompt at all, and the steps that are.

    Raises:
        _UnusableError: If the prompt must not be scored.
    """
    if captured.prompt is None:
        raise _UnusableError(captured.unseen)
    if callable(captured.prompt):
        return [], []
    texts = tuple(Chunk(step.answer) for step in captured.steps)
    try:
        _, _, locations = capture_prompt(captured.prompt, (*chunks, *texts), kinds=kinds)
    except ChunkNotFoundError:
        raise _UnusableError(
            f"none of the {len(captured.chunks)} {captured.kind} stands in the prompt"
        ) from None
    missing = [
        place for place in locations[: len(own)] if not place.located and place.outcome != "blank"
    ]
    doubtful = [place for place in missing if place.traces]
    if doubtful:
        raise _UnusableError(
            f"{captured.kind} {_numbers(doubtful, own)} have no place of their own in the prompt"
        )
    found = zip(captured.steps, locations[len(own) : len(own) + len(texts)], strict=True)
    steps = [step for step, place in found if place.located]
    return [own[place.chunk_index] for place in missing], steps


def _request(
    captured: CapturedAnswer,
    chunks: tuple[Chunk, ...],
    prompt: CapturedPrompt | PromptTemplate | None,
) -> AttributionRequest:
    question = captured.question
    if prompt is not None and any(_holds(question, chunk.text) for chunk in chunks):
        question = ""  # it is the whole prompt, in which chunks could not be told from a question
    return AttributionRequest(
        question=question,
        chunks=chunks,
        answer=captured.answer,
        prompt=prompt,
        id=captured.id,
        generated_ids=captured.generated_ids,
        statements=captured.statements,
    )


def _holds(question: str, text: str) -> bool:
    return bool(text.strip()) and text.strip() in question and text.strip() != question.strip()


def _left_out(captured: CapturedAnswer, absent: Sequence[int]) -> list[str]:
    if not absent:
        return []
    listed = ", ".join(map(str, absent))
    return [f"{captured.kind} {listed} were not shown to the model and are not scored"]


def _repeated(captured: CapturedAnswer, attribution: Attribution, own: Sequence[int]) -> list[str]:
    places = [place for place in attribution.locations if place.outcome == "repeated"]
    if not places:
        return []
    return [f"{captured.kind} {_numbers(places, own)} stand in the prompt several times"]


def _numbers(places: Iterable[ChunkLocation], own: Sequence[int]) -> str:
    return ", ".join(
        str(own[place.chunk_index]) for place in places if place.chunk_index < len(own)
    )


def _with_paths(attribution: Attribution, captured: CapturedAnswer) -> Attribution:
    """Say of each statement which field of an output it is."""
    paths = dict(zip(captured.statements or (), captured.paths, strict=False))
    if not paths:
        return attribution
    statements = tuple(
        replace(each, path=paths.get((each.start, each.end), each.path))
        for each in attribution.statements
    )
    return replace(attribution, statements=statements)


def _scored(attribution: Attribution, used: PromptUsed, notes: tuple[str, ...]) -> Outcome:
    if attribution.stopped is not None:
        notes = (*notes, attribution.stopped)
    status: Status = "approximate" if notes else "ok"
    return Outcome(status, "; ".join(notes) or None, attribution, used)
