"""From what was captured of an answer to a record: attributed, or with the reason why not."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from attribot_integrations.context.locating import RawPrompt
from attribot_integrations.errors import ChunkNotFoundError, PromptError
from attribot_integrations.llama_index.nodes import NodeText, node_texts
from attribot_integrations.llama_index.prompt_layout import Layout, lay_out, uses_own_markup
from attribot_integrations.llama_index.records import AttributionRecord, PromptUsed
from attribot_integrations.llama_index.scopes import (
    CapturedSynthesis,
    MessagesOrText,
    ModelCall,
)
from attribot_integrations.requests.options import AttributionRequest
from attribot_integrations.requests.protocols import KnowsItsModel, RequestAttributor

if TYPE_CHECKING:
    from attribot_integrations.results import Attribution

__all__ = ["attribute"]

_logger = logging.getLogger(__name__)

_UNSEEN = "the prompt could not be captured, a template took its place"


class _Skip(Exception):  # noqa: N818 - no error, an outcome
    """The answer cannot be attributed; the message says why."""


def attribute(engine: RequestAttributor, captured: CapturedSynthesis) -> AttributionRecord:
    """Attribute an answer; what goes wrong is logged and recorded, never raised."""
    try:
        return _attribute(engine, captured)
    except _Skip as skip:
        return AttributionRecord.without_scores(captured, "skipped", str(skip))
    except Exception as error:
        _logger.warning("attribution of answer %s failed: %s", captured.id, error)
        _let_go(error)
        reason = f"{type(error).__name__}: {error}"
        return AttributionRecord.without_scores(captured, "error", reason, error)


def _attribute(engine: RequestAttributor, captured: CapturedSynthesis) -> AttributionRecord:
    if not captured.nodes:
        raise _Skip("no node was retrieved")
    if not captured.answer.strip():
        raise _Skip("the answer is blank")
    texts = node_texts(captured.nodes)
    if not any(text.chunk.text for text in texts):
        raise _Skip(f"none of the {len(texts)} retrieved nodes holds text")
    if captured.calls is None:
        return _with_template(engine, captured, texts, _UNSEEN)
    call, notes = _answering(captured)
    knowing = engine if isinstance(engine, KnowsItsModel) else None
    shared = knowing is not None and knowing.runs(getattr(call.llm, "_model", None))
    chat = knowing is None or knowing.uses_chat_template
    layout = lay_out(call, texts, shared=shared, chat=chat)
    prompt = None if layout is not None else _searchable(call, shared=shared, chat=chat)
    if layout is None and prompt is None:
        return _with_template(engine, captured, texts, _UNSEEN)
    ids = call.token_ids if shared else None
    try:
        if layout is not None:
            return _with_layout(engine, captured, layout, notes, ids)
        return _with_search(engine, captured, texts, prompt, notes, ids)
    except ChunkNotFoundError as error:
        raise _Skip(
            f"none of the {len(texts)} nodes stands in the prompt that the model saw"
        ) from error
    except PromptError as error:
        reason = f"the captured prompt cannot be scored, a template took its place: {error}"
        return _with_template(engine, captured, texts, reason)


def _answering(captured: CapturedSynthesis) -> tuple[ModelCall, list[str]]:
    """Choose the call that wrote the answer, and note what makes it less than sure."""
    calls = captured.calls or ()
    if not calls:
        raise _Skip("no language model was asked")
    answer = captured.answer.strip()
    wrote = [call for call in calls if call.output is not None and call.output.strip() == answer]
    call = wrote[-1] if wrote else calls[-1]
    if call.output is None or wrote:
        return call, []
    if len(calls) > 1:
        raise _Skip(f"the answer was put together from {len(calls)} calls of the model")
    if not call.output.strip():
        raise _Skip("the model wrote nothing")
    return call, ["the answer is not word for word what the model wrote"]


def _searchable(call: ModelCall, *, shared: bool, chat: bool) -> MessagesOrText | RawPrompt | None:
    """Return a prompt in which the engine can look for the nodes."""
    if shared and call.raw is not None:
        return RawPrompt(call.raw, bos_added=True)
    if isinstance(call.fed, str) and chat and not shared and not uses_own_markup(call.llm):
        return [{"role": "user", "content": call.fed}]
    return call.fed


def _with_layout(
    engine: RequestAttributor,
    captured: CapturedSynthesis,
    layout: Layout,
    notes: list[str],
    ids: Sequence[int] | None,
) -> AttributionRecord:
    texts = [layout.texts[index] for index in layout.nodes]
    request = replace(_request(captured, texts), prompt=layout, generated_ids=ids)
    attribution = engine.attribute_request(request)
    missing = [
        index
        for index, text in enumerate(layout.texts)
        if text.chunk.text and index not in layout.nodes
    ]
    notes = notes + _missing(missing, captured)
    return _record(captured, attribution, texts, layout.nodes, "captured", notes)


def _with_search(
    engine: RequestAttributor,
    captured: CapturedSynthesis,
    texts: Sequence[NodeText],
    prompt: MessagesOrText | RawPrompt | None,
    notes: list[str],
    ids: Sequence[int] | None,
) -> AttributionRecord:
    request = replace(_request(captured, texts), prompt=prompt, generated_ids=ids)
    attribution = engine.attribute_request(request)
    places = attribution.locations
    missing = [one.chunk_index for one in attribution.unlocated if one.outcome != "blank"]
    repeated = [one.chunk_index for one in places if one.outcome == "repeated"]
    notes = notes + _missing(missing, captured)
    if repeated:
        notes.append(f"nodes {_listed(repeated)} stand in the prompt several times")
    return _record(captured, attribution, texts, range(len(texts)), "captured", notes)


def _with_template(
    engine: RequestAttributor, captured: CapturedSynthesis, texts: Sequence[NodeText], reason: str
) -> AttributionRecord:
    attribution = engine.attribute_request(_request(captured, texts))
    return _record(captured, attribution, texts, range(len(texts)), "template", [reason])


def _request(captured: CapturedSynthesis, texts: Sequence[NodeText]) -> AttributionRequest:
    return AttributionRequest(
        question=captured.question,
        chunks=tuple(text.chunk for text in texts),
        answer=captured.answer,
        id=captured.id,
    )


def _record(
    captured: CapturedSynthesis,
    attribution: Attribution,
    texts: Sequence[NodeText],
    indexes: Iterable[int],
    used: PromptUsed,
    notes: Sequence[str],
) -> AttributionRecord:
    return AttributionRecord(
        id=captured.id,
        question=captured.question,
        nodes=captured.nodes,
        answer=captured.answer,
        status="approximate" if notes else "ok",
        reason="; ".join(notes) or None,
        prompt_used=used,
        attribution=attribution,
        texts=tuple(texts),
        indexes=tuple(indexes),
    )


def _missing(indexes: Sequence[int], captured: CapturedSynthesis) -> list[str]:
    if not indexes:
        return []
    calls = len(captured.calls or ())
    where = f"the last of {calls} prompts" if calls > 1 else "the prompt"
    return [f"nodes {_listed(indexes)} are not in {where} and have no score"]


def _listed(indexes: Sequence[int]) -> str:
    return ", ".join(map(str, indexes))


def _let_go(error: BaseException | None) -> None:
    """Clear what a recorded error's frames hold on to, such as cached activations."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        traceback.clear_frames(error.__traceback__)
        error = error.__cause__ or error.__context__
