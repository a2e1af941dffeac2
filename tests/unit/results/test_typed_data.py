"""Building dataclasses from plain data."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pytest

from attribot_integrations.errors import InputError
from attribot_integrations.results.typed_data import build


@dataclass(frozen=True)
class Inner:
    name: str
    share: float = 0.5


@dataclass(frozen=True, eq=False)
class Outer:
    inner: tuple[Inner, ...]
    span: tuple[int, int]
    kind: Literal["a", "b"]
    values: npt.NDArray[np.float32]
    best: Inner | None = None
    more: Mapping[str, Any] = field(default_factory=dict)


GOOD: dict[str, Any] = {
    "inner": [{"name": "x", "share": 1}, {"name": "y"}],
    "span": [1, 2],
    "kind": "a",
    "values": [[1, 2.5]],
    "best": {"name": "z"},
    "more": {"any": ["thing"]},
}


def test_every_kind_of_field() -> None:
    built = build(Outer, GOOD, "")
    assert built.inner == (Inner("x", 1), Inner("y"))
    assert (built.span, built.kind, built.best) == ((1, 2), "a", Inner("z"))
    assert built.values.dtype == np.float32
    assert built.values.tolist() == [[1, 2.5]]
    assert built.more == {"any": ["thing"]}
    least = {name: GOOD[name] for name in ("inner", "span", "kind", "values")}
    assert build(Outer, least, "").best is None


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"inner": [{"name": None}]}, "here.inner[0].name must be text, got None"),
        ({"inner": "x"}, "here.inner must be a list, got 'x'"),
        ({"inner": [{"name": "x", "share": float("nan")}]}, "share must be a finite number"),
        ({"inner": [{"name": "x", "share": True}]}, "share must be a finite number, got True"),
        ({"span": [1]}, "here.span must hold 2 items, got [1]"),
        ({"span": [1, 2.0]}, "here.span[1] must be an integer, got 2.0"),
        ({"kind": ["a"]}, "here.kind must be one of ['a', 'b'], got ['a']"),
        ({"values": [[1], [1, 2]]}, "here.values must be an array: "),
        ({"values": [True]}, "here.values must hold float32 values, got [True]"),
        ({"best": 3}, "here.best must be an object, got 3"),
        ({"more": []}, "here.more must be an object, got []"),
    ],
)
def test_wrong_fields_are_named(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=re.escape(message)):
        build(Outer, {**GOOD, **changes}, "here")
