"""`LiveAnswer`: an answer that is attributed statement by statement while it is written.

The stream hands over its pieces and goes on. When a statement is settled, a worker thread
attributes the answer up to its end; what was run for earlier statements is not run again, where the
engine can do without. Whatever else is settled by then is attributed with it, so nothing waits in a
queue, and a generator that is faster than the engine is never held up. The rest comes at the end,
with the attribution of the complete answer, which is what it would be without all this.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from attribot_integrations.answers.attempt import attempt, first_request
from attribot_integrations.answers.background import start_apart
from attribot_integrations.answers.settling import settled_statements
from attribot_integrations.context.sources import SentenceSplitter, split_sentences
from attribot_integrations.requests.attributors import FollowsAnswers
from attribot_integrations.requests.options import EngineOptions
from attribot_integrations.results.wording import wording_of

if TYPE_CHECKING:
    from attribot_integrations.answers.attempt import Outcome
    from attribot_integrations.answers.captured import CapturedAnswer
    from attribot_integrations.answers.record import AnswerRecord
    from attribot_integrations.requests.attributors import FollowingAttributor, RequestAttributor
    from attribot_integrations.requests.options import AttributionRequest
    from attribot_integrations.results import Attribution

__all__ = ["LiveAnswer", "News"]

_logger = logging.getLogger(__name__)

_LOOK_AGAIN: Final = 40
"""Characters after which a text that seemed unsettled is looked at again."""


@dataclass(frozen=True)
class News:
    """What has become known of some statements of an answer."""

    captured: CapturedAnswer
    """What was captured of the answer, which may be its beginning, with a word of what follows."""
    attribution: Attribution | None
    """Its attribution; `None` if that failed in the end."""
    statements: tuple[int, ...]
    """Those that are new, or of which it says something else than was said before."""
    withdrawn: tuple[int, ...] = ()
    """Those that were spoken of before, and are none after all."""

    @property
    def about(self) -> frozenset[int]:
        """All statements that it speaks of."""
        return frozenset((*self.statements, *self.withdrawn))


class LiveAnswer:
    """Attributes an answer while it is written.

    Nothing that it does waits, so it may be used on an event loop.

    Args:
        engine: Attributes the answer; one that `FollowsAnswers` runs only what is new.
        capture: Returns what is captured of an answer of which a text is the beginning; `None` if
            that is not known yet. Called in the worker thread.
        around: What is entered there for each attribution.
    """

    def __init__(
        self,
        engine: RequestAttributor,
        capture: Callable[[str], CapturedAnswer | None],
        around: Callable[[], AbstractContextManager[None]] = nullcontext,
    ) -> None:
        self.problem: str | None = None
        """Why no statement is attributed any more before the answer is complete."""
        self._engine = engine
        self._capture = capture
        self._around = around
        self._splitter = _splitter_of(engine)
        self._follower: FollowingAttributor | None = None
        if isinstance(engine, FollowsAnswers):
            self._follower = engine.following_answer()
        self._news: deque[News] = deque()
        self._told: dict[int, object] = {}
        self._lock = threading.Lock()  # of what follows; held for moments
        self._pieces: list[str] = []
        self._looks = _Looks()
        self._due = self._at_work = self._over = self._closed = False
        self._turn = threading.Lock()  # held while a model runs
        self._captured: CapturedAnswer | None = None
        self._warm = False
        self._settled = 0

    def add(self, piece: str) -> None:
        """Take the next piece of the answer."""
        with self._lock:
            self._pieces.append(piece)
            if self._over or not self._looks.worthwhile(piece):
                return
            self._due = True
            if self._at_work:
                return
            self._at_work = True
        start_apart(self._work)

    def restart(self) -> None:
        """Forget the text so far: what follows is another answer."""
        with self._lock:
            self._pieces = []
            self._looks = _Looks()
            self._captured, self._settled, self.problem = None, 0, None
            self._news.clear()
            self._told = dict.fromkeys(self._told)  # said of other text

    def take(self) -> list[News]:
        """Return what has become known since this was asked last."""
        found = []
        while self._news:
            found.append(self._news.popleft())
        return found

    def complete(self, record: AnswerRecord) -> None:
        """Leave the rest to the record of the complete answer.

        When that is attributed, by whomever, an attribution that runs is waited for, and nothing
        is run again; what has not been told by then is news.
        """
        with self._lock:
            self._over = True
        record.live_problem = self.problem
        record.through = _Rest(self._follower or self._engine, self._turn)
        record.when_done(lambda outcome: self._end(record, outcome))

    def close(self) -> None:
        """Stop, since nobody wants the answer any more, or it is attributed anew."""
        with self._lock:
            self._over = self._closed = True
        if self._follower is not None:
            self._follower.cancel()
        if self._turn.acquire(blocking=False):  # else whoever is at work lets go
            try:
                self._let_go()
            finally:
                self._turn.release()

    def _work(self) -> None:
        with self._turn:
            while True:
                with self._lock:
                    if self._over or not self._due:
                        self._at_work = False
                        break
                    self._due = False
                    text, start = "".join(self._pieces), self._pieces
                try:
                    with self._around():
                        self._step(text, start)
                except Exception as error:
                    self._give_up(f"{type(error).__name__}: {error}", error)
            if self._closed:
                self._let_go()

    def _step(self, text: str, start: list[str]) -> None:
        """Attribute what is settled of a text."""
        if self.problem is not None:
            return
        captured = self._captured or self._capture(text)
        if captured is None:
            return
        self._captured = captured
        captured = replace(captured, answer=text)
        reason = _obstacle(captured, self._engine)
        if reason is not None:
            self._give_up(reason)
            return
        self._warm_up(captured)
        settled = settled_statements(text, self._splitter, self._settled)
        if settled is None:
            return
        captured = replace(captured, answer=text[: settled.end])
        outcome = attempt(self._follower.beginnings if self._follower else self._engine, captured)
        if outcome.attribution is None:
            self._give_up(str(outcome.reason), outcome.error)
            return
        with self._lock:
            if start is not self._pieces:  # it was of another answer
                return
            self._settled = settled.count
            said = _said(outcome.attribution, settled.count)
            self._news.append(self._compare(captured, outcome.attribution, said))

    def _warm_up(self, captured: CapturedAnswer) -> None:
        """Run what all statements need, while the first is written."""
        if self._warm or not wording_of(captured.answer).text:
            return
        self._warm = True
        if self._follower is not None:
            self._follower.warm_up(first_request(captured, self._engine))

    def _give_up(self, reason: str, error: Exception | None = None) -> None:
        self.problem = reason
        if not self._over:
            _logger.info("the answer is attributed when it is complete: %s", reason)
            _logger.debug("why it is not attributed before", exc_info=error)

    def _let_go(self) -> None:
        if self._follower is not None:
            self._follower.let_go()

    def _end(self, record: AnswerRecord, outcome: Outcome) -> None:
        with self._turn:  # whoever was still at work may have failed meanwhile
            record.live_problem = self.problem
            self._let_go()
        told = bool(self._told)
        said = {} if outcome.attribution is None else _said(outcome.attribution)
        last = self._compare(record.captured, outcome.attribution, said, complete=True)
        if told or outcome.attribution is not None:
            self._news.append(last)

    def _compare(
        self,
        captured: CapturedAnswer,
        attribution: Attribution | None,
        said: dict[int, object],
        *,
        complete: bool = False,
    ) -> News:
        """Note what an attribution says of statements, and return what of that is new."""
        new = tuple(index for index, one in said.items() if self._told.get(index) != one)
        gone = tuple(index for index in self._told if index not in said) if complete else ()
        self._told |= said
        return News(captured, attribution, new, gone)


@dataclass(frozen=True)
class _Rest:
    """Attributes a complete answer when nothing else is at it."""

    attributor: RequestAttributor
    turn: threading.Lock

    @property
    def options(self) -> object:
        return getattr(self.attributor, "options", None)

    def attribute_request(self, request: AttributionRequest) -> Attribution:
        with self.turn:
            return self.attributor.attribute_request(request)


class _Looks:
    """Tells when a text that goes on may hold a statement that it did not before."""

    def __init__(self) -> None:
        self._begun = self._ended = self._first = False
        self._since = 0

    def worthwhile(self, piece: str) -> bool:
        """Take the next piece, and tell whether to look: words have come behind a border.

        The first one is looked at when it begins and when it is whole: "May. T" may be a name.
        """
        look = False
        self._since += len(piece)
        for character in piece:
            if character.isalnum():
                if self._ended or not self._begun:
                    look = self._first = True
                self._begun, self._ended = True, False
                continue
            look = look or self._first
            self._first = False
            if character not in " ,-":
                self._ended = True
        look = look or self._since >= _LOOK_AGAIN
        self._since = 0 if look else self._since
        return look


def _said(attribution: Attribution, count: int | None = None) -> dict[int, object]:
    """Return what an attribution says of its first statements, or of all, as far as it is shown."""
    labels = {each.statement_index: each.label for each in attribution.support}
    cited: dict[int, list[object]] = {each.index: [] for each in attribution.statements}
    for one in attribution.shown_citations:
        place = one.chunk_index, one.chunk_start, one.chunk_end
        cited.setdefault(one.statement_index, []).append((one.number, place, one.basis))
    return {
        each.index: (each.start, each.text, labels.get(each.index), cited[each.index])
        for each in attribution.statements[:count]
    }


def _obstacle(captured: CapturedAnswer, engine: RequestAttributor) -> str | None:
    """Return why an answer is better not attributed before it is complete."""
    if captured.parts or captured.steps:
        return "it rests on intermediate answers of the model"
    if captured.statements is not None:
        return "its statements are the fields of an output"
    return captured.nothing_to_do(engine) if captured.answer.strip() else None


def _splitter_of(engine: object) -> SentenceSplitter:
    options = getattr(engine, "options", None)
    return options.splitter if isinstance(options, EngineOptions) else split_sentences
