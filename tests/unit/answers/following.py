"""Engines that look for an answer's words in the prompt, and streams that wait for them."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import Any

from attribot_integrations import AttributionEngine
from attribot_integrations.answers.live import LiveAnswer, News
from attribot_integrations.answers.record import AnswerRecord
from attribot_integrations.requests.options import AttributionRequest, EngineOptions
from attribot_integrations.results import Attribution
from tests.unit.answers.answering import captured
from tests.unit.words import WordModel

ANSWER = "Ada is old. Bea is young. Bea is not old."


def word_engine(**options: Any) -> AttributionEngine:
    return AttributionEngine(WordModel(), options=EngineOptions(method="exact", **options))


@dataclass
class Watched:
    """An engine without a memory of answers, which tells when it is done, and may fail."""

    failing: bool = False
    engine: AttributionEngine = field(default_factory=word_engine)
    answers: list[str] = field(default_factory=list)
    done: threading.Condition = field(default_factory=threading.Condition)

    def attribute_request(self, request: AttributionRequest) -> Attribution:
        try:
            if self.failing:
                raise ValueError("the engine is broken")
            return self.engine.attribute_request(request)
        finally:
            with self.done:
                self.answers.append(request.answer)
                self.done.notify_all()

    def wait_for(self, count: int) -> None:
        with self.done:
            assert self.done.wait_for(lambda: len(self.answers) >= count, timeout=30)


def told(news: list[News]) -> dict[int, tuple[str, Any]]:
    """What a reader has been told of each statement, once all of it has been told."""
    found: dict[int, tuple[str, Any]] = {}
    for each in news:
        for index in each.withdrawn:
            found.pop(index, None)
        for index in each.statements:
            assert each.attribution is not None
            found[index] = statement_of(each.attribution, index)
    return found


def statement_of(attribution: Attribution, index: int) -> tuple[str, Any]:
    statement = attribution.statements[index]
    cited = [
        (one.number, one.chunk_index, one.chunk_start, one.answer_start, one.answer_end, one.basis)
        for one in attribution.shown_citations
        if one.statement_index == index
    ]
    scores = attribution.statement_scores[:, index].tolist()
    assert attribution.answer[statement.start : statement.end] == statement.text
    return statement.text, (statement.start, attribution.support[index].label, cited, scores)


def afterwards(attribution: Attribution) -> dict[int, tuple[str, Any]]:
    return {each.index: statement_of(attribution, each.index) for each in attribution.statements}


def end(
    live: LiveAnswer, engine: Any, answer: str, **changes: Any
) -> tuple[AnswerRecord, list[News]]:
    record = AnswerRecord(captured(answer=answer, **changes), engine)
    live.complete(record)
    record.attribute()
    return record, live.take()
