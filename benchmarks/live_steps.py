"""What each step of a live attribution costs, and which generators it keeps up with.

Processor time of one thread is measured, which other work on the machine hardly changes; a clock is
then replayed on which a generator writes so many tokens a second, and one worker does the steps.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from attribot_integrations import AttributionEngine
from attribot_integrations.answers.settling import settled_statements
from attribot_integrations.context.sources import split_sentences
from attribot_integrations.evaluation.examples import EvaluationExample
from attribot_integrations.requests.options import AttributionRequest

__all__ = ["Steps", "keeps_up", "measure_steps", "share_in_time"]

_Result = TypeVar("_Result")

_SPEEDS = tuple(round(1.1**power, 2) for power in range(-14, 80))
"""Tokens a second that are tried, 0.26 to 1,860."""


@dataclass(frozen=True)
class Steps:
    """The steps of one answer, in processor seconds; the answer's tokens are the target's."""

    warm_up: float
    """At the first word."""
    statements: tuple[float, ...]
    """Each, after those before it; the last is the complete answer."""
    afterwards: float
    """The complete answer at once, with nothing kept."""
    begun: tuple[int, ...]
    """For each statement but the last, the tokens written when it is known to be complete."""
    ended: tuple[int, ...]
    """For each statement, the tokens written when it has ended."""
    tokens: int
    """Tokens run through models, all steps together."""
    tokens_afterwards: int
    """Tokens run for the complete answer at once."""
    difference: float
    """Largest difference of a score from that of the complete answer, in nats."""


def measure_steps(engine: AttributionEngine, example: EvaluationExample) -> Steps:
    """Attribute an answer afterwards, and statement by statement."""

    def request(answer: str) -> AttributionRequest:
        return AttributionRequest(example.question, example.chunks, answer)

    plain, afterwards = _timed(lambda: engine.attribute_request(request(example.answer)))
    spans = plain.token_spans
    borders = _borders(example.answer, [end for _, end in spans[:-1]])
    follower = engine.following_answer()
    _, warm_up = _timed(lambda: follower.warm_up(request(example.answer.split(" ", 1)[0])))
    seconds: list[float] = []
    difference = 0.0
    for number, (known, end) in enumerate((*borders, (None, len(example.answer))), start=1):
        started = time.process_time()
        if known is not None:
            settled_statements(example.answer[:known], split_sentences, len(seconds))
        attributor = follower if known is None else follower.beginnings
        found = attributor.attribute_request(request(example.answer[:end]))
        seconds.append(time.process_time() - started)
        count = len(found.statements) if known is None else number
        apart = np.abs(found.statement_scores[:, :count] - plain.statement_scores[:, :count])
        difference = max(difference, float(apart.max(initial=0.0)))
    return Steps(
        warm_up=warm_up,
        statements=tuple(seconds),
        afterwards=afterwards,
        begun=tuple(_written(spans, known) for known, _ in borders if known is not None),
        ended=tuple(_written(spans, each.end) for each in plain.statements),
        tokens=follower.tokens,
        tokens_afterwards=sum(each.tokens for each in plain.cost.models),
        difference=difference,
    )


def share_in_time(steps: Sequence[Steps], speed: float) -> tuple[int, int]:
    """Count the statements that are cited before the next has ended, and all that have a next.

    Args:
        steps: The steps of answers.
        speed: Tokens that the generator writes in a second.
    """
    good = every = 0
    for one in steps:
        free = 1 / speed + one.warm_up
        waiting: list[int] = []
        for index, begun in enumerate(one.begun):
            waiting.append(index)
            ready = begun / speed
            later = one.begun[index + 1] / speed if index + 1 < len(one.begun) else float("inf")
            if free > later:  # it is attributed together with the next
                continue
            free = max(free, ready) + sum(one.statements[each] for each in waiting)
            good += sum(free <= one.ended[each + 1] / speed for each in waiting)
            waiting = []
        every += len(one.begun)
    return good, every


def keeps_up(steps: Sequence[Steps], share: float = 0.95) -> float | None:
    """Return the fastest generator, in tokens a second, that is kept up with; `None` if none."""
    found = None
    for speed in _SPEEDS:
        good, every = share_in_time(steps, speed)
        if every and good / every >= share:
            found = speed
        else:
            break
    return found


def _borders(answer: str, edges: Sequence[int]) -> list[tuple[int | None, int]]:
    """Return where statements are known to be complete, and where the text is cut then.

    Args:
        answer: The answer.
        edges: Where its tokens end.
    """
    found: list[tuple[int | None, int]] = []
    known = 0
    for end in edges:
        settled = settled_statements(answer[:end], split_sentences, known)
        if settled is not None:
            found += [(end, settled.end)] * (settled.count - known)
            known = settled.count
    return found


def _written(spans: Sequence[tuple[int, int]], end: int) -> int:
    return sum(start < end for start, _ in spans)


def _timed(run: Callable[[], _Result]) -> tuple[_Result, float]:
    started = time.process_time()
    return run(), time.process_time() - started
