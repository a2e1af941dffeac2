"""Questions with several chunks of real text each, and which of them people marked.

Data sets with one passage for each question are made to retrieve: beside the question's own passage
stand the seven of other questions that a sentence encoder finds most similar to the question.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

from attribot_integrations.evaluation.examples import read_set
from attribot_integrations.evaluation.store import RowStore

if TYPE_CHECKING:
    from attribot_integrations.context.sources import Chunk
    from attribot_integrations.evaluation.examples import EvaluationExample

__all__ = ["WORD_SETS", "JudgedQuestion", "judged_questions", "marked_chunks"]

WORD_SETS: Final[Mapping[str, int | None]] = {
    "hotpotqa": None,
    "quotesum": None,
    "lfqa": None,
    "squad2": 8,
    "clapnq": 8,
}
"""Data sets; the number of chunks where they are retrieved from those of all questions."""


@dataclass(frozen=True)
class JudgedQuestion:
    """A question, what was retrieved for it, and what of that is marked."""

    id: str
    question: str
    chunks: tuple[Chunk, ...]
    relevant: npt.NDArray[np.bool_]
    """`[chunks]`."""
    similar: npt.NDArray[np.float32] | None
    """`[chunks]`: cosine with the question by the encoder, if one was asked."""


def marked_chunks(example: EvaluationExample) -> set[int]:
    """Return the chunks that people marked, or that hold sentences that they marked."""
    of_statements = {chunk for each in example.statements or () for chunk in each.gold_chunks}
    return of_statements | {chunk for fact in example.gold or () for chunk, _ in fact}


def judged_questions(
    data: Path, name: str, folder: Path, encoder: Path | None
) -> list[JudgedQuestion]:
    """Return the questions of a data set that have marked chunks.

    Args:
        data: Folder of the data files, `NAME_dev.jsonl`.
        name: A key of `WORD_SETS`; without an encoder, any data set.
        folder: Where the encoder's figures are kept, to go on with.
        encoder: Folder of the encoder, which sets whose chunks are retrieved need.
    """
    examples = [each for each in read_set(data / f"{name}_dev.jsonl").examples if each.chunks]
    examples = [each for each in examples if marked_chunks(each)]
    if encoder is None:
        return [
            JudgedQuestion(
                each.id,
                each.question,
                each.chunks,
                np.isin(np.arange(len(each.chunks)), list(marked_chunks(each))),
                None,
            )
            for each in examples
        ]
    store = RowStore.open({"data": name, "encoder": encoder.name}, folder / name)
    if len(store.rows) < len(examples):
        _encode(store, examples, WORD_SETS[name], encoder)
    return [
        _judged(examples, number, row) for number, row in enumerate(store.rows[: len(examples)])
    ]


def _judged(
    examples: Sequence[EvaluationExample], number: int, row: Mapping[str, Any]
) -> JudgedQuestion:
    own = examples[number]
    marked = {(number, chunk) for chunk in marked_chunks(own)}
    places = [(int(example), int(chunk)) for example, chunk in row["chunks"]]
    return JudgedQuestion(
        own.id,
        own.question,
        tuple(examples[example].chunks[chunk] for example, chunk in places),
        np.array([place in marked for place in places], np.bool_),
        np.array(row["similar"], np.float32),
    )


def _encode(
    store: RowStore, examples: Sequence[EvaluationExample], most: int | None, encoder: Path
) -> None:
    """Keep the chunks of each further question, as places of examples, and their similarities."""
    from sentence_transformers import SentenceTransformer

    model = SentenceTransformer(str(encoder), device="cpu")

    def vectors(texts: Sequence[str]) -> npt.NDArray[np.float32]:
        found = model.encode(list(texts), batch_size=16, normalize_embeddings=True)
        return np.asarray(found, np.float32)

    places = [
        (number, chunk) for number, each in enumerate(examples) for chunk in range(len(each.chunks))
    ]
    texts = [examples[number].chunks[chunk].text for number, chunk in places]
    distinct = {text: place for place, text in reversed(list(enumerate(texts)))}
    pool = None if most is None else dict(zip(distinct, vectors([*distinct]), strict=True))
    for number in range(len(store.rows), len(examples)):
        own = [(number, chunk) for chunk in range(len(examples[number].chunks))]
        asked, *found = vectors(
            [examples[number].question]
            + ([examples[number].chunks[chunk].text for _, chunk in own] if pool is None else [])
        )
        if pool is not None and most is not None:
            shown = {texts[places.index(place)] for place in own}
            nearest = sorted(
                pool.keys() - shown, key=lambda text: (-float(pool[text] @ asked), text)
            )
            own = sorted([*own, *(places[distinct[text]] for text in nearest[: most - len(own)])])
            found = [pool[examples[one].chunks[chunk].text] for one, chunk in own]
        similar = [float(vector @ asked) for vector in found]
        store.append({"id": examples[number].id, "chunks": own, "similar": similar})
