"""The tree of errors."""

from __future__ import annotations

import copy
import inspect
import pickle

import pytest

from attribot_integrations import errors
from attribot_integrations.errors import AttribotError, MissingExtraError


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
