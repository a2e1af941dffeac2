"""What a citation rests on, in words and numbers.

There are two kinds of evidence, nats that the statement depends on and what a verifier says, 0 to
1. They stand beside each other and are never made into one number.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from attribot_integrations.render.text import nats
from attribot_integrations.results.remarks import BASIS_WORDS

if TYPE_CHECKING:
    from attribot_integrations.results import Attribution, Basis, Citation

__all__ = [
    "basis_of",
    "basis_words",
    "carried_lines",
    "dependence",
    "evidence",
    "is_verified",
    "share",
    "states_of",
]


def basis_of(citations: Iterable[Citation]) -> Basis:
    """Return the basis of several citations together: `both`, if they differ."""
    found = {each.basis for each in citations}
    return found.pop() if len(found) == 1 else "both"


def states_of(citations: Iterable[Citation]) -> float | None:
    """Return the most that a verifier says of any citation, `None` where none was asked."""
    return max((each.states for each in citations if each.states is not None), default=None)


def is_verified(attribution: Attribution) -> bool:
    """Tell whether a verifier was asked, and has answered."""
    return attribution.verifier is not None and attribution.unverified is None


def basis_words(attribution: Attribution, basis: Basis) -> str | None:
    """Return why a source is cited: "depends", "states", or "depends and states".

    `None` for an attribution without a verifier, where a citation can be of one kind only.
    """
    return BASIS_WORDS[basis] if basis != "depends" or is_verified(attribution) else None


def dependence(score: float, basis: Basis) -> str:
    """Return a score in nats, with its sign where it is not why the source is cited."""
    return f"{'+' if basis == 'states' and score >= 0 else ''}{nats(score)}"


def share(value: float) -> str:
    """Return what a verifier says, 0 to 1, such as ".94"."""
    return f"{value:.2f}".removeprefix("0")


def evidence(score: float, basis: Basis, states: float | None) -> str:
    """Return both kinds of evidence, such as "3.21 nats; stated .94" or "+0.02 nats; stated .94".

    Args:
        score: Nats.
        basis: Why the source is cited.
        states: What a verifier says; left out where none was asked.
    """
    said = "" if states is None else f"; stated {share(states)}"
    return f"{dependence(score, basis)} nats{said}"


def carried_lines(attribution: Attribution) -> list[str]:
    """Return what the citations of each statement carry together, a line for each.

    Such as "Statement 2: these 3 sources together carry 96 % of it."
    """
    return [
        f"Statement {place}: {words}."
        for place, words in enumerate(attribution.carried, start=1)
        if words is not None
    ]
