"""What one request may spend on models, what it has spent, and how long it will go on."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError
from contextlib import contextmanager

__all__ = ["Budget"]

_logger = logging.getLogger(__name__)

_LONG = 20.0
"""Predicted seconds of a request from which on it is announced."""
_REPORT_EVERY = 2.0
"""Least seconds between two reports of progress."""
_CAUTION = 2.0
"""How many times longer than predicted work may take that has to be finished: passes over few
tokens take longer, a token, than the one over the whole prompt that was timed."""


class Budget:
    """Tells what scores an answer, between passes, whether to go on; without limits, always.

    A pass that has begun is finished. What is refused once is refused from then on, but for what
    no result can do without, see `overdraft`.

    Args:
        max_seconds: Most seconds of wall time, counted from `started`.
        max_tokens: Most tokens run through models, all models together.
        sources: How many sources are scored, for reports.
        started: When the request began, by `clock`; now by default.
        cancelled: Set by another thread when nobody waits for the result any more.
        clock: Tells the time, in seconds.
    """

    def __init__(
        self,
        *,
        max_seconds: float | None = None,
        max_tokens: int | None = None,
        sources: int = 0,
        started: float | None = None,
        cancelled: threading.Event | None = None,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._max_seconds = max_seconds
        self._max_tokens = max_tokens
        self._sources = sources
        self._cancelled = cancelled
        self._clock = clock
        self._started = clock() if started is None else started
        self._first_pass: float | None = None
        self._tokens = 0
        self._reached: str | None = None
        self._overdraft = self._announced = False
        self.all_or_nothing = False
        """Whether work is declined that the budget is likely too small to finish."""
        self.declined = False
        """Whether some was."""
        self._work, self._rows, self._rows_done, self._tokens_left = "", 0, 0, 0
        self._reported = self._started

    @property
    def limited(self) -> bool:
        """Whether there is any limit."""
        return self._max_seconds is not None or self._max_tokens is not None

    @property
    def reached(self) -> str | None:
        """The limit for which something was refused, such as "max_seconds=2"."""
        return self._reached

    def begin(self, work: str, rows: int, tokens: int) -> bool:
        """Take note of what comes next, and tell whether to begin with it.

        Args:
            work: What it is, in a word in the plural, for reports.
            rows: How many ablations.
            tokens: About how many tokens will be run for them.
        """
        self._work, self._rows, self._rows_done, self._tokens_left = work, rows, 0, tokens
        if self.all_or_nothing and not (self._overdraft or self._suffices(tokens)):
            self.declined = True
            return False
        return True

    def allows(self, tokens: int) -> bool:
        """Tell whether a pass over so many tokens may begin."""
        if self._overdraft:
            return True
        if self._reached is None:
            if self._max_tokens is not None and self._tokens + tokens > self._max_tokens:
                self._reached = f"max_tokens={self._max_tokens}"
            elif self._max_seconds is not None and self._elapsed() >= self._max_seconds:
                self._reached = f"max_seconds={self._max_seconds:g}"
        return self._reached is None

    def check_wanted(self) -> None:
        """Stop here if nobody waits for the result any more.

        Raises:
            CancelledError: If so.
        """
        if self._cancelled is not None and self._cancelled.is_set():
            raise CancelledError("the attribution was cancelled")
        if self._first_pass is None:
            self._first_pass = self._clock()

    def spend(self, tokens: int) -> None:
        """Count the tokens of a pass."""
        self._tokens += tokens

    def advance(self, rows: int, tokens: int) -> None:
        """Count ablations that are done, and report how far the work has come if it takes long."""
        self._rows_done += rows
        self._tokens_left = max(0, self._tokens_left - tokens)
        now = self._clock()
        if now - self._reported >= _REPORT_EVERY:
            self._reported = now
            _logger.info(
                "attributing %d sources: %d of %d %s, %.1f s",
                self._sources,
                self._rows_done,
                self._rows,
                self._work,
                self._elapsed(),
            )
        if self._sources and not self._announced:  # else no request is behind it
            self._announce_if_long()

    @contextmanager
    def overdraft(self) -> Iterator[None]:
        """Allow, beyond the budget, the little that a result cannot do without."""
        self._overdraft = True
        try:
            yield
        finally:
            self._overdraft = False

    @contextmanager
    def only_whole(self) -> Iterator[None]:
        """Decline work that the budget is likely too small to finish, before it begins."""
        self.all_or_nothing = True
        try:
            yield
        finally:
            self.all_or_nothing = False

    def _elapsed(self) -> float:
        return self._clock() - self._started

    def _suffices(self, tokens: int) -> bool:
        if self._max_tokens is not None and self._tokens + tokens > self._max_tokens:
            return False
        if self._max_seconds is None:
            return True
        return self._elapsed() + _CAUTION * tokens * self._seconds_a_token() <= self._max_seconds

    def _seconds_a_token(self) -> float:
        """Return what a token has taken in this request; 0 before the first pass."""
        if self._first_pass is None or not self._tokens:
            return 0.0
        return (self._clock() - self._first_pass) / self._tokens

    def _announce_if_long(self) -> None:
        tokens, longest = self._tokens_left, self._max_seconds
        if self._max_tokens is not None:
            tokens = min(tokens, max(0, self._max_tokens - self._tokens))
        predicted = self._elapsed() + tokens * self._seconds_a_token()
        if longest is not None:
            predicted = min(predicted, longest)
        if predicted > _LONG:
            self._announced = True
            _logger.warning(
                "attributing %d sources is predicted to take %.0f s or more; "
                "EngineOptions(max_seconds=…) ends it in time with the best scores so far, and "
                'levels=("chunk",), or method="fast" with a proxy, cost less',
                self._sources,
                predicted,
            )
