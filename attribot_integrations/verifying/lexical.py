"""`LexicalVerifier`: the built-in one, which compares words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from attribot_integrations.results.probabilities import logistic
from attribot_integrations.verifying.agreement import measure_agreement
from attribot_integrations.verifying.lexical_fit import LEXICAL_BIAS, LEXICAL_WEIGHTS
from attribot_integrations.verifying.terms import check_language

if TYPE_CHECKING:
    from attribot_integrations.results.parts import FloatArray

__all__ = ["LexicalVerifier"]


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
