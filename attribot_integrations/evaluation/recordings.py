"""Attributions of an example set, kept whole, so that choices can be judged without a model.

Running models takes hours where judging thresholds, labels and policies takes seconds. So a
recording holds every attribution of every variant of every example, as JSON lines in a folder, and
goes on where it stopped.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from attribot_integrations import __version__
from attribot_integrations.engine.attributing import build_prompt
from attribot_integrations.errors import ConfigurationError, InputError, OutOfMemoryError
from attribot_integrations.evaluation.store import RowStore
from attribot_integrations.evaluation.variants import VARIANTS, Variant, VariantKind, make_variant
from attribot_integrations.requests.options import AttributionRequest
from attribot_integrations.results import Attribution
from attribot_integrations.scoring.language_model import in_process
from attribot_integrations.tokens.ablated import AblatedText

if TYPE_CHECKING:
    from attribot_integrations.engine import AttributionEngine
    from attribot_integrations.evaluation.examples import EvaluationExample, ExampleSet
    from attribot_integrations.methods import Method

__all__ = ["Recorded", "Recorder", "VariantPlan"]


@dataclass(frozen=True)
class VariantPlan:
    """Which variants of an example are recorded: the answer, and so many that are not supported."""

    negatives: int = 3
    """How many of the three; with fewer, they take turns."""

    def __post_init__(self) -> None:
        if not 0 <= self.negatives < len(VARIANTS):
            raise ConfigurationError(
                f"negatives must be from 0 to {len(VARIANTS) - 1}, got {self.negatives}"
            )

    def kinds(self, index: int) -> tuple[VariantKind, ...]:
        """Return the kinds for one example."""
        others = VARIANTS[1:]
        turned = [others[(index + place) % len(others)] for place in range(self.negatives)]
        return VARIANTS[0], *turned


@dataclass(frozen=True)
class Recorded:
    """One attribution with what it was made of."""

    variant: Variant
    attribution: Attribution
    naive_tokens: int
    """Tokens of naive leave-one-out: one pass for each source and one for the full prompt, without
    a cache; counted, not run."""


@dataclass(frozen=True)
class Recorder:
    """Runs one method on all examples of a set, and keeps the attributions."""

    engine: AttributionEngine
    data: ExampleSet
    method: Method
    plan: VariantPlan = VariantPlan()
    names: tuple[str, str | None] | None = None
    """What settings call target and proxy; the models' own names by default."""

    @property
    def settings(self) -> dict[str, Any]:
        """Everything that a row depends on, but for the machine's speed."""
        target, proxy = self.names or (
            self.engine.target.name,
            self.engine.proxy.name if self.engine.proxy else None,
        )
        return {
            "version": __version__,
            "data": self.data.name,
            "data_digest": self.data.digest,
            "target": target,
            "proxy": proxy if self.method.needs_proxy else None,
            "dtype": str(in_process(self.engine.target).model.dtype).removeprefix("torch."),
            "method": repr(self.method),
            "alternatives": repr(self.engine.options.alternatives),
            "plan": asdict(self.plan),
        }

    def run(
        self,
        folder: Path,
        *,
        resume: bool = True,
        progress: Callable[[int], None] | None = None,
    ) -> None:
        """Attribute the examples that no earlier run has.

        Args:
            folder: Where rows are kept.
            resume: Whether to go on with the rows in the folder.
            progress: Called with the number of examples that are done.

        Raises:
            ConfigurationError: If the folder's rows were made with other settings.
            ModelError: If the model cannot run the method.
            OSError: If the folder cannot be written to.
        """
        store = RowStore.open(self.settings, folder, resume=resume)
        examples = self.data.examples
        report = progress or (lambda _: None)
        report(min(len(store.rows), len(examples)))
        for index in range(len(store.rows), len(examples)):
            store.append(self._row(index))
            report(index + 1)

    def read(self, folder: Path) -> Iterator[Recorded]:
        """Yield what was recorded, of the examples of this set.

        Raises:
            ConfigurationError: If the folder's rows were made with other settings.
            DataFileError: If they cannot be read.
        """
        for index, row in enumerate(self._rows(folder)):
            yield from _recorded(row, self.data.examples, index)

    def failures(self, folder: Path) -> list[str]:
        """Return what could not be attributed, with the reason; no figure counts it.

        Raises:
            ConfigurationError: If the folder's rows were made with other settings.
            DataFileError: If they cannot be read.
        """
        return [
            f"{row['id']}, {kind}: {answer['error']}"
            for row in self._rows(folder)
            for kind, answer in row["answers"].items()
            if "error" in answer
        ]

    def done(self, folder: Path) -> int:
        """Return how many examples of this set are recorded."""
        return len(self._rows(folder))

    def _rows(self, folder: Path) -> list[dict[str, Any]]:
        if not folder.is_dir():  # opening a store would make it
            return []
        return RowStore.open(self.settings, folder).rows[: len(self.data.examples)]

    def _row(self, index: int) -> dict[str, Any]:
        examples = self.data.examples
        answers: dict[str, Any] = {}
        for kind in self.plan.kinds(index):
            variant = make_variant(kind, examples, index)
            if variant is None:
                continue
            try:
                answers[kind] = self._attributed(variant)
            except (InputError, OutOfMemoryError) as error:  # this example's problem alone
                answers[kind] = {"error": f"{type(error).__name__}: {error}"}
        return {"index": index, "id": examples[index].id, "answers": answers}

    def _attributed(self, variant: Variant) -> dict[str, Any]:
        example = variant.example
        spans = [each.span for each in example.statements] if example.statements else None
        request = AttributionRequest(
            example.question,
            example.chunks,
            example.answer,
            example.prompt,
            id=example.id,
            statements=spans,
        )
        options = replace(
            self.engine.options,
            method=self.method,
            levels=("sentence",),
            splitter=example.splitter,
        )
        attribution = self.engine.attribute_request(request, options=options)
        prompt, sources, _ = build_prompt(request, attribution.chunks, options)
        text = AblatedText(in_process(self.engine.target).encoder, prompt, frozenset())
        removals = [frozenset(source.sentence_ids) for source in sources.sentences]
        prompts = [len(ids) for _, group in text.without_each(removals) for ids in group]
        answer = len(attribution.token_spans) - 1  # nothing is predicted from its last token
        return {
            "naive_tokens": sum(length + answer for length in [len(text.ids), *prompts]),
            "attribution": attribution.to_dict(),
        }


def _recorded(
    row: Mapping[str, Any], examples: Sequence[EvaluationExample], index: int
) -> Iterator[Recorded]:
    for kind in VARIANTS:
        answer = row["answers"].get(kind)
        if answer is None or "error" in answer:
            continue
        variant = make_variant(kind, examples, index)
        if variant is not None:
            yield Recorded(
                variant, Attribution.from_dict(answer["attribution"]), answer["naive_tokens"]
            )
