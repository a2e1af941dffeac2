"""When a request goes on, when it ends, and what is said meanwhile."""

from __future__ import annotations

import logging
import threading
from concurrent.futures import CancelledError
from typing import TypedDict

import pytest

from attribot_integrations.scoring.budget import Budget


class Limits(TypedDict, total=False):
    max_seconds: float
    max_tokens: int


class Clock:
    """Shows the time that it was set to, in seconds."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


def spend(budget: Budget, clock: Clock, *, tokens: int, seconds: float, rows: int = 1) -> None:
    """Run a pass."""
    budget.check_wanted()
    clock.now += seconds
    budget.spend(tokens)
    budget.advance(rows, tokens)


def test_without_limits_everything_is_allowed() -> None:
    clock = Clock()
    budget = Budget(clock=clock)
    spend(budget, clock, tokens=10**9, seconds=1e6)
    assert budget.allows(10**12)
    assert budget.begin("removals", 5, 10**12)
    assert not budget.limited
    assert budget.reached is None


def test_tokens_are_never_exceeded() -> None:
    clock = Clock()
    budget = Budget(max_tokens=100, clock=clock)
    assert budget.allows(100)
    spend(budget, clock, tokens=60, seconds=0)
    assert budget.allows(40)
    assert budget.reached is None
    assert not budget.allows(41)
    assert budget.reached == "max_tokens=100"


def test_a_pass_may_begin_until_the_time_is_up() -> None:
    clock = Clock()
    budget = Budget(max_seconds=2.5, clock=clock)
    clock.now += 2.4
    assert budget.allows(10**9)
    clock.now += 0.1
    assert not budget.allows(1)
    assert budget.reached == "max_seconds=2.5"


def test_time_counts_from_the_start_of_the_request() -> None:
    clock = Clock()
    assert not Budget(max_seconds=2, started=97.9, clock=clock).allows(1)
    assert Budget(max_seconds=2, started=98.1, clock=clock).allows(1)


def test_what_was_refused_once_stays_refused_but_for_what_is_needed() -> None:
    budget = Budget(max_tokens=10, clock=Clock())
    assert not budget.allows(11)
    assert not budget.allows(1)
    with budget.overdraft():
        assert budget.allows(11)
    assert not budget.allows(1)


def test_work_that_would_not_be_finished_is_declined() -> None:
    clock = Clock()
    budget = Budget(max_tokens=100, max_seconds=10, clock=clock)
    spend(budget, clock, tokens=20, seconds=1)  # 0.05 s a token, so 80 tokens may take 8 s
    assert budget.begin("removals", 2, 81)  # nobody asked for all of it
    with budget.only_whole():
        assert budget.begin("removals", 2, 80)
        assert not budget.declined
        assert not budget.begin("removals", 2, 81)
        with budget.overdraft():
            assert budget.begin("removals", 1, 81)
    assert budget.declined
    assert budget.reached is None  # it has not been


def test_work_that_would_take_too_long_is_declined() -> None:
    clock = Clock()
    budget = Budget(max_seconds=10, clock=clock)
    spend(budget, clock, tokens=20, seconds=1)
    with budget.only_whole():
        assert budget.begin("removals", 2, 90)  # 1 s + 2 x 4.5 s
        assert not budget.begin("removals", 2, 91)


def test_a_request_that_nobody_waits_for_ends() -> None:
    cancelled = threading.Event()
    budget = Budget(cancelled=cancelled)
    budget.check_wanted()
    cancelled.set()
    with budget.overdraft(), pytest.raises(CancelledError, match="the attribution was cancelled"):
        budget.check_wanted()


def test_progress_is_reported_now_and_then(caplog: pytest.LogCaptureFixture) -> None:
    clock = Clock()
    budget = Budget(sources=60, clock=clock)
    budget.begin("removals", 61, 120)
    with caplog.at_level(logging.INFO, "attribot_integrations"):
        for _ in range(12):
            spend(budget, clock, tokens=10, seconds=0.5)
    assert [record.message for record in caplog.records] == [
        "attributing 60 sources: 4 of 61 removals, 2.0 s",
        "attributing 60 sources: 8 of 61 removals, 4.0 s",
        "attributing 60 sources: 12 of 61 removals, 6.0 s",
    ]


def test_short_requests_are_silent(caplog: pytest.LogCaptureFixture) -> None:
    clock = Clock()
    budget = Budget(sources=3, clock=clock)
    budget.begin("removals", 4, 400)
    with caplog.at_level(logging.DEBUG, "attribot_integrations"):
        for _ in range(4):
            spend(budget, clock, tokens=100, seconds=0.4)
    assert caplog.records == []


def test_a_long_request_is_announced_once_behind_the_first_pass(
    caplog: pytest.LogCaptureFixture,
) -> None:
    clock = Clock()
    budget = Budget(sources=1500, clock=clock)
    budget.begin("removals", 1501, 20_000)
    budget.check_wanted()
    clock.now += 1.5
    budget.spend(1000)  # the prompt, which is none of the removals
    budget.advance(0, 0)
    spend(budget, clock, tokens=1000, seconds=1.5)
    (warning,) = (each for each in caplog.records if each.levelname == "WARNING")
    assert warning.message.startswith("attributing 1500 sources is predicted to take 32 s or more;")
    for advice in ("max_seconds=…", 'levels=("chunk",)', 'method="fast"'):
        assert advice in warning.message


def test_slow_work_in_small_parts_is_announced_when_it_has_taken_long(
    caplog: pytest.LogCaptureFixture,
) -> None:
    clock = Clock()
    budget = Budget(sources=390, clock=clock)
    for _ in range(10):
        budget.begin("removals", 3, 300)
        spend(budget, clock, tokens=300, seconds=3, rows=3)
    (warning,) = (each for each in caplog.records if each.levelname == "WARNING")
    assert "attributing 390 sources is predicted to take 21 s or more" in warning.message


@pytest.mark.parametrize("limits", [{"max_seconds": 15.0}, {"max_tokens": 3000}])
def test_what_a_limit_keeps_short_is_not_announced(
    limits: Limits, caplog: pytest.LogCaptureFixture
) -> None:
    clock = Clock()
    budget = Budget(sources=9, clock=clock, **limits)
    budget.begin("removals", 10, 100_000)
    spend(budget, clock, tokens=1000, seconds=1.5)
    assert [each for each in caplog.records if each.levelname == "WARNING"] == []
