"""`CitationRecord`: one run of a chain, and its attribution, computed once."""

from __future__ import annotations

import logging
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Literal, Protocol
from uuid import UUID

from attribot_integrations.errors import ChunkNotFoundError, PromptError
from attribot_integrations.langchain.runs import CapturedRun
from attribot_integrations.langchain.workers import run_apart
from attribot_integrations.requests.options import AttributionRequest

if TYPE_CHECKING:
    from attribot_integrations.results import Attribution, Citation

__all__ = ["CitationRecord", "NothingFound", "RequestAttributor"]

_logger = logging.getLogger(__name__)

_warning = threading.Lock()  # of the module, so that what is kept in a runnable can be copied

_UNTOLD: Final = (
    "no documents were retrieved: use a retriever, or pass what a plain function finds to "
    "register_documents"
)

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
    reason: str | None = None


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
        """The attribution; `None` if it failed or there was nothing to do, see `reason`.

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
    def reason(self) -> str | None:
        """Why there is no attribution, in plain words; `None` if there is one.

        No documents were retrieved, or none with text; the answer is blank; or the attribution
        failed, and this is its `error`.
        """
        return self._outcome().reason

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
            state = f"citations={count}"
            if outcome.reason is not None:
                state = f"reason={outcome.reason!r}"
            if outcome.error is not None:
                state = f"error={outcome.error!r}"
        return (
            f"CitationRecord(question={self.question[:60]!r}, chunks={len(self.chunks)}, "
            f"answer={self.answer[:60]!r}, {state})"
        )


@dataclass
class NothingFound:
    """Warns, once, that nobody has told what was retrieved, and what to do about it."""

    warned: bool = field(default=False, compare=False)
    """Whether it has warned."""

    def warn(self, run: CapturedRun | None, run_id: UUID | None = None) -> None:
        """Warn if a run is the first without documents.

        Args:
            run: The run; `None` for one that was not captured, for it had none, nor a model.
            run_id: Its id, where it was not captured.
        """
        if run is not None and _nothing_to_do(run) != _UNTOLD:
            return
        with _warning:
            warned, self.warned = self.warned, True
        if not warned:
            _logger.warning(
                "run %s gets no citations: %s (this is logged once)",
                run_id if run is None else run.run_id,
                _UNTOLD,
            )


def _attribute(engine: RequestAttributor, run: CapturedRun) -> _Outcome:
    """Attribute a run's answer; what goes wrong is logged and handed back, never raised."""
    reason = _nothing_to_do(run)
    if reason is not None:
        return _Outcome(reason=reason)
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
        return _Outcome(None, error, used, f"{type(error).__name__}: {error}")


def _nothing_to_do(run: CapturedRun) -> str | None:
    """Return why a run cannot be attributed, `None` if it can be."""
    if not run.chunks:
        return "the retriever found no documents" if run.searched else _UNTOLD
    if not any(chunk.text.strip() for chunk in run.chunks):
        return f"none of the {len(run.chunks)} retrieved documents holds text"
    return None if run.answer.strip() else "the answer is blank"


def _request(run: CapturedRun, used: PromptUsed) -> AttributionRequest:
    return AttributionRequest(
        question=run.question,
        chunks=run.chunks,
        answer=run.answer,
        prompt=run.prompt if used == "captured" else None,
        id=str(run.run_id),
    )
