"""Building dataclasses from plain data, each field checked against its annotation."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from functools import cache
from types import NoneType, UnionType
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

import numpy as np
import numpy.typing as npt

from attribot_integrations.errors import InputError

__all__ = ["build"]

T = TypeVar("T")

_WANTED = {str: "text", int: "an integer", float: "a finite number", bool: "a boolean"}


def build(cls: type[T], data: object, where: str) -> T:
    """Build a dataclass from a mapping of its fields; fields it does not know are ignored.

    Args:
        cls: A dataclass of numbers, text, mappings, NumPy arrays, tuples and such dataclasses.
        data: The plain form: lists for tuples and arrays, mappings for dataclasses.
        where: Name of the place in the whole, for errors.

    Raises:
        InputError: If a field is missing or has a wrong type.
    """
    if not isinstance(data, Mapping):
        raise InputError(f"{where} must be an object, got {data!r:.60}")
    values: dict[str, Any] = {}
    described: Any = cls
    for name, (hint, needed) in _fields(described).items():
        place = f"{where}.{name}" if where else name
        if name in data:
            values[name] = _value(hint, data[name], place)
        elif needed:
            raise InputError(f"{place} is missing")
    return cls(**values)


@cache
def _fields(cls: Any) -> dict[str, tuple[Any, bool]]:
    hints = get_type_hints(cls)
    return {
        field.name: (
            hints[field.name],
            field.default is MISSING and field.default_factory is MISSING,
        )
        for field in fields(cls)
        if field.init
    }


def _value(hint: Any, value: Any, where: str) -> Any:
    kind = get_origin(hint) or hint
    if kind in (Union, UnionType):
        if value is None and NoneType in get_args(hint):
            return None
        (hint,) = (each for each in get_args(hint) if each is not NoneType)
        return _value(hint, value, where)
    if kind is tuple:
        return _tuple(get_args(hint), value, where)
    if kind in (np.ndarray, npt.NDArray):  # the latter is a type of its own from NumPy 2.5 on
        return _array(hint, value, where)
    if kind is Literal:
        if not isinstance(value, str) or value not in get_args(hint):
            raise InputError(f"{where} must be one of {list(get_args(hint))}, got {value!r:.60}")
        return value
    if isinstance(kind, type) and is_dataclass(kind):
        return build(kind, value, where)
    return _plain(kind, value, where)


def _tuple(hints: tuple[Any, ...], value: Any, where: str) -> tuple[Any, ...]:
    if not isinstance(value, list | tuple):
        raise InputError(f"{where} must be a list, got {value!r:.60}")
    if hints[-1] is Ellipsis:
        hints = (hints[0],) * len(value)
    if len(value) != len(hints):
        raise InputError(f"{where} must hold {len(hints)} items, got {value!r:.60}")
    return tuple(
        _value(hint, item, f"{where}[{index}]")
        for index, (hint, item) in enumerate(zip(hints, value, strict=True))
    )


def _array(hint: Any, value: Any, where: str) -> np.ndarray[Any, Any]:
    scalar = get_args(hint)[-1]
    dtype = get_args(scalar)[0] if get_origin(scalar) is np.dtype else scalar
    try:
        array = np.array(value)
    except ValueError as error:  # rows of different lengths
        raise InputError(f"{where} must be an array: {error}") from error
    allowed = "b" if dtype is np.bool_ else "fiu"
    if array.size and array.dtype.kind not in allowed:
        raise InputError(f"{where} must hold {dtype.__name__} values, got {value!r:.60}")
    with np.errstate(over="ignore"):  # what does not fit becomes infinite, and is refused
        return array.astype(dtype)


def _plain(kind: Any, value: Any, where: str) -> Any:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if kind is float and number and math.isfinite(value):
        return value
    if kind is int and number and isinstance(value, int):
        return value
    if kind not in (float, int) and isinstance(value, kind):
        return value
    raise InputError(f"{where} must be {_WANTED.get(kind, 'an object')}, got {value!r:.60}")
