"""What an engine is asked: options, requests, and what may stand in an engine's place."""

from attribot_integrations.requests.options import AttributionRequest, EngineOptions

__all__ = [
    "AttributionRequest",
    "EngineOptions",
]
