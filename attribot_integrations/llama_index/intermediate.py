"""Answers that others were made from: they lead on to the nodes behind them.

Sub-questions, routers and agents' tools answer with a response of their own, whose text then stands
in the prompt of the final answer: in a node made of it, or by itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from llama_index.core.schema import MetadataMode, NodeWithScore

from attribot_integrations.answers.lineage import flat, prompt_texts, stands_in
from attribot_integrations.llama_index.scopes import PromptedCall, Scope

__all__ = ["Behind", "look_behind"]


@dataclass(frozen=True)
class Behind:
    """What an answer was made from, intermediate answers resolved."""

    nodes: tuple[NodeWithScore, ...]
    """The nodes, those behind intermediate answers included and nodes made of such left out."""
    calls: tuple[PromptedCall, ...]
    """The model calls, in order."""


def look_behind(id: str, scope: Scope, calls: Sequence[PromptedCall]) -> Behind:
    """Return what stands behind a scope's nodes and model calls.

    Args:
        id: Id of the answer that is made in the scope.
        scope: The scope, or the one that it is in, knows the answers that were made before.
        calls: The scope's own calls.
    """
    shown = [flat(one.node.get_content(metadata_mode=MetadataMode.NONE)) for one in scope.nodes]
    asked = [flat(" ".join(prompt_texts(call.prompt))) for call in calls]
    made: set[int] = set()
    before: list[PromptedCall] = []
    found: list[NodeWithScore] = []
    for answer, nodes, inner in _earlier(id, scope):
        text = flat(answer)
        holding = {index for index, one in enumerate(shown) if stands_in(text, one)}
        own = {one.node.node_id for one in nodes}
        holding = {index for index in holding if scope.nodes[index].node.node_id not in own}
        if not holding and not any(stands_in(text, one) for one in asked):
            continue
        made |= holding
        found += nodes
        before += [call for call in inner if not any(call is one for one in before)]
    kept = [one for index, one in enumerate(scope.nodes) if index not in made]
    if found:
        known = {one.node.node_id: one for one in reversed((*kept, *found))}
        order = dict.fromkeys(one.node.node_id for one in (*kept, *found))
        return Behind(tuple(known[node_id] for node_id in order), (*before, *calls))
    return Behind(tuple(scope.nodes), tuple(calls))


def _earlier(
    id: str, scope: Scope
) -> Iterator[tuple[str, Sequence[NodeWithScore], Sequence[PromptedCall]]]:
    above: Scope | None = scope
    seen = {id}
    while above is not None:
        for task in above.tasks:
            if task.id in seen or not task.record.done():
                continue
            seen.add(task.id)
            record = task.record.result()
            calls = [call for call in record.captured.calls if isinstance(call, PromptedCall)]
            if record.answer.strip():
                yield record.answer, record.nodes, calls
        above = above.parent
