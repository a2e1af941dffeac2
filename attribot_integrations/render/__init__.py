"""Showing attributions: in a terminal, as Markdown and HTML, as plots, in traces.

What an `Attribution` can show by itself, its own methods do; here is the rest.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from attribot_integrations.lazy_names import lazy_names

if TYPE_CHECKING:
    from attribot_integrations.render.citation_fields import CitationData, citation_data
    from attribot_integrations.render.highlights import (
        gradio_colors,
        gradio_highlights,
        streamlit_html,
    )
    from attribot_integrations.render.html import html_page
    from attribot_integrations.render.reviewing import review_page
    from attribot_integrations.render.terminal import cited_answer, sources_table, terminal_view
    from attribot_integrations.render.tracing import trace_attribution, trace_evaluation
else:
    __getattr__ = lazy_names(
        __name__,
        {
            "CitationData": "citation_fields",
            "citation_data": "citation_fields",
            "cited_answer": "terminal",
            "gradio_colors": "highlights",
            "gradio_highlights": "highlights",
            "html_page": "html",
            "review_page": "reviewing",
            "sources_table": "terminal",
            "streamlit_html": "highlights",
            "terminal_view": "terminal",
            "trace_attribution": "tracing",
            "trace_evaluation": "tracing",
        },
    )

__all__ = [
    "CitationData",
    "citation_data",
    "cited_answer",
    "gradio_colors",
    "gradio_highlights",
    "html_page",
    "review_page",
    "sources_table",
    "streamlit_html",
    "terminal_view",
    "trace_attribution",
    "trace_evaluation",
]


def __dir__() -> list[str]:
    return sorted(__all__)
