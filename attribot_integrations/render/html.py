"""An attribution as HTML, for pages and notebooks.

There is no script, every text is escaped by the template engine, and links lead to `http` and
`https` addresses only. A citation opens as a popover of the browser's own, on hover, click, tap or
Enter, and Escape closes it. Without the style sheet, as where a site removes it, the answer, its
numbers and the sources stay readable. The style sheet takes back what a host page says of our
elements, and says nothing of the page's own.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING

from attribot_integrations.render.html_options import HtmlOptions
from attribot_integrations.render.html_sources import LEVELS
from attribot_integrations.render.html_view import AttributionView
from attribot_integrations.render.text import one_line
from attribot_integrations.render.trees import TreeView

if TYPE_CHECKING:
    from jinja2 import Environment, Template
    from typing_extensions import Unpack

    from attribot_integrations.render.html_options import HtmlKeywords, Theme
    from attribot_integrations.results import Attribution
    from attribot_integrations.results.traces import Trace

__all__ = ["html_fragment", "html_page", "html_tree", "page_template"]


def html_fragment(attribution: Attribution, **options: Unpack[HtmlKeywords]) -> str:
    """Return an `<article>` with its style sheet, to put into a page or a notebook.

    Args:
        attribution: What to show.
        **options: `theme`, `parts`, `lang` and `metadata`, see `Attribution.to_html`.

    Raises:
        ConfigurationError: If an option has a value that it cannot have.
    """
    return _render("fragment.html", [attribution], HtmlOptions(**options))


def html_page(
    attributions: Sequence[Attribution],
    *,
    title: str | None = None,
    **options: Unpack[HtmlKeywords],
) -> str:
    """Return a page of its own, which loads nothing from anywhere.

    Args:
        attributions: What to show, one below the other.
        title: Title of the page; the first question by default.
        **options: `theme`, `parts`, `lang` and `metadata`, see `Attribution.to_html`.

    Raises:
        ConfigurationError: If an option has a value that it cannot have.
    """
    if title is None:
        title = next((attribution.question for attribution in attributions), "")
    shown = one_line(title) or "Citations"
    return _render("page.html", attributions, HtmlOptions(**options), shown)


def _render(
    template: str, attributions: Sequence[Attribution], options: HtmlOptions, title: str = ""
) -> str:
    views = [AttributionView(each, place, options) for place, each in enumerate(attributions)]
    return page_template(template).render(views=views, options=options, title=title, levels=LEVELS)


def html_tree(trace: Trace, *, theme: Theme = "auto") -> str:
    """Return a trace as an `<article>` with its style sheet, whose parts open and close.

    Args:
        trace: The trace of a statement.
        theme: Colours.

    Raises:
        ConfigurationError: If there is no such theme.
    """
    theme = HtmlOptions(theme=theme).theme
    return page_template("trace.html").render(view=TreeView(trace), theme=theme)


def page_template(name: str) -> Template:
    """Return one of the package's templates, which escapes all that it is given."""
    return _templates().get_template(name)


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
