"""The forms of results."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import replace

import pytest

from attribot_integrations.batch.datafiles import RequestLine, parse_request
from attribot_integrations.batch.resultforms import (
    FORMS,
    CitedMarkdown,
    CitedPage,
    CitedText,
    JsonLines,
    JsonList,
    ResultForm,
)
from attribot_integrations.errors import DataFileError, ModelError
from attribot_integrations.requests.options import AttributionRequest
from attribot_integrations.results import Attribution, Cost
from tests.unit.attributions import make_attribution
from tests.unit.render.reading import Page

LINE = RequestLine(3, "x", AttributionRequest("Q", ["A."], "B."))


def written(form: ResultForm, results: Sequence[Attribution | Exception]) -> str:
    parts = [form.begin()]
    for each in results:
        if isinstance(each, Exception):
            parts.append(form.failure(LINE, each))
        else:
            parts.append(form.result(LINE, each))
    return "".join([*parts, form.end()])


def test_results_as_json_lines_and_as_a_list() -> None:
    results: list[Attribution | Exception] = [
        make_attribution("Q", ["Ä.\nB."], "B.", id="x"),
        DataFileError("no\nanswer"),
    ]
    text = written(JsonLines(), results)
    result, failure = map(json.loads, text.splitlines())
    assert result["line"] == 3
    assert result["id"] == "x"
    assert result["chunks"][0]["text"] == "Ä.\nB."
    assert "Ä" in text
    assert failure == {
        "line": 3,
        "id": "x",
        "error": {"type": "DataFileError", "message": "no\nanswer"},
    }
    assert json.loads(written(JsonList(), results)) == [result, failure]
    assert json.loads(written(JsonList(), [])) == []


def test_results_that_json_cannot_hold_are_refused() -> None:
    attribution = replace(make_attribution("Q", ["A."], "B."), cost=Cost(math.inf, ()))
    with pytest.raises(ModelError, match=r"the result cannot be written: .* JSON"):
        JsonLines().result(LINE, attribution)


def test_metadata_that_json_cannot_hold_is_written_as_text() -> None:
    request = parse_request(
        json.loads(
            '{"question": "Q", "answer": "B.", "chunks": [{"text": "A",'
            ' "metadata": {"limit": 1e999, "kept": 1}}]}'
        )
    )
    text = JsonLines().result(LINE, make_attribution("Q", request.chunks, "B."))
    assert json.loads(text)["chunks"][0]["metadata"] == {"limit": "inf", "kept": 1}


def test_results_as_text() -> None:
    line = replace(LINE, number=2, id="an\x1bid")
    text = CitedText().result(line, make_attribution("Q\x1b?", ["A."], "\ud800B."))
    assert text == "line 2 (an id): Q ?\n\ufffdB. [1]\n\n[1] chunk 1: A. (2.00 nats)\n\n"
    text = CitedText().failure(line, DataFileError("no\x1banswer"))
    assert text == "line 2 (an id): DataFileError: no answer\n\n"


def test_results_as_markdown_in_which_nothing_takes_effect() -> None:
    attribution = make_attribution("Q <script>?", ["A."], "B.")
    text = written(CitedMarkdown(), [attribution, DataFileError("<b>")])
    assert text.startswith("## Q ")
    assert "<script>" not in text
    assert attribution.to_markdown().strip() in text
    assert "DataFileError" in text
    assert "<b>" not in text


def test_results_as_a_page() -> None:
    form = CitedPage(title="in.jsonl")
    attribution = make_attribution("Q?", ["A."], "B.")
    page = Page(written(form, [attribution, DataFileError("no answer"), attribution]))
    assert len(page.all("article")) == 2
    assert Page(written(CitedPage(), [])).all("article") == []


def test_every_form_is_new_for_each_file() -> None:
    assert set(FORMS) == {"jsonl", "json", "text", "markdown", "html", "csv"}
    for make in FORMS.values():
        written(make(), [make_attribution("Q?", ["A."], "B.")])
        assert written(make(), []) == written(make(), [])
