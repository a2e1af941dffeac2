"""Prompts as JSON: what the generator saw, or what a template has rendered, sentence by sentence.

A template is a function, which cannot be sent. So it is run where the request is made, and its
prompt is sent in segments that name the sentences they show; where it is scored, the chunks must
divide into the same sentences.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from attribot_integrations.context.conversation import MORE_KEYS
from attribot_integrations.context.locating import RawPrompt
from attribot_integrations.context.prompts import (
    Prompt,
    PromptMessage,
    PromptTemplate,
    Segment,
    fill_template,
)
from attribot_integrations.context.retrieved import as_chunks, clean_text
from attribot_integrations.context.sources import SentenceSplitter, SourceSet, split_sentences
from attribot_integrations.errors import InputError, PromptError
from attribot_integrations.service.wire_fields import (
    as_count,
    as_flag,
    as_list,
    as_object,
    as_optional_text,
    as_text,
)

if TYPE_CHECKING:
    from attribot_integrations.context.locating import CapturedPrompt
    from attribot_integrations.context.sources import Chunk

__all__ = ["RenderedPrompt", "prompt_from_wire", "prompt_to_wire", "render_prompt"]

_Sentences = tuple[tuple[int, int, int], ...]


@dataclass(frozen=True)
class RenderedPrompt:
    """A prompt that was rendered elsewhere; a template of one request.

    Raises:
        InputError: If the text of a sentence, which was retrieved, is said to be trusted.
    """

    prompt: Prompt
    sentences: _Sentences
    """Chunk, start and end of the sentences that its segments name, in order."""

    def __post_init__(self) -> None:
        for message in self.prompt.messages:
            for segment in message.segments:
                if segment.trusted and segment.sentence_id is not None:
                    raise InputError(
                        "retrieved text is never trusted: the segment of sentence "
                        f"{segment.sentence_id} must have trusted false"
                    )

    def __call__(self, question: str, sources: SourceSet) -> Prompt:
        """Return the prompt, if the chunks divide into the sentences that it was made of.

        Raises:
            PromptError: If they do not.
        """
        if _sentences(sources) != self.sentences:
            raise PromptError(
                f"the rendered prompt names {len(self.sentences)} sentences, and the chunks divide "
                f"into {len(sources.sentences)}, or at other places: where it was rendered, "
                "another version or splitter is used"
            )
        return self.prompt


def render_prompt(
    template: PromptTemplate,
    question: str,
    chunks: Sequence[str | Chunk],
    splitter: SentenceSplitter = split_sentences,
) -> RenderedPrompt:
    """Run a template, so that what it renders can be sent.

    Args:
        template: The template.
        question: The user's question.
        chunks: The retrieved chunks.
        splitter: Finds their sentences.

    Raises:
        InputError: If the template fails, or there are no chunks.
    """
    sources = SourceSet.build(as_chunks(chunks), splitter)
    return RenderedPrompt(fill_template(template, question, sources), _sentences(sources))


def prompt_to_wire(
    prompt: CapturedPrompt | RenderedPrompt | None,
) -> str | dict[str, Any] | list[dict[str, str]] | None:
    """Return a prompt as JSON holds it.

    Raises:
        InputError: If it is no prompt.
    """
    if prompt is None:
        return None
    if isinstance(prompt, str):
        return clean_text(prompt)
    if isinstance(prompt, RawPrompt):
        return {
            "text": clean_text(prompt.text),
            "trusted": prompt.trusted,
            "bos_added": prompt.bos_added,
        }
    if isinstance(prompt, RenderedPrompt):
        return _rendered_to_wire(prompt)
    given: object = prompt
    if not isinstance(given, Sequence) or not all(isinstance(one, Mapping) for one in given):
        raise InputError(
            "prompt must be a str, a RawPrompt, a list of messages or a template, got "
            f"{prompt!r:.60}"
        )
    return [_message_to_wire(message, index) for index, message in enumerate(given)]


def prompt_from_wire(value: Any) -> CapturedPrompt | PromptTemplate | None:
    """Return a prompt from what JSON holds of it.

    Raises:
        InputError: If it is no prompt.
    """
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, list):
        return [_message(one, f"prompt[{index}]") for index, one in enumerate(value)]
    if isinstance(value, dict) and "messages" in value:
        return _rendered_from_wire(value)
    data = as_object(value, "prompt", ("text",), ("trusted", "bos_added"))
    return RawPrompt(
        as_text(data["text"], "prompt.text"),
        as_flag(data.get("trusted", False), "prompt.trusted"),
        as_flag(data.get("bos_added", False), "prompt.bos_added"),
    )


def _message(value: Any, where: str) -> dict[str, str]:
    data = as_object(value, where, ("role", "content"), MORE_KEYS)
    return {key: as_text(one, f"{where}.{key}") for key, one in data.items()}


def _message_to_wire(message: Mapping[str, Any], index: int) -> dict[str, str]:
    for key in ("role", "content"):
        if not isinstance(message.get(key), str):
            raise InputError(f"prompt[{index}].{key} must be text, got {message.get(key)!r:.60}")
    more = [key for key in MORE_KEYS if message.get(key) is not None]
    for key in more:
        if not isinstance(message[key], str):
            raise InputError(f"prompt[{index}].{key} must be text, got {message[key]!r:.60}")
    return {key: clean_text(message[key]) for key in ("role", "content", *more)}


def _sentences(sources: SourceSet) -> _Sentences:
    return tuple((one.chunk_index, one.start, one.end) for one in sources.sentences)


def _rendered_to_wire(rendered: RenderedPrompt) -> dict[str, Any]:
    return {
        "messages": [
            {
                "role": message.role,
                "segments": [_segment_to_wire(segment) for segment in message.segments],
            }
            for message in rendered.prompt.messages
        ],
        "raw": rendered.prompt.raw,
        "bos_added": rendered.prompt.bos_added,
        "sentences": [list(one) for one in rendered.sentences],
    }


def _segment_to_wire(segment: Segment) -> dict[str, Any]:
    data: dict[str, Any] = {"text": segment.text}
    if segment.needs:
        data["needs"] = [[ids.start, ids.stop] for ids in segment.needs]
    if segment.sentence_id is not None:
        data["sentence"] = segment.sentence_id
    if segment.trusted:
        data["trusted"] = True
    return data


def _rendered_from_wire(value: Any) -> RenderedPrompt:
    data = as_object(value, "prompt", ("messages", "sentences"), ("raw", "bos_added"))
    messages = []
    for index, one in enumerate(as_list(data["messages"], "prompt.messages")):
        where = f"prompt.messages[{index}]"
        message = as_object(one, where, ("segments",), ("role",))
        role = as_optional_text(message.get("role"), f"{where}.role")
        segments = as_list(message["segments"], f"{where}.segments")
        messages.append(
            PromptMessage(
                role,
                tuple(
                    _segment_from_wire(segment, f"{where}.segments[{place}]")
                    for place, segment in enumerate(segments)
                ),
            )
        )
    listed = as_list(data["sentences"], "prompt.sentences")
    sentences = tuple(_triple(one, f"prompt.sentences[{i}]") for i, one in enumerate(listed))
    raw = as_flag(data.get("raw", False), "prompt.raw")
    bos_added = as_flag(data.get("bos_added", False), "prompt.bos_added")
    if not messages:
        raise InputError("prompt.messages must hold at least one message, got []")
    for index, made in enumerate(messages):
        if (made.role is None) != raw:
            raise InputError(
                f"prompt.messages[{index}].role must be null if the prompt is raw, and else text; "
                f"got {made.role!r} where raw is {raw}"
            )
    return RenderedPrompt(Prompt(tuple(messages), raw, bos_added), sentences)


def _segment_from_wire(value: Any, where: str) -> Segment:
    data = as_object(value, where, ("text",), ("needs", "sentence", "trusted"))
    needs = as_list(data.get("needs", []), f"{where}.needs")
    sentence = data.get("sentence")
    return Segment(
        as_text(data["text"], f"{where}.text"),
        tuple(_range(one, f"{where}.needs[{place}]") for place, one in enumerate(needs)),
        None if sentence is None else as_count(sentence, f"{where}.sentence"),
        as_flag(data.get("trusted", False), f"{where}.trusted"),
    )


def _range(value: Any, where: str) -> range:
    ends = [as_count(one, where) for one in as_list(value, where)]
    if len(ends) != 2 or ends[1] - ends[0] > _MOST_SENTENCES:
        raise InputError(
            f"{where} must hold the first sentence and the one behind the last, "
            f"{_MOST_SENTENCES} at most, got {ends!r:.60}"
        )
    return range(*ends)


_MOST_SENTENCES = 1_000_000


def _triple(value: Any, where: str) -> tuple[int, int, int]:
    numbers = [as_count(one, where) for one in as_list(value, where)]
    if len(numbers) != 3:
        raise InputError(f"{where} must hold chunk, start and end, got {numbers!r:.60}")
    return numbers[0], numbers[1], numbers[2]
