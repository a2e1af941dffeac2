"""One call of a chain that `cite` has wrapped, from its input to its citations."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from langchain_core.callbacks import AsyncCallbackManagerForChainRun, CallbackManagerForChainRun
from langchain_core.runnables import RunnableConfig
from langchain_core.runnables.config import patch_config
from langchain_core.runnables.utils import AddableDict

from attribot_integrations.answers.captured import CapturedAnswer
from attribot_integrations.answers.desk import complete
from attribot_integrations.answers.output import Output
from attribot_integrations.errors import ConfigurationError
from attribot_integrations.langchain.content import Keys, answer_text, question_text
from attribot_integrations.langchain.documents import chunks_in
from attribot_integrations.langchain.events import CapturingHandler
from attribot_integrations.langchain.outputs import missing_key
from attribot_integrations.langchain.plain import (
    plain_citations,
    plain_documents,
    plain_support,
)
from attribot_integrations.langchain.records import UNTOLD, CitationRecord, NothingFound
from attribot_integrations.langchain.streaming import INTERRUPT, AnswerStream, interrupt_in

if TYPE_CHECKING:
    from attribot_integrations.render.utf16 import OffsetUnit
    from attribot_integrations.requests.attributors import RequestAttributor

__all__ = ["CiteOptions", "StreamedInput", "WatchedCall"]

_logger = logging.getLogger(__name__)

_OWN: Final = ("citations", "documents", "support", "status", "reason")
"""What is handed back beside the answer."""


@dataclass(frozen=True)
class CiteOptions:
    """What a chain is wrapped with, see `cite`."""

    engine: RequestAttributor
    keys: Keys
    on_citations: Callable[[CitationRecord], object] | None
    raise_error: bool
    nothing_found: NothingFound
    offsets: OffsetUnit = "characters"
    with_record: bool = False


class StreamedInput:
    """Adds up an input that comes in pieces, as far as they can be added."""

    def __init__(self) -> None:
        self.total: Any = None

    def add(self, item: Any) -> Any:
        """Take a piece, and return it."""
        try:
            self.total = item if self.total is None else self.total + item
        except TypeError:
            self.total = item
        return item


class WatchedCall(CapturingHandler):
    """Watches one call of a chain as the root of all that runs in it, and attributes its answer.

    Args:
        options: What the chain was wrapped with.
        run_id: The call's run.
        input: The chain's input, where it is known at once.
    """

    def __init__(self, options: CiteOptions, run_id: UUID, input: Any = None) -> None:
        super().__init__(keys=options.keys)
        self.options = options
        self.run_id = run_id
        self.output: object = None
        """What the chain itself returned."""
        self.records: list[CitationRecord] = []
        """The records of the answers that it gave, mostly one."""
        self.interrupt: object = None
        """What a graph was interrupted for."""
        self.on_chain_start({}, input, run_id=run_id)

    def watched(
        self,
        run_manager: CallbackManagerForChainRun | AsyncCallbackManagerForChainRun,
        config: RunnableConfig,
    ) -> RunnableConfig:
        """Return the config in which the chain runs: the caller's, with this handler."""
        callbacks = run_manager.get_child()
        callbacks.add_handler(self, inherit=True)
        return patch_config(config, callbacks=callbacks)

    def on_chain_end(self, outputs: Any, *, run_id: UUID, **kwargs: Any) -> None:
        """Keep the chain's own output; a graph that is streamed tells it nowhere else."""
        if kwargs.get("parent_run_id") == self.run_id:
            self.output = outputs
        super().on_chain_end(outputs, run_id=run_id, **kwargs)

    def on_captured(self, captured: CapturedAnswer) -> None:
        """Make a record of an answer."""
        options = self.options
        options.nothing_found.warn(captured.problem, captured.id, options.engine)
        self.records.append(
            CitationRecord(captured, options.engine, raise_error=options.raise_error)
        )

    @property
    def record(self) -> CitationRecord | None:
        """The record of the call's answer, `None` if it gave none, or several."""
        return self.records[0] if len(self.records) == 1 else None

    def so_far(self, text: str, input: object) -> CapturedAnswer | None:
        """Return what is captured of an answer that is still written.

        Args:
            text: The answer so far.
            input: The chain's input, as far as it is known.

        Returns:
            `None` if it is not known yet which model writes it.
        """
        tree = self.tracker.so_far(self.run_id, text)
        if tree is None:
            return None
        tree.root.passed += chunks_in(input)
        question = question_text(input, self.keys.question)
        output = Output(text, named=True)
        return tree.sum_up(question, output, kind="documents", untold=UNTOLD)

    def note(self, chunk: object) -> object:
        """Note what a chunk of a stream says beside the answer, and return the chunk."""
        found = interrupt_in(chunk)
        self.interrupt = self.interrupt if found is None else found
        return chunk

    def end(self, output: object, input: object) -> str | None:
        """Note the chain's output, and return its answer.

        Raises:
            ConfigurationError: If `answer_key` names nothing in the output.
        """
        self.note(output)
        self.on_chain_end(output, run_id=self.run_id, inputs=input)
        if self.record is not None:
            return self.record.answer
        if self.records or self.interrupt is not None:
            return None
        answer = answer_text(output, self.options.keys.answer)
        if answer is None and self.options.keys.answer is not None:
            raise ConfigurationError(missing_key(output, self.options.keys.answer))
        if answer is None:
            _logger.warning("no answer found in the output of run %s: pass answer_key", self.run_id)
        else:
            self.options.nothing_found.warn(UNTOLD, self.run_id, self.options.engine)
        return answer

    def end_stream(self, stream: AnswerStream, input: object) -> AddableDict | None:
        """Note the end of a stream, and return what it has not given of the answer."""
        output = self.output if stream.answer is None else stream.answer
        answer = self.end(output, input)
        if answer is None:
            return None if stream.sent else AddableDict(answer=None)
        stream.answer = answer
        piece = stream.rest()
        return AddableDict(answer=piece) if piece or not stream.sent else None

    def attribute(
        self, output: object = None, answer: str | None = None, before: str = ""
    ) -> dict[str, Any]:
        """Attribute the answer, and return all that is handed back beside it.

        Args:
            output: The chain's own output, whose other keys are passed on.
            answer: The answer.
            before: What was handed out before it.
        """
        for each in self.records:
            complete(each, self.options.on_citations, raise_error=self.options.raise_error)
        record = self.record
        attribution = None if record is None else record.attribution
        rest = dict(output) if isinstance(output, Mapping) else {}
        if self.interrupt is not None:
            rest[INTERRUPT] = self.interrupt
        for name in ("answer", *_OWN):
            rest.pop(name, None)
        if self.options.with_record:
            rest["record"] = record
        place = before, self.options.offsets
        return {
            **rest,
            "citations": plain_citations(attribution, *place),
            "documents": plain_documents(() if record is None else record.chunks, attribution),
            "support": plain_support(attribution, *place),
            "status": "skipped" if record is None else record.status,
            "reason": self._no_record(answer) if record is None else record.reason,
        }

    def _no_record(self, answer: str | None) -> str:
        if self.records:
            return (
                f"the chain gave {len(self.records)} answers, each with a record for on_citations: "
                "to have citations returned, wrap the chain that gives one of them"
            )
        if self.interrupt is not None:
            return "the graph was interrupted before it answered"
        return "no answer was found in the output: pass answer_key" if answer is None else UNTOLD
