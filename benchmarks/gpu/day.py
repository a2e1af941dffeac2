"""Runs steps one after the other, each under a deadline, within a given time."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from benchmarks.gpu.record import Record, State
from benchmarks.gpu.steps import Step

__all__ = ["run_steps"]

ROOT = Path(__file__).parents[2]


def run_steps(
    steps: Sequence[Step],
    record: Record,
    command: Callable[[Step], Sequence[str]],
    seconds: float,
    log: Path,
    tell: Callable[[str], object],
) -> None:
    """Run what fits; a step that fails, hangs or does not fit does not keep the next from running.

    Args:
        steps: What to run, most valuable first.
        record: Where each step's end is noted. The steps themselves write their figures to it.
        command: Returns the command line of a step's process.
        seconds: How long all of them may take together.
        log: Gets what the steps print.
        tell: Is told how each step ended.
    """
    end = time.monotonic() + seconds
    for step in steps:
        left = end - time.monotonic()
        if left < step.least:
            reason = f"needs at least {step.least:.0f} s, and {max(left, 0):.0f} s were left"
            record.note(step.name, "skipped", about=step.about, reason=reason)
            tell(f"{step.name}: skipped, {reason}")
            continue
        _run(step, record, command(step), min(step.most, left), log, tell)


def _run(
    step: Step,
    record: Record,
    command: Sequence[str],
    allowed: float,
    log: Path,
    tell: Callable[[str], object],
) -> None:
    record.note(step.name, "running", about=step.about)
    started = time.monotonic()
    code = _run_process(command, allowed, log)
    seconds = round(time.monotonic() - started, 1)
    if code == 0:
        record.note(step.name, "done", seconds=seconds)
        tell(f"{step.name}: done in {seconds:.0f} s")
        return
    if code is None:
        reason = f"not done after {allowed:.0f} s; what it had measured until then is kept"
    else:
        errors = record.read()["steps"][step.name].get("errors") or [f"ended with status {code}"]
        reason = "; ".join(errors)
    state: State = "stopped" if code is None else "failed"
    record.note(step.name, state, seconds=seconds, reason=reason)
    tell(f"{step.name}: {state} after {seconds:.0f} s, {reason}")


def _run_process(command: Sequence[str], allowed: float, log: Path) -> int | None:
    """Run a command in a process group of its own, which ends with it.

    Returns:
        Its status, or `None` if it was ended because its time was over.
    """
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "PYTHONUNBUFFERED": "1"}
    with log.open("ab") as output:
        process = subprocess.Popen(
            command,
            cwd=ROOT,
            env=environment,
            stdout=output,
            stderr=subprocess.STDOUT,
            preexec_fn=os.setpgrp,
        )
        try:
            return process.wait(allowed)
        except subprocess.TimeoutExpired:
            return None
        finally:  # also when the day itself is interrupted
            _end_group(process)


def _end_group(process: subprocess.Popen[bytes]) -> None:
    with suppress(ProcessLookupError):  # nothing of it may be left
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
