"""From what was captured to its attribution, or to the reason why there is none.

The one policy for prompts: the captured one is scored if every chunk that holds text has its place
in it, and stands nowhere else. Otherwise a template renders question and chunks, and the outcome
says so; so no score and no label rests on a removal that was incomplete.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from attribot_integrations.answers.captured import CapturedAnswer
from attribot_integrations.context.locating import ChunkLocation, capture_prompt
from attribot_integrations.errors import ChunkNotFoundError, PromptError, free_frames
from attribot_integrations.requests.options import AttributionRequest

if TYPE_CHECKING:
    from attribot_integrations.requests.attributors import RequestAttributor
    from attribot_integrations.results import Attribution

__all__ = ["Outcome", "PromptUsed", "Status", "attempt"]

_logger = logging.getLogger(__name__)

Status = Literal["ok", "approximate", "skipped", "error"]
"""What became of an attribution.

`ok`: the very prompt was scored, with every chunk in its place. `approximate`: scored, but the
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
    reason = captured.nothing_to_do()
    if reason is not None:
        return Outcome("skipped", reason)
    used: PromptUsed = "captured"
    try:
        unusable = _unusable(captured)
        if unusable is None:
            try:
                attribution = engine.attribute_request(_request(captured, used))
                return _scored(
                    attribution, used, (*captured.notes, *_repeated(captured, attribution))
                )
            except (ChunkNotFoundError, PromptError) as error:
                unusable = f"the captured prompt cannot be scored ({error})"
        used = "template"
        note = f"{unusable}, a template took its place"
        if captured.prompt is not None:
            _logger.warning("answer %s: %s", captured.id, note)
        attribution = engine.attribute_request(_request(captured, used))
        return _scored(attribution, used, (*captured.notes, note))
    except Exception as error:
        _logger.warning("attribution of answer %s failed: %s", captured.id, error)
        _logger.debug("traceback of answer %s", captured.id, exc_info=error)
        free_frames(error)
        return Outcome("error", f"{type(error).__name__}: {error}", None, used, error)


def _unusable(captured: CapturedAnswer) -> str | None:
    """Return why the captured prompt must not be scored, `None` if it may be."""
    if captured.prompt is None:
        return captured.unseen
    if callable(captured.prompt):
        return None
    try:
        _, _, locations = capture_prompt(
            captured.prompt, captured.chunks, question=captured.question
        )
    except ChunkNotFoundError:
        return f"none of the {len(captured.chunks)} {captured.kind} stands in the prompt"
    missing = [place for place in locations if not place.located and place.outcome != "blank"]
    if missing:
        return f"{captured.kind} {_numbers(missing)} have no place of their own in the prompt"
    traces = [place for place in locations if place.traces]
    if traces:
        return f"text of {captured.kind} {_numbers(traces)} may stand elsewhere in the prompt"
    return None


def _request(captured: CapturedAnswer, used: PromptUsed) -> AttributionRequest:
    return AttributionRequest(
        question=captured.question,
        chunks=captured.chunks,
        answer=captured.answer,
        prompt=captured.prompt if used == "captured" else None,
        id=captured.id,
        generated_ids=captured.generated_ids,
    )


def _repeated(captured: CapturedAnswer, attribution: Attribution) -> list[str]:
    places = [place for place in attribution.locations if place.outcome == "repeated"]
    if not places:
        return []
    return [f"{captured.kind} {_numbers(places)} stand in the prompt several times"]


def _numbers(places: Iterable[ChunkLocation]) -> str:
    return ", ".join(str(place.chunk_index) for place in places)


def _scored(attribution: Attribution, used: PromptUsed, notes: tuple[str, ...]) -> Outcome:
    if attribution.stopped is not None:
        notes = (*notes, attribution.stopped)
    status: Status = "approximate" if notes else "ok"
    return Outcome(status, "; ".join(notes) or None, attribution, used)
