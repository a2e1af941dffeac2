"""Bookkeeping of runs: which question, documents, prompt and answer belong together.

LangChain reports runs one by one, each with its own id and its parent's. A `RunTracker` gathers
the runs below each root, and sums them up when the root ends. It computes nothing else, holds its
lock only for moments, and forgets a root with all its runs at its end; so it may be called from
any thread, and on an event loop.
"""

from __future__ import annotations

import logging
import threading
from collections import OrderedDict
from collections.abc import Iterable
from uuid import UUID

from langchain_core.documents import Document
from langchain_core.outputs import LLMResult

from attribot_integrations.answers.captured import CapturedAnswer
from attribot_integrations.answers.forks import PerProcess
from attribot_integrations.answers.recent import Recent, check_positive
from attribot_integrations.context.sources import Chunk
from attribot_integrations.langchain.content import Keys, generated_text, tool_arguments
from attribot_integrations.langchain.documents import chunks_in, chunks_of
from attribot_integrations.langchain.runs import RootRun, Run, RunKind

__all__ = ["RunTracker"]

_logger = logging.getLogger(__name__)

_REMEMBERED_DEAD_RUNS = 10_000


class RunTracker:
    """Gathers the runs below each root run, and sums them up when the root ends.

    Events of runs that are not open change nothing: those that a handler attached twice reports
    again, and those that come after their root's end, as they do when a stream is closed.

    Args:
        max_open_runs: Most root runs that are open at once. Generators that are held and never
            finished stay open; when there are too many, the least recently active is dropped.
        keys: Where a chain's input and output hold question and answer.

    Raises:
        ConfigurationError: If `max_open_runs` is below 1.
    """

    def __init__(self, max_open_runs: int = 1024, keys: Keys | None = None) -> None:
        check_positive(max_open_runs=max_open_runs)
        self.max_open_runs = max_open_runs
        self.keys = keys or Keys()
        self._lock = PerProcess(threading.Lock)
        self._roots: OrderedDict[UUID, RootRun] = OrderedDict()
        self._root_of: dict[UUID, UUID] = {}
        # A branch that goes on when its root is gone must not look like a root of its own.
        self._dead: Recent[UUID, bool] = Recent(_REMEMBERED_DEAD_RUNS)

    @property
    def open_roots(self) -> int:
        """Number of root runs that have started and not ended."""
        return len(self._roots)

    @property
    def open_runs(self) -> int:
        """Number of runs that are held: those below open roots, and the roots."""
        return len(self._root_of)

    def is_root(self, run_id: UUID) -> bool:
        """Whether a run is open, and has no parent that is known."""
        return run_id in self._roots

    def start(
        self, run_id: UUID, parent_run_id: UUID | None, kind: RunKind, *, inputs: object = None
    ) -> Run | None:
        """Note that a run has started; one whose parent is unknown is a root.

        Args:
            run_id: The run's id.
            parent_run_id: Its parent's id.
            kind: What the run is of.
            inputs: Its input, in which a root's question is looked for.

        Returns:
            The run, to note what it was given; `None` if it does not count.
        """
        with self._lock.get():
            if run_id in self._root_of:
                return None
            if parent_run_id is not None and self._dead.get(parent_run_id):
                self._dead.add(run_id, True)
                return None
            root = self._active(parent_run_id)
            if root is None:
                root = RootRun(run_id, inputs, self.keys)
                self._roots[run_id] = root
                self._evict()
            parent = root.runs.get(parent_run_id) if parent_run_id else None
            below = parent is not None and (parent.below_retriever or parent.kind == "retriever")
            self._root_of[run_id] = root.run_id
            run = root.runs[run_id] = Run(kind, parent_run_id, below)
            return run

    def register(self, run_id: UUID, documents: Iterable[object]) -> None:
        """Note documents that an open run says it has retrieved."""
        with self._lock.get():
            root = self._active(run_id)
            run = None if root is None else root.runs[run_id]
            if run is not None and run.kind != "retriever" and not run.below_retriever:
                run.chunks += chunks_of(documents)

    def gathered(self, run_id: UUID) -> tuple[Chunk, ...]:
        """Return the documents known so far of the open root that a run belongs to."""
        with self._lock.get():
            root = self._active(run_id)
            return () if root is None else root.gathered()

    def end_retriever(self, run_id: UUID, documents: Iterable[Document]) -> None:
        """Note what a retriever found; a retriever that is itself a root is forgotten."""
        with self._lock.get():
            run = self._ending(run_id)
            if run is not None and not run.below_retriever:
                run.chunks = chunks_of(documents)
            if run_id in self._roots:
                self._drop(run_id)

    def end_model(self, run_id: UUID, result: LLMResult) -> CapturedAnswer | None:
        """Note what a model wrote.

        Returns:
            The sum, if the model is itself a root, else `None`.
        """
        with self._lock.get():
            run = self._ending(run_id)
            if run is not None:
                run.call.text = generated_text(result)
                run.call.arguments = tool_arguments(result)
                run.call.ended = True
            root = self._drop(run_id) if run_id in self._roots else None
        return None if root is None else root.sum_up(result)

    def end(self, run_id: UUID, outputs: object, inputs: object = None) -> CapturedAnswer | None:
        """Note that a chain or tool has ended.

        Args:
            run_id: The run's id.
            outputs: Its output, in which a root's answer is looked for.
            inputs: Its input, where it is known only now, as for a stream.

        Returns:
            The sum, if the run is the root of a chain and has an answer, else `None`.
        """
        found = chunks_in(outputs)
        with self._lock.get():
            run = self._ending(run_id)
            if run is not None and run.kind == "tool":
                run.chunks += found
            elif run is not None:
                run.passed += found
            root = self._drop(run_id) if run_id in self._roots else None
        if run is None or root is None or run.kind != "chain":
            return None
        run.passed += chunks_in(inputs)
        return root.sum_up(outputs, inputs)

    def fail(self, run_id: UUID, error: BaseException) -> None:
        """Note that a run has failed: nothing below it counts, and a root is forgotten."""
        with self._lock.get():
            if run_id in self._roots:
                self._drop(run_id, dead=True)
                return
            run = self._ending(run_id)
            # A consumer that had enough of a stream has not failed.
            if run is not None and not isinstance(error, GeneratorExit):
                run.state = "failed"

    def _active(self, run_id: UUID | None) -> RootRun | None:
        root_id = self._root_of.get(run_id) if run_id else None
        if root_id is None:
            return None
        self._roots.move_to_end(root_id)
        return self._roots[root_id]

    def _ending(self, run_id: UUID) -> Run | None:
        root = self._active(run_id)
        run = None if root is None else root.runs[run_id]
        if run is None or run.state != "open":
            return None
        run.state = "ended"
        return run

    def _evict(self) -> None:
        while len(self._roots) > self.max_open_runs:
            oldest = next(iter(self._roots))
            self._drop(oldest, dead=True)
            _logger.warning(
                "more than max_open_runs=%d runs are open; run %s is dropped and gets no citations",
                self.max_open_runs,
                oldest,
            )

    def _drop(self, root_id: UUID, *, dead: bool = False) -> RootRun:
        root = self._roots.pop(root_id)
        for run_id in root.runs:
            del self._root_of[run_id]
            if dead:
                self._dead.add(run_id, True)
        return root
