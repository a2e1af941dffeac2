"""Writing results as they come."""

from __future__ import annotations

import io
import json

import pytest

from attribot_integrations.batch.datafiles import RequestLine
from attribot_integrations.batch.resultfiles import ResultWriter, attribute_line
from attribot_integrations.batch.resultforms import JsonLines
from attribot_integrations.errors import DataFileError
from attribot_integrations.requests.options import AttributionRequest
from tests.unit.attributions import make_attribution
from tests.unit.cli.running import StubEngine


@pytest.mark.parametrize("ascii_only", [False, True])
def test_any_text_can_be_written(ascii_only: bool) -> None:
    line = RequestLine(1, None, AttributionRequest("Q", ["A."], "B."))
    stream = io.BytesIO()
    writer = ResultWriter(stream, JsonLines(ascii_only=ascii_only))
    answer = "\ud800 \x9b \x1b[2J 漢字."
    writer.write(writer.form.result(line, make_attribution("Q", ["A."], answer)))
    assert json.loads(stream.getvalue().decode())["answer"] == answer
    assert stream.getvalue().isascii() == ascii_only


def test_a_line_is_written_whatever_becomes_of_it() -> None:
    stream = io.BytesIO()
    writer = ResultWriter(stream)
    held: list[AttributionRequest | DataFileError] = [
        AttributionRequest("Q", ["A."], "B."),
        AttributionRequest("Q", ["A."], "bug"),
        DataFileError("no answer"),
    ]
    errors = [
        attribute_line(StubEngine(), RequestLine(number, None, each), writer)
        for number, each in enumerate(held, start=1)
    ]
    assert [type(each).__name__ for each in errors] == ["NoneType", "TypeError", "DataFileError"]
    lines = [json.loads(line) for line in stream.getvalue().decode().splitlines()]
    assert ["error" in line for line in lines] == [False, True, True]
