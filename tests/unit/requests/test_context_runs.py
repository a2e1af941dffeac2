"""Requests with the same chunks are found among their neighbours, and only those."""

from __future__ import annotations

from itertools import groupby
from typing import Any, cast

from hypothesis import given
from hypothesis import strategies as st

from attribot_integrations.context.sources import Chunk
from attribot_integrations.requests.context_runs import context_runs
from attribot_integrations.requests.options import AttributionRequest


def _request(chunks: Any, question: str = "Who?") -> AttributionRequest:
    return AttributionRequest(question, chunks, "Ada.")


@given(st.lists(st.sampled_from(["a", "b"])))
def test_neighbours_are_gathered_and_nothing_is_lost(names: list[str]) -> None:
    requests = [_request([name, "the same"], question=str(i)) for i, name in enumerate(names)]
    found = list(context_runs(requests, lambda request: request))
    assert [request for run in found for request in run] == requests
    assert [len(run) for run in found] == [len(list(same)) for _, same in groupby(names)]


def test_chunks_are_compared_by_text_and_order() -> None:
    together: list[Any] = [
        ["A.", "B."],
        ("A.", Chunk("B.")),
        [Chunk("A.", metadata={"x": []}), "B."],
    ]
    apart: list[Any] = [["B.", "A."], ["A. B."], ["A."]]
    found = context_runs(map(_request, together + apart), lambda request: request)
    assert [len(run) for run in found] == [3, 1, 1, 1]


def test_what_is_no_request_stands_alone() -> None:
    broken = [None, None, _request(None), _request(None), _request([1]), _request([1])]
    broken += [_request(cast("Any", "text")), _request(cast("Any", "text"))]
    assert [len(run) for run in context_runs(broken, lambda each: each)] == [1] * len(broken)
