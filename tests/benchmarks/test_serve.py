"""The service's benchmark, in small: what it counts and compares."""

from __future__ import annotations

import pytest

from attribot_integrations import AttributionEngine
from benchmarks.serve import batch_figures, load_figures, make_requests, served


def test_requests_of_a_context_are_apart() -> None:
    made = make_requests(3, chunks=4)
    assert [request.id for request in made[:4]] == ["0.0", "1.0", "2.0", "0.1"]
    assert made[0].chunks == made[3].chunks != made[1].chunks
    assert len(made) == 12


@pytest.mark.slow
@pytest.mark.enable_socket
def test_load_and_batches() -> None:
    engine = AttributionEngine.demo()
    made = make_requests(4, chunks=4)
    with served(waiting=4) as url:
        load = load_figures(url, made, engine, clients=12, requests=40)
    assert {*load["statuses"]} == {"200", "429"}
    assert load["answered"] == load["statuses"]["200"] == load["same_citations"] == 40
    assert load["compared_with"] == 16
    assert load["largest_difference_nats"] < 1e-4
    batches = batch_figures(engine, made, 1)
    assert {*batches["speed"]} == {"one at a time", "queue, no batches", "queue, batches of 16"}
