"""What can be chosen of a page."""

from __future__ import annotations

from typing import Any

import pytest

from attribot_integrations.errors import ConfigurationError
from attribot_integrations.render.html_options import HtmlOptions


@pytest.mark.parametrize("lang", ["en", "de", "pt-BR", "zh-Hant-TW"])
def test_languages(lang: str) -> None:
    assert HtmlOptions(lang=lang).lang == lang


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"theme": "pink"}, r"theme must be one of .*, got 'pink'"),
        ({"parts": ["answers"]}, r"parts must be a list of some of .*, got \['answers'\]"),
        ({"parts": []}, r"parts must be a list of some of"),
        ({"parts": "answer"}, r"parts must be a list of some of .*, got 'answer'"),
        ({"lang": '"><script>'}, "lang must be a language"),
        ({"lang": ""}, "lang must be a language"),
        ({"metadata": "page"}, "metadata must be a list of keys, got 'page'"),
    ],
)
def test_what_cannot_be_chosen(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        HtmlOptions(**options)
