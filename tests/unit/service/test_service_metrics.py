"""Figures that Prometheus reads."""

from __future__ import annotations

from attribot_integrations.results import ModelCost
from attribot_integrations.service.service_metrics import ServiceMetrics


def test_figures() -> None:
    metrics = ServiceMetrics(lambda: 3)
    metrics.answered("/v1/attribute", 200, 0.04)
    metrics.answered("/v1/attribute", 429, 0.001)
    metrics.batched(2)
    metrics.spent([ModelCost("/home/me/tiny", 1, 70, 1, 1), ModelCost("org/tiny", 1, 5, 1, 1)])
    lines = metrics.text().decode().splitlines()
    assert 'attribot_requests_total{path="/v1/attribute",status="200"} 1.0' in lines
    assert 'attribot_requests_total{path="/v1/attribute",status="429"} 1.0' in lines
    assert 'attribot_request_seconds_bucket{le="0.05",path="/v1/attribute"} 2.0' in lines
    assert 'attribot_batch_requests_bucket{le="2.0"} 1.0' in lines
    assert 'attribot_model_tokens_total{model="tiny"} 75.0' in lines
    assert "attribot_waiting_requests 3.0" in lines


def test_services_count_apart() -> None:
    first, second = ServiceMetrics(lambda: 0), ServiceMetrics(lambda: 0)
    first.batched(1)
    assert b"attribot_batch_requests_count 1.0" in first.text()
    assert b"attribot_batch_requests_count 0.0" in second.text()
