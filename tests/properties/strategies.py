"""Texts, splits, chunks and results of every shape."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra import numpy as numpy_strategies
from hypothesis.strategies import DrawFn, SearchStrategy

from attribot_integrations.context.locating import ChunkLocation
from attribot_integrations.context.sources import Chunk, SentenceSplitter, SourceSet, Span
from attribot_integrations.results import (
    Attribution,
    Basis,
    Certificate,
    Citation,
    Cost,
    ModelCost,
    Statement,
    Support,
    SupportLabel,
)

AWKWARD = (
    "\r\n",
    "\n\n",
    "\f",
    "\v",
    "\t",
    " ",
    "\x00",
    "\x1b[31m",
    "\x1c",
    "\x85",
    "\u00a0",
    "\u00ad",
    "\u200b",  # zero-width space, which is no white space
    "\u200d",
    "\u2028",
    "\u202e",  # right-to-left override
    "\ufeff",
    "\ud800",
    "\udfff",
    "\ud83d\ude00",  # a surrogate pair as two characters
    "e\u0301",
    "\u0338",
    "👩‍👩‍👧",
    "🇩🇪",
    "ﬁ",
    "漢字。",
    "かな！",  # noqa: RUF001
    "العربية؟",
    "עברית.",
    "हिन्दी।",
    "Dr. ",
    "e.g. ",
    "A.",
    "It is. ",
    "Who? ",
    "No! ",
    "… ",
    '."',
    "1.5 ",
    "{text}",
    "{",
)
"""Pieces of text that splitters, tokenizers, terminals and JSON treat in ways of their own."""

MARKUP = ("<", "|", ">", "[", "]", "/", "<|im_start|>", "<|im_end|>", "<think>", "[INST]", "</s>")


def texts(*, max_pieces: int = 16) -> SearchStrategy[str]:
    """Any Unicode, lone surrogates included, rich in awkward places."""
    piece = st.sampled_from(AWKWARD) | st.characters(exclude_categories=()) | st.text("ab .\n")
    return st.lists(piece, max_size=max_pieces).map("".join)


def visible_texts(*, max_pieces: int = 16) -> SearchStrategy[str]:
    """Any text that is not blank."""
    return texts(max_pieces=max_pieces).filter(lambda text: bool(text.strip()))


def encodable_texts(*, max_pieces: int = 16) -> SearchStrategy[str]:
    """Any text that UTF-8 can hold."""
    return texts(max_pieces=max_pieces).map(
        lambda text: "".join(one for one in text if not "\ud800" <= one <= "\udfff")
    )


def hostile_texts() -> SearchStrategy[str]:
    """Text full of markers, whole, halved and nested."""
    half = st.sampled_from(MARKUP).flatmap(
        lambda marker: st.integers(0, len(marker)).map(lambda place: marker[:place])
    )
    other_half = st.sampled_from(MARKUP).flatmap(
        lambda marker: st.integers(0, len(marker)).map(lambda place: marker[place:])
    )
    piece = st.sampled_from(MARKUP) | half | other_half | st.sampled_from((" ", "a", "\n", "é"))
    return st.lists(piece, max_size=12).map("".join)


@st.composite
def spans_of(draw: DrawFn, text: str) -> list[Span]:
    """Sentence spans of a text: in order, none blank, some touching, some with gaps."""
    edges = sorted(draw(st.sets(st.integers(0, len(text)), max_size=8)) | {0, len(text)})
    pieces = [piece for piece in pairwise(edges) if draw(st.booleans())]
    return [(start, end) for start, end in pieces if text[start:end].strip()]


def tilings(length: int) -> SearchStrategy[list[Span]]:
    """Divisions of a text into tokens; each has at least one character."""
    inner = st.sets(st.integers(1, length - 1), max_size=length) if length > 1 else st.just(set())
    return inner.map(
        lambda cuts: list(zip([0, *sorted(cuts)], [*sorted(cuts), length], strict=True))
    )


@st.composite
def source_sets(draw: DrawFn, *, max_chunks: int = 4) -> SourceSet:
    """Chunks, blank ones among them, divided by the default splitter or at any place."""
    chunks = [
        Chunk(text, metadata={"title": title})
        for text, title in draw(
            st.lists(
                st.tuples(texts(), st.sampled_from(("", "T", "{text}"))),
                min_size=1,
                max_size=max_chunks,
            )
        )
    ]
    if draw(st.booleans()):
        return SourceSet.build(chunks)
    return SourceSet.build(chunks, fixed_splitter(draw, [chunk.text for chunk in chunks]))


def fixed_splitter(draw: Callable[..., Any], given: Sequence[str]) -> SentenceSplitter:
    """Draw a splitter that divides the given texts somewhere."""
    found = {text: draw(spans_of(text)) for text in given}
    return lambda text: found[text]


def removals(sources: SourceSet) -> SearchStrategy[frozenset[int]]:
    """Any set of sentences to remove."""
    return (
        st.frozensets(st.sampled_from(range(len(sources.sentences))))
        if (sources.sentences)
        else st.just(frozenset())
    )


_FINITE = st.floats(width=32, allow_nan=False, allow_infinity=False)
_COUNTS = st.integers(0, 10**12)
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5) | _FINITE,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)


_BASES: tuple[Basis, ...] = ("depends", "states", "both")
_SHARES = st.floats(0, 1)
_LABELS: SearchStrategy[SupportLabel] = st.sampled_from(
    ("supported", "unsupported", "parametric", "uncertain")
)


@st.composite
def attributions(draw: DrawFn, text: SearchStrategy[str] | None = None) -> Attribution:
    """Results of every shape, with any finite numbers."""
    text = text if text is not None else texts()
    visible = text.filter(lambda drawn: bool(drawn.strip()))
    chunks = [
        Chunk(drawn, id=draw(st.none() | text), metadata=draw(st.dictionaries(text, _JSON)))
        for drawn in [draw(visible), *draw(st.lists(text, max_size=2))]
    ]
    sources = SourceSet.build(chunks).at(
        draw(st.sampled_from((("sentence",), ("chunk",), ("sentence", "chunk"))))
    )
    answer = draw(visible)
    spans = draw(tilings(len(answer)))
    shape = (len(sources), len(spans))
    floats = numpy_strategies.arrays(np.float32, len(spans), elements=_FINITE)
    statements = (Statement(0, 0, len(answer), answer, (0, len(spans))),)
    citations = [
        Citation(
            number=position + 1,
            statement_index=0,
            source_id=source.id,
            chunk_index=source.chunk_index,
            chunk_id=chunks[source.chunk_index].id,
            answer_start=0,
            answer_end=len(answer),
            chunk_start=source.start,
            chunk_end=source.end,
            text=source.text,
            score=draw(_FINITE),
            exact=draw(st.booleans()),
            basis=draw(st.sampled_from(_BASES)),
            states=draw(st.none() | _SHARES),
        )
        for position, source in enumerate(sources[:2])
    ]
    return Attribution(
        question=draw(text),
        answer=answer,
        chunks=tuple(chunks),
        sources=sources,
        statements=statements,
        scores=draw(numpy_strategies.arrays(np.float32, shape, elements=_FINITE)),
        exact=draw(numpy_strategies.arrays(np.bool_, len(sources))),
        estimands=tuple(draw(st.sampled_from(("target_loo", "proxy_loo"))) for _ in sources),
        token_spans=tuple(spans),
        token_log_probs=draw(floats),
        token_log_probs_without_context=draw(floats),
        citations=tuple(citations),
        method=draw(text),
        cost=Cost(
            seconds=draw(st.floats(0, 1e6)),
            models=(ModelCost(draw(text), draw(_COUNTS), draw(_COUNTS), 1, draw(_COUNTS)),),
        ),
        locations=(
            ChunkLocation(0, "repeated", ((0, 1, 2), (1, 0, draw(_COUNTS)))),
            ChunkLocation(1, "not_found", traces=True),
        ),
        id=draw(st.none() | text),
        support=draw(st.just(()) | _LABELS.map(lambda label: (Support(0, label, -1.0, -2.0),))),
        stated=draw(
            st.none()
            | numpy_strategies.arrays(
                np.float32, (len(sources), 1), elements=st.floats(0, 1, width=32)
            )
        ),
        verifier=draw(st.none() | text),
        certificates=draw(
            st.just(())
            | st.tuples(
                st.builds(Certificate, st.just(0), st.just((0,)), _FINITE, _FINITE, _FINITE)
            )
        ),
    )
