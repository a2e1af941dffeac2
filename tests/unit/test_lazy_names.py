"""Names that are loaded when they are first used."""

from __future__ import annotations

import sys

import pytest

from attribot_integrations.lazy_names import lazy_names


def test_a_name_comes_from_its_module(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "json.tool", raising=False)
    load = lazy_names("json", {"JSONDecoder": "decoder", "main": "tool"})
    assert "json.tool" not in sys.modules
    assert load("JSONDecoder") is sys.modules["json.decoder"].__dict__["JSONDecoder"]
    assert "json.tool" not in sys.modules
    load("main")
    assert "json.tool" in sys.modules


def test_a_name_is_read_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    load = lazy_names("json", {"scanstring": "decoder"})
    monkeypatch.setattr("json.decoder.scanstring", "another")
    assert load("scanstring") == "another"


def test_other_names_are_no_attributes() -> None:
    load = lazy_names("json", {"JSONDecoder": "decoder"})
    with pytest.raises(AttributeError, match="module 'json' has no attribute 'decoder'"):
        load("decoder")


def test_a_module_that_cannot_be_loaded_says_why() -> None:
    with pytest.raises(ModuleNotFoundError, match=r"No module named 'json\.nothing'"):
        lazy_names("json", {"anything": "nothing"})("anything")
