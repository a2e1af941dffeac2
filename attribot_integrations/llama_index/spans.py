"""`AttributionSpanHandler`: which nodes, prompt and model calls belong to which answer.

Only LlamaIndex's spans know their parents. A span outside any synthesis, query, chat or workflow is
not kept, and one inside is forgotten at its end, so what is held is bounded by what is running.
While something runs, searches and model calls that lie nowhere are remembered, and so are workflows
that have ended, see `loose`.
"""

from __future__ import annotations

import inspect
import logging
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace
from typing import Any, Final, Literal
from weakref import WeakValueDictionary

from llama_index.core.base.base_query_engine import BaseQueryEngine
from llama_index.core.base.base_retriever import BaseRetriever
from llama_index.core.base.llms.base import BaseLLM
from llama_index.core.chat_engine.types import BaseChatEngine
from llama_index.core.instrumentation.span_handlers import BaseSpanHandler
from llama_index.core.postprocessor.types import BaseNodePostprocessor
from llama_index.core.prompts import BasePromptTemplate
from llama_index.core.response_synthesizers import BaseSynthesizer
from llama_index.core.schema import NodeWithScore
from llama_index.core.tools import BaseTool, ToolOutput
from llama_index.core.workflow import Workflow
from pydantic import PrivateAttr

from attribot_integrations.answers.forks import PerProcess
from attribot_integrations.llama_index.dispatching import Reach
from attribot_integrations.llama_index.evaluating import is_evaluating
from attribot_integrations.llama_index.loose import LooseSpans
from attribot_integrations.llama_index.scopes import PromptedCall, Scope, ScopeKind, query_text
from attribot_integrations.llama_index.workflows import workflow_question

__all__ = ["AttributionSpanHandler", "attributing", "is_attributing", "resumed"]

_logger = logging.getLogger(__name__)

_MAX_OPEN: Final = 20_000

_SCOPES: Final[tuple[tuple[type[Any], ScopeKind, frozenset[str]], ...]] = (
    (BaseSynthesizer, "synthesis", frozenset({"synthesize", "asynthesize"})),
    (BaseQueryEngine, "query", frozenset({"query", "aquery"})),
    (
        BaseChatEngine,
        "chat",
        frozenset({"chat", "achat", "stream_chat", "astream_chat"}),
    ),
    (Workflow, "workflow", frozenset({"run"})),
)

_resumed: ContextVar[tuple[Scope, ...]] = ContextVar("attribot_resumed", default=())
_attributing: ContextVar[bool] = ContextVar("attribot_attributing", default=False)


@contextmanager
def resumed(scope: Scope | None) -> Iterator[None]:
    """Let spans without a parent belong to a scope that has ended: a stream is made after it."""
    token = _resumed.set(_resumed.get() if scope is None else (*_resumed.get(), scope))
    try:
        yield
    finally:
        _resumed.reset(token)


@contextmanager
def attributing() -> Iterator[None]:
    """Ignore events and spans from inside: an engine may itself use LlamaIndex."""
    token = _attributing.set(True)
    try:
        yield
    finally:
        _attributing.reset(token)


def is_attributing() -> bool:
    """Tell whether the current context is inside an attribution."""
    return _attributing.get()


_Adds = Literal["scope", "nodes", "call", "part", "tool", "nothing"]


@dataclass(frozen=True)
class _Entry:
    """An open span, and what it adds to its scope at its end; a part belongs to a call."""

    scope: Scope
    adds: _Adds = "nothing"
    call: PromptedCall | None = None
    given: Sequence[NodeWithScore] = ()
    """What a post-processor was given."""
    serves_search: bool = False
    """Whether a retriever, post-processor or evaluator made it, so that it gives no answer."""


class AttributionSpanHandler(BaseSpanHandler[Any]):
    """Follows LlamaIndex's spans for an `AttributionEventHandler`, which makes and attaches it.

    Args:
        on_end: Called with a query's, chat's or workflow's scope and result when it ends.
        gate: If given, only what starts where it is set, and what is below that, is followed.
    """

    _on_end: Callable[[Scope, object], None] = PrivateAttr()
    _gate: ContextVar[bool] | None = PrivateAttr()
    _reach: Reach = PrivateAttr()
    _entries: OrderedDict[str, _Entry] = PrivateAttr()
    _streamed: WeakValueDictionary[str, PromptedCall] = PrivateAttr()
    _loose: LooseSpans = PrivateAttr()
    _mutex: PerProcess[Any] = PrivateAttr()

    def __init__(
        self,
        on_end: Callable[[Scope, object], None],
        gate: ContextVar[bool] | None = None,
    ) -> None:
        # The base class shares its mutable default arguments between handlers.
        super().__init__(open_spans={}, completed_spans=[], dropped_spans=[], current_span_ids={})
        self._on_end = on_end
        self._gate = gate
        self._reach = Reach()
        self._entries = OrderedDict()
        self._streamed = WeakValueDictionary()
        self._loose = LooseSpans()
        # Reentrant, for a garbage collection inside may end the span of a forgotten coroutine.
        self._mutex = PerProcess(threading.RLock)

    @classmethod
    def class_name(cls) -> str:
        """Return LlamaIndex's name of the class."""
        return "AttributionSpanHandler"

    @property
    def open_count(self) -> int:
        """Number of spans that are held."""
        return len(self._entries)

    @property
    def reach(self) -> Reach:
        """Where its attachments let it watch."""
        return self._reach

    def watches(self) -> bool:
        """Tell whether what starts in the present context is followed."""
        return self._reach.covers_context() and (self._gate is None or self._gate.get())

    def scope_of(self, span_id: str | None) -> Scope | None:
        """Return the scope that an open span belongs to, if it is followed."""
        entry = self._entries.get(span_id) if span_id else None
        return None if entry is None else entry.scope

    def end_call(self, span_id: str | None, result: object) -> None:
        """Note what a model wrote whose span ended before its stream was read."""
        call = self._streamed.pop(span_id, None) if span_id else None
        if call is not None:
            call.answer(result)

    def new_span(
        self,
        id_: str,
        bound_args: inspect.BoundArguments,
        instance: Any | None = None,
        parent_span_id: str | None = None,
        tags: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        """Follow a span if it starts a scope or lies in one."""
        if is_attributing() or id_ in self._entries:
            return  # in the latter case, this handler is attached twice
        try:
            entry = self._entry(id_, bound_args.arguments, instance, parent_span_id)
        except Exception:  # LlamaIndex would swallow it without a word
            _logger.warning("span %s could not be followed", id_, exc_info=True)
            return
        if entry is not None:
            with self._mutex.get():
                self._entries[id_] = entry
                if len(self._entries) > _MAX_OPEN:
                    self._entries.popitem(last=False)

    def prepare_to_exit_span(
        self,
        id_: str,
        bound_args: inspect.BoundArguments,
        instance: Any | None = None,
        result: Any | None = None,
        **kwargs: Any,
    ) -> None:
        """Add what a span gave back to its scope, and forget it."""
        entry = self._pop(id_)
        if entry is None:
            return
        try:
            self._add(id_, entry, result)
        except Exception:
            _logger.warning("the end of span %s could not be followed", id_, exc_info=True)

    def _add(self, id_: str, entry: _Entry, result: Any) -> None:
        scope = entry.scope
        if entry.adds == "nodes" and _are_nodes(result):
            scope.searched = True
            scope.found(result, entry.given)
        elif entry.adds in ("call", "part") and entry.call is not None:
            entry.call.answer(result)
            if entry.call.text is None:
                self._streamed[id_] = entry.call
        elif entry.adds == "tool" and isinstance(result, ToolOutput):
            if not any(result is one for one in scope.tools):
                scope.tools.append(result)
        elif entry.adds == "scope" and scope.kind != "synthesis":
            self._on_end(scope, result)
        if scope.kind == "loose" or (scope.kind == "workflow" and entry.adds == "scope"):
            self._loose.add(id_, scope)

    def prepare_to_drop_span(
        self,
        id_: str,
        bound_args: inspect.BoundArguments,
        instance: Any | None = None,
        err: BaseException | None = None,
        **kwargs: Any,
    ) -> None:
        """Forget a span that failed, and the model call that it made."""
        entry = self._pop(id_)
        if entry is None or entry.call is None:
            return
        if entry.adds == "part":  # it may be tried again, with another prompt
            entry.call.prompt = entry.call.raw = None
        elif entry.adds == "call":
            entry.scope.calls[:] = [one for one in entry.scope.calls if one is not entry.call]

    def _pop(self, id_: str) -> _Entry | None:
        with self._mutex.get():
            return self._entries.pop(id_, None)

    def _entry(
        self, id_: str, arguments: dict[str, Any], instance: object, parent_id: str | None
    ) -> _Entry | None:
        parent = self._entries.get(parent_id) if parent_id else None
        # Several handlers may watch one stream, each for its own scope.
        scope = next((one for one in reversed(_resumed.get()) if one.owner is self), None)
        if scope is not None and (parent is None or not parent.scope.lies_in(scope)):
            parent = _Entry(scope)  # the reader's own span is no parent of what makes the stream
        # Span ids have the form Class.method-uuid.
        method = id_.partition("-")[0].rpartition(".")[2]
        for kind_of, kind, methods in _SCOPES:
            if isinstance(instance, kind_of) and method in methods:
                if parent is None and not self.watches():
                    return None
                scope = _scope(kind, method, arguments, parent)
                scope.serves_search = scope.serves_search or is_evaluating()
                scope.owner, scope.loose = self, self._loose
                scope.run = id_ if kind == "workflow" else None
                scope.memory = _memory(instance, arguments)
                return _Entry(scope, "scope", serves_search=scope.serves_search)
        if parent is None:
            if not self._entries or not isinstance(instance, BaseRetriever | BaseLLM):
                return None
            parent = _Entry(Scope("loose"))  # it may be of something that runs in another thread
        return _inside(method, arguments, instance, parent)


def _inside(method: str, arguments: dict[str, Any], instance: object, parent: _Entry) -> _Entry:
    """Return the entry of a span that starts no scope."""
    if parent.serves_search:
        return replace(parent, adds="nothing")
    if isinstance(instance, BaseRetriever | BaseNodePostprocessor):
        processes = isinstance(instance, BaseNodePostprocessor)
        given = arguments.get("nodes") if processes else None
        if not processes and not parent.scope.question:
            parent.scope.question = query_text(next(iter(arguments.values()), None))
        return replace(parent, adds="nodes", given=tuple(given or ()), serves_search=True)
    if isinstance(instance, BaseLLM):
        adds: _Adds = "call" if parent.call is None else "part"
        return replace(parent, adds=adds, call=_call(method, arguments, instance, parent))
    return replace(parent, adds="tool" if isinstance(instance, BaseTool) else "nothing")


def _memory(instance: object, arguments: dict[str, Any]) -> object:
    given = {**arguments, **(arguments.get("kwargs") or {})}
    return getattr(instance, "_memory", None) or given.get("memory")


def _scope(kind: ScopeKind, method: str, arguments: dict[str, Any], parent: _Entry | None) -> Scope:
    nodes = arguments.get("nodes") if kind == "synthesis" else None
    asked = next(iter(arguments.values()), None)
    return Scope(
        kind=kind,
        is_async=kind == "workflow" or method.startswith("a"),
        parent=None if parent is None else parent.scope,
        serves_search=parent is not None and parent.serves_search,
        question=workflow_question(arguments) if kind == "workflow" else query_text(asked),
        nodes=list(nodes) if nodes else (),
    )


def _call(method: str, arguments: dict[str, Any], llm: object, parent: _Entry) -> PromptedCall:
    """Return the call that a span belongs to: its parent's, or a new one."""
    call = parent.call
    if call is None:
        call = PromptedCall(llm=llm, generator=_name(llm))
        template = arguments.get("prompt")
        if isinstance(template, BasePromptTemplate):
            call.template = template
            call.variables = dict(arguments.get("prompt_args") or {})
        parent.scope.calls.append(call)
    call.ask(method, arguments)
    return call


def _name(llm: object) -> str | None:
    name = getattr(getattr(llm, "metadata", None), "model_name", None)
    return name if isinstance(name, str) and name != "unknown" else None


def _are_nodes(result: object) -> bool:
    return isinstance(result, list) and all(isinstance(one, NodeWithScore) for one in result)
