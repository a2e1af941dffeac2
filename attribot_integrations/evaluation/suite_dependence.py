"""Ablations of recorded answers by what each method and text scorer ranks highest."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from attribot_integrations.errors import ConfigurationError, InputError, OutOfMemoryError
from attribot_integrations.evaluation.baselines_lasso import random_ablations
from attribot_integrations.evaluation.cases import prepare_case
from attribot_integrations.evaluation.dependence import dependence
from attribot_integrations.evaluation.store import RowStore

if TYPE_CHECKING:
    from attribot_integrations.engine import AttributionEngine
    from attribot_integrations.evaluation.examples import EvaluationExample
    from attribot_integrations.evaluation.recordings import Recorder
    from attribot_integrations.evaluation.text_scorers import TextScorer
    from attribot_integrations.results import Attribution, FloatArray

__all__ = ["DependenceOptions", "DependenceRuns"]

Figures = dict[str, dict[str, float | None]]


@dataclass(frozen=True)
class DependenceOptions:
    """How many answers are ablated, and how."""

    answers: int = 0
    """The first of each set; 0 for none."""
    ablations: int = 32
    """Random ablations for the linear datamodelling score."""
    counts: tuple[int, ...] = (1, 3)
    """How many of the best sources are removed, or stay."""
    seed: int = 0
    """Seed of the random ablations."""

    def __post_init__(self) -> None:
        if self.answers < 0 or self.ablations < 2 or min(self.counts, default=0) < 1:
            raise ConfigurationError(
                "answers must not be negative, ablations at least 2 and counts at least 1, got "
                f"{self.answers}, {self.ablations} and {self.counts}"
            )


@dataclass(frozen=True)
class DependenceRuns:
    """Ablates the first answers of one set."""

    engine: AttributionEngine
    recorders: Mapping[str, Recorder]
    """What recorded each method, by the method's name."""
    folders: Mapping[str, Path]
    """Where, likewise."""
    scorers: Mapping[str, TextScorer] = field(default_factory=dict)
    options: DependenceOptions = field(default_factory=DependenceOptions)

    @property
    def settings(self) -> dict[str, Any]:
        """Everything that a row depends on, but for the machine's speed."""
        return {
            "recorders": {name: each.settings for name, each in self.recorders.items()},
            "scorers": {name: each.name for name, each in self.scorers.items()},
            "ablations": self.options.ablations,
            "counts": list(self.options.counts),
            "seed": self.options.seed,
        }

    def run(
        self,
        folder: Path,
        *,
        resume: bool = True,
        progress: Callable[[int], None] | None = None,
    ) -> None:
        """Ablate the answers that no earlier run has.

        Args:
            folder: Where rows are kept.
            resume: Whether to go on with the rows in the folder.
            progress: Called with the number of answers that are done.

        Raises:
            ConfigurationError: If the folder's rows were made with other settings.
            ModelError: If the model fails.
            OSError: If the folder cannot be written to.
        """
        store = RowStore.open(self.settings, folder, resume=resume)
        report = progress or (lambda _: None)
        recorded = self._recorded()
        report(min(len(store.rows), self.options.answers))
        examples = next(iter(self.recorders.values())).data.examples
        for index in range(len(store.rows), min(self.options.answers, len(examples))):
            found = {name: each[index] for name, each in recorded.items() if index in each}
            figures = self._figures(examples[index], index, found) if found else {}
            store.append({"index": index, "id": examples[index].id, "figures": figures})
            report(index + 1)

    def read(self, folder: Path) -> list[Figures]:
        """Return the figures of the answers ablated so far, by the name of what ranked.

        Raises:
            ConfigurationError: If the folder's rows were made with other settings.
            DataFileError: If they cannot be read.
        """
        store = RowStore.open(self.settings, folder)
        return [row["figures"] for row in store.rows[: self.options.answers]]

    def _recorded(self) -> dict[str, dict[int, Attribution]]:
        found: dict[str, dict[int, Attribution]] = {}
        for name, recorder in self.recorders.items():
            places = {example.id: place for place, example in enumerate(recorder.data.examples)}
            answers = (
                each for each in recorder.read(self.folders[name]) if each.variant.kind == "answer"
            )
            found[name] = {
                places[each.variant.example.id]: each.attribution
                for each in islice(answers, self.options.answers)
            }
        return found

    def _figures(
        self, example: EvaluationExample, index: int, found: Mapping[str, Attribution]
    ) -> Figures:
        scores: dict[str, FloatArray] = {name: each.source_scores for name, each in found.items()}
        try:
            case = prepare_case(self.engine, example)
            texts = [source.text for source in case.sources]
            for name, scorer in self.scorers.items():
                scores[name] = scorer.score(example.question, example.answer, texts)
            options = self.options
            kept = random_ablations(options.ablations, len(texts), options.seed, 1, index)
            return dependence(case.scorer, case.sources, scores, kept, options.counts)
        except (InputError, OutOfMemoryError):  # it is not among those recorded either
            return {}
