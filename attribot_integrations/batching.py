"""Many requests in turn, of which some may fail."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable

from tqdm.auto import tqdm

from attribot_integrations.config import AttributionRequest
from attribot_integrations.results import Attribution, FailedAttribution

__all__ = ["attribute_all"]

_logger = logging.getLogger("attribot_integrations.engine")


def attribute_all(
    requests: Iterable[AttributionRequest],
    attribute: Callable[[AttributionRequest], Attribution],
    *,
    progress: bool,
    raise_error: bool,
) -> list[Attribution | FailedAttribution]:
    """Attribute requests in turn.

    Args:
        requests: The requests.
        attribute: Attributes one.
        progress: Whether to show a progress bar on standard error.
        raise_error: Whether the first failure ends the batch. Otherwise it is logged, and a
            `FailedAttribution` takes its place.

    Returns:
        One result for each request, in order.
    """
    results: list[Attribution | FailedAttribution] = []
    for request in tqdm(list(requests), desc="attributing", disable=not progress):
        try:
            results.append(attribute(request))
        except Exception as error:
            if raise_error:
                raise
            _logger.warning("attribution of request %r failed: %s", request.id, error)
            _logger.debug("traceback of request %r", request.id, exc_info=error)
            _let_go(error)
            results.append(FailedAttribution(error, request.id))
    return results


def _let_go(error: BaseException | None) -> None:
    """Drop an error's tracebacks, which hold on to the prompt's cached activations."""
    while error is not None and error.__traceback__ is not None:
        error.__traceback__ = None
        error = error.__cause__ or error.__context__
