"""Evaluates methods on examples, one by one, and goes on where an earlier run stopped."""

from __future__ import annotations

import hashlib
import platform
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from attribot_integrations import __version__
from attribot_integrations.errors import DataFileError, InputError, OutOfMemoryError
from attribot_integrations.evaluation.measuring import MeasureOptions, Row, measure
from attribot_integrations.evaluation.store import RowStore, fingerprint
from attribot_integrations.evaluation.summary import summarize
from attribot_integrations.scoring.language_model import in_process

if TYPE_CHECKING:
    from attribot_integrations.engine import AttributionEngine
    from attribot_integrations.evaluation.contenders import Contender
    from attribot_integrations.evaluation.examples import EvaluationExample, ExampleSet
    from attribot_integrations.scoring.language_model import LanguageModel

__all__ = ["Evaluation", "environment"]

_PACKAGES = ("torch", "transformers", "accelerate", "numpy", "scikit-learn")


@dataclass(frozen=True)
class Evaluation:
    """Methods, examples and models that belong together."""

    engine: AttributionEngine
    contenders: Sequence[Contender]
    data: ExampleSet
    options: MeasureOptions = field(default_factory=MeasureOptions)
    names: tuple[str, str | None] | None = None
    """What results call target and proxy; the models' own names by default."""

    @property
    def settings(self) -> dict[str, Any]:
        """Everything that an example's row depends on, but for the machine's speed."""
        target, proxy = self.names or (
            self.engine.target.name,
            self.engine.proxy.name if self.engine.proxy else None,
        )
        model = in_process(self.engine.target).model
        return {
            "version": __version__,
            "data": self.data.name,
            "data_digest": self.data.digest,
            "target": target,
            "proxy": proxy,
            "weights": [
                _weights(in_process(each))
                for each in (self.engine.target, self.engine.proxy)
                if each is not None
            ],
            "device": str(model.device.type),
            "dtype": str(model.dtype).removeprefix("torch."),
            "answers": "as given, gold in demo and data files",
            **asdict(self.options),
            "rules": {name: asdict(rule) for name, rule in self.options.rules.items()},
            "drop_counts": list(self.options.drop_counts),
            "methods": {each.name: each.description for each in self.contenders},
        }

    def run(
        self,
        folder: Path | None = None,
        *,
        resume: bool = True,
        progress: Callable[[int], None] | None = None,
    ) -> dict[str, Any]:
        """Measure the examples that no earlier run has measured, and sum up all of them.

        A set with more examples goes on with the rows of a smaller one.

        Args:
            folder: Where rows are kept.
            resume: Whether to go on with the rows in the folder.
            progress: Called with the number of examples that are done, first with that of an
                earlier run.

        Returns:
            The results, ready for JSON; see `summary.summarize`.

        Raises:
            ConfigurationError: If the folder's rows were made with other settings, or a method
                cannot be run.
            ModelError: If the model cannot run a method.
            OSError: If the folder cannot be written to.
        """
        store = RowStore.open(self.settings, folder, resume=resume)
        examples = self.data.examples
        _check_ids(store.rows, examples)
        report = progress or (lambda _: None)
        report(min(len(store.rows), len(examples)))
        for index in range(len(store.rows), len(examples)):
            store.append(self._row(examples[index], index))
            report(index + 1)
        settings = self.settings | {"examples": len(examples)}
        return {
            "schema": 1,
            "settings": settings | {"fingerprint": fingerprint(self.settings)},
            "environment": environment(self.engine),
            **summarize(
                store.rows[: len(examples)],
                [each.name for each in self.contenders],
                seed=self.options.seed,
            ),
        }

    def _row(self, example: EvaluationExample, index: int) -> Row:
        try:
            return measure(self.engine, example, self.contenders, self.options, index)
        except (InputError, OutOfMemoryError) as error:  # this example's problem alone
            problem = {"type": type(error).__name__, "message": str(error)}
            return {"index": index, "id": example.id, "error": problem}


def environment(engine: AttributionEngine) -> dict[str, Any]:
    """Return what figures of time depend on, beside the settings."""
    import torch

    packages = {}
    for name in _PACKAGES:
        try:
            packages[name] = version(name)
        except PackageNotFoundError:
            continue
    device = in_process(engine.target).model.device
    return {
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "device": torch.cuda.get_device_name(device) if device.type == "cuda" else device.type,
        "threads": torch.get_num_threads(),
        "packages": packages,
    }


def _weights(model: LanguageModel) -> str:
    """Return a short text that differs where weights do: a few numbers of every tensor."""
    import torch

    digest = hashlib.sha256()
    for name, values in model.model.state_dict().items():
        digest.update(f"{name}{tuple(values.shape)}".encode())
        if values.device.type != "meta":  # offloaded, and not worth loading for this
            few = values.flatten()[:8].to("cpu", torch.float32)
            digest.update(few.numpy().tobytes())
    return digest.hexdigest()[:16]


def _check_ids(rows: Sequence[Row], examples: Sequence[EvaluationExample]) -> None:
    for number, (row, example) in enumerate(zip(rows, examples, strict=False)):
        if row.get("id") != example.id:
            raise DataFileError(
                f"row {number} is about {row.get('id')!r} and should be about {example.id!r}"
            )
