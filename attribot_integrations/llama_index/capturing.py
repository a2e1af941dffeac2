"""From a scope and its model calls to what was captured of the answer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from llama_index.core.schema import NodeWithScore

from attribot_integrations.answers.captured import UNSEEN, CapturedAnswer
from attribot_integrations.answers.choosing import choose_call
from attribot_integrations.context.locating import RawPrompt
from attribot_integrations.llama_index.nodes import node_texts
from attribot_integrations.llama_index.prompt_places import lay_out, uses_own_markup
from attribot_integrations.llama_index.scopes import PromptedCall, Scope
from attribot_integrations.requests.attributors import KnowsItsModel

if TYPE_CHECKING:
    from attribot_integrations.requests.attributors import RequestAttributor

__all__ = ["CapturedSynthesis", "capture"]


@dataclass(frozen=True, kw_only=True)
class CapturedSynthesis(CapturedAnswer):
    """What one answer was made from; its chunks are the texts of the nodes."""

    nodes: tuple[NodeWithScore, ...]
    """The nodes that the answer was made from, in the order of the response's `source_nodes`."""
    offsets: tuple[int, ...] = ()
    """Where each chunk starts in its node's own text."""


def capture(
    id: str,
    scope: Scope,
    answer: str,
    engine: RequestAttributor,
    *,
    calls_seen: bool,
    problem: str | None,
) -> CapturedSynthesis:
    """Put together what an answer was made from.

    Args:
        id: The answer's id.
        scope: What it was made in.
        answer: Its text.
        engine: What will attribute it; a prompt is put as its target can take it.
        calls_seen: Whether the scope knows all model calls.
        problem: Why the answer cannot be attributed, if that is known.
    """
    nodes = tuple(scope.nodes)
    texts = node_texts(nodes)
    calls = tuple(scope.calls) if calls_seen else ()
    choice = choose_call(calls, [text.shown for text in texts], answer)
    call = choice.call
    problem = problem or choice.problem
    if calls_seen and call is None and nodes and answer.strip():
        problem = problem or "no language model was asked"
    knowing = engine if isinstance(engine, KnowsItsModel) else None
    shared = knowing is not None and knowing.runs(getattr(call and call.llm, "_model", None))
    prompt: Any = None
    if call is not None and choice.unseen is None:
        chat = knowing is None or knowing.uses_chat_template
        prompt = lay_out(call, texts, shared=shared, chat=chat)
        prompt = prompt or _searchable(call, shared=shared, chat=chat)
    return CapturedSynthesis(
        id=id,
        question=scope.question,
        chunks=tuple(text.chunk for text in texts),
        answer=answer,
        prompt=prompt,
        unseen=choice.unseen or UNSEEN,
        generator=None if call is None else call.generator,
        generated_ids=call.token_ids if call is not None and shared else None,
        calls=calls,
        notes=choice.notes,
        problem=problem,
        kind="nodes",
        nodes=nodes,
        offsets=tuple(text.offset for text in texts),
    )


def _searchable(call: PromptedCall, *, shared: bool, chat: bool) -> Any:
    """Return a prompt in which the engine can look for the nodes."""
    if shared and isinstance(completed := call.raw or call.prompt, str):
        return RawPrompt(completed, bos_added=True)
    if isinstance(call.prompt, str) and chat and not uses_own_markup(call.llm):
        return [{"role": "user", "content": call.prompt}]
    return call.prompt
