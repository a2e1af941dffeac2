"""The tree of errors."""

from __future__ import annotations

import copy
import gc
import inspect
import pickle
import weakref
from collections.abc import Callable

import pytest

from attribot_integrations import errors
from attribot_integrations.errors import AttribotError, MissingExtraError, free_frames


def test_all_errors_are_of_one_tree() -> None:
    found = [
        each
        for _, each in inspect.getmembers(errors, inspect.isclass)
        if each.__module__ == errors.__name__
    ]
    assert found
    assert all(issubclass(each, AttribotError) for each in found)


@pytest.mark.parametrize("again", [copy.copy, lambda error: pickle.loads(pickle.dumps(error))])
def test_a_missing_extra_can_be_sent_between_processes(again: object) -> None:
    assert callable(again)
    error = again(MissingExtraError("the plot", "plots"))
    assert isinstance(error, MissingExtraError)
    assert str(error) == (
        'the plot needs packages that are not installed: pip install "attribot-integrations[plots]"'
    )
    assert error.extra == "plots"


class Big:
    """Stands for cached activations."""


def caught(fail: Callable[[], object], alive: list[weakref.ref[Big]]) -> Exception:
    """The freed error of a call, caught where something big is held as well."""
    big = Big()
    alive.append(weakref.ref(big))
    try:
        fail()
    except Exception as error:
        free_frames(error)
        return error
    raise AssertionError


@pytest.mark.parametrize("link", ["alone", "cause", "context", "hidden context", "circle"])
def test_kept_errors_hold_nothing(link: str) -> None:
    alive: list[weakref.ref[Big]] = []

    def fail(message: str) -> None:
        big = Big()
        alive.append(weakref.ref(big))
        raise ValueError(message)

    def chain() -> None:
        if link == "alone":
            fail("first")
        try:
            fail("first")
        except ValueError as first:
            if link == "context":
                fail("second")
            try:
                fail("second")
            except ValueError as second:
                if link == "circle":
                    first.__cause__ = second
                    raise
                raise second from (first if link == "cause" else None)

    error = caught(chain, alive)
    gc.collect()
    assert [reference() for reference in alive] == [None] * len(alive)
    assert isinstance(error, ValueError)
