"""The cited answer for Gradio and Streamlit, in the forms their components take.

Neither package is imported.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from attribot_integrations.render.evidence import (
    basis_of,
    basis_words,
    carried_lines,
    share,
    states_of,
)
from attribot_integrations.render.html import html_fragment
from attribot_integrations.render.marks import marked_answer
from attribot_integrations.render.plain import marker
from attribot_integrations.render.text import one_line, visible

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from attribot_integrations.render.html_options import HtmlKeywords
    from attribot_integrations.render.marks import Passage
    from attribot_integrations.results import Attribution

__all__ = ["gradio_colors", "gradio_highlights", "streamlit_html"]

_CITED, _DOUBTED, _QUIET = "green", "orange", "gray"


def gradio_highlights(attribution: Attribution) -> dict[str, Any]:
    """Return the answer as the value of Gradio's `HighlightedText`.

    Statements are the entities, named after their citations (`[1]`, `[1|3]`), with `≈` where a
    score is approximate, and after their label where it is another than `supported`, or a remark.
    Where a verifier was asked, why they are cited and what it says stand there, too: `[1] depends
    and states, stated .94`. What citations carry together, and notes, such as which chunks were not
    scored, stand below the answer. Gradio counts characters, as Python does.

    Gradio's own colours are by first appearance, red first; `gradio_colors` tells what is cited.

    Example:
        ```python
        def answer(question):
            value = gradio_highlights(attribute(question))
            return gradio.HighlightedText(value, color_map=gradio_colors(value))


        with gradio.Blocks() as page:
            shown = gradio.HighlightedText(label="Answer")
            ask.click(answer, question, shown)
        ```
    """
    marked = marked_answer(attribution)
    entities: list[dict[str, Any]] = []
    offset = 0
    for passage in marked.passages:
        start = offset + len(passage.before)
        offset = start + len(passage.text)
        if passage.text and (name := _name(attribution, passage)):
            entities.append({"entity": name, "start": start, "end": offset})
    lines = [visible(attribution.answer)]
    for note in map(one_line, [*carried_lines(attribution), *attribution.notes]):
        start = len("\n".join(lines)) + 1
        lines.append(note)
        entities.append({"entity": "note", "start": start, "end": start + len(note)})
    return {"text": "\n".join(lines), "entities": entities}


def gradio_colors(highlights: Mapping[str, Any]) -> dict[str, str]:
    """Return the `color_map` of what `gradio_highlights` returns.

    Green is cited, orange is doubted, and what needs no source, and notes, are grey.
    """
    return {
        name: _color(name) for name in sorted({each["entity"] for each in highlights["entities"]})
    }


def _color(name: str) -> str:
    if any(label in name for label in ("unsupported", "uncertain", "unknown", "not seem")):
        return _DOUBTED
    return _CITED if name.startswith("[") else _QUIET


def _name(attribution: Attribution, passage: Passage) -> str:
    citations = [citation for mark in passage.marks for citation in mark.citations]
    exact = all(citation.exact for citation in citations)
    parts = ["".join(map(marker, passage.marks)), "" if exact else "≈"]
    if citations and (why := basis_words(attribution, basis_of(citations))):
        states = states_of(citations)
        parts.append(why if states is None else f"{why}, stated {share(states)}")
    note = passage.note or ""
    parts.append(note if passage.remark is None else f"({note})")
    return " ".join(filter(None, parts))


def streamlit_html(attribution: Attribution, **options: Unpack[HtmlKeywords]) -> str:
    """Return the answer and its sources as HTML for `streamlit.html`.

    Args:
        attribution: What to show.
        **options: `theme`, `parts`, `lang` and `metadata`, see `Attribution.to_html`; Streamlit has
            a theme of its own, which `auto` does not know.

    Example:
        ```python
        streamlit.html(streamlit_html(attribution, theme=streamlit.context.theme.type or "auto"))
        ```
    """
    return html_fragment(attribution, **options)
