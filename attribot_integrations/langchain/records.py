"""`CitationRecord`: one run of a chain, and its attribution, computed once."""

from __future__ import annotations

import logging
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, Protocol

from attribot_integrations.config import AttributionRequest
from attribot_integrations.errors import ChunkNotFoundError, PromptError
from attribot_integrations.langchain.runs import CapturedRun
from attribot_integrations.langchain.workers import run_apart

if TYPE_CHECKING:
    from attribot_integrations.results import Attribution, Citation

__all__ = ["CitationRecord", "RequestAttributor"]

_logger = logging.getLogger(__name__)

PromptUsed = Literal["captured", "template"]


class RequestAttributor(Protocol):
    """Anything that attributes requests, above all an `AttributionEngine`."""

    def attribute_request(self, request: AttributionRequest) -> Attribution:
        """Score the sources of one answer, and cite those that carry it."""
        ...


@dataclass(frozen=True)
class _Outcome:
    attribution: Attribution | None = None
    error: Exception | None = None
    prompt_used: PromptUsed | None = None


@dataclass(frozen=True, repr=False, eq=False)
class CitationRecord(CapturedRun):
    """One run of a chain: what it asked, retrieved and answered, and what the answer rests on.

    The attribution is computed once, when it is first read, or before that by the handler. Reading
    it may thus take as long as the models do; on an event loop, use `aattribution`. Any thread may
    read.
    """

    engine: RequestAttributor
    """What attributes the answer."""
    raise_error: bool = False
    """Whether `attribution` raises the error of an attribution that failed."""
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False)
    _outcomes: list[_Outcome] = field(default_factory=list, init=False)

    @property
    def done(self) -> bool:
        """Whether the attribution has been tried, so that reading it takes no time."""
        return bool(self._outcomes)

    @property
    def attribution(self) -> Attribution | None:
        """The attribution; `None` if it failed, or if there are no documents or no answer.

        Raises:
            Exception: What made the attribution fail, if `raise_error` is set.
        """
        outcome = self._outcome()
        if self.raise_error and outcome.error is not None:
            raise outcome.error
        return outcome.attribution

    @property
    def citations(self) -> tuple[Citation, ...]:
        """The attribution's citations, none if there is no attribution.

        Raises:
            Exception: What made the attribution fail, if `raise_error` is set.
        """
        attribution = self.attribution
        return () if attribution is None else attribution.citations

    @property
    def error(self) -> Exception | None:
        """What made the attribution fail; `None` if it did not, or if there was nothing to do."""
        return self._outcome().error

    @property
    def prompt_used(self) -> PromptUsed | None:
        """The prompt that was scored: the one the model saw, or one that the engine rendered.

        A template takes over where the documents do not stand in the captured prompt (shortened
        ones, for example), or the scoring model's chat template refuses it. `None` if there was
        nothing to attribute.
        """
        return self._outcome().prompt_used

    @property
    def scored_by(self) -> str | None:
        """Name of the model that scored the answer, whose dependence on the sources a score is.

        It says what the answer's own model, `generator`, depends on only as far as the two are
        alike. `None` if there is no attribution.
        """
        attribution = self._outcome().attribution
        if attribution is None or not attribution.cost.models:
            return None
        return attribution.cost.models[0].model

    async def aattribution(self) -> Attribution | None:
        """Return `attribution`, computed in a worker thread if it is not there yet.

        Raises:
            Exception: What made the attribution fail, if `raise_error` is set.
        """
        return await run_apart(lambda: self.attribution)

    async def acitations(self) -> tuple[Citation, ...]:
        """Return `citations`, computed in a worker thread if they are not there yet.

        Raises:
            Exception: What made the attribution fail, if `raise_error` is set.
        """
        return await run_apart(lambda: self.citations)

    def _outcome(self) -> _Outcome:
        with self._lock:
            if not self._outcomes:
                self._outcomes.append(_attribute(self.engine, self))
            return self._outcomes[0]

    def __repr__(self) -> str:
        state = "pending"
        if self.done:
            outcome = self._outcomes[0]
            count = 0 if outcome.attribution is None else len(outcome.attribution.citations)
            state = f"citations={count}" if outcome.error is None else f"error={outcome.error!r}"
        return (
            f"CitationRecord(question={self.question[:60]!r}, chunks={len(self.chunks)}, "
            f"answer={self.answer[:60]!r}, {state})"
        )


def _attribute(engine: RequestAttributor, run: CapturedRun) -> _Outcome:
    """Attribute a run's answer; what goes wrong is logged and handed back, never raised."""
    if not run.answer.strip() or not any(chunk.text.strip() for chunk in run.chunks):
        return _Outcome()
    used: PromptUsed = "template" if run.prompt is None else "captured"
    try:
        try:
            return _Outcome(engine.attribute_request(_request(run, used)), None, used)
        except (ChunkNotFoundError, PromptError) as error:
            if used == "template":
                raise
            _logger.warning(
                "the captured prompt of run %s cannot be scored, a template takes its place: %s",
                run.run_id,
                error,
            )
            used = "template"
        return _Outcome(engine.attribute_request(_request(run, used)), None, used)
    except Exception as error:
        _logger.warning("attribution of run %s failed: %s", run.run_id, error)
        return _Outcome(None, error, used)


def _request(run: CapturedRun, used: PromptUsed) -> AttributionRequest:
    return AttributionRequest(
        question=run.question,
        chunks=run.chunks,
        answer=run.answer,
        prompt=run.prompt if used == "captured" else None,
        id=str(run.run_id),
    )
