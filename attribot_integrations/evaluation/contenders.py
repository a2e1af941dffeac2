"""The methods and baselines that can be evaluated, by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from attribot_integrations.errors import ConfigurationError
from attribot_integrations.evaluation.baselines import Baseline
from attribot_integrations.methods.base import Method
from attribot_integrations.methods.presets import METHODS, named_method

if TYPE_CHECKING:
    from attribot_integrations.evaluation.text_scorers import TextScorer

__all__ = ["BASELINES", "ENCODERS", "TEXT_SCORERS", "Contender", "contenders", "text_scorer"]

BASELINES = (
    "attention",
    "gradient",
    "string",
    "bm25",
    "tfidf",
    "words",
    "contextcite-32",
    "contextcite-64",
)
"""Names of the baselines that need no further model."""
ENCODERS = ("embeddings", "cross-encoder")
"""Baselines that run an encoder, named behind a colon: `embeddings:FOLDER`."""
TEXT_SCORERS = ("string", "bm25", "tfidf", "words", *ENCODERS)
"""Baselines that look at texts alone."""


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
        names: Names of methods and baselines. `"methods"` stands for all methods that run on any
            model, so not for `instant`, `"baselines"` for all baselines and `"all"` for both; of
            those, what needs a proxy is left out where there is none.
        has_proxy: Whether there is a proxy.

    Raises:
        ConfigurationError: If a name is unknown, or none is left.
        MissingExtraError: If a baseline needs a package that is not installed.
    """
    general = tuple(name for name in METHODS if name != "instant")
    groups = {
        "all": (*general, *BASELINES),
        "methods": general,
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


def text_scorer(name: str) -> TextScorer:
    """Return what scores texts alone, by name.

    Raises:
        ConfigurationError: If there is none of this name, or it lacks its encoder.
        MissingExtraError: If it needs a package that is not installed.
    """
    from attribot_integrations import verifying
    from attribot_integrations.evaluation import text_scorers

    kind, _, model = name.partition(":")
    plain: Mapping[str, Callable[[], TextScorer]] = {
        "string": text_scorers.StringFirst,
        "bm25": text_scorers.Bm25Similarity,
        "tfidf": text_scorers.TfidfSimilarity,
        "words": lambda: text_scorers.VerifierScores(verifying.LexicalVerifier()),
    }
    if name in plain:
        return plain[name]()
    encoders: Mapping[str, Callable[[str], verifying.Verifier]] = {
        "embeddings": verifying.EncoderVerifier,
        "cross-encoder": verifying.CrossEncoderVerifier,
    }
    if kind not in encoders or not model:
        raise ConfigurationError(
            f"there is no text scorer {name!r}; there are {', '.join(plain)}, "
            + ", ".join(f"{each}:MODEL" for each in encoders)
        )
    return text_scorers.VerifierScores(encoders[kind](model))


def _build(name: str) -> Contender:
    # Imported here, for only those that are evaluated need torch or scikit-learn.
    if name.partition(":")[0] in TEXT_SCORERS:
        from attribot_integrations.evaluation.baselines import TextBaseline

        return Contender(name, baseline=TextBaseline(text_scorer(name)))
    if name in BASELINES:
        from attribot_integrations.evaluation import baselines_lasso, baselines_model

        if name == "attention":
            return Contender(name, baseline=baselines_model.AttentionWeights())
        if name == "gradient":
            return Contender(name, baseline=baselines_model.GradientNorm())
        count = int(name.rpartition("-")[2])
        return Contender(name, baselines_lasso.RandomAblationLasso(count))
    try:
        return Contender(name, named_method(name))
    except ConfigurationError as error:
        encoders = [f"{each}:MODEL" for each in ENCODERS]
        known = ", ".join([*METHODS, *BASELINES, *encoders, "methods", "baselines", "all"])
        raise ConfigurationError(f"no method is called {name!r}; there are {known}") from error
