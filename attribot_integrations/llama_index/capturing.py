"""From a scope and its model calls to what was captured of the answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final, cast

from llama_index.core.schema import ImageNode, NodeWithScore

from attribot_integrations.answers.captured import UNSEEN, CapturedAnswer
from attribot_integrations.answers.choosing import Choice, choose_from, may_answer
from attribot_integrations.answers.lineage import Lineage, prompt_texts
from attribot_integrations.answers.runs import explained
from attribot_integrations.context.locating import RawPrompt
from attribot_integrations.llama_index.chat_messages import summaries_of, with_summaries
from attribot_integrations.llama_index.intermediate import gather, look_behind
from attribot_integrations.llama_index.nodes import NodeText, node_texts
from attribot_integrations.llama_index.prompt_places import lay_out, uses_own_markup
from attribot_integrations.llama_index.scopes import PromptedCall, Scope
from attribot_integrations.llama_index.tools import tool_part
from attribot_integrations.requests.attributors import KnowsItsModel
from attribot_integrations.requests.options import conversation_of

if TYPE_CHECKING:
    from attribot_integrations.requests.attributors import RequestAttributor

__all__ = ["UNTOLD", "CapturedSynthesis", "capture"]

UNTOLD: Final = (
    "no nodes were seen: hand them back as the response's source_nodes, or retrieve where the "
    "handler watches, in threads of your own with contextvars.copy_context().run"
)
"""What to do where no retriever ran and nothing was found."""


@dataclass(frozen=True, kw_only=True)
class CapturedSynthesis(CapturedAnswer):
    """What one answer was made from; its chunks are the texts of the nodes."""

    nodes: tuple[NodeWithScore, ...]
    """The nodes that the answer was made from; those behind intermediate answers in their place."""
    texts: tuple[NodeText, ...] = ()
    """The nodes' texts, and where they come from."""
    places: tuple[int | None, ...] = ()
    """Which of the response's source nodes each node is."""


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
    behind = look_behind(id, scope, *gather(scope, answer, calls_seen=calls_seen))
    nodes, calls = behind.nodes, behind.calls
    prompts = ["\n".join(prompt_texts(call.prompt)) for call in calls]
    texts = node_texts(nodes, prompts or None, _retrieved(scope))
    knowing = engine if isinstance(engine, KnowsItsModel) else None
    chat = knowing is None or knowing.uses_chat_template
    may = may_answer(calls, [answer])
    lineage = Lineage(
        [replace(call, prompt=_searchable(call, shared=False, chat=chat)) for call in may],
        [text.chunk.text for text in texts],
    )
    choice = choose_from(lineage, answer)
    call = None if choice.index is None else may[choice.index]
    if scope.written_by is None:
        problem = problem or choice.problem
    if not (nodes or scope.searched or scope.kind == "synthesis" or conversation_of(engine)):
        problem = problem or UNTOLD
    if calls_seen and not scope.calls and call is None and nodes and answer.strip():
        problem = problem or "no language model was asked"
    texts = tuple(_with_part(text, call) for text in texts)
    shared = knowing is not None and knowing.runs(getattr(call and call.llm, "_model", None))
    turns = bool(conversation_of(engine)) and call is not None and isinstance(call.prompt, list)
    captured = CapturedSynthesis(
        id=id,
        question=scope.question,
        chunks=tuple(text.chunk for text in texts),
        answer=answer,
        unseen=choice.unseen or UNSEEN,
        generator=None if call is None else call.generator,
        generated_ids=call.token_ids if call is not None and shared else None,
        calls=calls,
        notes=(*scope.notes, *choice.notes, *_media(nodes, call), *_unheard(lineage, choice)),
        problem=problem,
        kind="nodes",
        nodes=nodes,
        texts=texts,
        places=_places(nodes, scope.sources or (scope.nodes if scope.kind != "workflow" else ())),
    )
    if scope.written_by is not None:
        unseen = f"{scope.written_by} wrote the answer, no model did"
        return replace(captured, unseen=unseen, notes=scope.notes)
    captured = cast("CapturedSynthesis", explained(captured, lineage, choice))
    if call is None or captured.prompt is None or captured.steps or captured.left_out:
        return captured
    if turns:  # each message is a source, so the prompt stays a list of these
        return replace(captured, prompt=with_summaries(call.prompt, _summaries(scope)))
    prompt: Any = lay_out(call, texts, shared=shared, chat=chat)
    return replace(captured, prompt=prompt or _searchable(call, shared=shared, chat=chat))


def _with_part(text: NodeText, call: PromptedCall | None) -> NodeText:
    """Return a node's text that says what a tool wrote, if one did."""
    part = tool_part(text.home, None if call is None else call.prompt)
    return text if part is None else replace(text, chunk=replace(text.chunk, said=part))


def _summaries(scope: Scope) -> frozenset[str]:
    above: Scope | None = scope
    while above is not None and above.memory is None:
        above = above.parent
    return summaries_of(None if above is None else above.memory)


def _unheard(lineage: Lineage[PromptedCall], choice: Choice[PromptedCall]) -> tuple[str, ...]:
    """Tell of calls that saw nodes, and wrote something that the answer may rest on."""
    earlier = range(choice.index or 0)
    hidden = [i for i in earlier if lineage.calls[i].text is None and lineage.reached[i]]
    if not hidden:
        return ()
    return (
        f"what the model wrote in {len(hidden)} earlier calls was not seen: a model of your own "
        "reports it if its methods have LlamaIndex's llm_chat_callback or llm_completion_callback",
    )


def _retrieved(scope: Scope) -> Sequence[NodeWithScore]:
    """Return what was retrieved around a synthesis, of which its nodes may be pieces."""
    above = scope.parent
    while above is not None and not above.nodes:
        above = above.parent
    return () if above is None else above.nodes


def _media(nodes: Sequence[NodeWithScore], call: PromptedCall | None) -> tuple[str, ...]:
    """Tell of what a model saw and no score accounts for."""
    if call is None or not call.media:
        return ()
    kinds = ("image_resource", "audio_resource", "video_resource")
    holding = [
        f"{index} ({one.node.node_id})"
        for index, one in enumerate(nodes)
        if isinstance(one.node, ImageNode)
        or any(getattr(one.node, kind, None) is not None for kind in kinds)
    ]
    of = f" of nodes {', '.join(holding)}" if holding else ""
    return (f"the images, sound or video{of} that the model saw are not scored: text alone is",)


def _places(
    nodes: Sequence[NodeWithScore], sources: Sequence[NodeWithScore]
) -> tuple[int | None, ...]:
    """Return which of a response's source nodes each node is, `None` if it is none of them."""
    by_id = {one.node.node_id: index for index, one in reversed(list(enumerate(sources)))}
    return tuple(
        index
        if index < len(sources) and sources[index].node is one.node
        else by_id.get(one.node.node_id)
        for index, one in enumerate(nodes)
    )


def _searchable(call: PromptedCall, *, shared: bool, chat: bool) -> Any:
    """Return a prompt in which the engine can look for the nodes."""
    if shared and isinstance(completed := call.raw or call.prompt, str):
        return RawPrompt(completed, bos_added=True)
    if isinstance(call.prompt, str) and chat and not uses_own_markup(call.llm):
        return [{"role": "user", "content": call.prompt}]
    return call.prompt
