"""Results as a table."""

from __future__ import annotations

import csv

from attribot_integrations.batch.citationtable import CitationTable
from attribot_integrations.batch.datafiles import RequestLine
from attribot_integrations.errors import DataFileError
from attribot_integrations.requests.options import AttributionRequest
from tests.unit.attributions import make_attribution


def test_a_row_for_each_citation_and_statement_without_one() -> None:
    form = CitationTable()
    line = RequestLine(4, "x", AttributionRequest("Q", ["A."], "B."))
    attribution = make_attribution("=Q\x1b?", ["A,\n\ud800one."], "It is B. It is C.")
    text = form.begin() + form.result(line, attribution)
    text += form.failure(line, DataFileError("no answer")) + form.end()
    cited, uncited, failed = csv.DictReader(text.splitlines())
    assert cited == {
        "line": "4",
        "id": "x",
        "question": "'=Q ?",
        "statement": "It is B.",
        "label": "",
        "probability": "",
        "number": "1",
        "chunk_index": "0",
        "chunk_id": "",
        "cited_text": "A, \ufffdone.",
        "score": "2.0",
        "exact": "True",
        "basis": "depends",
        "states": "",
        "error": "",
    }
    assert (uncited["statement"], uncited["number"]) == ("It is C.", "")
    assert failed["error"] == "DataFileError: no answer"
    assert (failed["line"], failed["question"]) == ("4", "")
