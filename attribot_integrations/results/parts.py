"""What an attribution is made of: statements, citations, cost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from attribot_integrations.context.kinds import ConversationPart, SourceKind
from attribot_integrations.context.retrieved import Part, Span
from attribot_integrations.context.sources import Source

__all__ = [
    "Alternatives",
    "Audit",
    "Basis",
    "Certificate",
    "Citation",
    "Cost",
    "Estimand",
    "FloatArray",
    "ModelCost",
    "Statement",
    "citable_rows",
]

FloatArray = npt.NDArray[np.float32]
"""An array of 32-bit floats."""

Estimand = Literal[
    "target_loo",
    "proxy_loo",
    "target_pruned_loo",
    "proxy_pruned_loo",
    "target_knockout",
    "proxy_knockout",
    "target_attention",
    "proxy_attention",
    "dropped",
    "unscored",
    "through",
    "baseline",
]
"""What a score measures.

`target_loo`, `proxy_loo`: leave-one-out in the full context, on the target or the proxy; the first
is what "exact" means. `…_pruned_loo`: leave-one-out in the context that a method pruned.
`…_knockout`: the source hidden from question and answer. `…_attention`: predicted from
what the answer attends to, nothing was removed. `dropped`: not scored, its chunk or
group did not matter. `unscored`: not scored, the request's budget ended before; the score is 0.
`through`: the score of an intermediate answer, by the shares of what that one rests on. `baseline`:
a score that is no log-likelihood, for comparison only.
"""


Basis = Literal["depends", "states", "both"]
"""Why a source is cited.

`depends`: the answer's likelihood falls without it. `states`: a verifier finds that it says what
the statement says. `both`: both.
"""


@dataclass(frozen=True)
class Audit:
    """What a random check of the sources that a screen let go found."""

    sampled: int
    """Sources checked."""
    dropped: int
    """Sources that the screen let go, checked ones included."""
    missed: int
    """Checked sources whose exact score reaches the threshold."""
    recall: float
    """Estimated share of the sources above the threshold that were rescored, 0 to 1."""


@dataclass(frozen=True)
class Statement:
    """One sentence of the answer, or one field of a structured one."""

    index: int
    start: int
    """Offset in the answer of the first character."""
    end: int
    """Offset in the answer behind the last character."""
    text: str
    """`answer[start:end]`."""
    tokens: Span
    """Half-open range of the answer's tokens that belong to it; ranges tile the answer."""
    path: str | None = None
    """Where it stands in a structured answer, as JSONPath (RFC 9535), such as `$.people[0].name`;
    `None` in prose."""


@dataclass(frozen=True)
class Alternatives:
    """Sources that say the same for a statement: any of them is enough."""

    statement_index: int
    source_ids: tuple[int, ...]
    """The sources, the most sufficient first."""
    sufficiency: tuple[float, ...]
    """For each source: log-likelihood of the statement with it alone minus with none, in nats."""
    joint_score: float
    """Fall of the statement's log-likelihood when all of them are removed together, in nats."""


@dataclass(frozen=True)
class Citation:
    """A source that supports a statement."""

    number: int
    """Number shown to readers: one for each cited chunk, from 1, by first appearance."""
    statement_index: int
    source_id: int
    chunk_index: int
    chunk_id: str | None
    answer_start: int
    """Offset in the answer where the supported statement starts."""
    answer_end: int
    """Offset in the answer behind the supported statement."""
    chunk_start: int
    """Offset in the chunk where the supporting text starts."""
    chunk_end: int
    """Offset in the chunk behind the supporting text."""
    text: str
    """The supporting text, `chunk.text[chunk_start:chunk_end]`."""
    score: float
    """Fall of the statement's log-likelihood when the source is removed, in nats."""
    exact: bool
    """Whether the score is exact leave-one-out on the target."""
    share: float = 1.0
    """Share of the statement's positive scores, 0 to 1; for an alternative, its equal part of what
    the alternatives carry together."""
    alternatives: tuple[int, ...] = ()
    """Ids of other sources that say the same: any of them, or this one, is enough. The score of
    each is small then, and `sufficiency` says what it carries."""
    sufficiency: float | None = None
    """What this source alone restores of the statement's log-likelihood, in nats, where it was
    looked at."""
    part: Part = "text"
    """Whether the source is retrieved text, or metadata that the prompt shows with it."""
    basis: Basis = "depends"
    """Why it is cited."""
    states: float | None = None
    """What the verifier says of source and statement, 0 to 1; `None` where none was asked."""
    said: ConversationPart | None = None
    """Where in the conversation the source was said; `None` for retrieved text."""

    @property
    def kind(self) -> SourceKind:
        """What kind of source it is."""
        return "retrieved" if self.said is None else self.said.kind


@dataclass(frozen=True)
class Certificate:
    """What the sources cited for a statement carry together, as a set.

    The two halves of the reward of SelfCite (arXiv 2502.09604), in nats of the statement.
    """

    statement_index: int
    source_ids: tuple[int, ...]
    """The cited sources."""
    gain: float
    """Log-likelihood with the full context minus with none."""
    hold: float
    """Log-likelihood with these sources alone minus with none."""
    drop: float
    """Log-likelihood with the full context minus without these sources."""

    @property
    def held(self) -> float | None:
        """Share of the context's gain that the set alone restores.

        Above 1 where the rest of the context only distracts, `None` where the context gains
        nothing.
        """
        return self.hold / self.gain if self.gain > 0 else None


@dataclass(frozen=True)
class ModelCost:
    """What one model ran."""

    model: str
    parameters: int
    """Parameters of the model."""
    tokens: int
    """Tokens run through the model."""
    passes: int
    """Forward passes."""
    naive_tokens: int
    """Tokens that naive leave-one-out would run for the same ablations on this model."""


@dataclass(frozen=True)
class Cost:
    """What an attribution cost."""

    seconds: float
    """Wall-clock seconds, from the call to the result."""
    models: tuple[ModelCost, ...]

    @property
    def tokens(self) -> int:
        """Tokens run through all models."""
        return sum(model.tokens for model in self.models)


def citable_rows(sources: Sequence[Source]) -> list[int]:
    """Return the places of the sources that may be cited: sentences, or chunks if there are none.

    Args:
        sources: All sources that have a score.
    """
    sentences = [row for row, source in enumerate(sources) if source.level == "sentence"]
    return sentences or list(range(len(sources)))
