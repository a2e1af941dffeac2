"""Many requests in turn, of which some may share a context, and some may fail."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterable
from dataclasses import dataclass, field

from tqdm.auto import tqdm

from attribot_integrations.engine.attributing import SharedContexts, attribute_answer
from attribot_integrations.errors import InputError, OutOfMemoryError, free_frames
from attribot_integrations.requests.attributors import BatchAttributor, RequestAttributor
from attribot_integrations.requests.context_runs import context_key, context_runs
from attribot_integrations.requests.options import (
    AttributionRequest,
    EngineOptions,
    given_options,
)
from attribot_integrations.results import Attribution, FailedAttribution
from attribot_integrations.scoring.protocols import ScoringModel

__all__ = ["ContextSharer", "attribute_all"]

_logger = logging.getLogger("attribot_integrations.engine")


@dataclass(frozen=True)
class ContextSharer:
    """Attributes requests, and runs once what their contexts have in common at their beginning.

    Scores are those of single calls but for rounding. It holds the models' activations of contexts
    as long as it lives.
    """

    target: ScoringModel
    proxy: ScoringModel | None
    options: EngineOptions
    shared: SharedContexts | None = field(default=None, repr=False)
    """What is kept, at first nothing."""

    def __post_init__(self) -> None:
        if self.shared is None:
            object.__setattr__(self, "shared", SharedContexts.of(self.target, self.proxy))

    def attribute_request(
        self,
        request: AttributionRequest,
        *,
        options: EngineOptions | None = None,
        cancelled: threading.Event | None = None,
    ) -> Attribution:
        """Do what `AttributionEngine.attribute_request` does."""
        chosen = given_options(options, self.options)

        def attribute(shared: SharedContexts | None) -> Attribution:
            return attribute_answer(
                self.target, self.proxy, request, chosen, shared, cancelled=cancelled
            )

        try:
            return attribute(self.shared)
        except OutOfMemoryError:
            if self.shared is None or not self.shared.let_go():
                raise
        # Without sharing: the context beside the whole prompt may be what does not fit.
        return attribute(None)


def attribute_all(
    engine: BatchAttributor,
    requests: Iterable[AttributionRequest],
    *,
    progress: bool,
    raise_error: bool,
) -> list[Attribution | FailedAttribution]:
    """Attribute requests in turn, those that share a context one after the other.

    Args:
        engine: Attributes one, or several that share a context.
        requests: The requests.
        progress: Whether to show a progress bar on standard error.
        raise_error: Whether the first failure ends the batch. Otherwise it is logged, and a
            `FailedAttribution` takes its place.

    Returns:
        One result for each request, in order.

    Raises:
        InputError: If `requests` is no list or other iterable.
    """
    given: object = requests
    if not isinstance(given, Iterable):
        raise InputError(
            f"requests must be a list of AttributionRequest objects, not {type(given).__name__}"
        )
    waiting = list(enumerate(requests))
    first: dict[object, int] = {}
    waiting.sort(key=lambda pair: first.setdefault(context_key(pair[1], pair[0]), pair[0]))
    results: dict[int, Attribution | FailedAttribution] = {}
    with tqdm(total=len(waiting), desc="attributing", disable=not progress) as bar:
        for run in context_runs(waiting, lambda pair: pair[1]):
            attributor = engine.sharing_context() if len(run) > 1 else engine
            for place, request in run:
                results[place] = _attribute(attributor, request, raise_error)
                bar.update()
    return [results[place] for place in range(len(waiting))]


def _attribute(
    attributor: RequestAttributor, request: AttributionRequest, raise_error: bool
) -> Attribution | FailedAttribution:
    try:
        return attributor.attribute_request(request)
    except Exception as error:
        if raise_error:
            raise
        id_ = getattr(request, "id", None)  # it may be no request at all
        _logger.warning("attribution of request %r failed: %s", id_, error)
        _logger.debug("traceback of request %r", id_, exc_info=error)
        free_frames(error)
        return FailedAttribution(error, id_)
