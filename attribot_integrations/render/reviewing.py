"""A page on which people judge attributed answers, for `evaluation.calibrate`.

It is one file that loads nothing from anywhere. Its script is the only one in the project: the
content security policy names it by its digest, so that no other can run, and it puts texts into the
page as text alone.
"""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Iterable, Sequence
from functools import cache
from hashlib import sha256
from importlib.resources import files
from typing import TYPE_CHECKING

from attribot_integrations.render.html import page_template
from attribot_integrations.render.html_options import HtmlOptions
from attribot_integrations.render.review_data import review_data
from attribot_integrations.render.text import one_line

if TYPE_CHECKING:
    from attribot_integrations.render.html_options import Theme
    from attribot_integrations.results import Attribution

__all__ = ["review_page"]

_UNSAFE = {ord(one): f"\\u{ord(one):04x}" for one in "<>&\u2028\u2029"}


def review_page(
    attributions: Iterable[Attribution],
    *,
    title: str | None = None,
    theme: Theme = "auto",
    metadata: Sequence[str] = (),
) -> str:
    """Return a page of its own on which the statements of answers are judged, the worst first.

    It filters by label, source and text, shows each cited passage in its document, keeps what was
    judged in the browser, and saves it as the file that `evaluation.read_judged` reads.

    Args:
        attributions: The answers.
        title: Title of the page.
        theme: Colours; `auto` follows the reader's system.
        metadata: Keys of the chunks' metadata whose values are shown with each source.

    Raises:
        ConfigurationError: If there is no such theme, or `metadata` is no list.
    """
    options = HtmlOptions(theme=theme, metadata=metadata)
    data = review_data(attributions, options.metadata)
    keys = sha256("".join(answer["key"] for answer in data["answers"]).encode())
    written = json.dumps({**data, "store": keys.hexdigest()[:20]}, ensure_ascii=False)
    style, script = _source("review.css"), _source("review.js")
    return page_template("review.html").render(
        title=one_line(title or "") or "Review of answers",
        theme=options.theme,
        data=written.translate(_UNSAFE),
        style=style,
        script=script,
        style_digest=_digest(style),
        script_digest=_digest(script),
    )


@cache
def _source(name: str) -> str:
    folder = files("attribot_integrations.render").joinpath("templates")
    return folder.joinpath(name).read_text("utf-8")


def _digest(source: str) -> str:
    """Return how a content security policy names what stands in an element of the page."""
    return f"sha256-{b64encode(sha256(source.encode()).digest()).decode()}"
