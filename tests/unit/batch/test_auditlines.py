"""Lines with answers to audit."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from attribot_integrations.auditing.given import GivenCitation
from attribot_integrations.auditing.witness import AuditOptions
from attribot_integrations.batch.auditlines import AuditLine, audit_line, read_audit_lines
from attribot_integrations.errors import DataFileError
from attribot_integrations.requests import AttributionRequest
from attribot_integrations.requests.attributors import RequestAttributor
from attribot_integrations.results import Attribution
from attribot_integrations.results.policies import CiteDependence
from tests.unit.auditing.hand_made import CHUNKS, HandMadeEngine, hand_made

LINE: dict[str, Any] = {"question": "What?", "chunks": [*CHUNKS], "answer": "It opened [1]."}


def read(tmp_path: Path, *lines: object) -> list[AuditLine]:
    path = tmp_path / "in.jsonl"
    texts = [line if isinstance(line, str) else json.dumps(line) for line in lines]
    path.write_text("\n".join(texts), encoding="utf-8")
    return list(read_audit_lines(path))


def nobody() -> RequestAttributor:
    raise AssertionError("no engine is needed")


def verdicts(line: AuditLine) -> list[str]:
    engine = HandMadeEngine({(0, 0): 5})
    return [each.verdict for each in audit_line(line, lambda: engine, AuditOptions()).citations]


def test_marks_of_an_answer(tmp_path: Path) -> None:
    first, second = read(tmp_path, LINE, {**LINE, "answer": "It opened [7].", "numbers": {"7": 0}})
    assert isinstance(first.content, AttributionRequest)
    assert verdicts(first) == ["depends"]
    assert second.numbers == {"7": 0}
    assert verdicts(second) == ["depends"]


def test_given_citations(tmp_path: Path) -> None:
    given: list[dict[str, Any]] = [
        {"start": 0, "end": 9, "chunk": 0},
        {"start": 0, "end": 9, "chunk": None, "marker": [10, 13]},
    ]
    (line,) = read(tmp_path, {**LINE, "citations": given})
    assert line.citations == (
        GivenCitation(0, 9, 0, "1", None, given[0]),
        GivenCitation(0, 9, None, "?", (10, 13), given[1]),
    )
    assert verdicts(line) == ["depends", "unresolved"]


def test_messages_of_providers(tmp_path: Path) -> None:
    message = [{"type": "text", "text": "It opened.", "citations": [{"document_index": 0}]}]
    line = {"question": "What?", "chunks": [*CHUNKS], "message": message, "form": "anthropic"}
    (found,) = read(tmp_path, line)
    assert isinstance(found.content, AttributionRequest)
    assert found.content.answer == "It opened."
    assert verdicts(found) == ["depends"]


def test_attributions_are_audited_as_they_are(tmp_path: Path) -> None:
    attribution = hand_made("It opened [2].", {(0, 0): 5})
    (line,) = read(tmp_path, {"line": 4, **attribution.to_dict()})
    assert isinstance(line.content, Attribution)
    (found,) = audit_line(line, nobody, AuditOptions()).citations
    assert (found.verdict, found.instead) == ("neither", 0)
    strict = audit_line(line, nobody, AuditOptions(CiteDependence(min_score=9)))
    assert strict.citations[0].instead is None


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{}}", "the line is no JSON"),
        ("[1]", "must be a JSON object"),
        ({}, 'the field "chunks" is missing'),
        ({**LINE, "numbers": {"1": -1}}, '"numbers" must be an object of chunk indexes'),
        ({**LINE, "citations": {}}, '"citations" must be a list'),
        ({**LINE, "citations": [{"start": 0}]}, r'"citations\[0\]" must be an object with'),
        ({**LINE, "citations": [{"start": 0, "end": 1, "chunk": "a"}]}, "an index or null"),
        ({**LINE, "citations": [{"start": 0, "end": 1, "label": 3}]}, "must be text"),
        ({**LINE, "citations": [{"start": 0, "end": 1, "marker": [1]}]}, "a list of two offsets"),
        ({**LINE, "message": {}}, 'needs its "form"'),
        ({**LINE, "message": {}, "form": 3}, '"form" must be text'),
        ({**LINE, "message": {}, "form": "x"}, "form must be one of"),
        ({**LINE, "message": {}, "form": "gemini"}, "content with text parts"),
        ({"schema": 1, "scores": []}, "the data is no attribution"),
    ],
)
def test_bad_lines_say_what_is_wrong(tmp_path: Path, line: object, message: str) -> None:
    bad, good = read(tmp_path, line, LINE)
    assert isinstance(bad.content, DataFileError)
    with pytest.raises(DataFileError, match=message):
        audit_line(bad, nobody, AuditOptions())
    assert (good.number, verdicts(good)) == (2, ["depends"])
