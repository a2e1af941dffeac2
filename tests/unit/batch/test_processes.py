"""Where a process stands among those that share a job."""

from __future__ import annotations

import sys
from typing import Any

import pytest
import torch

from attribot_integrations.batch.processes import Processes, are_several, joined, leads
from attribot_integrations.errors import ConfigurationError, MissingExtraError


class FakeState:
    """Stands in for accelerate's state in the second of two processes."""

    num_processes = 2
    process_index = 1
    device = "cuda:1"
    calls: list[Any]

    def __init__(self, **options: Any) -> None:
        self.calls = [options]
        FakeState.last = self

    last: FakeState

    def wait_for_everyone(self) -> None:
        self.calls.append("wait")

    def destroy_process_group(self) -> None:
        self.calls.append("destroy")


@pytest.fixture
def launched(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setenv("RANK", "1")
    monkeypatch.setattr("accelerate.state.PartialState", FakeState)


def test_a_process_alone_asks_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr("accelerate.state.PartialState")
    with joined() as processes:
        processes.wait()
        assert (processes.index, processes.count, processes.is_main) == (0, 1, True)
        assert processes.device_map("auto") == "auto"
    assert leads()
    assert not are_several()


@pytest.mark.usefixtures("launched")
def test_one_of_two() -> None:
    with joined() as processes:
        processes.wait()
        assert (processes.index, processes.count, processes.is_main) == (1, 2, False)
        assert processes.device_map("auto") == "cuda:1"
        assert processes.device_map("cpu") == "cpu"
    options, *calls = FakeState.last.calls
    assert options["timeout"].days == 30
    assert calls == ["wait", "destroy"]
    assert are_several()
    assert not leads()


@pytest.mark.usefixtures("launched")
def test_a_build_for_devices_without_one_shares_the_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torch.accelerator.is_available", lambda: False)
    monkeypatch.setattr("torch.accelerator.current_accelerator", lambda: torch.device("cuda"))
    with joined():
        assert FakeState.last.calls[0]["cpu"] is True


@pytest.mark.usefixtures("launched")
def test_one_that_fails_does_not_wait_for_the_other() -> None:
    with pytest.raises(KeyError), joined():
        raise KeyError
    assert FakeState.last.calls[1:] == []


@pytest.mark.usefixtures("launched")
def test_processes_that_accelerate_does_not_find(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(FakeState, "num_processes", 1)
    with pytest.raises(ConfigurationError, match=r"2 processes were started, .* finds 1"):
        joined().__enter__()


@pytest.mark.usefixtures("launched")
def test_several_need_accelerate(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "accelerate.state", None)
    with pytest.raises(MissingExtraError, match=r"several processes share .*\[local\]"):
        joined().__enter__()


@pytest.mark.parametrize("name", ["PMI", "OMPI_COMM_WORLD", "MV2_COMM_WORLD"])
def test_processes_of_mpi(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(f"{name}_SIZE", "3")
    assert are_several()
    assert leads()
    monkeypatch.setenv(f"{name}_RANK", "2")
    assert not leads()
    assert Processes().is_main
