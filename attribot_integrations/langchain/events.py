"""`CapturingHandler`: LangChain's events, handed to a `RunTracker`."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.documents import Document
from langchain_core.messages import BaseMessage
from langchain_core.outputs import LLMResult

from attribot_integrations.answers.captured import CapturedAnswer, ModelCall
from attribot_integrations.answers.loose import LooseRuns
from attribot_integrations.answers.runs import RunTree
from attribot_integrations.answers.several import answers_of
from attribot_integrations.answers.tracking import RunTracker
from attribot_integrations.langchain.chat_messages import prompt_messages
from attribot_integrations.langchain.content import (
    Keys,
    generated_text,
    generated_thoughts,
    model_name,
    question_text,
    tool_arguments,
)
from attribot_integrations.langchain.documents import (
    chunks_in,
    chunks_of,
    in_tool_output,
    retrieved,
    tool_chunks,
    unread,
)
from attribot_integrations.langchain.outputs import missing_key, output_of
from attribot_integrations.langchain.paths import texts_at
from attribot_integrations.langchain.records import UNTOLD

__all__ = ["DOCUMENTS_EVENT", "CapturingHandler"]

_logger = logging.getLogger(__name__)

DOCUMENTS_EVENT = "attribot.documents"
"""Name of the custom event by which a chain tells what it has retrieved."""


class CapturingHandler(BaseCallbackHandler):
    """Calls `on_captured` with what every root run asked, retrieved and answered.

    Args:
        max_open_runs: Most root runs that are followed at once, see `RunTracker`.
        keys: Where a chain's input and output hold question and answer.

    Raises:
        ConfigurationError: If `max_open_runs` is below 1.
    """

    def __init__(self, max_open_runs: int = 1024, keys: Keys | None = None) -> None:
        self.tracker = RunTracker(max_open_runs)
        self.keys = keys or Keys()
        self._loose = LooseRuns()

    def on_captured(self, captured: CapturedAnswer) -> None:
        """Take what a root run came to; called at its end, and to be overridden."""

    def on_misnamed(self, captured: CapturedAnswer) -> None:
        """Take a run whose output holds no answer under the key that was given."""

    def on_chain_start(
        self,
        serialized: dict[str, Any],
        inputs: dict[str, Any],
        *,
        run_id: UUID,
        parent_run_id: UUID | None = None,
        **kwargs: Any,
    ) -> None:
        """Note that a chain has started."""
        run = self.tracker.start(run_id, parent_run_id, "chain", inputs=inputs)
        if run is None:
            return
        run.query = question_text(inputs, self.keys.question) or ""
        if self.tracker.is_root(run_id):
            run.passed = chunks_in(inputs)

    def on_chain_end(
        self,
        outputs: dict[str, Any],
        *,
        run_id: UUID,
        **kwargs: Any,
    ) -> None:
        """Note a chain's output, and finish the record if it is the outermost one."""
        inputs = kwargs.get("inputs")
        tree = self.tracker.end(
            run_id,
            query=question_text(inputs, self.keys.question) or "",
            passed=chunks_in(outputs),
            texts=tuple(texts_at(outputs)),
        )
        if tree is not None and tree.root.kind == "chain":
            tree.root.passed += chunks_in(inputs)
            self.on_ended(tree, outputs, inputs)

    def on_retriever_start(
        self,
        serialized: dict[str, Any],
        query: str,
        *,
        run_id: UUID,
        parent_run_id: UUID | None = None,
        **kwargs: Any,
    ) -> None:
        """Note a retriever's query."""
        run = self.tracker.start(run_id, parent_run_id, "retriever")
        if run is not None:
            run.query = query

    def on_retriever_end(
        self,
        documents: Sequence[Document],
        *,
        run_id: UUID,
        **kwargs: Any,
    ) -> None:
        """Note what a retriever found."""
        found = retrieved(documents)
        tree = self.tracker.end(run_id, found=found, unread=unread(documents))
        if tree is not None:
            self.on_ended(tree, documents)

    def on_chat_model_start(
        self,
        serialized: dict[str, Any],
        messages: list[list[BaseMessage]],
        *,
        run_id: UUID,
        parent_run_id: UUID | None = None,
        **kwargs: Any,
    ) -> None:
        """Note the messages that a chat model sees."""
        seen = messages[0] if messages else []
        run = self.tracker.start(run_id, parent_run_id, "model", inputs=seen)
        if run is not None:
            run.call = ModelCall(
                prompt_messages(seen), generator=model_name(kwargs), tool_chunks=tool_chunks(seen)
            )
            # Of earlier turns of a conversation, only the messages are left.
            run.chunks = chunks_in(seen)

    def on_llm_start(
        self,
        serialized: dict[str, Any],
        prompts: list[str],
        *,
        run_id: UUID,
        parent_run_id: UUID | None = None,
        **kwargs: Any,
    ) -> None:
        """Note the prompt that a text model sees."""
        seen = prompts[0] if prompts else ""
        run = self.tracker.start(run_id, parent_run_id, "model", inputs=seen)
        if run is not None:
            run.call = ModelCall(seen, generator=model_name(kwargs))

    def on_llm_end(
        self,
        response: LLMResult,
        *,
        run_id: UUID,
        **kwargs: Any,
    ) -> None:
        """Note what a chat or text model wrote."""
        text, arguments = generated_text(response), tool_arguments(response)
        thoughts = generated_thoughts(response)
        tree = self.tracker.end(run_id, text=text, arguments=arguments, thoughts=thoughts)
        if tree is not None:
            self.on_ended(tree, response)

    def on_tool_start(
        self,
        serialized: dict[str, Any],
        input_str: str,
        *,
        run_id: UUID,
        parent_run_id: UUID | None = None,
        **kwargs: Any,
    ) -> None:
        """Note that a tool has started, whose retrievers belong to the chain around it."""
        self.tracker.start(run_id, parent_run_id, "tool", inputs=input_str)

    def on_tool_end(
        self,
        output: Any,
        *,
        run_id: UUID,
        **kwargs: Any,
    ) -> None:
        """Note that a tool has ended."""
        tree = self.tracker.end(run_id, found=in_tool_output(output))
        if tree is not None:
            self.on_ended(tree, output)

    def on_custom_event(
        self,
        name: str,
        data: Any,
        *,
        run_id: UUID,
        **kwargs: Any,
    ) -> None:
        """Note documents that the chain has registered, see `register_documents`."""
        if name == DOCUMENTS_EVENT:
            self.tracker.register(run_id, chunks_of(data))

    def _fail(
        self,
        error: BaseException,
        *,
        run_id: UUID,
        **kwargs: Any,
    ) -> None:
        """Note that a run has failed, and forget what is below it."""
        self.tracker.fail(run_id, error)

    on_chain_error = _fail
    on_llm_error = _fail
    on_retriever_error = _fail
    on_tool_error = _fail

    def on_ended(self, tree: RunTree, outputs: object, inputs: object = None) -> None:
        """Take a root that has ended, and hand on the answers that it adds up to."""
        if tree.root.kind == "retriever":
            self._loose.found(tree.id, tree.root)
        if tree.root.kind not in ("chain", "model"):
            return
        if not self._loose.complete(tree):
            _logger.info("run %s judges an answer, and gives none", tree.id)
            return
        # A graph that goes on from an interrupt has the question in its messages only.
        messages = outputs.get("messages") if isinstance(outputs, Mapping) else None
        key = self.keys.question
        question = (
            question_text(inputs, key) or question_text(tree.inputs, key) or question_text(messages)
        )
        if tree.root.kind == "model" and any(run.query for run in tree.runs.values()):
            question = None  # a model's input is all of its prompt
        given = set(texts_at(inputs)) | set(texts_at(tree.inputs))
        output = output_of(outputs, self.keys.answer, given)
        found = answers_of(tree, question, output, kind="documents", untold=UNTOLD)
        if not found and _is_classic(tree, outputs) and question and output.answer:
            found = [_problem(tree, question, output.answer, UNTOLD)]
        named = self.keys.answer
        if not found and named is not None and output.answer is None and tree.gathered():
            self.on_misnamed(_problem(tree, question or "", "", missing_key(outputs, named)))
        for captured in found:
            self._loose.answered(captured)
            self.on_captured(captured)


def _is_classic(tree: RunTree, outputs: object) -> bool:
    """Whether a run is that of a classic chain that hides its parts from its own handlers."""
    hidden = len(tree.runs) == 1 and tree.root.kind == "chain"
    return hidden and isinstance(tree.inputs, Mapping) and isinstance(outputs, Mapping)


def _problem(tree: RunTree, question: str, answer: str, problem: str) -> CapturedAnswer:
    return CapturedAnswer(
        id=str(tree.id),
        question=question,
        chunks=(),
        answer=answer,
        problem=problem,
        kind="documents",
    )
