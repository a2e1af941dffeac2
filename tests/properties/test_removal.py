"""Chunks divide into sentences without loss, and removing some leaves the others untouched."""

from __future__ import annotations

from hypothesis import assume, given
from hypothesis import strategies as st

from attribot_integrations.context.prompts import ContextTemplate, Prompt, render
from attribot_integrations.context.sources import (
    Chunk,
    SourceSet,
    clean_text,
    split_sentences,
)
from tests.properties.strategies import removals, source_sets, texts, visible_texts

FORMATS = st.sampled_from(("{text}", "[{number}] {title}: {text}\n", "({{{title}}}){text}{number}"))
SEPARATORS = st.sampled_from(("\n\n", "", " | "))


def shown(prompt: Prompt, removed: frozenset[int] = frozenset()) -> str:
    return "".join(render(message.segments, removed).text for message in prompt.messages)


def expected_context(sources: SourceSet, template: ContextTemplate, removed: frozenset[int]) -> str:
    """The context, put together from the kept sentences alone."""
    chunks: list[str] = []
    for whole in sources.whole_chunks:
        chunk = sources.chunks[whole.chunk_index]
        body = sources.of_chunk(whole.chunk_index)
        kept = [source for source in body if source.id not in removed]
        if not kept:
            continue
        text = chunk.text[: body[0].start]
        for source in kept:
            if source is not kept[0]:  # the white space before a sentence comes and goes with it
                text += chunk.text[body[source.id - body[0].id - 1].end : source.start]
            text += source.text
        text += chunk.text[body[-1].end :]
        chunks.append(
            template.chunk_format.format(
                text=text, number=whole.chunk_index + 1, title=chunk.title or ""
            )
        )
    return clean_text(template.separator.join(chunks))


@given(texts())
def test_sentences_and_gaps_join_to_the_text(text: str) -> None:
    spans = split_sentences(text)
    joined, offset = "", 0
    for start, end in spans:
        gap, sentence = text[offset:start], text[start:end]
        assert not gap.strip()
        assert sentence == sentence.strip() != ""
        joined += gap + sentence
        offset = end
    assert not text[offset:].strip()
    assert joined + text[offset:] == text


@given(source_sets())
def test_every_source_is_the_text_at_its_place(sources: SourceSet) -> None:
    for source in (*sources.sentences, *sources.whole_chunks):
        assert sources.chunks[source.chunk_index].text[source.start : source.end] == source.text
        assert source.text.strip()
    assert [source.id for source in (*sources.sentences, *sources.whole_chunks)] == [
        *range(len(sources.sentences) + len(sources.whole_chunks))
    ]
    assert [id_ for whole in sources.whole_chunks for id_ in whole.sentence_ids] == [
        *range(len(sources.sentences))
    ]
    visible = {index for index, chunk in enumerate(sources.chunks) if chunk.text.strip()}
    assert {whole.chunk_index for whole in sources.whole_chunks} == visible


@given(source_sets(), FORMATS, SEPARATORS, texts(max_pieces=3), st.data())
def test_removal_leaves_the_other_sentences_and_their_gaps(
    sources: SourceSet, chunk_format: str, separator: str, question: str, data: st.DataObject
) -> None:
    template = ContextTemplate("C:{context}Q:{question}!", chunk_format, separator)
    prompt = template(question, sources)
    for removed in (frozenset[int](), data.draw(removals(sources)), sources.all_ids):
        context = expected_context(sources, template, removed)
        assert shown(prompt, removed) == f"C:{context}Q:{clean_text(question)}!"


@given(source_sets(), st.data())
def test_exactly_the_removed_sentences_are_gone(sources: SourceSet, data: st.DataObject) -> None:
    removed = data.draw(removals(sources))
    rendered = render(ContextTemplate()("q", sources).messages[0].segments, removed)
    assert [id_ for id_, _ in rendered.sentences] == [
        source.id for source in sources.sentences if source.id not in removed
    ]
    for id_, (start, end) in rendered.sentences:
        assert rendered.text[start:end] == clean_text(sources.sentences[id_].text)


@given(st.lists(visible_texts(), min_size=1, max_size=4), st.data())
def test_no_separator_is_left_dangling(drawn: list[str], data: st.DataObject) -> None:
    stripped = [text.strip() for text in drawn]
    sources = SourceSet.build([Chunk(text) for text in stripped])
    template = ContextTemplate("{context}|{question}", separator="\n--\n")
    context = shown(template("", sources), data.draw(removals(sources))).removesuffix("|")
    assert context == context.strip()
    assume("--" not in "".join(stripped))
    assert all(piece.strip() for piece in context.split("\n--\n")) or not context


@given(source_sets(), FORMATS, SEPARATORS, st.data())
def test_removing_a_whole_chunk_is_like_never_having_retrieved_it(
    sources: SourceSet, chunk_format: str, separator: str, data: st.DataObject
) -> None:
    assume(sources.whole_chunks)
    gone = data.draw(st.sampled_from(sources.whole_chunks))
    template = ContextTemplate(chunk_format=chunk_format, separator=separator)
    chunks = [
        Chunk("", metadata=chunk.metadata) if index == gone.chunk_index else chunk
        for index, chunk in enumerate(sources.chunks)
    ]
    spans = {
        chunk.text: [(source.start, source.end) for source in sources.of_chunk(index)]
        for index, chunk in enumerate(sources.chunks)
    }
    without = SourceSet.build(chunks, lambda text: spans.get(text, []))
    removed = shown(template("q", sources), frozenset(gone.sentence_ids))
    assert removed == shown(template("q", without))
