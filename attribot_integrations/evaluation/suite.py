"""Methods on many data sets: gold evidence, labels, fidelity and cost, from what was recorded.

Each method is recorded once on each set; all figures are made from the recordings, so judging again
with another policy or other labels runs no model.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from attribot_integrations.errors import ConfigurationError, DataFileError
from attribot_integrations.evaluation.bootstrap import bootstrap_mean
from attribot_integrations.evaluation.examples import ExampleSet, read_set
from attribot_integrations.evaluation.gold_units import (
    GoldUnit,
    citation_figures,
    gold_units,
    ranking_figures,
)
from attribot_integrations.evaluation.label_figures import judged_statements, label_figures
from attribot_integrations.evaluation.measuring import MeasureOptions
from attribot_integrations.evaluation.method_runs import environment
from attribot_integrations.evaluation.metrics import average_precision, pearson, top_agreement
from attribot_integrations.evaluation.published import OWN, PUBLISHED, find_format
from attribot_integrations.evaluation.recordings import Recorded, Recorder, VariantPlan
from attribot_integrations.evaluation.suite_dependence import DependenceOptions, DependenceRuns
from attribot_integrations.results.judging import judged
from attribot_integrations.verifying import with_verifier

if TYPE_CHECKING:
    from attribot_integrations.engine import AttributionEngine
    from attribot_integrations.evaluation.label_figures import JudgedStatement
    from attribot_integrations.evaluation.text_scorers import TextScorer
    from attribot_integrations.methods import Method
    from attribot_integrations.requests.options import EngineOptions

__all__ = ["Suite", "SuitePart", "read_suite"]

Figures = dict[str, Any]
Values = Mapping[str, float | None]
_EXACT = "exact"
_ABLATED = "ablated"
"""Name of the folder beside those of the methods."""


def read_suite(
    folder: Path, limit: int | None = None, *, format: str | None = None
) -> tuple[ExampleSet, ...]:
    """Read every data file of a folder, by name.

    Files end in `.jsonl`, or in `.json` where they are in a shape that data sets are published in.

    Args:
        folder: The folder.
        limit: Most examples of each file.
        format: Format of all files, see `examples.read_set`.

    Raises:
        ConfigurationError: If there is no such format.
        DataFileError: If there is no such file, or a line cannot be read.
        OSError: If a file cannot be read.
    """
    beside = {each.beside[0] for each in PUBLISHED.values() if each.beside is not None}
    files = [
        path
        for path in sorted(folder.iterdir())
        if (path.suffix == ".jsonl" and path.name not in beside)
        or (path.suffix == ".json" and find_format(path.read_bytes(), None) != OWN)
    ]
    if not files:
        raise DataFileError(f"{folder.name} holds no .jsonl file")
    return tuple(read_set(path, limit, format=format) for path in files)


@dataclass
class _Gathered:
    """What one method gave on one set, or on all of them."""

    units: list[Values] = field(default_factory=list)
    answers: list[Values] = field(default_factory=list)
    """One for each answer: fidelity and cost."""
    statements: list[JudgedStatement] = field(default_factory=list)
    scored: dict[str, list[Values]] = field(default_factory=dict)
    """The figures of text scorers on the same units, by the scorer's name."""

    def add(self, other: _Gathered) -> None:
        self.units += other.units
        self.answers += other.answers
        self.statements += other.statements
        for name, values in other.scored.items():
            self.scored.setdefault(name, []).extend(values)

    def figures(self) -> Figures:
        return {**_means(self.units), **_means(self.answers), **label_figures(self.statements)}


@dataclass(frozen=True)
class SuitePart:
    """One data set, and what is recorded on it."""

    data: ExampleSet
    methods: Mapping[str, Method]
    """By the name in results."""
    plan: VariantPlan = field(default_factory=VariantPlan)
    """Which answers are recorded beside those of the data."""


@dataclass(frozen=True)
class Suite:
    """Data sets, and what is compared on them.

    Raises:
        ConfigurationError: If two sets have one name, or there is no method for one.
    """

    engine: AttributionEngine
    """Its options' policy and labels are what is judged."""
    parts: Sequence[SuitePart]
    scorers: Mapping[str, TextScorer] = field(default_factory=dict)
    """What looks at texts alone, by the name in results."""
    ablated: DependenceOptions = field(default_factory=DependenceOptions)
    """How many answers of each set are ablated by what ranks highest."""
    names: tuple[str, str | None] | None = None
    """What results call target and proxy; the models' own names by default."""

    def __post_init__(self) -> None:
        names = [each.data.name for each in self.parts]
        if len(set(names)) < len(names):
            raise ConfigurationError(f"the sets of a suite need names of their own, got {names}")
        bare = [each.data.name for each in self.parts if not each.methods]
        if bare or not names:
            raise ConfigurationError(
                f"a suite needs sets, and a method for each; there is none for {bare or 'any'}"
            )

    def recorder(self, part: SuitePart, name: str) -> Recorder:
        """Return what records one method on one set."""
        return Recorder(self.engine, part.data, part.methods[name], part.plan, self.names)

    def record(
        self,
        folder: Path,
        *,
        resume: bool = True,
        progress: Callable[[str, int, int], None] | None = None,
    ) -> None:
        """Run what no earlier run has.

        Args:
            folder: Where recordings are kept, one folder for each set and method.
            resume: Whether to go on with what is there.
            progress: Called with what is recorded, how many examples are done, and of how many.

        Raises:
            ConfigurationError: If recordings there were made with other settings.
            ModelError: If the model cannot run a method.
            OSError: If the folder cannot be written to.
        """
        for part in self.parts:
            data = part.data
            for name in part.methods:
                told = None
                if progress is not None:
                    told = partial(_tell, progress, f"{data.name}, {name}", len(data.examples))
                self.recorder(part, name).run(
                    _folder(folder, data, name), resume=resume, progress=told
                )
            if self.ablated.answers:
                told = None
                if progress is not None:
                    total = min(self.ablated.answers, len(data.examples))
                    told = partial(_tell, progress, f"{data.name}, {_ABLATED}", total)
                self._ablations(folder, part).run(
                    _folder(folder, data, _ABLATED), resume=resume, progress=told
                )

    def judge(self, folder: Path, options: EngineOptions | None = None) -> Figures:
        """Return the figures of everything recorded so far; no model runs but those of scorers.

        Args:
            folder: Where recordings are kept.
            options: Policy and labels to judge instead of the engine's.

        Returns:
            The results, ready for JSON: `sets` by name, of which anything is recorded, and `all` of
            them pooled, each with the figures of `methods` and `scorers`. A set also has the number
            of `examples` that each method has done and the answers that `failed`. `…_ci` is a 95 %
            bootstrap interval, `…_n` the number of values.

        Raises:
            ConfigurationError: If recordings there were made with other settings.
            DataFileError: If they cannot be read.
        """
        chosen = options or self.engine.options
        pooled: dict[str, _Gathered] = {}
        sets: dict[str, Figures] = {}
        for part in self.parts:
            gathered = self._gathered(folder, part, chosen)
            if not any(each.answers or each.statements for each in gathered.values()):
                continue  # nothing has been recorded yet
            sets[part.data.name] = _shown(gathered) | self._counted(folder, part)
            for name, each in gathered.items():
                pooled.setdefault(name, _Gathered()).add(each)
        return {
            "schema": 1,
            "settings": {
                "sets": {
                    part.data.name: {
                        name: self.recorder(part, name).settings for name in part.methods
                    }
                    for part in self.parts
                },
                "policy": repr(chosen.policy),
                "support": repr(chosen.support),
                "verifier": None if chosen.verifier is None else chosen.verifier.name,
            },
            "environment": environment(self.engine),
            "sets": sets,
            "all": _shown(pooled),
        }

    def _counted(self, folder: Path, part: SuitePart) -> Figures:
        """Return how many examples each method has done, and what it could not attribute."""
        recorders = {name: self.recorder(part, name) for name in part.methods}
        places = {name: _folder(folder, part.data, name) for name in part.methods}
        return {
            "examples": {name: each.done(places[name]) for name, each in recorders.items()},
            "failed": {name: each.failures(places[name]) for name, each in recorders.items()},
        }

    def _gathered(
        self, folder: Path, part: SuitePart, options: EngineOptions
    ) -> dict[str, _Gathered]:
        data = part.data
        found: dict[str, _Gathered] = {}
        reference: dict[str, Recorded] = {}
        for name in sorted(part.methods, key=lambda each: each != _EXACT):
            one = found[name] = _Gathered()
            scorers = self.scorers if len(found) == 1 else {}
            for recorded in self.recorder(part, name).read(_folder(folder, data, name)):
                verified = with_verifier(recorded.attribution, options.verifier)
                attribution = judged(verified, options.policy, options.support)
                one.statements += judged_statements(recorded, attribution)
                for unit in gold_units(recorded, attribution):
                    both = ranking_figures(unit, unit.evidence)
                    one.units.append(
                        ranking_figures(unit, unit.scores)
                        | {f"evidence_{name.removeprefix('gold_')}": both[name] for name in both}
                        | citation_figures(unit, unit.cited)
                    )
                    for scorer, text_scorer in scorers.items():
                        one.scored.setdefault(scorer, []).append(_ranked(unit, text_scorer))
                if recorded.variant.kind != "answer":
                    continue
                if name == _EXACT:
                    reference[recorded.variant.example.id] = recorded
                one.answers.append(_of_answer(recorded, reference, name))
        if self.ablated.answers:
            first = next(iter(found.values()))
            for figures in self._ablations(folder, part).read(_folder(folder, data, _ABLATED)):
                for name, values in figures.items():
                    rows = found[name].answers if name in found else first.scored[name]
                    rows.append(values)
        return {name: found[name] for name in part.methods}

    def _ablations(self, folder: Path, part: SuitePart) -> DependenceRuns:
        return DependenceRuns(
            self.engine,
            {name: self.recorder(part, name) for name in part.methods},
            {name: _folder(folder, part.data, name) for name in part.methods},
            self.scorers,
            self.ablated,
        )


def _tell(progress: Callable[[str, int, int], None], what: str, total: int, done: int) -> None:
    progress(what, done, total)


def _folder(folder: Path, data: ExampleSet, name: str) -> Path:
    return folder / data.name.removesuffix(".jsonl") / name


def _ranked(unit: GoldUnit, scorer: TextScorer) -> Values:
    texts = [source.text for source in unit.attribution.sources]
    return ranking_figures(unit, scorer.score(unit.attribution.question, unit.text, texts))


def _of_answer(recorded: Recorded, reference: Mapping[str, Recorded], name: str) -> Values:
    """Return the cost of one answer, and its fidelity to exact scores where there are any."""
    attribution, cost = recorded.attribution, recorded.attribution.cost
    tokens = sum(each.tokens for each in cost.models)
    largest = max((each.parameters for each in cost.models), default=1)
    weighted = sum(each.tokens * each.parameters for each in cost.models) / largest
    values: dict[str, float | None] = {
        "tokens_vs_naive": tokens / recorded.naive_tokens,
        "cost_vs_naive": weighted / recorded.naive_tokens,
        "seconds": cost.seconds,
    }
    exact = reference.get(recorded.variant.example.id)
    if exact is None or name == _EXACT:
        return values
    scores, truth = attribution.source_scores, exact.attribution.source_scores
    options = MeasureOptions()
    outliers = options.rules["map"].outliers(truth)
    stands_out = bool(np.max(truth, initial=0.0) >= options.min_score)
    return values | {
        "map": average_precision(scores, outliers),
        "top1": top_agreement(scores, truth) if stands_out else None,
        "pearson": pearson(scores, truth),
    }


def _shown(gathered: Mapping[str, _Gathered]) -> Figures:
    scored: dict[str, list[Values]] = {}
    for each in gathered.values():  # of one set, the first method alone has them
        for name, values in each.scored.items():
            scored.setdefault(name, []).extend(values)
    return {
        "methods": {name: each.figures() for name, each in gathered.items()},
        "scorers": {name: _means(values) for name, values in scored.items()},
    }


def _means(values: Iterable[Values]) -> Figures:
    rows = list(values)
    figures: Figures = {}
    for name in dict.fromkeys(name for row in rows for name in row):
        found = [value for row in rows if (value := row.get(name)) is not None]
        mean = bootstrap_mean(found)
        figures[name] = mean.value if mean else None
        figures[f"{name}_ci"] = [mean.low, mean.high] if mean else None
        figures[f"{name}_n"] = len(found)
    return figures
