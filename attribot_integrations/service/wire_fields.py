"""Strict reading of JSON: every refusal names the field and shows its value."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import fields, is_dataclass
from typing import Any, NoReturn, TypeVar, get_args, get_type_hints

from attribot_integrations.errors import InputError
from attribot_integrations.results.typed_data import build

__all__ = [
    "as_count",
    "as_flag",
    "as_list",
    "as_number",
    "as_object",
    "as_optional_text",
    "as_text",
    "build_strictly",
    "parse_json",
]

T = TypeVar("T")

_LARGEST = 2**53
"""Integers from here on are not the same in every reader of JSON."""


def parse_json(raw: bytes | str) -> Any:
    """Return what a JSON text holds.

    Raises:
        InputError: If it is no JSON, or holds numbers that JSON has not.
    """
    try:
        return json.loads(raw, parse_constant=_no_number)
    except UnicodeDecodeError as error:
        raise InputError(f"the body is no UTF-8 at its byte {error.start}") from error
    except json.JSONDecodeError as error:
        raise InputError(f"the body is no JSON at character {error.pos}: {error.msg}") from error
    except (RecursionError, ValueError) as error:  # nested too deep, an integer too long
        raise InputError(f"the body's JSON cannot be read: {error}") from error


def as_object(
    value: Any, where: str, needed: Sequence[str] = (), optional: Sequence[str] = ()
) -> dict[str, Any]:
    """Return a JSON object that has all fields it needs, and none that nobody reads.

    Args:
        value: The value.
        where: Its place in the whole; blank for the whole.
        needed: Fields that must be there.
        optional: Fields that may be there.

    Raises:
        InputError: If it is no such object.
    """
    shown = where or "the body"
    if not isinstance(value, dict):
        _refuse(shown, "an object", value)
    for name in needed:
        if name not in value:
            raise InputError(f"{_inside(where, name)} is missing")
    for name in value:
        if name not in needed and name not in optional:
            known = ", ".join((*needed, *optional))
            raise InputError(
                f"{_inside(where, name)!r:.90} is no field that is read; {shown} may have {known}"
            )
    return value


def as_text(value: Any, where: str) -> str:
    """Return a text.

    Raises:
        InputError: If it is none.
    """
    return value if isinstance(value, str) else _refuse(where, "text", value)


def as_optional_text(value: Any, where: str) -> str | None:
    """Return a text, or `None` for null.

    Raises:
        InputError: If it is neither.
    """
    return None if value is None else as_text(value, where)


def as_flag(value: Any, where: str) -> bool:
    """Return true or false.

    Raises:
        InputError: If it is neither.
    """
    return value if isinstance(value, bool) else _refuse(where, "true or false", value)


def as_list(value: Any, where: str) -> list[Any]:
    """Return a list.

    Raises:
        InputError: If it is none.
    """
    return value if isinstance(value, list) else _refuse(where, "a list", value)


def as_count(value: Any, where: str) -> int:
    """Return an integer from 0 on.

    Raises:
        InputError: If it is none, or too large for every reader of JSON.
    """
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < _LARGEST:
        return value
    _refuse(where, "a count", value)


def as_number(value: Any, where: str) -> float:
    """Return a finite number.

    Raises:
        InputError: If it is none.
    """
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not number or abs(value) > 1e300 or not math.isfinite(value):
        _refuse(where, "a finite number", value)
    return float(value)


def build_strictly(cls: type[T], value: Any, where: str) -> T:
    """Build a dataclass from an object of its fields, and of no others.

    Raises:
        InputError: If a field is missing, unknown, or of a wrong type.
    """
    _check_known(cls, value, where)
    return build(cls, value, where)


def _check_known(cls: Any, value: Any, where: str) -> None:
    """Refuse fields that a dataclass, or one in its fields, does not have."""
    known = [field.name for field in fields(cls) if field.init]
    for name, inner in as_object(value, where, (), known).items():
        if isinstance(inner, dict):
            hint = get_type_hints(cls)[name]
            for kind in (hint, *get_args(hint)):
                if is_dataclass(kind):
                    _check_known(kind, inner, f"{where}.{name}")


def _inside(where: str, name: str) -> str:
    return f"{where}.{name}" if where else name


def _refuse(where: str, wanted: str, value: Any) -> NoReturn:
    shown = _shown(value)
    raise InputError(f"{where} must be {wanted}, got {shown}")


def _shown(value: Any) -> str:
    try:
        return f"{value!r:.60}"
    except ValueError:  # an integer of too many digits to be written
        return "a number that is too long to show"


def _no_number(name: str) -> NoReturn:
    raise InputError(f"the body is no JSON: {name} is not a JSON number")
