"""What is kept of an answer's making while it runs, and of the model calls below it."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Literal

from llama_index.core.base.llms.types import ChatMessage, ChatResponse, CompletionResponse
from llama_index.core.schema import NodeWithScore, QueryBundle
from llama_index.core.tools import ToolOutput

from attribot_integrations.answers.captured import ModelCall
from attribot_integrations.llama_index.chat_messages import plain_messages

if TYPE_CHECKING:
    from llama_index.core.prompts import BasePromptTemplate

    from attribot_integrations.llama_index.loose import LooseSpans
    from attribot_integrations.llama_index.tasks import Task

__all__ = ["PromptedCall", "Scope", "ScopeKind", "query_text"]

ScopeKind = Literal["synthesis", "query", "chat", "workflow", "loose"]
"""What a scope is of; each may hold others. Agents are workflows; what is loose lies in none."""

_MEDIA: Final = ("audio", "image", "video")


@dataclass
class PromptedCall(ModelCall):
    """One call of a language model, the calls that it makes inside included."""

    llm: object = None
    template: BasePromptTemplate | None = None
    """The template that LlamaIndex rendered, if it did."""
    variables: Mapping[str, Any] = field(default_factory=dict)
    """Values of the template's variables, but for those that it was given before."""
    raw: str | None = None
    """The text that a chat was turned into before it was completed, where it was."""
    media: bool = False
    """Whether it was shown images, sound or video."""
    token_ids: tuple[int, ...] = ()
    """Ids of prompt and output, where the model reports them."""

    def ask(self, method: str, arguments: Mapping[str, Any]) -> None:
        """Note what the model, or a model method below it, was called with."""
        # LlamaIndex's decorators hide the signature of a completion, and options of a chat.
        arguments = {**arguments, **(arguments.get("kwargs") or {})}
        hidden = arguments.get("args") or (None,)
        messages, prompt = arguments.get("messages"), arguments.get("prompt", hidden[0])
        if method.endswith("chat") and isinstance(messages, Sequence):
            if self.prompt is None and messages:
                self.prompt = plain_messages(messages)
                self.media = any(
                    getattr(block, "block_type", None) in _MEDIA  # not all versions know all
                    for message in messages
                    for block in message.blocks
                )
        elif method.endswith("complete") and isinstance(prompt, str):
            if arguments.get("formatted"):
                self.raw = prompt
            if self.prompt is None:
                self.prompt = prompt

    def answer(self, result: object) -> None:
        """Note what a model method gave back; the outermost comes last."""
        if isinstance(result, ChatResponse):
            self.text = result.message.content or ""
            self.thoughts = _thoughts(result.message)
        elif isinstance(result, CompletionResponse):
            self.text = result.text
            self.token_ids = _token_ids(result.raw)
        elif isinstance(result, str):
            self.text = result


@dataclass
class Scope:
    """A synthesis, query, chat or workflow that runs, or whose answer is still streamed."""

    kind: ScopeKind
    is_async: bool = False
    """Whether it runs on an event loop, which must not wait for an attribution."""
    parent: Scope | None = None
    serves_search: bool = False
    """Whether it is part of a retrieval, as for an index of query engines, or an evaluator's; then
    it is no answer."""
    question: str = ""
    nodes: Sequence[NodeWithScore] = ()
    """A synthesis's own nodes; elsewhere all that was retrieved and is left of it."""
    searched: bool = False
    """Whether a retriever ran in it, whatever it found."""
    sources: Sequence[NodeWithScore] = ()
    """The response's source nodes, if there is one."""
    calls: list[PromptedCall] = field(default_factory=list)
    """Model calls outside retrievers, post-processors and inner scopes, in order."""
    tools: list[ToolOutput] = field(default_factory=list)
    """What tools handed back, outside inner scopes, in order."""
    notes: tuple[str, ...] = ()
    """What had to be guessed of the answer."""
    written_by: str | None = None
    """What wrote the answer, if that was no model, such as a tool."""
    run: str | None = None
    """The id of a workflow's run, by which all handlers know it."""
    memory: object = None
    """What a chat engine, or an agent, remembers the conversation by."""
    began: float = field(default_factory=time.monotonic)
    loose: LooseSpans | None = None
    """What ran in threads that did not know of any scope."""
    owner: object = None
    """The span handler that follows it, if one does."""
    tasks: list[Task] = field(default_factory=list)
    """Attributions begun inside, in order."""

    def found(self, nodes: Sequence[NodeWithScore], of: Sequence[NodeWithScore] = ()) -> None:
        """Note what a retriever found, or a post-processor made of nodes that it was given."""
        gone = {one.node.node_id for one in of}
        known = {one.node.node_id: one for one in self.nodes if one.node.node_id not in gone}
        for one in nodes:
            known.setdefault(one.node.node_id, one)
        self.nodes = list(known.values())

    def lies_in(self, other: Scope) -> bool:
        """Tell whether this is another scope, or lies in it."""
        scope: Scope | None = self
        while scope is not None and scope is not other:
            scope = scope.parent
        return scope is other


def _thoughts(message: ChatMessage) -> str:
    """Return the thoughts that a message holds apart from its text."""
    kept = message.additional_kwargs.get("reasoning_content")
    if isinstance(kept, str):
        return kept
    found = (
        getattr(block, "content", None)
        for block in message.blocks
        if getattr(block, "block_type", None) == "thinking"  # not all versions know it
    )
    return "\n".join(text for text in found if isinstance(text, str))


def query_text(query: object) -> str:
    """Return the text of a query in any of the forms in which LlamaIndex hands it around."""
    if isinstance(query, QueryBundle):
        return query.query_str
    return query if isinstance(query, str) else ""


def _token_ids(raw: object) -> tuple[int, ...]:
    """Read the ids that `HuggingFaceLLM` reports as a tensor `[1, prompt + answer]`."""
    output: Any = raw.get("model_output") if isinstance(raw, dict) else None
    if output is None or not hasattr(output, "tolist") or len(output) != 1:
        return ()
    return tuple(output[0].tolist())
