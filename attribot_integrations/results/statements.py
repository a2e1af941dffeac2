"""Dividing an answer into statements, and its tokens among them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from attribot_integrations.context.segmentation import split_answer
from attribot_integrations.context.sources import (
    SentenceSplitter,
    Span,
    first_visible,
    split_sentences,
)
from attribot_integrations.errors import InputError
from attribot_integrations.results.parts import Statement
from attribot_integrations.results.wording import wording_of

__all__ = ["find_statements", "spread_over_tokens", "statement_scores"]


def find_statements(
    answer: str,
    token_spans: Sequence[Span],
    splitter: SentenceSplitter = split_sentences,
    given: Sequence[Span] | None = None,
) -> tuple[Statement, ...]:
    """Divide an answer into statements and give each of its tokens to one of them.

    Thoughts, and marks of citations at the end of a sentence, belong to no statement. Of JSON, each
    field's value is one. A token
    belongs to the statement in which its first visible character stands; tokens of white
    space go with the statement before. The token ranges tile the answer, so the scores of the
    statements add up to the score of the answer.

    Args:
        answer: The answer's text.
        token_spans: Span in the answer of each token, in order.
        splitter: Finds the sentences.
        given: Where the statements are, if that is known; those without words are left out, and
            where none is left, the splitter finds them.

    Raises:
        ConfigurationError: If the splitter returns spans that are blank, out of order or outside
            the answer.
        InputError: If the given spans are out of order or outside the answer.
    """
    wording = wording_of(answer)
    bare = wording.bare
    paths = dict(zip(wording.fields, wording.paths, strict=True))
    given = given if given is not None or not wording.fields else wording.fields
    spans = (given and _checked(given, bare)) or split_answer(bare, splitter)
    begins = [first_visible(answer, span) for span in token_spans]
    edges = [0]
    for start, _ in spans[1:]:
        edge = edges[-1]
        while edge < len(begins) and begins[edge] < start:
            edge += 1
        edges.append(edge)
    edges.append(len(begins))
    return tuple(
        Statement(
            index,
            start,
            end,
            answer[start:end],
            (edges[index], edges[index + 1]),
            paths.get((start, end)),
        )
        for index, (start, end) in enumerate(spans)
    )


def _checked(given: Sequence[Span], bare: str) -> list[Span]:
    edges = [0, *(edge for span in given for edge in span), len(bare)]
    if edges != sorted(edges):
        raise InputError(
            f"statements must be spans in order within the {len(bare)} characters of the answer, "
            f"got {list(given)!r:.80}"
        )
    return [(start, end) for start, end in given if bare[start:end].strip()]


def statement_scores(
    scores: npt.NDArray[np.float32], statements: Sequence[Statement]
) -> npt.NDArray[np.float32]:
    """Sum scores over the tokens of each statement.

    Args:
        scores: `[sources, answer tokens]`, in nats.
        statements: Statements whose token ranges tile the answer.

    Returns:
        `[sources, statements]`, in nats.
    """
    summed = np.zeros((len(scores), len(statements)), dtype=np.float32)
    for statement in statements:
        start, end = statement.tokens
        summed[:, statement.index] = scores[:, start:end].sum(axis=1)
    return summed


def spread_over_tokens(
    values: npt.NDArray[np.float32], spans: Sequence[Span], other_spans: Sequence[Span]
) -> npt.NDArray[np.float32]:
    """Carry values of one tokenizer's tokens over to another's, by character.

    Each token's value is spread evenly over its characters, so sums over any stretch of text that
    both tokenizers end tokens at are kept, and the total always is.

    Args:
        values: `[…, tokens]`.
        spans: Span of each token in the answer.
        other_spans: Span in the same answer of each token of the other tokenizer.

    Returns:
        `[…, other tokens]`.
    """
    if list(spans) == list(other_spans):
        return values
    lows = np.array([low for low, _ in other_spans])
    highs = np.array([high for _, high in other_spans])
    starts, ends = np.array(spans).reshape(-1, 2).T
    # For each token, the others from the first that ends behind its start to the last that starts
    # before its end; some between may still not touch it.
    firsts = np.searchsorted(np.maximum.accumulate(highs), starts, "right")
    lasts = np.searchsorted(np.minimum.accumulate(lows[::-1])[::-1], ends, "left")
    carried = np.zeros((*values.shape[:-1], len(other_spans)), dtype=np.float32)
    for token, (start, end, first, last) in enumerate(
        zip(starts, ends, firsts, lasts, strict=True)
    ):
        near = slice(first, last)
        overlaps = (np.minimum(highs[near], end) - np.maximum(lows[near], start)).clip(0)
        if not overlaps.any():  # no characters, or white space that the other tokenizer drops
            nearest = int(np.abs(lows - start).argmin())
            near, overlaps = slice(nearest, nearest + 1), np.ones(1)
        carried[..., near] += values[..., token, None] * (overlaps / overlaps.sum())
    return carried
