"""`LexicalVerifier`: the built-in one, which compares words."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from attribot_integrations.results.probabilities import logistic
from attribot_integrations.verifying.agreement import measure_agreement, shares_held
from attribot_integrations.verifying.lexical_fit import LEXICAL_BIAS, LEXICAL_WEIGHTS
from attribot_integrations.verifying.protocol import below_frames
from attribot_integrations.verifying.terms import check_language

if TYPE_CHECKING:
    from attribot_integrations.results.parts import FloatArray

__all__ = ["LexicalVerifier"]

_HELD: Final = 0.75
"""Share of a statement's words in a table that a row must have for the header to count."""


@dataclass(frozen=True)
class LexicalVerifier:
    """Says by its words how clearly a passage states a statement.

    Rare words count for more than common ones, whole phrases for more than scattered words, and
    numbers or names that the passage lacks, or that no passage has, speak against it; the question
    counts where the statement is short. It knows no synonyms, and no "not". The score is a logistic
    model of `AGREEMENT`, fitted on real text, see `lexical_fit`; 0 where no word is shared.

    Raises:
        ConfigurationError: If there is no stemmer for the language.
    """

    language: str | None = "english"
    """Language of the stemmer, by its name in the Snowball project; `None` for none. Words in
    another script than the language's are compared as they are written."""

    def __post_init__(self) -> None:
        check_language(self.language)

    @property
    def name(self) -> str:
        """Name shown in results."""
        return f"word overlap, {self.language or 'not stemmed'}"

    def verify(
        self, question: str, statements: Sequence[str], passages: Sequence[str]
    ) -> FloatArray:
        """Return `[passages, statements]`: how clearly each passage states each statement, 0 to 1.

        Args:
            question: The question that was answered.
            statements: Statements of the answer.
            passages: Texts of the sources.
        """
        found = measure_agreement(question, statements, passages, self.language)
        scores = logistic(found @ np.array(LEXICAL_WEIGHTS) + LEXICAL_BIAS)
        shares = (found * (np.array(LEXICAL_WEIGHTS) > 0)).any(axis=-1)
        return np.where(shares, scores, 0).astype(np.float32)

    def verify_framed(
        self,
        question: str,
        statements: Sequence[str],
        passages: Sequence[str],
        frames: Sequence[str],
    ) -> FloatArray:
        """Return `[passages, statements]`, 0 to 1, with what frames some of the passages.

        All rows have one header; so its words raise the score of a row only if that row itself has
        nearly all that the statement shares with any row below it, see `shares_held`. They lower
        none, and change none of a passage without a frame. The cells of CSV are told apart before.

        Args:
            question: The question that was answered.
            statements: Statements of the answer.
            passages: Texts of the sources.
            frames: What each of them stands below, such as its table's header, or a blank text.
        """
        passages = [_cells_apart(*each) for each in zip(frames, passages, strict=True)]
        alone = self.verify(question, statements, passages)
        framed = self.verify(question, statements, below_frames(frames, passages))
        held = shares_held(statements, passages, frames, self.language)
        return np.where(held >= _HELD, np.maximum(alone, framed), alone)


def _cells_apart(frame: str, passage: str) -> str:
    """Put spaces between the cells of a CSV row, for "1895,98" and "1895;98" read as one number."""
    if "|" in frame or "<" in frame:
        return passage
    for delimiter in ",;":
        names, cells = _cells(frame, delimiter), _cells(passage, delimiter)
        if 1 < len(names) == len(cells):
            return f"{delimiter} ".join(cells)
    return passage


def _cells(row: str, delimiter: str) -> list[str]:
    """Return the cells of one row, none where it is not one."""
    if delimiter not in row:
        return []
    try:
        rows = list(csv.reader(row.splitlines(keepends=True), delimiter=delimiter))
    except csv.Error:
        return []
    return rows[0] if len(rows) == 1 else []
