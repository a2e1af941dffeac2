"""Chunks are found in any prompt, and cut out of it without touching the rest."""

from __future__ import annotations

import re

from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn

from attribot_integrations.context.borders import is_part_of_name, units
from attribot_integrations.context.dress import spaced
from attribot_integrations.context.layers import Layer
from attribot_integrations.context.locating import CapturedPrompt, capture_prompt, locate_chunks
from attribot_integrations.context.prompts import render
from attribot_integrations.context.sources import (
    Chunk,
    SentenceSplitter,
    clean_text,
    split_sentences,
)
from tests.properties.strategies import fixed_splitter, removals, texts, visible_texts

SMALL = st.text("ab .\n", max_size=24)
"""Few different characters, so that chunks repeat, overlap and contain one another."""
SPACES = st.sampled_from((" ", "\n", "\n\n", " \t", "\u00a0", "\r\n", "\f", "\u2028"))


def folded(text: str) -> str:
    """Return a text with one space for each run of white space."""
    return spaced(Layer(text)).text


def stands_in(chunk: str, text: str) -> bool:
    """Tell whether a chunk stands in a text and is no part of larger units, the simple way."""
    text, chunk = folded(text), folded(chunk).strip()
    borders = {start for start, _ in units(text)} | {len(text)}
    return any(
        text.startswith(chunk, start)
        and start + len(chunk) in borders
        and not is_part_of_name(text, start, start + len(chunk))
        for start in borders
    )


@st.composite
def captured_prompts(draw: DrawFn) -> tuple[list[str], list[Chunk]]:
    """Prompt texts, and chunks that stand in them, or nearly, or not."""
    prompt = draw(st.lists(SMALL | texts(), min_size=1, max_size=3))
    chunks = [draw(SMALL | texts()) for _ in range(draw(st.integers(0, 2)))]
    for _ in range(draw(st.integers(0, 4))):
        text = draw(st.sampled_from(prompt))
        start = draw(st.integers(0, len(text)))
        part = text[start : draw(st.integers(start, len(text)))]
        chunks.append(draw(st.sampled_from((part, " ".join(part.split()), f" {part}\n"))))
    return prompt, [Chunk(text) for text in draw(st.permutations(chunks))]


@given(captured_prompts(), st.booleans(), st.data())
def test_locating_then_rendering_gives_the_prompt_back(
    drawn: tuple[list[str], list[Chunk]], raw: bool, data: st.DataObject
) -> None:
    prompt, chunks = drawn
    assume(any(location.located for location in locate_chunks([*map(clean_text, prompt)], chunks)))
    captured: CapturedPrompt = [{"role": "user", "content": text} for text in prompt]
    if raw:
        prompt = ["\n".join(prompt)]
        captured = prompt[0]
    splitter: SentenceSplitter = split_sentences
    if data.draw(st.booleans()):
        splitter = fixed_splitter(data.draw, [chunk.text for chunk in chunks])
    built, sources, locations = capture_prompt(captured, chunks, splitter)
    assert [message.text for message in built.messages] == [clean_text(text) for text in prompt]

    taken = [
        (number, start, end) for location in locations for number, start, end in location.places
    ]
    for number, start, end in taken:  # no two places overlap
        assert start < end
        for other, low, high in taken:
            assert other != number or end <= low or high <= start or (start, end) == (low, high)
    assert len(set(taken)) == len(taken)
    for location in locations:
        words = clean_text(chunks[location.chunk_index].text).split()
        for number, start, end in location.places:
            if location.dress == "exact" and location.outcome != "partial":
                assert clean_text(prompt[number])[start:end].split() == words
        has_sources = bool(sources.of_chunk(location.chunk_index))
        assert has_sources == location.located

    # Removing a whole chunk cuts out its places and nothing else.
    for whole in sources.whole_chunks:
        own = locations[whole.chunk_index].places
        for number, message in enumerate(built.messages):
            text = clean_text(prompt[number])
            for _, start, end in sorted(place for place in own if place[0] == number)[::-1]:
                text = text[:start] + text[end:]
            assert render(message.segments, frozenset(whole.sentence_ids)).text == text

    # What is left of any removal is the other sentences, white space aside.
    removed = data.draw(removals(sources))
    for message in built.messages:
        rendered = render(message.segments, removed)
        for id_, (start, end) in rendered.sentences:
            assert id_ not in removed
            if locations[sources.sentences[id_].chunk_index].dress == "exact":
                assert rendered.text[start:end].split() == (
                    clean_text(sources.sentences[id_].text).split()
                )


@given(st.lists(visible_texts(), min_size=1, max_size=3), st.data())
def test_chunk_with_other_white_space_is_found(drawn: list[str], data: st.DataObject) -> None:
    chunks = [Chunk(f"{number}{text}{number}") for number, text in enumerate(drawn)]
    copies = [
        "".join(
            data.draw(SPACES) if piece.isspace() else piece
            for piece in re.split(r"(\s+)", clean_text(chunk.text))
        )
        for chunk in chunks
    ]
    prompt = "|".join(copies)
    built, sources, locations = capture_prompt(prompt, chunks)
    assert all(location.located for location in locations)
    assert built.messages[0].text == prompt
    covered = {id_ for id_, _ in render(built.messages[0].segments).sentences}
    assert covered == {source.id for source in sources.sentences}


@given(captured_prompts())
def test_every_chunk_has_an_outcome_that_holds(drawn: tuple[list[str], list[Chunk]]) -> None:
    prompt = [clean_text(text) for text in drawn[0]]
    chunks = drawn[1]
    for index, location in enumerate(locate_chunks(prompt, chunks)):
        chunk = clean_text(chunks[index].text)
        stands = bool(chunk.strip()) and any(stands_in(chunk, text) for text in prompt)
        assert location.chunk_index == index
        assert (location.outcome == "blank") == (not chunk.strip())
        if stands:
            assert location.outcome in ("found", "repeated", "partial", "overlapping")
        elif location.located and location.outcome != "partial":
            assert location.dress != "exact"
        if location.outcome == "found":
            assert len(location.places) == 1
        if location.outcome == "repeated":
            assert len(location.places) > 1
        assert location.located == (location.outcome in ("found", "repeated", "partial"))
        assert bool(location.shown) == (location.outcome == "partial")


@given(captured_prompts())
def test_no_copy_of_a_chunk_is_left_out(drawn: tuple[list[str], list[Chunk]]) -> None:
    prompt = [clean_text(text) for text in drawn[0]]
    chunks = drawn[1]
    locations = locate_chunks(prompt, chunks)
    taken = [place for location in locations for place in location.places]
    for number, text in enumerate(prompt):
        kept = list(text)
        for place, start, end in taken:
            if place == number:
                kept[start:end] = ["\x01"] * (end - start)
        rest = "".join(kept)
        for chunk in chunks:
            text = clean_text(chunk.text)
            if text.strip() and "\x01" not in text:
                assert not stands_in(text, rest)
