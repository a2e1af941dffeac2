"""Runs are gathered below their roots, and nothing stays open."""

import pytest

from attribot_integrations.answers.tracking import RunTracker
from attribot_integrations.context.sources import Chunk
from attribot_integrations.errors import ConfigurationError

ADA, BEA = Chunk("Ada is old."), Chunk("Bea is young.")


def test_a_root_is_handed_over_when_it_ends() -> None:
    tracker = RunTracker()
    tracker.start("root", None, "chain", inputs="Who?")
    tracker.start("find", "root", "retriever")
    tracker.start("ask", "root", "model")
    assert (tracker.open_roots, tracker.open_runs) == (1, 3)
    assert tracker.end("find", found=(ADA,)) is None
    assert tracker.gathered("root") == (ADA,)
    assert tracker.end("ask", text="Ada.", arguments="[]") is None
    tree = tracker.end("root", passed=(BEA,))
    assert tree is not None
    assert (tree.inputs, tree.root.passed, tree.runs["find"].chunks) == ("Who?", (BEA,), (ADA,))
    call = tree.runs["ask"].call
    assert (call.text, call.arguments, call.ended) == ("Ada.", "[]", True)
    assert (tracker.open_roots, tracker.open_runs) == (0, 0)


def test_events_of_runs_that_are_not_open_change_nothing() -> None:
    tracker = RunTracker()
    tracker.start("root", None, "chain")
    assert tracker.start("root", None, "chain") is None, "a handler that is attached twice"
    tracker.start("find", "root", "retriever")
    tracker.end("find", found=(ADA,))
    assert tracker.end("find", found=(BEA,)) is None
    tracker.fail("find", ValueError())
    assert tracker.gathered("root") == (ADA,)
    assert tracker.end("unknown") is None
    tracker.register("unknown", (ADA,))
    assert tracker.gathered("unknown") == ()


def test_registered_chunks_count_but_for_those_of_a_retriever() -> None:
    tracker = RunTracker()
    tracker.start("root", None, "chain")
    tracker.start("find", "root", "retriever")
    tracker.start("inner", "find", "chain")
    tracker.register("find", (BEA,))
    tracker.register("inner", (BEA,))
    tracker.register("root", (ADA,))
    assert tracker.gathered("inner") == (ADA,)


def test_failed_roots_take_their_branches_along() -> None:
    tracker = RunTracker()
    tracker.start("root", None, "chain")
    tracker.start("branch", "root", "chain")
    tracker.fail("root", ValueError())
    assert tracker.start("late", "branch", "model") is None
    assert tracker.start("later", "late", "model") is None
    assert (tracker.open_roots, tracker.open_runs) == (0, 0)


def test_a_closed_stream_has_not_failed() -> None:
    tracker = RunTracker()
    tracker.start("root", None, "chain")
    for name in ("left", "broken"):
        tracker.start(name, "root", "retriever")
        tracker.register(name, ())
    tracker.fail("left", GeneratorExit())
    tracker.fail("broken", ValueError())
    tree = tracker.end("root")
    assert tree is not None
    assert [run.state for run in tree.runs.values()] == ["ended", "ended", "failed"]


def test_the_least_recently_active_root_is_dropped(caplog: pytest.LogCaptureFixture) -> None:
    tracker = RunTracker(max_open_runs=2)
    for name in "abc":
        tracker.start(name, None, "chain")
        tracker.start(f"{name}1", "a", "chain")
    assert [tracker.is_root(name) for name in "abc"] == [True, False, True]
    assert caplog.text.count("more than max_open_runs=2 runs are open; run b is dropped") == 1
    with pytest.raises(ConfigurationError, match="max_open_runs must be at least 1, got 0"):
        RunTracker(0)
