"""The methods and baselines that can be evaluated, by name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from attribot_integrations.errors import ConfigurationError
from attribot_integrations.evaluation.baselines import Baseline
from attribot_integrations.methods.base import Method
from attribot_integrations.methods.presets import METHODS, named_method

__all__ = ["BASELINES", "Contender", "contenders"]

BASELINES = ("attention", "gradient", "tfidf", "contextcite-32", "contextcite-64")
"""Names of the baselines."""


@dataclass(frozen=True)
class Contender:
    """A method or baseline under its short name."""

    name: str
    method: Method | None = None
    """What the engine runs."""
    baseline: Baseline | None = None
    """What runs by itself, where it is no method."""

    def __post_init__(self) -> None:
        if (self.method is None) == (self.baseline is None):
            raise ConfigurationError(f"{self.name!r} must be either a method or a baseline")

    @property
    def description(self) -> str:
        """Everything that its scores depend on, for settings."""
        return repr(self.method or self.baseline)

    @property
    def needs_proxy(self) -> bool:
        """Whether it runs a proxy model."""
        return self.method is not None and self.method.needs_proxy


def contenders(names: Sequence[str], *, has_proxy: bool) -> tuple[Contender, ...]:
    """Return methods and baselines by name.

    Args:
        names: Names of methods and baselines. `"methods"` stands for all methods, `"baselines"`
            for all baselines and `"all"` for both; of those, what needs a proxy is left out where
            there is none.
        has_proxy: Whether there is a proxy.

    Raises:
        ConfigurationError: If a name is unknown, or none is left.
        MissingExtraError: If a baseline needs a package that is not installed.
    """
    groups = {
        "all": (*METHODS, *BASELINES),
        "methods": tuple(METHODS),
        "baselines": BASELINES,
    }
    chosen: dict[str, Contender] = {}
    for name in names:
        for member in groups.get(name, (name,)):
            contender = _build(member)
            if has_proxy or not contender.needs_proxy:
                chosen[member] = contender
            elif name not in groups:
                raise ConfigurationError(
                    f"the method {name!r} runs a proxy model, and there is none"
                )
    if not chosen:
        raise ConfigurationError("no method is left to evaluate")
    return tuple(chosen.values())


def _build(name: str) -> Contender:
    # Imported here, for only those that are evaluated need torch or scikit-learn.
    if name in BASELINES:
        from attribot_integrations.evaluation import baselines, baselines_lasso, baselines_model

        if name == "attention":
            return Contender(name, baseline=baselines_model.AttentionWeights())
        if name == "gradient":
            return Contender(name, baseline=baselines_model.GradientNorm())
        if name == "tfidf":
            return Contender(name, baseline=baselines.TfidfSimilarity())
        count = int(name.rpartition("-")[2])
        return Contender(name, baselines_lasso.RandomAblationLasso(count))
    try:
        return Contender(name, named_method(name))
    except ConfigurationError as error:
        known = ", ".join([*METHODS, *BASELINES, "methods", "baselines", "all"])
        raise ConfigurationError(f"no method is called {name!r}; there are {known}") from error
