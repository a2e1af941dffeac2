"""One answer, attributed again and again while it grows."""

from __future__ import annotations

import threading
from dataclasses import dataclass, replace

from attribot_integrations.engine.attributing import SharedContexts, attribute_answer, warm_up
from attribot_integrations.errors import OutOfMemoryError
from attribot_integrations.requests.attributors import RequestAttributor
from attribot_integrations.requests.options import AttributionRequest, EngineOptions
from attribot_integrations.results import Attribution, Cost
from attribot_integrations.scoring.protocols import HoldsAnswers, ScoringModel

__all__ = ["AnswerFollower"]


class AnswerFollower:
    """Attributes the beginnings of one answer; what was run for one is not run for the next.

    Scores are those of single calls but for rounding. It is for one thread at a time, and holds the
    models' activations until it lets go.

    Args:
        target: The model whose dependence is measured.
        proxy: A smaller model.
        options: What to do with each beginning.
    """

    def __init__(
        self, target: ScoringModel, proxy: ScoringModel | None, options: EngineOptions
    ) -> None:
        self.target, self.proxy, self.options = target, proxy, options
        self._shared: SharedContexts | None = SharedContexts.of_answer(target, proxy)
        self._cancelled = threading.Event()
        self.tokens = 0
        """Tokens run through models so far, all models together."""

    def warm_up(self, request: AttributionRequest) -> None:
        """Run what all of an answer's beginnings need, if anything is kept between them.

        Args:
            request: The answer's first words.

        Raises:
            AttribotError: As `AttributionEngine.attribute`.
        """
        models = [each for each in (self.target, self.proxy) if each is not None]
        if self._shared is not None and all(isinstance(each, HoldsAnswers) for each in models):
            cost = warm_up(
                self.target, self.proxy, request, self.options, self._shared, self._cancelled
            )
            self._count(cost)

    def attribute_request(self, request: AttributionRequest) -> Attribution:
        """Do what `AttributionEngine.attribute_request` does.

        Raises:
            CancelledError: If it was cancelled.
        """
        return self.attribute_by(request, self.options)

    def attribute_by(self, request: AttributionRequest, options: EngineOptions) -> Attribution:
        """Do the same with other options.

        Raises:
            CancelledError: If it was cancelled.
        """
        try:
            return self._attribute(request, options)
        except OutOfMemoryError:
            if self._shared is None or not self._shared.let_go():
                raise
        self._shared = None  # what is kept, beside the rest, may be what does not fit
        return self._attribute(request, options)

    @property
    def beginnings(self) -> RequestAttributor:
        """Attributes what is not all of the answer, in time: by scores of single sources alone.

        Alternatives and certificates take several passes for a statement. They are looked for when
        the answer is complete.
        """
        return _Beginnings(self, replace(self.options, alternatives=None, certificates=None))

    def let_go(self) -> None:
        """Free what is held."""
        if self._shared is not None:
            self._shared.let_go()

    def cancel(self) -> None:
        """Have the attribution that runs now end behind its pass; any thread may call it."""
        self._cancelled.set()

    def _attribute(self, request: AttributionRequest, options: EngineOptions) -> Attribution:
        found = attribute_answer(
            self.target,
            self.proxy,
            request,
            options,
            self._shared,
            cancelled=self._cancelled,
        )
        self._count(found.cost)
        return found

    def _count(self, cost: Cost) -> None:
        self.tokens += sum(each.tokens for each in cost.models)


@dataclass(frozen=True)
class _Beginnings:
    """Attributes one answer's beginnings by options of their own."""

    follower: AnswerFollower
    options: EngineOptions

    def attribute_request(self, request: AttributionRequest) -> Attribution:
        return self.follower.attribute_by(request, self.options)
