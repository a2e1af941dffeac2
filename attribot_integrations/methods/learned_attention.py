"""Learned attention: scores from one pass over prompt and answer, by heads known to tell."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from attribot_integrations.errors import ConfigurationError, ModelError
from attribot_integrations.methods.base import (
    MethodInput,
    MethodScores,
    ModelRole,
    check_role,
    remove_sets,
)
from attribot_integrations.methods.screens import AttentionScreen, bundled_screens
from attribot_integrations.scoring.protocols import ReadsAttention

if TYPE_CHECKING:
    from attribot_integrations.results import Estimand
    from attribot_integrations.scoring.protocols import ModelSignature

__all__ = ["LearnedAttention"]


@dataclass(frozen=True)
class LearnedAttention:
    """Predicts what each source is worth from what the answer attends to.

    One pass over prompt and answer tells how much every attention head attends to every source, and
    a screen, which heads matter (as in AT2, arXiv 2504.13752, section 3, which learns them from
    random ablations; here they are fitted to exact leave-one-out scores). For a prompt of T tokens
    and a tokens of question and answer it runs T + a tokens, and about 2·a more for what labels
    need: the answer without the context. An approximation, which never scores below 0: sources that
    make the answer less likely are not found.
    """

    screen: AttentionScreen | None = None
    """The weights of the model's heads; by default those that come with a bundled model."""
    on: ModelRole = "target"
    """The model to run."""

    def __post_init__(self) -> None:
        check_role(self.on)
        screen: object = self.screen
        if screen is not None and not isinstance(screen, AttentionScreen):
            raise ConfigurationError(
                f"screen must be an AttentionScreen, got {screen!r:.60}; "
                "AttentionScreen.load(FILE) reads one"
            )

    @property
    def name(self) -> str:
        """Name shown in results."""
        return "learned attention" if self.on == "target" else "learned attention on proxy"

    @property
    def needs_proxy(self) -> bool:
        """Whether the method runs a proxy model."""
        return self.on == "proxy"

    def work(self, inputs: MethodInput) -> float:
        """Return about what the answer without the context takes, in tokens times parameters."""
        tokens = inputs.scorer(self.on).tokens_for(inputs.context.all_ids)
        return inputs.work(self.on, tokens)

    def run(self, inputs: MethodInput) -> MethodScores:
        """Score every source.

        Raises:
            ConfigurationError: If the screen is another model's, or there is none for this one.
            ModelError: If the model shows no attention.
        """
        scorer = inputs.scorer(self.on)
        if not isinstance(scorer, ReadsAttention):
            raise ModelError(
                f"{scorer.cost.model} shows no attention, as models that run in this process do; "
                "choose another method"
            )
        groups = [frozenset(each.sentence_ids) for each in inputs.sources]
        reading = scorer.read_attention(groups, [inputs.context.all_ids])
        screen = self.screen or _screen_for(reading.model, scorer.cost.model)
        scores = screen.scores(reading)
        removal = remove_sets(inputs, self.on, ())
        estimand: Estimand = "target_attention" if self.on == "target" else "proxy_attention"
        return MethodScores(
            scores=inputs.carried(scorer, scores),
            estimands=(estimand,) * len(inputs.sources),
            log_probs=removal.log_probs,
            log_probs_without_context=removal.log_probs_without_context,
        )


def _screen_for(model: ModelSignature, name: str) -> AttentionScreen:
    """Return the screen that comes with a model.

    Raises:
        ConfigurationError: If none does.
    """
    for screen in bundled_screens():
        if screen.signature.difference(model) is None:
            return screen
    raise ConfigurationError(
        f"no attention screen comes with {name}: fit one with attribot fit-screen --model … --data "
        "FILE… --output SCREEN, and pass LearnedAttention(AttentionScreen.load(SCREEN))"
    )
