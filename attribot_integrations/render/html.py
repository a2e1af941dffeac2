"""An attribution as HTML, for pages and notebooks.

There is no script, every text is escaped by the template engine, and links lead to `http` and
`https` addresses only. Citations open on hover and keyboard focus by style sheet alone. Without the
style sheet, as where a site removes it, the answer, its numbers and the sources stay readable.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING, Literal

from attribot_integrations.errors import ConfigurationError
from attribot_integrations.render.html_view import LEVELS, AttributionView
from attribot_integrations.render.text import one_line
from attribot_integrations.render.trees import TreeView

if TYPE_CHECKING:
    from jinja2 import Environment

    from attribot_integrations.results import Attribution
    from attribot_integrations.results.traces import Trace

__all__ = ["Theme", "html_fragment", "html_page", "html_tree"]

Theme = Literal["auto", "light", "dark"]
"""Colours; `auto` follows the reader's system, and the theme of JupyterLab and VS Code."""

_THEMES = ("auto", "light", "dark")


def html_fragment(attribution: Attribution, *, theme: Theme = "auto") -> str:
    """Return an `<article>` with its style sheet, to put into a page or a notebook.

    Args:
        attribution: What to show.
        theme: Colours.

    Raises:
        ConfigurationError: If there is no such theme.
    """
    return _render("fragment.html", [attribution], theme)


def html_page(
    attributions: Sequence[Attribution], *, title: str | None = None, theme: Theme = "auto"
) -> str:
    """Return a page of its own, which loads nothing from anywhere.

    Args:
        attributions: What to show, one below the other.
        title: Title of the page; the first question by default.
        theme: Colours.

    Raises:
        ConfigurationError: If there is no such theme.
    """
    if title is None:
        title = next((attribution.question for attribution in attributions), "")
    return _render("page.html", attributions, theme, one_line(title) or "Citations")


def _render(
    template: str, attributions: Sequence[Attribution], theme: Theme, title: str = ""
) -> str:
    views = [AttributionView(each, place) for place, each in enumerate(attributions)]
    return _fill(template, theme, views=views, title=title, levels=LEVELS)


def html_tree(trace: Trace, *, theme: Theme = "auto") -> str:
    """Return a trace as an `<article>` with its style sheet, whose parts open and close.

    Args:
        trace: The trace of a statement.
        theme: Colours.

    Raises:
        ConfigurationError: If there is no such theme.
    """
    return _fill("trace.html", theme, view=TreeView(trace))


def _fill(template: str, theme: Theme, **shown: object) -> str:
    if theme not in _THEMES:
        raise ConfigurationError(f"theme must be one of {list(_THEMES)}, got {theme!r}")
    return _templates().get_template(template).render(theme=theme, **shown)


@cache
def _templates() -> Environment:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    return Environment(
        loader=PackageLoader("attribot_integrations.render"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
