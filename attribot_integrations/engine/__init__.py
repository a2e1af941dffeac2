"""The engine: chunks, a question and an answer in, an attribution out; one request or many."""

from attribot_integrations.engine.facade import AttributionEngine

__all__ = ["AttributionEngine"]
