"""What is no engine is refused where it is given, in words that say what it is."""

from __future__ import annotations

import pytest

from attribot_integrations.errors import ConfigurationError
from attribot_integrations.requests.engine_check import check_engine, what_is_given


class Engine:
    """Attributes and scores nothing, but could."""

    def attribute_request(self, request: object) -> None: ...


def test_anything_with_the_method_is_an_engine() -> None:
    check_engine(Engine(), "attribute_request")


@pytest.mark.parametrize(
    ("given", "method", "message"),
    [
        (None, "attribute_request", "got None; load one with"),
        ("gpt2", "attribute_request", "got a str: 'gpt2'; load one with"),
        (Engine, "attribute_request", "got the class Engine itself; load one with"),
        (Engine(), "score_chunks", "got an Engine without score_chunks; load one with"),
        (Engine, "score_chunks", "got the class Engine itself; load one"),
        ([1], "score_chunks", "got a list; load one with"),
    ],
)
def test_what_is_none(given: object, method: str, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message) as caught:
        check_engine(given, method)
    assert str(caught.value).startswith("engine must be an AttributionEngine, got ")
    assert str(caught.value).endswith("ask a service: RemoteEngine(url)")


def test_an_attribute_that_cannot_be_called_is_no_method() -> None:
    class Odd:
        score_chunks = "soon"

    with pytest.raises(ConfigurationError, match="got an Odd;"):
        check_engine(Odd(), "score_chunks")


def test_long_texts_are_cut() -> None:
    said = what_is_given("x" * 500)
    assert said.startswith("a str: 'xxx")
    assert len(said) < 100
    assert what_is_given(3) == "an int"
    assert what_is_given(Engine()) == "an Engine"
    assert what_is_given(2.5) == "a float"
