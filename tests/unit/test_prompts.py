"""Rendering prompts, whole and with sources removed."""

from __future__ import annotations

import re
from collections.abc import Set as AbstractSet

import pytest

from attribot_integrations.errors import ConfigurationError
from attribot_integrations.prompts import (
    ContextTemplate,
    Prompt,
    PromptMessage,
    Segment,
    chunk_segments,
    render,
)
from attribot_integrations.sources import Chunk, SourceSet

CHUNKS = [
    Chunk(" A one.  A two.\nA three. ", metadata={"title": "Alpha"}),
    Chunk("\t"),
    Chunk("B one. B two.", id="beta"),
]


def context(
    removed: AbstractSet[int], chunk_format: str = "{text}", separator: str = "\n\n"
) -> str:
    template = ContextTemplate("{context}|{question}", chunk_format, separator)
    prompt = template("Q", SourceSet.build(CHUNKS))
    text = render(prompt.messages[0].segments, frozenset(removed)).text
    return text.removesuffix("|Q")


@pytest.mark.parametrize(
    ("removed", "expected"),
    [
        (set(), " A one.  A two.\nA three. \n\nB one. B two."),
        ({0}, " A two.\nA three. \n\nB one. B two."),
        ({1}, " A one.\nA three. \n\nB one. B two."),
        ({2}, " A one.  A two. \n\nB one. B two."),
        ({0, 2}, " A two. \n\nB one. B two."),
        ({0, 1, 2}, "B one. B two."),
        ({3, 4}, " A one.  A two.\nA three. "),
        ({1, 2, 3}, " A one. \n\nB two."),
        ({0, 1, 2, 3, 4}, ""),
    ],
)
def test_removed_sentences_take_one_gap_with_them(removed: set[int], expected: str) -> None:
    assert context(removed) == expected


def test_chunk_format_goes_with_its_chunk() -> None:
    options = ("[{number}] {title}: {text};", " / ")
    assert context(set(), *options) == (
        "[1] Alpha:  A one.  A two.\nA three. ; / [3] beta: B one. B two.;"
    )
    assert context({0, 1, 2}, *options) == "[3] beta: B one. B two.;"
    assert context({3, 4}, *options) == "[1] Alpha:  A one.  A two.\nA three. ;"


def test_separators_stand_between_the_chunks_that_are_left() -> None:
    sources = SourceSet.build([Chunk(letter) for letter in "ABCD"])
    prompt = ContextTemplate("{context}{question}", separator=", ")("", sources)
    for removed, expected in [
        ({0}, "B, C, D"),
        ({1, 2}, "A, D"),
        ({0, 3}, "B, C"),
        ({0, 1, 2}, "D"),
        ({1, 2, 3}, "A"),
    ]:
        assert render(prompt.messages[0].segments, frozenset(removed)).text == expected


def test_rendered_spans() -> None:
    segments = [
        Segment("<s>", trusted=True),
        Segment("One.", (range(1),), sentence_id=0),
        Segment(" ", (range(1), range(1, 2))),
        Segment("Two.", (range(1, 2),), sentence_id=1),
        Segment("</s>", trusted=True),
    ]
    full = render(segments)
    assert full.text == "<s>One. Two.</s>"
    assert full.trusted == ((0, 3), (12, 16))
    assert full.sentences == ((0, (3, 7)), (1, (8, 12)))
    without = render(segments, frozenset({0}))
    assert without.text == "<s>Two.</s>"
    assert without.trusted == ((0, 3), (7, 11))
    assert without.sentences == ((1, (3, 7)),)


def test_default_template() -> None:
    prompt = ContextTemplate()("Who?", SourceSet.build([Chunk("A."), Chunk("B.")]))
    assert prompt == Prompt(prompt.messages, raw=False)
    assert [(message.role, message.text) for message in prompt.messages] == [
        (
            "user",
            "Answer the question using only the context.\n\nContext:\nA.\n\nB.\n\nQuestion: Who?",
        )
    ]


def test_system_message() -> None:
    prompt = ContextTemplate(system="Be brief.")("Who?", SourceSet.build([Chunk("A.")]))
    assert prompt.messages[0] == PromptMessage("system", (Segment("Be brief."),))
    assert prompt.messages[1].role == "user"


def test_fields_in_the_callers_texts_are_not_filled_in() -> None:
    chunk = Chunk("{question} {0}", metadata={"title": "{text}"})
    template = ContextTemplate("{{x}} {context} {question}", "{{{title}}}: {text}", system="{a}")
    prompt = template("{context}", SourceSet.build([chunk]))
    assert prompt.messages[0].text == "{a}"
    assert prompt.messages[1].text == "{x} {{text}}: {question} {0} {context}"


def test_lone_surrogates_become_replacement_characters() -> None:
    chunk = Chunk("A\ud800.", metadata={"title": "\udfff"})
    template = ContextTemplate("{context}{question}", "{title}{text}", system="\ud800")
    prompt = template("\ud800", SourceSet.build([chunk]))
    assert [message.text for message in prompt.messages] == ["\ufffd", "\ufffdA\ufffd.\ufffd"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{context}", "must hold {context} and then {question}, each once; got the fields"),
        ("{question} {context}", "got the fields ['question', 'context']"),
        ("{context} {question} {question}", "must hold {context} and then {question}"),
        ("{context} {question} {other}", "may hold only the fields ['context', 'question']"),
        ("{context!r} {question}", "may hold only the fields"),
        ("{context:>9} {question}", "may hold only the fields"),
        ("{context.text} {question}", "got {context.text}"),
        ("{} {question}", "got {}"),
        ("{context} {question", "text is no valid format string: "),
        ("{context} } {question}", "text is no valid format string: "),
    ],
)
def test_template_text_is_checked(text: str, message: str) -> None:
    with pytest.raises(ConfigurationError, match=re.escape(message)):
        ContextTemplate(text)


@pytest.mark.parametrize(
    ("chunk_format", "message"),
    [
        ("{title}", "chunk_format must hold {text} once, got '{title}'"),
        ("{text}{text}", "chunk_format must hold {text} once"),
        ("{text}{page}", "chunk_format may hold only the fields ['number', 'text', 'title']"),
        ("{text", "chunk_format is no valid format string: "),
    ],
)
def test_chunk_format_is_checked(chunk_format: str, message: str) -> None:
    with pytest.raises(ConfigurationError, match=re.escape(message)):
        ContextTemplate(chunk_format=chunk_format)


def test_templates_of_equal_options_are_equal() -> None:
    assert ContextTemplate() == ContextTemplate()
    assert ContextTemplate() != ContextTemplate(separator="\n")
    assert repr(ContextTemplate("{context}{question}")) == (
        "ContextTemplate(text='{context}{question}', chunk_format='{text}', "
        "separator='\\n\\n', system=None)"
    )


def test_chunk_segments_leave_out_empty_gaps() -> None:
    segments = chunk_segments("AB", [(0, 1), (1, 2)], range(5, 7))
    assert [(segment.text, segment.sentence_id) for segment in segments] == [("A", 5), ("B", 6)]
