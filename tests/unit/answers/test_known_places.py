"""A prompt is rendered again, and what stands in known places can be removed."""

import pytest

from attribot_integrations.answers.known_places import Layout, Place, TemplateMessage, Value
from attribot_integrations.context.prompts import fill_template
from attribot_integrations.context.sources import Chunk, SourceSet
from tests.integrations.engines import text_of

CONTEXT = "file: a\nAda is old. She is tall.\n\nBea."
SOURCES = SourceSet.build((Chunk("Ada is old. She is tall."), Chunk(""), Chunk("Bea.")))
PLACES = (Place(0, 0, 8, 32), Place(2, 34, 34, 38))


def layout(value: Value, *, raw: bool = False) -> Layout:
    messages = (TemplateMessage("user", ("<", "|", ">"), (1, 0)),)
    return Layout(messages, (Value("Q?"), value), 1, PLACES, raw, bos_added=raw)


@pytest.mark.parametrize(
    ("removed", "text"),
    [
        (set(), f"<{CONTEXT}|Q?>"),
        ({0}, "<file: a\nShe is tall.\n\nBea.|Q?>"),
        ({0, 1}, "<Bea.|Q?>"),
        ({2}, "<file: a\nAda is old. She is tall.|Q?>"),
        ({0, 1, 2}, "<|Q?>"),
    ],
)
def test_chunks_go_with_what_is_shown_of_them(removed: set[int], text: str) -> None:
    prompt = fill_template(layout(Value(CONTEXT)), "", SOURCES)
    assert text_of(prompt, frozenset(removed)) == text
    assert (prompt.raw, prompt.bos_added) == (False, False)


def test_literals_of_a_raw_prompt_are_trusted_and_values_are_not() -> None:
    prompt = layout(Value(CONTEXT), raw=True)("", SOURCES)
    assert (prompt.raw, prompt.bos_added) == (True, True)
    trusted = [
        part.text for message in prompt.messages for part in message.segments if part.trusted
    ]
    assert trusted == ["<", "|", ">"]


@pytest.mark.parametrize("quotes", ["", "'", '"', "'\\" + '"'])
def test_a_list_is_shown_as_python_writes_it(quotes: str) -> None:
    text = CONTEXT + quotes
    value = Value(text, listed=True)
    assert value.shown == str([text])
    prompt = fill_template(layout(value), "", SOURCES)
    assert text_of(prompt) == f"<{[text]}|Q?>"
    shorter = text_of(prompt, frozenset({2}))
    assert shorter == f"<{[text.replace(chr(10) * 2 + 'Bea.', '')]}|Q?>"


def test_a_message_with_its_values() -> None:
    message = TemplateMessage(None, ("a", "b", "c"), (0, 0))
    assert message.text([Value("1"), Value("2")]) == "a1b1c"
