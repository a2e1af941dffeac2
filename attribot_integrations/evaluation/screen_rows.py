"""What an attention screen is fitted to: attention and exact scores of the same answers."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from attribot_integrations import __version__
from attribot_integrations.engine.attributing import build_prompt
from attribot_integrations.errors import (
    ConfigurationError,
    DataFileError,
    InputError,
    OutOfMemoryError,
)
from attribot_integrations.evaluation.store import RowStore
from attribot_integrations.methods.loo import LeaveOneOut
from attribot_integrations.requests.options import AttributionRequest
from attribot_integrations.results.statements import statement_scores
from attribot_integrations.scoring.language_model import in_process

if TYPE_CHECKING:
    from attribot_integrations.engine import AttributionEngine
    from attribot_integrations.evaluation.examples import EvaluationExample, ExampleSet
    from attribot_integrations.requests.options import EngineOptions
    from attribot_integrations.results import Attribution, FloatArray

__all__ = ["ScreenRow", "ScreenRows", "request_of", "screen_row"]


@dataclass(frozen=True, eq=False)
class ScreenRow:
    """One answer: what it attends to, and what it depends on."""

    attention: FloatArray
    """`[heads, sources, statements]`: attention of each head of each layer, summed over the tokens
    of a statement."""
    scores: FloatArray
    """`[sources, statements]`: leave-one-out scores, in nats."""

    def to_dict(self) -> dict[str, Any]:
        """Return what JSON can hold, without loss."""
        return {"attention": _packed(self.attention), "scores": _packed(self.scores)}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> ScreenRow:
        """Read what `to_dict` returned.

        Raises:
            DataFileError: If it is something else.
        """
        try:
            row = cls(_unpacked(data["attention"]), _unpacked(data["scores"]))
        except (KeyError, TypeError, ValueError) as error:
            raise DataFileError(f"a row of attention and scores cannot be read: {error}") from error
        if row.attention.ndim != 3 or row.attention.shape[1:] != row.scores.shape:
            raise DataFileError(
                f"attention {row.attention.shape} and scores {row.scores.shape} do not go together"
            )
        return row


@dataclass(frozen=True)
class ScreenRows:
    """Runs exact leave-one-out and one pass that is read, on all examples of some sets."""

    engine: AttributionEngine
    sets: Sequence[ExampleSet]
    model: str
    """What settings call the target."""

    @property
    def settings(self) -> dict[str, Any]:
        """Everything that a row depends on, but for the machine's speed."""
        target = in_process(self.engine.target)
        return {
            "version": __version__,
            "model": self.model,
            "architecture": target.signature.architecture,
            "dtype": str(target.model.dtype).removeprefix("torch."),
            "sets": [
                {"data": each.name, "digest": each.digest, "examples": len(each.examples)}
                for each in self.sets
            ],
        }

    @property
    def count(self) -> int:
        """How many examples there are."""
        return sum(len(each.examples) for each in self.sets)

    def run(
        self,
        folder: Path | None = None,
        *,
        resume: bool = True,
        progress: Callable[[int], None] | None = None,
    ) -> tuple[list[ScreenRow], list[str]]:
        """Return the rows, and what could not be attributed, with the reason.

        Args:
            folder: Where rows are kept as they are made, if anywhere.
            resume: Whether to go on with the rows in the folder.
            progress: Called with the number of examples that are done.

        Raises:
            ConfigurationError: If the folder's rows were made with other settings.
            DataFileError: If they cannot be read.
            ModelError: If the model shows no attention, or cannot be scored.
            OSError: If the folder cannot be written to.
        """
        store = RowStore.open(self.settings, folder, resume=resume)
        examples = [example for each in self.sets for example in each.examples]
        report = progress or (lambda _: None)
        report(min(len(store.rows), len(examples)))
        for example in examples[len(store.rows) :]:
            store.append({"id": example.id, **self._row(example)})
            report(len(store.rows))
        failed = [f"{row['id']}: {row['error']}" for row in store.rows if "error" in row]
        rows = [ScreenRow.from_dict(row) for row in store.rows if "error" not in row]
        return rows, failed

    def _row(self, example: EvaluationExample) -> dict[str, Any]:
        request = request_of(example)
        options = replace(
            self.engine.options,
            method=LeaveOneOut(),
            levels=("sentence",),
            splitter=example.splitter,
            alternatives=None,
        )
        try:
            attribution = self.engine.attribute_request(request, options=options)
            return screen_row(self.engine, request, options, attribution).to_dict()
        except (InputError, OutOfMemoryError) as error:  # this example's problem alone
            return {"error": f"{type(error).__name__}: {error}"}


def request_of(example: EvaluationExample) -> AttributionRequest:
    """Return what an engine is asked about an example."""
    spans = [each.span for each in example.statements] if example.statements else None
    return AttributionRequest(
        example.question,
        example.chunks,
        example.answer,
        example.prompt,
        id=example.id,
        statements=spans,
    )


def screen_row(
    engine: AttributionEngine,
    request: AttributionRequest,
    options: EngineOptions,
    attribution: Attribution,
) -> ScreenRow:
    """Read what an answer attends to, beside scores that are known.

    Args:
        engine: Its target is run once, over prompt and answer.
        request: What was attributed.
        options: How.
        attribution: The result.

    Raises:
        ConfigurationError: If the sources are not those of the result.
        ModelError: If the model shows no attention.
        InputError: If the request cannot be scored.
    """
    prompt, sources, _ = build_prompt(request, attribution.chunks, options)
    if sources.at(options.levels) != attribution.sources:
        raise ConfigurationError("the result is of other sources than the request has")
    scorer = in_process(engine.target).scorer(
        prompt, request.answer, generated_ids=request.generated_ids
    )
    groups = [frozenset(source.sentence_ids) for source in attribution.sources]
    shares = scorer.read_attention(groups).shares
    summed = [statement_scores(each, attribution.statements) for each in shares]
    return ScreenRow(np.stack(summed), attribution.statement_scores)


def _packed(values: FloatArray) -> dict[str, Any]:
    data = np.ascontiguousarray(values, dtype="<f4").tobytes()
    return {"shape": list(values.shape), "float32": base64.b64encode(data).decode()}


def _unpacked(packed: Mapping[str, Any]) -> FloatArray:
    data = base64.b64decode(packed["float32"], validate=True)
    values: FloatArray = np.frombuffer(data, dtype="<f4").reshape(packed["shape"])
    return values.astype(np.float32)
