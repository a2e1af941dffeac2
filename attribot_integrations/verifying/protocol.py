"""`Verifier`: what the second kind of evidence comes from, and the one checked way to ask it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Protocol, runtime_checkable

import numpy as np

from attribot_integrations.context.framing import frames_of
from attribot_integrations.errors import ConfigurationError, ModelError

if TYPE_CHECKING:
    from attribot_integrations.results.attribution import Attribution
    from attribot_integrations.results.parts import FloatArray

__all__ = [
    "FrameReader",
    "Verifier",
    "below_frames",
    "check_verifier",
    "verified",
    "with_verifier",
]


class Verifier(Protocol):
    """Anything that says how clearly passages state statements."""

    @property
    def name(self) -> str:
        """Name shown in results."""
        ...

    def verify(
        self, question: str, statements: Sequence[str], passages: Sequence[str]
    ) -> FloatArray:
        """Return `[passages, statements]`: how clearly each passage states each statement, 0 to 1.

        Args:
            question: The question that was answered; a statement such as "Paris" says nothing
                without it.
            statements: Statements of the answer.
            passages: Texts of the sources, sentences or whole chunks, in the context's order. Rows
                and members stand below the line that frames them, such as their table's header.
        """
        ...


@runtime_checkable
class FrameReader(Protocol):
    """A verifier that takes passages and what frames them apart from each other."""

    def verify_framed(
        self,
        question: str,
        statements: Sequence[str],
        passages: Sequence[str],
        frames: Sequence[str],
    ) -> FloatArray:
        """Return `[passages, statements]`, as `Verifier.verify` does.

        Args:
            question: The question that was answered.
            statements: Statements of the answer.
            passages: Texts of the sources alone.
            frames: What each of them stands below, such as the header of its table; blank for
                those, such as prose, that nothing frames.
        """
        ...


def below_frames(frames: Sequence[str], passages: Sequence[str]) -> list[str]:
    """Return passages as they are read: each below the line that frames it, if any does."""
    pairs = zip(frames, passages, strict=True)
    return [f"{frame}\n{passage}" if frame else passage for frame, passage in pairs]


def check_verifier(verifier: object) -> None:
    """Check that something is a verifier.

    Raises:
        ConfigurationError: If it has no method `verify` or no name.
    """
    if isinstance(verifier, type) or not callable(getattr(verifier, "verify", None)):
        raise ConfigurationError(
            "a verifier must have a method verify(question, statements, passages), "
            f"got {verifier!r:.80}"
        )
    name: object = getattr(verifier, "name", None)
    if not isinstance(name, str) or not name.strip():
        raise ConfigurationError(f"a verifier must have a name for results, got {name!r:.80}")


def verified(
    verifier: Verifier,
    question: str,
    statements: Sequence[str],
    passages: Sequence[str],
    frames: Sequence[str] = (),
) -> FloatArray:
    """Ask a verifier, and check what it says.

    Args:
        verifier: The verifier; it is not asked where there is nothing to compare.
        question: The question that was answered.
        statements: Statements of the answer.
        passages: Texts of the sources.
        frames: What frames each of them, see `FrameReader`; nothing does by default.

    Returns:
        `[passages, statements]`, 0 to 1, a copy of what the verifier returned.

    Raises:
        ConfigurationError: If it is no verifier.
        ModelError: If it returns something else than a finite number from 0 to 1 for each pair.
    """
    check_verifier(verifier)
    name = verifier.name
    shape = (len(passages), len(statements))
    if not all(shape):
        return np.zeros(shape, dtype=np.float32)
    found: object
    if not any(frames):
        found = verifier.verify(question, statements, passages)
    elif isinstance(verifier, FrameReader):
        found = verifier.verify_framed(question, statements, passages, frames)
    else:
        found = verifier.verify(question, statements, below_frames(frames, passages))
    try:
        scores = np.array(found, dtype=np.float32)
    except (TypeError, ValueError) as error:
        raise ModelError(
            f'the verifier "{name}" must return an array of numbers, got {found!r:.80}'
        ) from error
    if scores.shape != shape:
        raise ModelError(
            f'the verifier "{name}" must return one score for each of {shape[0]} passages and '
            f"{shape[1]} statements, got shape {scores.shape}"
        )
    wrong = ~((scores >= 0) & (scores <= 1))  # nan compares as neither
    if wrong.any():
        passage, statement = (int(place) for place in np.argwhere(wrong)[0])
        raise ModelError(
            f'the verifier "{name}" must return finite scores from 0 to 1, got '
            f"{scores[passage, statement]} for passage {passage} and statement {statement}"
        )
    return scores


def with_verifier(attribution: Attribution, verifier: Verifier | None) -> Attribution:
    """Return an attribution with what a verifier says of its sources and statements.

    It reads rows and members below what frames them and stays when they are removed. Citations and
    labels stay as they are; `results.judging.judged` chooses them anew.

    Args:
        attribution: One whose scores stay as they are.
        verifier: The verifier; `None` to take out what another one said.

    Raises:
        ConfigurationError: If it is no verifier.
        ModelError: If it returns something else than a number from 0 to 1 for each pair.
    """
    if verifier is None:
        return replace(attribution, stated=None, verifier=None, unverified=None)
    statements = [each.text for each in attribution.statements]
    passages = [source.text for source in attribution.sources]
    frames = frames_of(attribution.chunks, attribution.sources)
    stated = verified(verifier, attribution.question, statements, passages, frames)
    return replace(attribution, stated=stated, verifier=verifier.name, unverified=None)
