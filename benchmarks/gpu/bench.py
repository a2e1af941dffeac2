"""What the steps that measure models share: the device, its ceilings, and where figures go."""

from __future__ import annotations

import gc
import traceback
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from functools import partial

from benchmarks.baselines import scorer_way
from benchmarks.ceilings import measure_ceilings
from benchmarks.clock import device_in_use
from benchmarks.contexts import CONTEXTS, make_case
from benchmarks.entries import Plan
from benchmarks.gpu.profiles import profiled
from benchmarks.gpu.record import Record
from benchmarks.gpu.step import describe
from benchmarks.report import environment
from benchmarks.runner import measure
from benchmarks.shapes import SHAPES, build, default_dtype
from benchmarks.ways import Job, Setting, Way

__all__ = ["Bench"]

_TINY_MATRIX = 256
"""Rows and columns of the ceiling's matrices in a rehearsal."""
_FIRST = 4
"""Ablations of a model's first run."""


class Bench:
    """Measures ways on models, and writes each figure to the day's file as soon as it is there.

    One measurement that fails is noted, and the next goes on.

    Args:
        record: The day's file.
        step: The name of the step that measures.
        tiny: Whether it is a rehearsal.
    """

    def __init__(self, record: Record, step: str, *, tiny: bool) -> None:
        self._record, self._step = record, step
        self._device = device_in_use()
        size = _TINY_MATRIX if tiny else None
        self._ceilings = measure_ceilings(self._device, default_dtype(self._device), size=size)
        record.reach(environment(self._device), asdict(self._ceilings))
        gc.freeze()  # collecting garbage between runs need not look at all that was imported

    def setting(self, target: str, proxy: str | None, context: str) -> Setting:
        """Build models on the device, and run them once, since first runs set things up.

        Args:
            target: Name of a shape.
            proxy: Likewise.
            context: Name of a context to run them on.
        """
        models = [build(SHAPES[name], self._device) for name in (target, proxy) if name]
        for model in models:
            setting = Setting(model, None, self._device)
            scorer_way(None).run(Job(setting, (make_case(CONTEXTS[context], 0),), _FIRST))
        return Setting(models[0], models[1] if proxy else None, self._device)

    def alone(self, setting: Setting) -> Setting:
        """Return a setting whose target is another's proxy."""
        if setting.proxy is None:
            raise ValueError("the setting has no proxy")
        return replace(setting, target=setting.proxy, proxy=None)

    def measure(
        self, table: str, setting: Setting, context: str, ways: Sequence[Way], plan: Plan
    ) -> None:
        """Measure some ways in turns and add their rows.

        Args:
            table: The table that gets them.
            setting: The models.
            context: Name of a context.
            ways: What to run.
            plan: How thoroughly.
        """

        def run() -> None:
            rows = measure(setting, CONTEXTS[context], ways, plan, self._ceilings)
            self._record.add_rows(table, rows)
            for row in rows:
                took = row.reason if row.seconds is None else f"{row.seconds:.4f} s"
                print(f"{table}, {row.context}, {row.way}: {took}", flush=True)

        self._attempt(f"{table}, {context}", run)

    def profile(self, table: str, setting: Setting, context: str, way: Way) -> None:
        """Profile one run of a way that has been measured already.

        Args:
            table: The table that has its row.
            setting: The models.
            context: Name of a context.
            way: What to run.
        """
        case = make_case(CONTEXTS[context], 0)
        count = way.ablations(case) if way.ablations else 0
        job = Job(setting, (case,), count)

        def run() -> None:
            found = {
                "table": table,
                "way": way.name,
                **profiled(partial(way.run, job), self._device),
            }
            self._record.change(lambda content: content.setdefault("profiles", []).append(found))

        self._attempt(f"profile of {table}, {way.name}", run)

    def _attempt(self, what: str, work: Callable[[], None]) -> None:
        try:
            work()
        except Exception as error:
            traceback.print_exc()
            self._record.error(self._step, f"{what}: {describe(error)}")
