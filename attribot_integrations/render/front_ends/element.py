"""The element `<attribot-answer>`: where its file lies, and its HTML."""

from __future__ import annotations

import json
from html import escape
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

from attribot_integrations.render.front_ends.answer_data import answer_data

if TYPE_CHECKING:
    from attribot_integrations.results import Attribution

__all__ = ["answer_element", "front_end_folder"]


def front_end_folder() -> Path:
    """Return the folder of the files that a web page loads, to be served as it is.

    It holds `attribot-answer.js`, the element `<attribot-answer>`; `attribot-answer.d.ts`, the
    TypeScript types of the element and of results; and `attribution.schema.json`, the JSON Schema
    of results.

    Example:
        ```python
        app.mount("/attribot", StaticFiles(directory=front_end_folder()))
        ```
    """
    return Path(str(files("attribot_integrations.render.front_ends").joinpath("static")))


def answer_element(attribution: Attribution) -> str:
    """Return `<attribot-answer>` as HTML, with what it shows in an attribute.

    For pages, and for components that take HTML, such as Gradio's; the page must have loaded
    `attribot-answer.js`.

    Args:
        attribution: What to show.
    """
    data = json.dumps(answer_data(attribution), ensure_ascii=False, allow_nan=False)
    return f'<attribot-answer result="{escape(data)}"></attribot-answer>'
