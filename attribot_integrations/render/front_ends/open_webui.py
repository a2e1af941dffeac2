"""Events that a function or pipe of Open WebUI emits, so that a message shows its citations."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

from attribot_integrations.context.links import web_link
from attribot_integrations.context.retrieved import clean_text
from attribot_integrations.render.chunks import chunk_name
from attribot_integrations.render.escaping import escape_markdown
from attribot_integrations.render.marks import cited_sources

if TYPE_CHECKING:
    from attribot_integrations.render.marks import CitedSource
    from attribot_integrations.results import Attribution

__all__ = ["open_webui_events"]

_CODE: Final = re.compile(r"```.*?(?:```|\Z)|`[^`\n]*`", re.DOTALL)
_MARK: Final = re.compile(r"\[(?=\d)")


def open_webui_events(attribution: Attribution) -> list[dict[str, Any]]:
    """Return the events that cite a message, each for `__event_emitter__`.

    The first, `replace`, gives the message its marks, which Open WebUI makes buttons of; marks that
    the generator wrote itself are kept from being any. Then there is one `citation` for each cited
    chunk, in the order of the numbers, with the cited passages, escaped since Open WebUI shows them
    as Markdown. Its `distances`, shown as relevance in percent, are what a verifier says, and left
    out without one: nats are no percentage.

    Sources that others add to the message before would be counted by the marks, too.

    Args:
        attribution: The result.

    Example:
        ```python
        for event in open_webui_events(attribution):
            await __event_emitter__(event)
        ```
    """
    content = {"type": "replace", "data": {"content": _marked(attribution)}}
    by_number: dict[int, list[CitedSource]] = {}
    for source in cited_sources(attribution):
        by_number.setdefault(source.number, []).append(source)
    cited = [_citation(attribution, sources) for sources in by_number.values()]
    return [content, *cited]


def _citation(attribution: Attribution, sources: list[CitedSource]) -> dict[str, Any]:
    first = sources[0]
    chunk = attribution.chunks[first.chunk_index]
    name, url = chunk_name(chunk, first.chunk_index), web_link(chunk.metadata)
    # Passages are put together by `source`; a web address there would take the name's place.
    known = {"source": f"attribot-{first.number}", "name": name}
    linked = {} if url is None else {"source_url": url}
    source = {"name": name} if url is None else {"name": name, "url": url}
    data: dict[str, Any] = {
        "source": source,
        "document": [escape_markdown(each.quote) for each in sources],
        "metadata": [{**known, **linked} for _ in sources],
    }
    states = [each.states for each in cited_sources(attribution)]
    if None not in states:
        data["distances"] = [each.states for each in sources]
    return {"type": "citation", "data": data}


def _marked(attribution: Attribution) -> str:
    """Return the answer with `[1][3]` behind each cited statement, outside of code."""
    answer = clean_text(attribution.answer)
    code = [found.span() for found in _CODE.finditer(answer)]
    numbers: dict[int, list[int]] = {}
    for citation in attribution.shown_citations:
        numbers.setdefault(citation.answer_end, []).append(citation.number)
    inserted = []
    for end, cited in numbers.items():
        place = next((last for start, last in code if start < end < last), end)
        marks = "".join(f"[{number}]" for number in dict.fromkeys(cited))
        inserted.append((place, f" {marks}"))
    inserted += [(place, "\\") for place in _own_marks(answer, code)]
    pieces, done = [], 0
    for place, text in sorted(inserted, key=lambda each: each[0]):
        pieces += [answer[done:place], text]
        done = place
    return "".join([*pieces, answer[done:]])


def _own_marks(answer: str, code: list[tuple[int, int]]) -> Iterator[int]:
    """Yield where the generator's own marks begin."""
    for found in _MARK.finditer(answer):
        if not any(start <= found.start() < end for start, end in code):
            yield found.start()
