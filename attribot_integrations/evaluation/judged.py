"""Answers with what people have said of their statements, as a review page saves it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from attribot_integrations.batch.datafiles import load_line
from attribot_integrations.batch.records import records
from attribot_integrations.batch.storedresults import read_results
from attribot_integrations.errors import DataFileError
from attribot_integrations.render.review_data import answer_key
from attribot_integrations.results import Attribution

if TYPE_CHECKING:
    Labels = Sequence[bool | None]

__all__ = ["read_judged"]


def read_judged(results: str | Path, labels: str | Path) -> list[tuple[Attribution, Labels]]:
    """Return the answers that were judged, with their labels, for `calibrate`.

    Args:
        results: The file of results that the review page was made of.
        labels: The file of labels that the page has saved: in each line the `key` of an answer, and
            in `labels` for each of its statements whether the context supports it, `null` where
            nobody has said.

    Raises:
        DataFileError: If a line of labels cannot be read, is of no answer in the results, or has
            another number of labels than the answer has statements.
        OSError: If a file cannot be read.
    """
    known = _labels(labels)
    found: list[tuple[Attribution, Labels]] = []
    for line in read_results(results):
        attribution = line.content
        if isinstance(attribution, DataFileError):
            continue
        own = known.pop(answer_key(attribution), None)
        if own is None:
            continue
        if len(own) != len(attribution.statements):
            raise DataFileError(
                f"line {line.number} of {results} has {len(attribution.statements)} statements, "
                f"and its labels in {labels} are {len(own)}"
            )
        found.append((attribution, own))
    if known:
        raise DataFileError(
            f"{len(known)} answers labelled in {labels} are not in {results}, the first is "
            f"{next(iter(known))!r}"
        )
    return found


def _labels(path: str | Path) -> dict[str, Labels]:
    found: dict[str, Labels] = {}
    for number, raw in records(path):
        try:
            data = load_line(raw)
        except DataFileError as error:
            raise DataFileError(f"line {number} of {path}: {error}") from error
        key, labels = data.get("key"), data.get("labels")
        if not (
            isinstance(key, str)
            and isinstance(labels, list)
            and all(label is None or isinstance(label, bool) for label in labels)
        ):
            raise DataFileError(
                f'line {number} of {path} must be an object with a "key" and a list of "labels", '
                "each true, false or null"
            )
        found[key] = labels
    return found
