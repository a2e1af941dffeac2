"""Options are checked when they are built."""

from __future__ import annotations

import math
import re
from typing import Any

import pytest

from attribot_integrations.context.prompts import ContextTemplate
from attribot_integrations.errors import ConfigurationError
from attribot_integrations.methods import LeaveOneOut
from attribot_integrations.requests.options import EngineOptions
from attribot_integrations.results.policies import CiteDependence, CiteSupport


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"template": "Use {context}. {question}"},
            "template must be a function or an object with options, not a str; "
            "write template=ContextTemplate('Use {context}. {question}')",
        ),
        ({"template": None}, "template must be callable, got None"),
        ({"template": ContextTemplate}, "template must be an object, got a class: write Context"),
        ({"policy": 1.5}, "policy must be callable, got 1.5"),
        ({"policy": CiteDependence}, "policy must be an object, got a class: write CiteDependence"),
        ({"verifier": "lexical"}, "a verifier must have a method verify(question, statements, pas"),
        ({"policy": CiteSupport(), "verifier": None}, "CiteSupport needs a verifier, and verifier"),
        ({"splitter": "en"}, "splitter must be callable, got 'en'"),
        ({"token_budget": 0}, "token_budget must be at least 1, got 0"),
        ({"token_budget": 512.0}, "token_budget must be an int or None, got 512.0"),
        ({"token_budget": True}, "token_budget must be an int or None, got True"),
        ({"token_budget": "512"}, "token_budget must be an int or None, got '512'"),
        ({"max_tokens": 0}, "max_tokens must be at least 1, got 0"),
        ({"max_tokens": 1e6}, "max_tokens must be an int or None, got 1000000.0"),
        ({"max_seconds": 0}, "max_seconds must be a number of seconds above 0, or None, got 0"),
        ({"max_seconds": math.nan}, "above 0, or None, got nan"),
        ({"max_seconds": math.inf}, "above 0, or None, got inf"),
        ({"max_seconds": True}, "above 0, or None, got True"),
        ({"max_seconds": "2"}, "above 0, or None, got '2'"),
        ({"levels": ()}, 'levels must hold "sentence", "chunk" or both'),
        ({"levels": "sentence"}, "in a tuple such as (\"sentence\",); got 'sentence'"),
        ({"levels": (["sentence"],)}, "got (['sentence'],)"),
        ({"levels": None}, "levels must hold"),
        ({"levels": ("sentence", "word")}, "got ('sentence', 'word')"),
        ({"method": "slow"}, "method must be one of"),
        ({"method": 3}, "method must be the name of a method or an object with a method run"),
        ({"method": LeaveOneOut}, "method must be the name of a method or an object with"),
    ],
)
def test_options_are_checked(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigurationError, match=re.escape(message)):
        EngineOptions(**options)


def test_options_that_are_taken() -> None:
    levels: Any = ["chunk", "sentence"]
    options = EngineOptions(
        method=LeaveOneOut(),
        levels=levels,
        policy=lambda statement, sources, scores, stated: [],
        template=ContextTemplate("{context}{question}"),
        splitter=lambda text: [],
        token_budget=1,
        max_seconds=0.5,
        max_tokens=1,
    )
    assert options.levels == ("chunk", "sentence")
    assert EngineOptions() == EngineOptions()
