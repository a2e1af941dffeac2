"""Scores as a table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy.typing as npt

from attribot_integrations.context.sources import clean_text
from attribot_integrations.errors import MissingExtraError
from attribot_integrations.render.evidence import basis_of

if TYPE_CHECKING:
    import pandas

    from attribot_integrations.results import Attribution, Basis

__all__ = ["scores_table"]


def scores_table(attribution: Attribution) -> pandas.DataFrame:
    """Return a table with a row for each source and a column for each statement's score, in nats.

    `basis` is why the source is cited, if it is; where a verifier was asked, `stated_…` is what it
    says of source and statement, 0 to 1.

    Raises:
        MissingExtraError: If pandas is not installed.
    """
    try:
        import pandas
    except ImportError as error:
        raise MissingExtraError("Attribution.to_pandas", "pandas") from error
    sources = attribution.sources
    columns: dict[str, Sequence[Any] | npt.NDArray[Any]] = {
        "source_id": [source.id for source in sources],
        "level": [source.level for source in sources],
        "chunk": [source.chunk_index for source in sources],
        "sentence": [source.sentence_index for source in sources],
        "text": [clean_text(source.text) for source in sources],
        "score": attribution.source_scores,
        "exact": attribution.exact,
        "basis": [_basis(attribution, source.id) for source in sources],
    }
    scores = attribution.statement_scores.T
    for statement, column in zip(attribution.statements, scores, strict=True):
        columns[f"statement_{statement.index}"] = column
    if attribution.stated is not None:
        for statement, column in zip(attribution.statements, attribution.stated.T, strict=True):
            columns[f"stated_{statement.index}"] = column
    frame: pandas.DataFrame = pandas.DataFrame(columns)
    frame["sentence"] = frame["sentence"].astype("Int64")
    return frame


def _basis(attribution: Attribution, source_id: int) -> Basis | None:
    own = [each for each in attribution.shown_citations if each.source_id == source_id]
    return basis_of(own) if own else None
