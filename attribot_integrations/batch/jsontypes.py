"""What a value of JSON is called, and the error where it should be another."""

from __future__ import annotations

from typing import Any, NoReturn

from attribot_integrations.errors import DataFileError

__all__ = ["as_text", "kind_of", "reject"]

_KINDS = {
    dict: "an object",
    list: "a list",
    str: "text",
    bool: "a boolean",
    int: "a number",
    float: "a number",
    type(None): "null",
}


def kind_of(value: Any) -> str:
    """Return what readers of JSON call a value, such as "an object"."""
    return _KINDS.get(type(value), type(value).__name__)


def as_text(value: Any, name: str) -> str:
    """Return a text.

    Args:
        value: The value.
        name: The field that holds it.

    Raises:
        DataFileError: If it is something else.
    """
    return value if isinstance(value, str) else reject(name, "text", value)


def reject(name: str, wanted: str, value: Any) -> NoReturn:
    """Refuse the value of a field.

    Args:
        name: The field.
        wanted: What it must be.
        value: The value.

    Raises:
        DataFileError: Always.
    """
    raise DataFileError(f'the field "{name}" must be {wanted}, not {kind_of(value)}')
