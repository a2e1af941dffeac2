"""Showing attributions: in a terminal, as Markdown and HTML, as plots, in traces, in front ends.

What an `Attribution` can show by itself, its own methods do; here is the rest.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from attribot_integrations.lazy_names import lazy_names

if TYPE_CHECKING:
    from attribot_integrations.render.citation_fields import citation_data
    from attribot_integrations.render.front_ends.answer_data import answer_data
    from attribot_integrations.render.front_ends.element import answer_element, front_end_folder
    from attribot_integrations.render.front_ends.open_webui import open_webui_events
    from attribot_integrations.render.front_ends.ui_messages import ui_message_parts
    from attribot_integrations.render.highlights import gradio_highlights, streamlit_html
    from attribot_integrations.render.html import html_page
    from attribot_integrations.render.terminal import cited_answer, sources_table, terminal_view
    from attribot_integrations.render.tracing import trace_attribution, trace_evaluation
else:
    __getattr__ = lazy_names(
        __name__,
        {
            "answer_data": "front_ends.answer_data",
            "answer_element": "front_ends.element",
            "citation_data": "citation_fields",
            "cited_answer": "terminal",
            "front_end_folder": "front_ends.element",
            "gradio_highlights": "highlights",
            "html_page": "html",
            "open_webui_events": "front_ends.open_webui",
            "sources_table": "terminal",
            "streamlit_html": "highlights",
            "terminal_view": "terminal",
            "trace_attribution": "tracing",
            "trace_evaluation": "tracing",
            "ui_message_parts": "front_ends.ui_messages",
        },
    )

__all__ = [
    "answer_data",
    "answer_element",
    "citation_data",
    "cited_answer",
    "front_end_folder",
    "gradio_highlights",
    "html_page",
    "open_webui_events",
    "sources_table",
    "streamlit_html",
    "terminal_view",
    "trace_attribution",
    "trace_evaluation",
    "ui_message_parts",
]


def __dir__() -> list[str]:
    return sorted(__all__)
