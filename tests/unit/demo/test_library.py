"""The documents on real subjects."""

from __future__ import annotations

from collections import Counter

from attribot_integrations.demo.library import LIBRARY_QUESTIONS, library_chunks


def test_there_are_eight_short_documents() -> None:
    words: Counter[str] = Counter()
    for chunk in library_chunks():
        words[chunk.metadata["title"]] += len(chunk.text.split())
    assert len(words) == 8
    assert all(150 <= count <= 300 for count in words.values())


def test_every_paragraph_can_be_found_again() -> None:
    chunks = library_chunks()
    assert len({chunk.id for chunk in chunks}) == len({chunk.text for chunk in chunks}) == 32
    assert chunks == library_chunks()
    assert [chunk.id for chunk in chunks if chunk.metadata["title"] == "Tides"] == [
        "tides-1",
        "tides-2",
        "tides-3",
        "tides-4",
    ]
    assert all("\n" not in chunk.text and chunk.text.endswith(".") for chunk in chunks)


def test_the_questions_are_about_the_documents() -> None:
    text = " ".join(chunk.text for chunk in library_chunks())
    for question in LIBRARY_QUESTIONS:
        names = [word.strip("?") for word in question.split()[1:] if word[0].isupper()]
        assert names
        assert all(name in text for name in names)
