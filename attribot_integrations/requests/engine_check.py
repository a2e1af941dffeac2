"""`check_engine`: refuses what is no engine where an adapter is made, and not at its first use."""

from __future__ import annotations

from typing import Final

from attribot_integrations.errors import ConfigurationError

__all__ = ["check_engine", "what_is_given"]

_METHODS: Final = ("attribute_request", "score_chunks")


def check_engine(engine: object, method: str) -> None:
    """Check that something can stand in an engine's place.

    Args:
        engine: What was given as the engine; any object with the method will do, a class will not.
        method: The method that will be called.

    Raises:
        ConfigurationError: If it has no such method, or is a class.
    """
    if callable(getattr(engine, method, None)) and not isinstance(engine, type):
        return
    known = any(callable(getattr(engine, one, None)) for one in _METHODS)
    lack = f" without {method}" if known and not isinstance(engine, type) else ""
    raise ConfigurationError(
        f"engine must be an AttributionEngine, got {what_is_given(engine)}{lack}; "
        "load one with AttributionEngine.from_pretrained(…), or ask a service: RemoteEngine(url)"
    )


def what_is_given(value: object) -> str:
    """Say in a few words what kind of thing an argument is, for a message."""
    if value is None:
        return "None"
    if isinstance(value, type):
        return f"the class {value.__name__} itself"
    name = type(value).__name__
    article = "an" if name[0] in "AEIOUaeiou" else "a"
    return f"{article} {name}: {value!r:.80}" if isinstance(value, str) else f"{article} {name}"
