"""What `cite` and the middleware hand back: plain data that JSON and checkpoints hold."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from langchain_core.documents import Document
from typing_extensions import TypedDict

from attribot_integrations.render.citation_fields import citation_data
from attribot_integrations.render.utf16 import offset_table
from attribot_integrations.results.serialization import storable
from attribot_integrations.results.support import SupportLabel

if TYPE_CHECKING:
    from attribot_integrations.context.sources import Chunk
    from attribot_integrations.render.utf16 import OffsetUnit
    from attribot_integrations.results import Attribution

__all__ = [
    "DocumentData",
    "PlainDocument",
    "PlainItem",
    "PlainList",
    "SupportData",
    "plain_citations",
    "plain_documents",
    "plain_support",
]


class DocumentData(TypedDict):
    """A retrieved document as plain data."""

    page_content: str
    metadata: dict[str, Any]
    """What of it JSON can hold; the rest as text."""
    id: str | None


class SupportData(TypedDict):
    """The label of one statement as plain data."""

    statement_index: int
    answer_start: int
    answer_end: int
    text: str
    label: SupportLabel
    probability: float | None
    """Calibrated probability that the context supports the statement."""
    reason: str | None
    """Why the statement could not be judged."""
    remark: str | None
    """What readers must be told of it."""
    carried: str | None
    """What its citations carry together."""
    path: str | None
    """Which field of a structured answer it is, as JSONPath."""


class PlainItem(dict[str, Any]):
    """A dict whose items can be read as attributes, too, as long as it is not stored."""

    def __getattr__(self, name: str) -> Any:
        """Return an item.

        Raises:
            AttributeError: If there is none of that name.
        """
        try:
            return self[name]
        except KeyError:
            raise AttributeError(f"{type(self).__name__} has no {name!r}") from None


class PlainDocument(PlainItem):
    """A document as plain data: `page_content`, `metadata` and `id`."""

    __hash__ = None  # type: ignore[assignment]

    def __eq__(self, other: object) -> bool:
        """Whether another one, or a LangChain document, holds the same."""
        if isinstance(other, Document):
            other = {"page_content": other.page_content, "metadata": other.metadata, "id": other.id}
        return dict.__eq__(self, other) is True

    def __ne__(self, other: object) -> bool:
        """Whether another one, or a LangChain document, holds something else."""
        return not self == other


class PlainList(list[Any]):
    """A part of a list whose items speak of statements, as streams yield them.

    Added to an earlier part, it replaces there what it speaks of itself. So parts add up to the
    whole list, though later ones may correct earlier ones.

    Args:
        items: The items of all statements.
        about: The statements that this part is about; by default it replaces all.
    """

    def __init__(self, items: Iterable[Any], about: frozenset[int] | None = None) -> None:
        super().__init__(
            item for item in items if about is None or item["statement_index"] in about
        )
        self.about = about

    def __add__(self, other: Any) -> Any:
        """Return this part with what another one adds or corrects, in the order of the answer."""
        if not isinstance(other, PlainList):
            return list(self) + other
        if other.about is None or self.about is None:
            return other
        about = other.about
        kept = [item for item in self if item["statement_index"] not in about]
        items = sorted([*kept, *other], key=lambda item: int(item["statement_index"]))
        return PlainList(items, self.about | about)


def plain_citations(
    attribution: Attribution | None, before: str = "", offsets: OffsetUnit = "characters"
) -> list[PlainItem]:
    """Return the citations that are shown, see `citation_data`.

    Args:
        attribution: Where they come from; `None` if there is no attribution.
        before: The text that was handed out before the attributed answer.
        offsets: What offsets count.
    """
    if attribution is None:
        return []
    shift = offset_table(before, offsets)[-1]
    found = [PlainItem(each) for each in citation_data(attribution, offsets=offsets)]
    for each in found:
        each["answer_start"] += shift
        each["answer_end"] += shift
    return found


def plain_documents(
    chunks: Sequence[Chunk], attribution: Attribution | None = None
) -> list[PlainDocument]:
    """Return copies of what was retrieved; metadata that JSON cannot hold is written as text.

    Args:
        chunks: What was retrieved.
        attribution: Where citations come from. What it has found in the conversation comes behind.
            What was said has its `kind`, `turn` and `role` among the metadata.
    """
    behind = () if attribution is None else attribution.chunks[len(chunks) :]
    return [
        PlainDocument(page_content=each.text, metadata=_metadata(each), id=each.id)
        for each in (*chunks, *(each for each in behind if each.said is not None))
    ]


def _metadata(chunk: Chunk) -> object:
    said = chunk.said
    if said is None:
        return storable(chunk.metadata)
    more = {"kind": said.kind, "turn": said.turn, "role": said.role}
    return storable({**chunk.metadata, **more})


def plain_support(
    attribution: Attribution | None, before: str = "", offsets: OffsetUnit = "characters"
) -> list[PlainItem]:
    """Return the label of each statement, with its place and text, and what readers must be told.

    Arguments are those of `plain_citations`. `remark` is such as "known to the model anyway; stated
    in [2]", `carried` what its citations carry together, `path` which field of a structured answer
    it is.
    """
    if attribution is None:
        return []
    labels = {each.statement_index: each for each in attribution.support}
    shift = offset_table(before, offsets)[-1]
    places = offset_table(attribution.answer, offsets)
    return [
        PlainItem(
            statement_index=statement.index,
            answer_start=places[statement.start] + shift,
            answer_end=places[statement.end] + shift,
            text=statement.text,
            label=judged.label,
            probability=judged.probability,
            reason=judged.reason,
            remark=remark,
            carried=carried,
            path=statement.path,
        )
        for statement, remark, carried in zip(
            attribution.statements, attribution.remarks, attribution.carried, strict=True
        )
        if (judged := labels.get(statement.index)) is not None
    ]
