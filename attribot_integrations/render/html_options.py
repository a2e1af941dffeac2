"""What of an attribution a page shows, and how; checked when it is built."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal, TypedDict

from attribot_integrations.errors import ConfigurationError

__all__ = ["HtmlKeywords", "HtmlOptions", "HtmlPart", "Theme"]

Theme = Literal["auto", "light", "dark"]
"""Colours; `auto` follows the reader's system, and the theme of JupyterLab and VS Code."""

HtmlPart = Literal["question", "answer", "sources", "details"]
"""What is shown of an attribution.

`answer` has its citations and labels, `sources` the cited texts and what else was retrieved,
`details` method, models and notes.
"""

_THEMES: Final = ("auto", "light", "dark")
_PARTS: Final[tuple[HtmlPart, ...]] = ("question", "answer", "sources", "details")
_LANGUAGE: Final = re.compile(r"[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*")


class HtmlKeywords(TypedDict, total=False):
    """The fields of `HtmlOptions` as keywords."""

    theme: Theme
    parts: Sequence[HtmlPart]
    lang: str
    metadata: Sequence[str]


@dataclass(frozen=True)
class HtmlOptions:
    """What is shown, and how.

    Raises:
        ConfigurationError: If a field has a value that it cannot have.
    """

    theme: Theme = "auto"
    """Colours."""
    parts: Sequence[HtmlPart] = _PARTS
    """What is shown, always in the same order."""
    lang: str = "en"
    """Language of question, answer and sources, as in `de` or `pt-BR`; all else is English."""
    metadata: Sequence[str] = ()
    """Keys of the chunks' metadata whose values are shown with each source."""

    def __post_init__(self) -> None:
        if self.theme not in _THEMES:
            raise ConfigurationError(f"theme must be one of {list(_THEMES)}, got {self.theme!r}")
        if isinstance(self.parts, str) or not self.parts or not set(self.parts) <= set(_PARTS):
            raise ConfigurationError(
                f"parts must be a list of some of {list(_PARTS)}, got {self.parts!r}"
            )
        if not _LANGUAGE.fullmatch(self.lang):
            raise ConfigurationError(
                f'lang must be a language such as "de" or "pt-BR", got {self.lang!r:.60}'
            )
        if isinstance(self.metadata, str):
            raise ConfigurationError(f"metadata must be a list of keys, got {self.metadata!r}")
