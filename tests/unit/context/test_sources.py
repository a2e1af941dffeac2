"""Chunks, their sentences, and the ids that tell sources apart."""

from __future__ import annotations

import copy
import dataclasses
import pickle
import re
from typing import Any, cast

import pytest

from attribot_integrations.context.sources import (
    Chunk,
    Level,
    SourceSet,
    Span,
    as_chunks,
    clean_text,
    first_visible,
    sentence_spans,
    split_sentences,
)
from attribot_integrations.errors import ConfigurationError, EmptyContextError, InputError


def sentences(text: str, language: str = "en") -> list[str]:
    return [text[start:end] for start, end in split_sentences(text, language)]


# Splitting


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("It rained. We left.", ["It rained.", "We left."]),
        ("Dr. Smith paid $3.50. He left.", ["Dr. Smith paid $3.50.", "He left."]),
        ("  One.\r\n\r\n Two? \t", ["One.", "Two?"]),
        ("no end", ["no end"]),
        ("", []),
        (" \n\t\f\u2003", []),
        ("\u200b", ["\u200b"]),
        ("\ud800 One. \udfff Two.", ["\ud800 One.", "\udfff Two."]),
    ],
)
def test_split_sentences(text: str, expected: list[str]) -> None:
    assert sentences(text) == expected


@pytest.mark.parametrize("space", ["\u00a0", "\u0085", "\u2003", "\u202f", "\u3000"])
def test_wide_spaces_before_a_full_stop_are_split_as_any(space: str) -> None:
    assert sentences(f"Vitamin C{space}. It helps.") == [
        text.replace("C ", f"C{space}") for text in sentences("Vitamin C . It helps.")
    ]


def test_split_sentences_of_other_languages() -> None:
    assert sentences("我来了。你走了。", "zh") == ["我来了。", "你走了。"]
    assert sentences("Das ist z. B. gut. Ja.", "de") == ["Das ist z. B. gut.", "Ja."]
    assert sentences("One. Two.", "no such language") == ["One.", "Two."]


def test_splitter_that_loses_characters_is_not_trusted(monkeypatch: pytest.MonkeyPatch) -> None:
    def lossy(language: str, text: str) -> list[str]:
        return ["One."]

    monkeypatch.setattr("sentencex.segment", lossy)
    assert sentences(" One. Two.") == ["One. Two."]


def test_clean_text_keeps_the_length() -> None:
    assert clean_text("a\ud800b\udfff😀") == "a\ufffdb\ufffd😀"


@pytest.mark.parametrize(
    ("span", "expected"), [((0, 5), 2), ((2, 3), 2), ((0, 2), 0), ((3, 3), 3), ((3, 5), 4)]
)
def test_first_visible(span: Span, expected: int) -> None:
    assert first_visible("  a b", span) == expected


@pytest.mark.parametrize(
    ("spans", "place"),
    [
        ([(0, 99)], "(0, 99) after 0"),
        ([(3, 3)], "(3, 3) after 0"),
        ([(-1, 2)], "(-1, 2) after 0"),
        ([(4, 8), (0, 4)], "(0, 4) after 8"),
        ([(0, 5), (3, 8)], "(3, 8) after 5"),
        ([(4, 5)], "(4, 5) after 0"),
    ],
    ids=["outside", "empty", "negative", "order", "overlap", "blank"],
)
def test_splitter_with_impossible_spans_is_refused(spans: list[Span], place: str) -> None:
    with pytest.raises(ConfigurationError, match=re.escape(f"got {place} in a text of 9")):
        SourceSet.build([Chunk("One. Two.")], lambda text: spans)


def test_text_without_sentences_stays_whole() -> None:
    assert sentence_spans(" Two words ", lambda text: []) == [(1, 10)]
    assert sentence_spans(" \n", lambda text: []) == []


# Chunks


def test_as_chunks_wraps_strings_and_keeps_chunks() -> None:
    given = Chunk("b", id="x", metadata={"page": 3})
    assert as_chunks(["a", given]) == (Chunk("a"), given)
    assert as_chunks(iter(["a"])) == (Chunk("a"),)


@pytest.mark.parametrize(
    ("chunks", "error", "message"),
    [
        ("one str", InputError, "must be a sequence of strings or Chunk objects, not one str"),
        (b"bytes", InputError, "must be a sequence of strings or Chunk objects, not one bytes"),
        (Chunk("a"), InputError, "must be a sequence of strings or Chunk objects, not one Chunk"),
        ({"text": "a"}, InputError, "must be a sequence of strings or Chunk objects, not one dict"),
        (None, InputError, "must be a sequence of strings or Chunk objects, not NoneType"),
        (5, InputError, "must be a sequence of strings or Chunk objects, not int"),
        (["a", 3], InputError, "chunk 1 must be a str or Chunk, not int"),
        ([], EmptyContextError, "no chunks were given"),
        (["", " \n"], EmptyContextError, "all 2 chunks are blank"),
    ],
)
def test_as_chunks_refuses(chunks: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        as_chunks(chunks)


def test_chunk_needs_text() -> None:
    with pytest.raises(InputError, match="a chunk's id must be a str or None, not int"):
        Chunk("a", id=7)  # type: ignore[arg-type]
    with pytest.raises(InputError, match="a chunk's text must be a str, not bytes"):
        Chunk(cast(str, b"bytes"))


@pytest.mark.parametrize(("metadata", "kind"), [([1], "list"), (None, "NoneType"), ("a", "str")])
def test_metadata_is_a_mapping(metadata: Any, kind: str) -> None:
    with pytest.raises(InputError, match=f"a chunk's metadata must be a mapping, not {kind}"):
        Chunk("a", metadata=metadata)


def test_metadata_is_a_read_only_copy() -> None:
    given = {"page": 3}
    chunk = Chunk("a", metadata=given)
    given["page"] = 4
    assert chunk.metadata["page"] == 3
    with pytest.raises(TypeError, match="does not support item assignment"):
        cast(dict[str, int], chunk.metadata)["page"] = 5


def test_chunk_can_be_copied_pickled_hashed_and_compared() -> None:
    chunk = Chunk("a", id="x", metadata={"tags": ["b"]})
    assert copy.deepcopy(chunk) == chunk == pickle.loads(pickle.dumps(chunk))
    assert copy.deepcopy(chunk).metadata["tags"] is not chunk.metadata["tags"]
    assert len({chunk, copy.deepcopy(chunk)}) == 1
    assert type(copy.deepcopy(chunk).metadata) is type(chunk.metadata)
    assert repr(chunk) == "Chunk(text='a', id='x', metadata={'tags': ['b']})"
    assert chunk != Chunk("a", id="x")


def test_metadata_becomes_a_dict_of_the_callers_own_when_it_is_copied() -> None:
    chunk = Chunk("a", metadata={"tags": ["b"], "page": 3})
    plain = dataclasses.asdict(chunk)
    assert plain == {
        "text": "a",
        "id": None,
        "metadata": {"tags": ["b"], "page": 3},
        "body": None,
        "shown_metadata": (),
        "origin": None,
        "said": None,
    }
    for copied in (
        plain["metadata"],
        copy.deepcopy(chunk.metadata),
        pickle.loads(pickle.dumps(chunk.metadata)),
    ):
        assert type(copied) is dict
        copied["tags"].append("c")
    assert dict(copy.copy(chunk.metadata)) == chunk.metadata == {"tags": ["b"], "page": 3}
    assert len(chunk.metadata) == 2


def test_sentences_of_a_chunk() -> None:
    sources = SourceSet.build([Chunk("It rained. We left."), Chunk(" "), Chunk("C.")])
    assert sources.of_chunk(0) == sources.sentences[:2]
    assert sources.of_chunk(1) == sources.of_chunk(3) == ()
    assert sources.of_chunk(2) == sources.sentences[2:]
    assert copy.deepcopy(sources) == sources == pickle.loads(pickle.dumps(sources))


@pytest.mark.parametrize(
    ("metadata", "expected"),
    [
        ({"title": "T", "source": "S"}, "T"),
        ({"title": "", "source": "S"}, "S"),
        ({"title": 3}, "the id"),
        ({}, "the id"),
    ],
)
def test_chunk_title(metadata: dict[str, Any], expected: str) -> None:
    assert Chunk("a", id="the id", metadata=metadata).title == expected


# Source sets


def test_ids_run_over_sentences_then_chunks() -> None:
    sources = SourceSet.build([Chunk(" A one. A two. "), Chunk("\n"), Chunk("B one.")])
    assert [(one.id, one.chunk_index, one.sentence_index) for one in sources.sentences] == [
        (0, 0, 0),
        (1, 0, 1),
        (2, 2, 0),
    ]
    assert [(one.id, one.chunk_index, one.sentence_ids) for one in sources.whole_chunks] == [
        (3, 0, (0, 1)),
        (4, 2, (2,)),
    ]
    assert sources.whole_chunks[0].text == "A one. A two."
    assert (sources.whole_chunks[0].start, sources.whole_chunks[0].end) == (1, 14)
    assert sources.all_ids == frozenset({0, 1, 2})
    assert [one.text for one in sources.of_chunk(0)] == ["A one.", "A two."]
    assert sources.of_chunk(1) == ()


def test_equal_sentences_are_different_sources() -> None:
    sources = SourceSet.build([Chunk("Same. Same."), Chunk("Same.")])
    assert [one.text for one in sources.sentences] == ["Same."] * 3
    assert [one.id for one in sources.sentences] == [0, 1, 2]


def test_only_the_given_chunks_are_divided() -> None:
    sources = SourceSet.build([Chunk("A."), Chunk("B."), Chunk("C.")], shown={2: None, 0: None})
    assert [one.text for one in sources.sentences] == ["A.", "C."]
    assert len(sources.chunks) == 3


def test_at_chooses_levels() -> None:
    sources = SourceSet.build([Chunk("A. B.")])
    assert sources.at(["sentence"]) == sources.sentences
    assert sources.at(["chunk"]) == sources.whole_chunks
    assert sources.at(["chunk", "sentence"]) == sources.sentences + sources.whole_chunks


@pytest.mark.parametrize("levels", [[], ["word"], ["sentence", "word"]])
def test_at_refuses_other_levels(levels: list[str]) -> None:
    sources = SourceSet.build([Chunk("A. B.")])
    with pytest.raises(ConfigurationError, match='levels must hold "sentence", "chunk" or both'):
        sources.at(cast(list[Level], levels))
