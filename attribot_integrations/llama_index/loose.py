"""What ran outside of what an answer was made in, and belongs to it all the same.

Code that retrieves or asks a model in a thread pool of its own loses LlamaIndex's context there, so
that nothing says what belongs together. What was found belongs to the prompt that shows it, and the
call to the answer that it wrote. And an agent's memory holds what its tools answered in earlier
runs.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from attribot_integrations.answers.lineage import flat, prompt_texts, stands_in, wrote
from attribot_integrations.answers.recent import Recent
from attribot_integrations.context.locating import locate_chunks
from attribot_integrations.context.retrieved import Chunk
from attribot_integrations.llama_index.nodes import node_texts

if TYPE_CHECKING:
    from llama_index.core.schema import NodeWithScore

    from attribot_integrations.llama_index.scopes import PromptedCall, Scope
    from attribot_integrations.llama_index.tasks import Task

__all__ = ["LooseSpans"]

_REMEMBERED: Final = 256


class LooseSpans:
    """The last searches and model calls that lay in no scope, and the last runs of workflows."""

    def __init__(self) -> None:
        self._scopes: Recent[str, Scope] = Recent(_REMEMBERED)

    def add(self, id: str, scope: Scope) -> None:
        """Note a search, a model call or a workflow's run that has ended.

        Args:
            id: The id of its span.
            scope: What it found or was asked.
        """
        if scope.nodes or scope.calls or scope.tasks:
            self._scopes.add(id, scope)

    def tasks(self) -> list[Task]:
        """Return the answers that were given in earlier runs, and by these."""
        return [task for scope in self._ended() for task in scope.tasks]

    def calls(self, scope: Scope, answer: str) -> list[PromptedCall]:
        """Return the calls that led to an answer, in order; none if nobody can tell which did.

        Args:
            scope: What the answer was made in; only calls that began after it count.
            answer: The answer.
        """
        calls = [call for one in self._since(scope) for call in one.calls]
        chosen = list(scope.calls)
        if not any(wrote(call, answer) for call in chosen):
            writers = [call for call in calls if wrote(call, answer)]
            if len({str(call.prompt) for call in writers}) != 1:
                return []  # of two requests at a time, each may be the other's
            chosen.append(writers[0])
        for call in reversed(calls):
            text = flat(call.text or "")
            asked = (flat(" ".join(prompt_texts(one.prompt))) for one in chosen)
            if not any(call is one for one in chosen) and any(
                stands_in(text, one) for one in asked
            ):
                chosen.append(call)
        return [call for call in calls if any(call is one for one in chosen)]

    def nodes(self, scope: Scope, texts: Sequence[Sequence[str]]) -> list[NodeWithScore]:
        """Return what was found and stands in prompts, or in what tools wrote.

        Args:
            scope: What the answer was made in. What was found after that began is looked for in
                other forms, too, if nothing stands there as it is.
            texts: The texts of each prompt.
        """
        shown = [flat(" ".join(each)) for each in texts]
        found: dict[str, NodeWithScore] = {}
        later: dict[str, NodeWithScore] = {}
        for node in (node for one in self._ended() for node in one.nodes):
            text = flat(node_texts([node])[0].body)
            if text and any(stands_in(text, prompt) for prompt in shown):
                found.setdefault(node.node.node_id, node)
        for node in (node for one in self._since(scope) for node in one.nodes):
            later.setdefault(node.node.node_id, node)
        return list(found.values()) or _located(texts, list(later.values()))

    def _since(self, scope: Scope) -> list[Scope]:
        later = (one for one in self._ended() if one.began >= scope.began)
        return [one for one in later if one.kind == "loose"]

    def _ended(self) -> list[Scope]:
        return [scope for _, scope in self._scopes.items()]


def _located(texts: Sequence[Sequence[str]], nodes: Sequence[NodeWithScore]) -> list[NodeWithScore]:
    chunks = [Chunk(text.body) for text in node_texts(nodes)]
    places = {
        place.chunk_index
        for each in texts
        for place in locate_chunks(each, chunks)
        if place.located
    }
    return [node for index, node in enumerate(nodes) if index in places]
