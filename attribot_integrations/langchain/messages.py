"""Annotating a model's message with citations, and taking them off again.

LangChain reads a message's blocks anew, as its provider would have sent them, and loses foreign
annotations on the way. A copy that is marked as version 1 output is taken as it stands. Such a copy
is for showing: sent back to a model, the annotations would reach a provider's API as malformed
citations of its own. `strip_citations` makes the message fit to be sent.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final, TypeVar

from langchain_core.messages import AIMessage, BaseMessage

from attribot_integrations.errors import InputError
from attribot_integrations.langchain.annotations import ID_PREFIX, Annotation, citation_annotations
from attribot_integrations.render.utf16 import OffsetUnit, offset_table
from attribot_integrations.results import Attribution

__all__ = ["add_citations", "strip_citations"]

AIMessageT = TypeVar("AIMessageT", bound=AIMessage)
MessageT = TypeVar("MessageT", bound=BaseMessage)

_KEPT: Final = "attribot"
"""Key of `response_metadata`, which no provider is sent, that keeps the original content."""


def add_citations(
    message: AIMessageT,
    attribution: Attribution | Iterable[Annotation],
    *,
    offsets: OffsetUnit = "characters",
) -> AIMessageT:
    """Return a copy of a model's message whose text is annotated with citations.

    Annotations of its provider are kept, and citations of an earlier call are replaced. A citation
    of text that runs over several blocks is divided among them.

    Args:
        message: The message that holds the answer; not changed.
        attribution: What was attributed: the message's text, or a part of it. Or its citations, as
            `citation_annotations` or `CitationMiddleware` give them, counted in characters.
        offsets: What the offsets of the annotated message count; front ends in JavaScript count
            "utf-16" units.

    Raises:
        ConfigurationError: If there is no such unit of offsets.
        InputError: If the message does not hold the answer that was attributed, or an argument is
            of another kind.
    """
    original = strip_citations(message)
    text = str(original.text)
    offset = 0
    if isinstance(attribution, Attribution):
        annotations = citation_annotations(attribution)
        offset = text.find(attribution.answer)
        if offset < 0:
            raise InputError(
                f"the message does not hold the answer that was attributed, {text!r:.60} against "
                f"{attribution.answer!r:.60}"
            )
    else:
        annotations = _annotations_of(attribution)
    for annotation in annotations:
        _check(annotation, len(text))
    kept = {
        "content": copy.deepcopy(original.content),
        "output_version": original.response_metadata.get("output_version"),
    }
    metadata = {**original.response_metadata, "output_version": "v1", _KEPT: kept}
    blocks = [
        _counted(block, offsets) for block in _annotated(_blocks(original), annotations, offset)
    ]
    update: dict[str, Any] = {"content": blocks, "response_metadata": metadata}
    return original.model_copy(update=update, deep=True)


def strip_citations(message: MessageT) -> MessageT:
    """Return a message as it was before `add_citations`, fit to be sent to a model.

    Args:
        message: Any message; not changed.

    Returns:
        A copy without our citations, a provider's own kept; the message itself if it has none.

    Raises:
        InputError: If it is no message.
    """
    given: object = message
    if not isinstance(given, BaseMessage):
        raise InputError(
            "citations are in messages: this takes a LangChain message, got "
            f"{type(given).__name__}; make one of a text with AIMessage(text)"
        )
    kept = message.response_metadata.get(_KEPT)
    if not isinstance(kept, dict) and not _has_citations(message.content):
        return message
    metadata = {key: value for key, value in message.response_metadata.items() if key != _KEPT}
    content = _without_citations(message.content)
    if isinstance(kept, dict):
        original = message.model_copy(update={"content": kept["content"]})
        if str(original.text) == str(message.text):  # nobody has edited the text since
            content = kept["content"]
            metadata.pop("output_version", None)
            if kept["output_version"] is not None:
                metadata["output_version"] = kept["output_version"]
    update: dict[str, Any] = {"content": content, "response_metadata": metadata}
    return message.model_copy(update=update, deep=True)


def _annotations_of(given: Iterable[Annotation] | None) -> list[Annotation]:
    if given is None:
        raise InputError(
            "add_citations takes an Attribution or annotations, got None: where there is no "
            "attribution of a run, its record's reason says why"
        )
    annotations = list(given)
    for annotation in annotations:
        if not isinstance(annotation, dict):
            raise InputError(
                "add_citations takes an Attribution or annotations, got "
                f"{type(annotation).__name__}"
            )
    return annotations


def _check(annotation: Annotation, length: int) -> None:
    start, end = annotation.get("start_index", 0), annotation.get("end_index", 0)
    if not 0 <= start <= end <= length:
        raise InputError(
            f"a citation of characters {start} to {end} does not fit the message, "
            f"whose text has {length}"
        )


def _blocks(message: AIMessage) -> list[dict[str, Any]]:
    """Return a message's standard blocks, whose texts add up to its text."""
    generic = {key: value for key, value in message.response_metadata.items() if key == "id"}
    # Some translators know their provider's blocks only, and drop the rest.
    for metadata in (message.response_metadata, generic):
        version = message.model_copy(update={"response_metadata": metadata}, deep=True)
        blocks: list[Any] = list(version.content_blocks)
        texts = (block["text"] for block in blocks if block["type"] == "text")
        if "".join(texts) == str(message.text):
            return blocks
    return [{"type": "text", "text": str(message.text)}]


def _annotated(
    blocks: Sequence[dict[str, Any]], annotations: Sequence[Annotation], offset: int
) -> Iterator[dict[str, Any]]:
    """Yield the blocks with the annotations whose text they hold."""
    start = -offset
    for block in blocks:
        if block["type"] != "text":
            yield block
            continue
        end = start + len(block["text"])
        own = [part for one in annotations if (part := _part(one, start, end)) is not None]
        yield {**block, "annotations": [*block.get("annotations", []), *own]} if own else block
        start = end


def _counted(block: dict[str, Any], offsets: OffsetUnit) -> dict[str, Any]:
    """Return a block whose own annotations, not its provider's, count in another unit."""
    table = offset_table(block["text"] if block["type"] == "text" else "", offsets)
    annotations = [
        {**each, **{key: table[each[key]] for key in ("start_index", "end_index")}}
        if _ours(each)
        else each
        for each in _annotations(block)
    ]
    return {**block, "annotations": annotations} if annotations else block


def _part(annotation: Annotation, start: int, end: int) -> Annotation | None:
    """Return an annotation with the indices of its part in a block, `None` if it has none."""
    first = max(annotation.get("start_index", 0), start)
    last = min(annotation.get("end_index", 0), end)
    if first >= last:
        return None
    return {
        **copy.deepcopy(annotation),
        "start_index": first - start,
        "end_index": last - start,
    }


def _has_citations(content: str | list[Any]) -> bool:
    return any(_ours(item) for block in content for item in _annotations(block))


def _without_citations(content: str | list[Any]) -> str | list[Any]:
    if isinstance(content, str):
        return content
    return [_without(block) if _annotations(block) else block for block in content]


def _without(block: dict[str, Any]) -> dict[str, Any]:
    others = [item for item in block["annotations"] if not _ours(item)]
    bare = {key: value for key, value in block.items() if key != "annotations"}
    return {**bare, "annotations": others} if others else bare


def _annotations(block: object) -> list[Any]:
    found = block.get("annotations") if isinstance(block, dict) else None
    return found if isinstance(found, list) else []


def _ours(annotation: object) -> bool:
    name = annotation.get("id") if isinstance(annotation, dict) else None
    return isinstance(name, str) and name.startswith(ID_PREFIX)
