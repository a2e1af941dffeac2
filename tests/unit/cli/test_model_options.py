"""What the options that several commands share become."""

from __future__ import annotations

from typing import Any

import pytest
import typer

from attribot_integrations.cli.model_options import Dtype, chat_options


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (None, {}),
        ([], {}),
        (["enable_thinking=false"], {"enable_thinking": False}),
        (["enable_thinking=False"], {"enable_thinking": False}),
        (["a=TRUE", "b=null"], {"a": True, "b": None}),
        (["n=3", "x=2.5", 'list=["a"]'], {"n": 3, "x": 2.5, "list": ["a"]}),
        (["role=expert", "text=a=b"], {"role": "expert", "text": "a=b"}),
        (["date=12 May"], {"date": "12 May"}),
        (['quoted="true"'], {"quoted": "true"}),
        ([" name =x", "empty="], {"name": "x", "empty": ""}),
        (["a=1", "a=2"], {"a": 2}),
    ],
    ids=str,
)
def test_variables_are_json_or_else_text(given: Any, expected: dict[str, Any]) -> None:
    assert chat_options(given) == expected


@pytest.mark.parametrize("given", ["thinking", "=false", "  =1"])
def test_variables_need_a_name_and_a_value(given: str) -> None:
    with pytest.raises(typer.BadParameter, match=f"must be NAME=VALUE, got {given!r}"):
        chat_options(["ok=1", given])


def test_precisions_are_those_that_torch_knows() -> None:
    torch = pytest.importorskip("torch")
    assert {each.value for each in Dtype if hasattr(torch, each.value)} == {
        "float32",
        "bfloat16",
        "float16",
    }
    assert Dtype("auto") is Dtype.AUTO
