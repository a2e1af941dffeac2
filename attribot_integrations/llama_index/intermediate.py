"""Answers that others were made from: they lead on to the nodes behind them.

Sub-questions, routers and agents' tools answer with a response of their own, whose text then stands
in the prompt of the final answer: in a node made of it, or by itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from llama_index.core.schema import MetadataMode, NodeWithScore

from attribot_integrations.answers.lineage import flat, prompt_texts, stands_in
from attribot_integrations.llama_index.scopes import PromptedCall, Scope
from attribot_integrations.llama_index.tools import message_nodes, tool_nodes

if TYPE_CHECKING:
    from attribot_integrations.llama_index.tasks import Task

__all__ = ["Behind", "gather", "look_behind"]


@dataclass(frozen=True)
class Behind:
    """What an answer was made from, intermediate answers resolved."""

    nodes: tuple[NodeWithScore, ...]
    """The nodes, those behind intermediate answers included and nodes made of such left out."""
    calls: tuple[PromptedCall, ...]
    """The model calls, in order."""


def gather(
    scope: Scope, answer: str, *, calls_seen: bool
) -> tuple[list[NodeWithScore], list[PromptedCall]]:
    """Return the nodes that a scope saw, and the model calls.

    Args:
        scope: The scope.
        answer: The answer that is made in it.
        calls_seen: Whether the scope knows all model calls.
    """
    calls = _told_by_templates(scope.calls) if calls_seen else []
    calls = [call for call in calls if call.prompt is not None or call.text is not None]
    if scope.kind == "synthesis":
        return list(scope.nodes), calls
    nodes = list(scope.nodes)
    if scope.loose is not None:
        calls = [*scope.loose.calls(scope, answer), *calls]
        known = {one.node.node_id for one in nodes}
        shown = [prompt_texts(call.prompt) for call in calls]
        shown += [[tool.content] for tool in scope.tools]
        more = () if scope.sources else scope.loose.nodes(scope, shown)
        nodes += [one for one in more if one.node.node_id not in known]
    answers = (text for text, _, _ in _earlier("", scope))
    return nodes + tool_nodes(scope.tools, nodes, answers), calls


def _told_by_templates(calls: Sequence[PromptedCall]) -> list[PromptedCall]:
    """Fill in what models wrote that report nothing of it, where the next prompt repeats it."""
    for before, after in pairwise(calls):
        values = {} if after.template is None else {**after.template.kwargs, **after.variables}
        repeated = values.get("existing_answer")
        if before.text is None and isinstance(repeated, str):
            before.text = repeated
    return list(calls)


def look_behind(
    id: str, scope: Scope, nodes: Sequence[NodeWithScore], calls: Sequence[PromptedCall]
) -> Behind:
    """Return what stands behind the nodes and model calls that a scope saw.

    Args:
        id: Id of the answer that is made in the scope.
        scope: The scope, or the one that it is in, knows the answers that were made before.
        nodes: The nodes.
        calls: The calls.
    """
    # Only a synthesizer is handed nodes that are made of answers.
    shown = [
        flat(one.node.get_content(metadata_mode=MetadataMode.NONE))
        for one in (nodes if scope.kind == "synthesis" else ())
    ]
    asked = [flat(" ".join(prompt_texts(call.prompt))) for call in calls]
    made: set[int] = set()
    before: list[PromptedCall] = []
    found: list[NodeWithScore] = []
    earlier = list(_earlier(id, scope))
    for answer, sources, inner in (*earlier, *_remembered(scope, calls)):
        text = flat(answer)
        holding = {index for index, one in enumerate(shown) if stands_in(text, one)}
        own = {one.node.node_id for one in sources}
        holding = {index for index in holding if nodes[index].node.node_id not in own}
        if not holding and not any(stands_in(text, one) for one in asked):
            continue
        made |= holding
        found += sources
        before += [call for call in inner if not any(call is one for one in before)]
    if scope.kind == "workflow" and not found and not nodes:
        # Whatever became of those answers, nothing else is known that this one can rest on.
        found = [one for _, sources, _ in earlier for one in sources]
        found = found or message_nodes(call.prompt for call in calls)
    kept = [one for index, one in enumerate(nodes) if index not in made]
    if found:
        known = {one.node.node_id: one for one in reversed((*kept, *found))}
        order = dict.fromkeys(one.node.node_id for one in (*kept, *found))
        return Behind(tuple(known[node_id] for node_id in order), (*before, *calls))
    return Behind(tuple(nodes), tuple(calls))


_Answer = tuple[str, Sequence[NodeWithScore], Sequence[PromptedCall]]
"""An earlier answer, its nodes, and the calls that led to it."""


def _earlier(id: str, scope: Scope) -> Iterator[_Answer]:
    """Yield the answers that were given inside a scope, and in those that it is in."""
    above: Scope | None = scope
    seen = {id}
    while above is not None:
        for task in above.tasks:
            if task.id not in seen:
                seen.add(task.id)
                yield from _answer(task)
        above = above.parent


def _remembered(scope: Scope, calls: Sequence[PromptedCall]) -> Iterator[_Answer]:
    """Yield answers of earlier runs that an agent's memory holds, each as a whole message."""
    if scope.kind != "workflow" or scope.loose is None:
        return
    messages = {flat(text) for call in calls for text in prompt_texts(call.prompt)}
    for task in scope.loose.tasks():
        yield from (one for one in _answer(task) if flat(one[0]) in messages)


def _answer(task: Task) -> Iterator[_Answer]:
    if task.record.done() and (record := task.record.result()).answer.strip():
        calls = [call for call in record.captured.calls if isinstance(call, PromptedCall)]
        yield record.answer, record.nodes, calls
