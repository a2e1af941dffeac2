"""Writing results as JSON Lines and text."""

from __future__ import annotations

import io
import json
import math
from dataclasses import replace

import pytest

from attribot_integrations.batch.datafiles import RequestLine, parse_request
from attribot_integrations.batch.resultfiles import ResultWriter
from attribot_integrations.errors import DataFileError, ModelError
from attribot_integrations.requests.options import AttributionRequest
from attribot_integrations.results import Cost
from tests.unit.attributions import make_attribution


def test_results_as_json_lines() -> None:
    line = RequestLine(3, "x", AttributionRequest("Q", ["A."], "B."))
    stream = io.BytesIO()
    writer = ResultWriter(stream)
    writer.write(writer.format_result(line, make_attribution("Q", ["Ä.\nB."], "B.", id="x")))
    writer.write(writer.format_failure(line, DataFileError("no\nanswer")))
    result, failure = map(json.loads, stream.getvalue().decode().splitlines())
    assert result["line"] == 3
    assert result["id"] == "x"
    assert result["chunks"][0]["text"] == "Ä.\nB."
    assert "Ä" in stream.getvalue().decode()
    assert failure == {
        "line": 3,
        "id": "x",
        "error": {"type": "DataFileError", "message": "no\nanswer"},
    }


def test_results_that_json_cannot_hold_are_refused() -> None:
    line = RequestLine(1, None, AttributionRequest("Q", ["A."], "B."))
    attribution = replace(make_attribution("Q", ["A."], "B."), cost=Cost(math.inf, ()))
    with pytest.raises(ModelError, match=r"the result cannot be written: .* JSON"):
        ResultWriter(io.BytesIO()).format_result(line, attribution)


def test_metadata_that_json_cannot_hold_is_written_as_text() -> None:
    request = parse_request(
        json.loads(
            '{"question": "Q", "answer": "B.", "chunks": [{"text": "A",'
            ' "metadata": {"limit": 1e999, "kept": 1}}]}'
        )
    )
    line = RequestLine(1, None, request)
    text = ResultWriter(io.BytesIO()).format_result(
        line, make_attribution("Q", request.chunks, "B.")
    )
    assert json.loads(text)["chunks"][0]["metadata"] == {"limit": "inf", "kept": 1}


@pytest.mark.parametrize("ascii_only", [False, True])
def test_any_text_can_be_written(ascii_only: bool) -> None:
    line = RequestLine(1, None, AttributionRequest("Q", ["A."], "B."))
    stream = io.BytesIO()
    writer = ResultWriter(stream, ascii_only=ascii_only)
    answer = "\ud800 \x9b \x1b[2J 漢字."
    writer.write(writer.format_result(line, make_attribution("Q", ["A."], answer)))
    assert json.loads(stream.getvalue().decode())["answer"] == answer
    assert stream.getvalue().isascii() == ascii_only


def test_results_as_text() -> None:
    line = RequestLine(2, "an\x1bid", AttributionRequest("Q", ["A."], "B."))
    stream = io.BytesIO()
    writer = ResultWriter(stream, as_text=True)
    writer.write(writer.format_result(line, make_attribution("Q\x1b?", ["A."], "\ud800B.")))
    writer.write(writer.format_failure(line, DataFileError("no\x1banswer")))
    text = stream.getvalue().decode()
    assert text.startswith("line 2 (an id): Q ?\n\ufffdB. [1]\n\n[1] chunk 1: A. (2.00 nats)\n\n")
    assert text.endswith("line 2 (an id): DataFileError: no answer\n\n")
