"""Methods by name."""

from __future__ import annotations

from typing import get_args

import pytest

from attribot_integrations.errors import ConfigurationError
from attribot_integrations.methods.presets import METHODS, MethodName, named_method


def test_every_name_has_a_method_of_its_own() -> None:
    assert {*get_args(MethodName)} == {*METHODS}
    assert len({repr(method) for method in METHODS.values()}) == len(METHODS)
    assert all(named_method(name) is method for name, method in METHODS.items())


def test_names_say_which_methods_need_a_proxy() -> None:
    alone = {name for name, method in METHODS.items() if not method.needs_proxy}
    assert alone == {
        "exact",
        "balanced",
        "instant",
        "knockout",
        "hierarchical",
        "hierarchical-full",
    }


def test_the_table_cannot_be_changed() -> None:
    with pytest.raises(TypeError, match="does not support item assignment"):
        METHODS["exact"] = METHODS["fast"]  # type: ignore[index]


def test_other_names_are_refused_with_those_there_are() -> None:
    with pytest.raises(ConfigurationError, match=r"one of \['exact', .*\], got 'Exact'"):
        named_method("Exact")
