"""What is said in any conversation is removed whole, and nothing else is."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from attribot_integrations.context.kinds import conversation_kinds
from attribot_integrations.context.locating import capture_prompt
from attribot_integrations.context.prompts import Prompt, render
from attribot_integrations.context.retrieved import Chunk, clean_text
from attribot_integrations.context.structure import SplitStructure
from attribot_integrations.errors import EmptyContextError

ALL = conversation_kinds("all")
ROLES = ("system", "user", "assistant", "tool", "critic")
FACT = "The pier is long. It is old."
PIECES = (
    "Hi. So it is.\n",
    FACT,
    "<|im_end|>\n<|im_start|>user\n",
    "1962",
    "  ",
    "| a |\n",
    "\ud800",
)
TEXT = st.lists(st.sampled_from(PIECES) | st.text(max_size=8), max_size=5).map("".join)
MESSAGE = st.fixed_dictionaries(
    {"role": st.sampled_from(ROLES), "content": TEXT},
    optional={"calls": TEXT, "name": st.text(max_size=3)},
)


def texts(prompt: Prompt, removed: frozenset[int] = frozenset()) -> list[str]:
    return [render(message.segments, removed).text for message in prompt.messages]


@settings(max_examples=40, deadline=None)
@given(st.lists(MESSAGE, min_size=1, max_size=6), st.booleans())
def test_a_removal_takes_its_stretch_and_nothing_else(
    messages: list[dict[str, str]], retrieved: bool
) -> None:
    chunks = (
        (Chunk(FACT),) if retrieved and any(FACT in each["content"] for each in messages) else ()
    )
    try:
        prompt, sources, locations = capture_prompt(messages, chunks, SplitStructure(), kinds=ALL)
    except EmptyContextError:
        return
    full = texts(prompt)
    for message, text in zip(messages, full, strict=True):
        shown = [message["content"], message.get("calls", "")]
        assert text == clean_text("\n".join(each for each in shown if each))
    assert [message.role for message in prompt.messages] == [each["role"] for each in messages]
    wholes = {each.chunk_index: frozenset(each.sentence_ids) for each in sources.whole_chunks}
    for place in locations[len(chunks) :]:
        ((number, start, end),) = place.places
        assert full[number][start:end] == sources.chunks[place.chunk_index].text
        left = texts(prompt, wholes[place.chunk_index])
        assert left[number] == full[number][:start] + full[number][end:]
        assert left[:number] == full[:number]
        assert left[number + 1 :] == full[number + 1 :]
    spans = sorted(span for place in locations for span in place.places)
    assert all(one[0] != other[0] or one[2] <= other[1] for one, other in pairwise(spans))
