"""Audits of answers with planted faults: recorded once, judged in any way."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from attribot_integrations import __version__
from attribot_integrations.errors import InputError, OutOfMemoryError
from attribot_integrations.evaluation.bootstrap import bootstrap_mean
from attribot_integrations.evaluation.planted import (
    CitedExample,
    PlantedOutcome,
    cited_example,
    planted_answers,
    planted_outcome,
)
from attribot_integrations.evaluation.store import RowStore
from attribot_integrations.requests.options import AttributionRequest
from attribot_integrations.results import Attribution
from attribot_integrations.verifying import verified

if TYPE_CHECKING:
    from attribot_integrations.auditing import AuditOptions
    from attribot_integrations.engine import AttributionEngine
    from attribot_integrations.evaluation.examples import ExampleSet
    from attribot_integrations.methods import Method
    from attribot_integrations.verifying import Verifier

__all__ = ["PlantedRecorder", "planted_figures"]

Pair = tuple[CitedExample, Attribution]


@dataclass(frozen=True)
class PlantedRecorder:
    """Attributes the answers of a set for which it is known what they should cite."""

    engine: AttributionEngine
    data: ExampleSet
    method: Method
    target: str | None = None
    """What settings call the target; the model's own name by default."""

    @property
    def examples(self) -> list[CitedExample]:
        """The answers that faults can be planted in."""
        found = (cited_example(example) for example in self.data.examples)
        return [example for example in found if example is not None]

    @property
    def settings(self) -> dict[str, Any]:
        """Everything that a row depends on, but for the machine's speed."""
        return {
            "version": __version__,
            "data": self.data.name,
            "data_digest": self.data.digest,
            "target": self.target or self.engine.target.name,
            "method": repr(self.method),
            "alternatives": repr(self.engine.options.alternatives),
        }

    def run(self, folder: Path, *, progress: Callable[[int, int], None] | None = None) -> None:
        """Attribute the answers that no earlier run has.

        Args:
            folder: Where rows are kept; a run that was cut short goes on.
            progress: Called with the number of answers that are done, and of all.

        Raises:
            ConfigurationError: If the folder's rows were made with other settings.
            OSError: If the folder cannot be written to.
        """
        store = RowStore.open(self.settings, folder)
        examples = self.examples
        for example in examples[len(store.rows) :]:
            store.append(self._row(example))
            if progress is not None:
                progress(len(store.rows), len(examples))

    def read(self, folder: Path) -> Iterator[Pair]:
        """Yield the answers that are recorded, with their attributions.

        Raises:
            ConfigurationError: If the folder's rows were made with other settings.
            DataFileError: If they cannot be read.
        """
        if not folder.is_dir():
            return
        rows = RowStore.open(self.settings, folder).rows
        for example, row in zip(self.examples, rows, strict=False):
            if "attribution" in row:
                yield example, Attribution.from_dict(row["attribution"])

    def _row(self, example: CitedExample) -> dict[str, Any]:
        request = AttributionRequest(
            example.question, example.chunks, example.answer, id=example.id
        )
        options = replace(self.engine.options, method=self.method, levels=("sentence",))
        try:
            found = self.engine.attribute_request(request, options=options)
        except (InputError, OutOfMemoryError) as error:  # this answer's problem alone
            return {"id": example.id, "error": f"{type(error).__name__}: {error}"}
        return {"id": example.id, "attribution": found.to_dict()}


def planted_figures(
    pairs: Iterable[Pair],
    *,
    options: AuditOptions | None = None,
    verifier: Verifier | None = None,
    seed: int = 0,
) -> dict[str, Any]:
    """Return what audits find of planted faults, and how often they call right citations wrong.

    `exchanged`, `dropped`, `added`: share of such faults that are found; `…_located`: share of
    which the right chunk is named instead. `alarms`: share of the right citations that are called
    wrong, over answers without a fault; `unknown`: that are not judged; `missing`: share of the
    statements with all their citations of which one is said to be missing. Each has a bootstrap
    interval at 95 %, and the number of values.

    Args:
        pairs: Answers with their attributions.
        options: What counts as evidence.
        verifier: Says what sources state, where the attributions do not.
        seed: Of where the faults are.
    """
    values: dict[str, list[float]] = {}
    answers = 0
    for example, recorded in pairs:
        answers += 1
        attribution = recorded if verifier is None else _with_states(recorded, verifier)
        for planted in planted_answers(example, seed):
            outcome = planted_outcome(planted, attribution, options)
            for name, value in _values(planted.fault, outcome):
                values.setdefault(name, []).append(value)
    figures: dict[str, Any] = {"answers": answers}
    for name, found in values.items():
        mean = bootstrap_mean(found)
        if mean is not None:
            figures |= {
                name: mean.value,
                f"{name}_ci": [mean.low, mean.high],
                f"{name}_n": mean.count,
            }
    return figures


def _values(fault: str | None, outcome: PlantedOutcome) -> Iterator[tuple[str, float]]:
    if fault is not None:
        yield fault, float(bool(outcome.found))
        if outcome.located is not None:
            yield f"{fault}_located", float(outcome.located)
        return
    for name, part, whole in (
        ("alarms", outcome.alarms, outcome.citations),
        ("unknown", outcome.unknown, outcome.citations),
        ("missing", outcome.missing, outcome.statements),
    ):
        yield from [(name, 1.0)] * part + [(name, 0.0)] * (whole - part)


def _with_states(attribution: Attribution, verifier: Verifier) -> Attribution:
    stated = verified(
        verifier,
        attribution.question,
        [statement.text for statement in attribution.statements],
        [source.text for source in attribution.sources],
    )
    return replace(attribution, stated=stated, verifier=verifier.name)
