"""Bookkeeping of runs: which question, chunks, prompt and answer belong together.

A framework reports runs one by one, each with its own id and its parent's. A `RunTracker` gathers
the runs below each root, and hands them over when the root ends. It computes nothing else, holds
its lock only for moments, and forgets a root with all its runs at its end; so it may be called from
any thread, and on an event loop.
"""

from __future__ import annotations

import logging
import threading
from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import replace

from attribot_integrations.answers.forks import PerProcess
from attribot_integrations.answers.recent import Recent, check_positive
from attribot_integrations.answers.runs import Run, RunKind, RunTree
from attribot_integrations.context.sources import Chunk

__all__ = ["RunTracker"]

_logger = logging.getLogger(__name__)

_REMEMBERED_DEAD_RUNS = 10_000


class RunTracker:
    """Gathers the runs below each root run.

    Events of runs that are not open change nothing: those that a handler attached twice reports
    again, and those that come after their root's end, as they do when a stream is closed.

    Args:
        max_open_runs: Most root runs that are open at once. Generators that are held and never
            finished stay open; when there are too many, the least recently active is dropped.

    Raises:
        ConfigurationError: If `max_open_runs` is below 1.
    """

    def __init__(self, max_open_runs: int = 1024) -> None:
        check_positive(max_open_runs=max_open_runs)
        self.max_open_runs = max_open_runs
        self._lock = PerProcess(threading.Lock)
        self._trees: OrderedDict[Hashable, RunTree] = OrderedDict()
        self._root_of: dict[Hashable, Hashable] = {}
        # A branch that goes on when its root is gone must not look like a root of its own.
        self._dead: Recent[Hashable, bool] = Recent(_REMEMBERED_DEAD_RUNS)

    @property
    def open_roots(self) -> int:
        """Number of root runs that have started and not ended."""
        return len(self._trees)

    @property
    def open_runs(self) -> int:
        """Number of runs that are held: those below open roots, and the roots."""
        return len(self._root_of)

    def is_root(self, run_id: Hashable) -> bool:
        """Whether a run is open, and has no parent that is known."""
        return run_id in self._trees

    def start(
        self, run_id: Hashable, parent: Hashable | None, kind: RunKind, *, inputs: object = None
    ) -> Run | None:
        """Note that a run has started; one whose parent is unknown is a root.

        Args:
            run_id: The run's id.
            parent: Its parent's id.
            kind: What the run is of.
            inputs: Its input, which is kept for a root.

        Returns:
            The run, to note what it was given; `None` if it does not count.
        """
        with self._lock.get():
            if run_id in self._root_of:
                return None
            if parent is not None and self._dead.get(parent):
                self._dead.add(run_id, True)
                return None
            tree = self._active(parent)
            if tree is None:
                tree = self._trees[run_id] = RunTree(run_id, inputs=inputs)
                self._evict()
            above = tree.runs.get(parent)
            below = above is not None and (above.below_retriever or above.kind == "retriever")
            self._root_of[run_id] = tree.id
            run = tree.runs[run_id] = Run(kind, parent, below)
            return run

    def register(self, run_id: Hashable, chunks: tuple[Chunk, ...]) -> None:
        """Note chunks that an open run says it has retrieved."""
        with self._lock.get():
            tree = self._active(run_id)
            run = None if tree is None else tree.runs[run_id]
            if run is not None and run.kind != "retriever" and not run.below_retriever:
                run.chunks += chunks

    def gathered(self, run_id: Hashable) -> tuple[Chunk, ...]:
        """Return the chunks known so far of the open root that a run belongs to."""
        with self._lock.get():
            tree = self._active(run_id)
            return () if tree is None else tree.gathered()

    def so_far(self, run_id: Hashable, text: str) -> RunTree | None:
        """Return an open root as it would be if the model that writes its answer ended here.

        Args:
            run_id: The root's id.
            text: What the model has written.

        Returns:
            A copy; `None` if the root is not open, or not just one model is writing.
        """
        with self._lock.get():
            tree = self._trees.get(run_id)
            if tree is None:
                return None
            runs = {id_: replace(run) for id_, run in tree.runs.items()}
        copied = replace(tree, runs=runs)
        writing = [run for run in copied.live() if run.kind == "model" and run.state == "open"]
        if len(writing) != 1:
            return None
        (writer,) = writing
        writer.call = replace(writer.call, text=text, ended=True)
        return copied

    def end(
        self,
        run_id: Hashable,
        *,
        query: str = "",
        found: tuple[Chunk, ...] = (),
        passed: tuple[Chunk, ...] = (),
        texts: tuple[str, ...] = (),
        text: str | None = None,
        arguments: str = "",
        thoughts: str = "",
        unread: str = "",
    ) -> RunTree | None:
        """Note that a run has ended.

        Args:
            run_id: The run's id.
            query: What it was asked, if that is known by now only.
            found: What a retriever or tool found.
            passed: What a chain handed on.
            texts: Texts that a chain handed on.
            text: What a model wrote.
            arguments: What a model called tools with.
            thoughts: What a model thought before, where that is kept apart.
            unread: What a retriever found that is no chunk, in words.

        Returns:
            The run with all below it, if it is a root, which is then forgotten; else `None`.
        """
        with self._lock.get():
            run = self._ending(run_id)
            if run is not None and not run.below_retriever:
                run.query = run.query or query
                run.chunks += found
                run.passed += passed
                run.texts, run.unread = texts, unread
                run.call.text, run.call.arguments, run.call.ended = text, arguments, True
                run.call.thoughts = thoughts
            return self._drop(run_id) if run_id in self._trees else None

    def fail(self, run_id: Hashable, error: BaseException) -> None:
        """Note that a run has failed: nothing below it counts, and a root is forgotten."""
        with self._lock.get():
            if run_id in self._trees:
                self._drop(run_id, dead=True)
                return
            run = self._ending(run_id)
            # A consumer that had enough of a stream has not failed.
            if run is not None and not isinstance(error, GeneratorExit):
                run.state = "failed"

    def _active(self, run_id: Hashable | None) -> RunTree | None:
        root = self._root_of.get(run_id) if run_id else None
        if root is None:
            return None
        self._trees.move_to_end(root)
        return self._trees[root]

    def _ending(self, run_id: Hashable) -> Run | None:
        tree = self._active(run_id)
        run = None if tree is None else tree.runs[run_id]
        if run is None or run.state != "open":
            return None
        run.state = "ended"
        return run

    def _evict(self) -> None:
        while len(self._trees) > self.max_open_runs:
            oldest = next(iter(self._trees))
            self._drop(oldest, dead=True)
            _logger.warning(
                "more than max_open_runs=%d runs are open; run %s is dropped and gets no citations",
                self.max_open_runs,
                oldest,
            )

    def _drop(self, root: Hashable, *, dead: bool = False) -> RunTree:
        tree = self._trees.pop(root)
        for run_id in tree.runs:
            del self._root_of[run_id]
            if dead:
                self._dead.add(run_id, True)
        return tree
