"""Where in which trace an answer stands, kept in the id of its request and its result."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote, unquote

from attribot_integrations.context.sources import Chunk

__all__ = ["RETRIEVED_BY", "AnswerPlace", "found_at"]

RETRIEVED_BY = "retrieved_by"
"""Key of a chunk's metadata: id of the step that found it, and its position there, from 0."""

_BETWEEN = "#"
_SAFE = ":/._-"


@dataclass(frozen=True)
class AnswerPlace:
    """A trace, and the step in it that stands for the answer."""

    trace: str
    span: str
    project: str | None = None
    """Id of the trace's project, where a tool needs it to find the trace (LangSmith)."""

    @property
    def id(self) -> str:
        """The ids, as one."""
        parts = (one for one in (self.trace, self.span, self.project) if one)
        return _BETWEEN.join(quote(one, safe=_SAFE) for one in parts)

    @classmethod
    def parse(cls, id_: str | None) -> AnswerPlace | None:
        """Read the id of a request that was made of a trace; `None` if it is another one."""
        parts = (id_ or "").split(_BETWEEN)
        return cls(*map(unquote, parts)) if 2 <= len(parts) <= 3 and all(parts) else None


def found_at(chunk: Chunk) -> tuple[str, int] | None:
    """Return which step found a document, and at which position; `None` if that is unknown."""
    mark = chunk.metadata.get(RETRIEVED_BY)
    if not isinstance(mark, Mapping):
        return None
    span, position = mark.get("span"), mark.get("position")
    if isinstance(span, str) and isinstance(position, int):
        return span, position
    return None
