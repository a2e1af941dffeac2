"""Statements of an answer are attributed while it is written, and in the end nothing differs."""

import logging
import threading
import time
from concurrent.futures import CancelledError
from typing import Any

import pytest

from attribot_integrations.answers import live as live_module
from attribot_integrations.answers.captured import CapturedAnswer
from attribot_integrations.answers.live import LiveAnswer, News
from attribot_integrations.answers.record import AnswerRecord
from attribot_integrations.context.sources import Chunk
from attribot_integrations.requests.options import AttributionRequest
from attribot_integrations.results import Attribution
from tests.unit.answers.answering import captured
from tests.unit.answers.following import (
    ANSWER,
    Watched,
    afterwards,
    end,
    told,
    word_engine,
)


def so_far(text: str) -> CapturedAnswer:
    return captured(answer=text)


def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the worker's turn come within the call that hands it work."""
    monkeypatch.setattr(live_module, "start_apart", lambda work: work())


def written(live: LiveAnswer, answer: str) -> list[News]:
    news = []
    for character in answer:
        live.add(character)
        news += live.take()
    return news


def test_each_statement_is_told_when_the_next_has_begun(monkeypatch: pytest.MonkeyPatch) -> None:
    at_once(monkeypatch)
    engine = word_engine()
    live = LiveAnswer(engine, so_far)
    early: dict[int, int] = {}
    for place, character in enumerate(ANSWER):
        live.add(character)
        early |= {index: place for news in live.take() for index in news.statements}
    assert early == {0: ANSWER.index(" Bea is young") + 1, 1: ANSWER.index(" Bea is not") + 1}
    record, last = end(live, engine, ANSWER)
    assert [news.statements for news in last] == [(2,)]
    assert record.attribution is not None
    assert (record.status, record.live_problem) == ("ok", None)
    assert record.attribution.citations_of(0)[0].text == "Ada is old."


def test_a_first_word_that_might_be_a_name_is_looked_at_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    at_once(monkeypatch)
    engine = word_engine()
    live = LiveAnswer(engine, so_far)
    answer = "It begins in May. The festival of Bea is one of all that are old and young."
    early: dict[int, int] = {}
    for place, character in enumerate(answer):
        live.add(character)
        early |= {index: place for news in live.take() for index in news.statements}
    assert early == {0: answer.index(" festival")}


def test_told_in_parts_or_afterwards_is_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    at_once(monkeypatch)
    engine = word_engine()
    live = LiveAnswer(engine, so_far)
    news = written(live, ANSWER)
    assert len(news) == 2
    _, last = end(live, engine, ANSWER)
    plain = engine.attribute("Who is old?", captured().chunks, ANSWER, prompt=captured().prompt)
    assert told([*news, *last]) == afterwards(plain)


def test_the_stream_never_waits_and_nothing_is_lost() -> None:
    engine = Watched()
    hold = threading.Event()
    captures: list[str] = []

    def slow(text: str) -> CapturedAnswer:
        captures.append(text)
        hold.wait(30)
        return so_far(text)

    live = LiveAnswer(engine, slow)
    started = time.monotonic()
    assert written(live, ANSWER) == []
    assert time.monotonic() - started < 5
    while not captures and time.monotonic() - started < 30:
        time.sleep(0.01)
    hold.set()
    _, news = end(live, engine, ANSWER)
    assert sorted(told(news)) == [0, 1, 2]
    assert len(captures) == 1
    assert len(engine.answers) <= 2, "what waits is attributed together"


def test_an_engine_that_keeps_up_is_asked_for_each_statement() -> None:
    engine = Watched()
    live = LiveAnswer(engine, so_far)
    for count, piece in enumerate(("Ada is old. B", "ea is young. B"), start=1):
        live.add(piece)
        engine.wait_for(count)
    live.add("ea is not old.")
    _, news = end(live, engine, ANSWER)
    assert engine.answers == ["Ada is old. B", "Ada is old. Bea is young. B", ANSWER]
    assert sorted(told(news)) == [0, 1, 2]


def test_a_failure_is_logged_and_recorded(caplog: pytest.LogCaptureFixture) -> None:
    engine = Watched(failing=True)
    live = LiveAnswer(engine, so_far)
    live.add("Ada is old. B")
    engine.wait_for(1)
    engine.failing = False
    live.add("ea is young. Bea")
    record, news = end(live, engine, "Ada is old. Bea is young. Bea")
    assert record.status == "ok"
    assert record.live_problem == "ValueError: the engine is broken"
    assert len(engine.answers) == 2, "not tried again before the end"
    assert sorted(told(news)) == [0, 1, 2]
    assert "the engine is broken" in caplog.text


def test_a_failure_that_comes_when_the_answer_is_complete_is_recorded() -> None:
    begun, go_on = threading.Event(), threading.Event()

    class FailsLate(Watched):
        def attribute_request(self, request: AttributionRequest) -> Attribution:
            if not begun.is_set():
                begun.set()
                go_on.wait(30)
                raise ValueError("the engine is broken")
            return super().attribute_request(request)

    engine = FailsLate()
    live = LiveAnswer(engine, so_far)
    live.add(ANSWER)
    assert begun.wait(30)
    record = AnswerRecord(captured(answer=ANSWER), engine)
    live.complete(record)
    go_on.set()
    record.attribute()
    assert record.status == "ok"
    assert record.live_problem == "ValueError: the engine is broken"


def test_what_was_told_is_withdrawn_if_the_end_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    at_once(monkeypatch)
    engine = Watched()
    live = LiveAnswer(engine, so_far)
    news = written(live, ANSWER)
    engine.failing = True
    record, last = end(live, engine, ANSWER)
    assert record.status == "error"
    assert told([*news, *last]) == {}


def test_an_answer_that_cannot_be_captured_waits_for_its_end(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    at_once(monkeypatch)
    engine = Watched()

    def broken(text: str) -> CapturedAnswer:
        raise KeyError("no such node")

    live = LiveAnswer(engine, broken)
    with caplog.at_level(logging.INFO):
        assert written(live, ANSWER) == []
    record, news = end(live, engine, ANSWER)
    assert record.live_problem == "KeyError: 'no such node'"
    assert "is attributed when it is complete: KeyError" in caplog.text
    assert sorted(told(news)) == [0, 1, 2]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"chunks": ()}, "no chunks were retrieved"),
        ({"statements": ((0, 3),)}, "its statements are the fields of an output"),
        ({"steps": (captured(),)}, "it rests on intermediate answers of the model"),
        ({"parts": ((0, captured()),)}, "it rests on intermediate answers of the model"),
    ],
)
def test_answers_that_are_left_to_the_end(
    monkeypatch: pytest.MonkeyPatch, changes: dict[str, Any], reason: str
) -> None:
    at_once(monkeypatch)
    engine = Watched()
    live = LiveAnswer(engine, lambda text: captured(answer=text, **changes))
    assert written(live, ANSWER) == []
    assert live.problem == reason
    assert engine.answers == []


def test_while_the_writer_is_unknown_nothing_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    at_once(monkeypatch)
    known: list[CapturedAnswer | None] = [None]
    live = LiveAnswer(Watched(), lambda text: known[0])
    assert written(live, "Ada is old. B") == []
    known[0] = captured()
    news = written(live, "ea is young. B")
    assert sorted(told(news)) == [0, 1]


def test_another_answer_takes_the_place_of_the_first(monkeypatch: pytest.MonkeyPatch) -> None:
    at_once(monkeypatch)
    engine = Watched()
    live = LiveAnswer(engine, so_far)
    news = written(live, "Ada is old. Ada is. Ada is old. Bea is. A")
    assert sorted(told(news)) == [0, 1, 2, 3]
    live.restart()
    news += written(live, "Ada is old. B")
    assert live.problem is None
    record, last = end(live, engine, "Ada is old. Bea")
    assert record.attribution is not None
    assert told([*news, *last]) == afterwards(record.attribution)


class Following:
    """An engine whose memory of an answer is watched."""

    def __init__(self) -> None:
        self.engine = word_engine()
        self.events: list[str] = []
        self.started = threading.Event()
        self.cancelled = threading.Event()
        self.slow = False

    def following_answer(self) -> "Following":
        return self

    @property
    def beginnings(self) -> "Following":
        return self

    def warm_up(self, request: AttributionRequest) -> None:
        self.events.append(f"warm up {request.answer!r}")

    def attribute_request(self, request: AttributionRequest) -> Attribution:
        self.started.set()
        if self.slow:
            assert self.cancelled.wait(30)
            raise CancelledError("the attribution was cancelled")
        self.events.append(f"attribute {request.answer!r}")
        return self.engine.attribute_request(request)

    def let_go(self) -> None:
        self.events.append("let go")

    def cancel(self) -> None:
        self.cancelled.set()


def test_the_model_is_warmed_up_at_the_first_word_and_let_go_at_the_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    at_once(monkeypatch)
    engine = Following()
    live = LiveAnswer(engine, so_far)
    written(live, " \n Ada is old. Bea")
    record, _ = end(live, engine, " \n Ada is old. Bea")
    assert engine.events == [
        "warm up ' \\n A'",
        "attribute ' \\n Ada is old. B'",
        "attribute ' \\n Ada is old. Bea'",
        "let go",
    ]
    assert record.through is None


def test_closing_stops_the_worker(caplog: pytest.LogCaptureFixture) -> None:
    engine = Following()
    engine.slow = True
    live = LiveAnswer(engine, so_far)
    live.add("Ada is old. Bea")
    assert engine.started.wait(30)
    with caplog.at_level(logging.INFO):
        live.close()
        deadline = time.monotonic() + 30
        while "let go" not in engine.events and time.monotonic() < deadline:
            time.sleep(0.01)
        live.add("Ada is young. Bea")
    assert engine.events == ["warm up 'Ada is old. Bea'", "let go"]
    assert live.take() == []
    assert caplog.text == ""


def test_closing_before_anything_ran_lets_go_at_once() -> None:
    engine = Following()
    live = LiveAnswer(engine, so_far)
    live.close()
    live.add("Ada is old. Bea")
    assert engine.events == ["let go"]
    assert live.take() == []


def test_the_engines_splitter_finds_the_statements(monkeypatch: pytest.MonkeyPatch) -> None:
    at_once(monkeypatch)

    def whole(text: str) -> list[tuple[int, int]]:
        return [(0, len(text))]

    engine = word_engine(splitter=whole)
    live = LiveAnswer(engine, so_far)
    assert written(live, ANSWER) == []
    _, last = end(live, engine, ANSWER)
    assert [news.statements for news in last] == [(0,)]


def test_many_answers_at_once() -> None:
    engine = word_engine()
    chunks = (Chunk("Ada is old."), Chunk("Bea is young."))
    plain = engine.attribute("Who is old?", chunks, ANSWER, prompt=captured().prompt)
    lives = [LiveAnswer(engine, so_far) for _ in range(8)]
    news: list[list[News]] = [[] for _ in lives]
    for character in ANSWER:
        for live, found in zip(lives, news, strict=True):
            live.add(character)
            found += live.take()
    for live, found in zip(lives, news, strict=True):
        _, last = end(live, engine, ANSWER)
        assert told([*found, *last]) == afterwards(plain)
