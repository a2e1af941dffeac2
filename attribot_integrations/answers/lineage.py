"""What each of several model calls saw, and which of them wrote what a later one was shown.

A refined answer, a summary of summaries, or the report of an agent that another one asked: their
prompts hold texts that the model itself wrote before, and these lead on to the chunks.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Final, Generic, TypeVar

import regex

from attribot_integrations.answers.captured import MessagesOrText, ModelCall
from attribot_integrations.answers.verdicts import is_verdict
from attribot_integrations.context.locating import ChunkLocation, locate_chunks
from attribot_integrations.context.sources import Chunk

__all__ = ["Lineage", "flat", "prompt_texts", "stands_in", "wrote"]

Call = TypeVar("Call", bound=ModelCall)

_NUMBER = regex.compile(r"-?\d+(?:\.\d+)?")
_LONGEST_JSON: Final = 200_000


class Lineage(Generic[Call]):
    """The model calls of one run, and how they hang together.

    Args:
        calls: The calls that may have written an answer or a part of one, in order.
        texts: What they may have seen of each chunk.
    """

    def __init__(self, calls: Sequence[Call], texts: Sequence[str]) -> None:
        self.calls = tuple(calls)
        self.texts = [flat(text) for text in texts] if len(self.calls) > 1 else list(texts)
        """The chunks' texts, with single spaces if there are several calls."""
        self.verdicts = [is_verdict(call.text or call.arguments) for call in self.calls]
        prompts = [prompt_texts(call.prompt) for call in self.calls]
        # Of a single call there is nothing to be told apart, and prompts are long.
        alone = [frozenset(range(len(self.texts)))]
        self.shown = alone if len(prompts) == 1 else _shown(prompts, self.texts)
        """For each call, which of the chunks stand in its prompt; all for a call that is alone."""
        # Formatters change texts, and what stands nowhere as it is may stand in another dress.
        missing = set(range(len(texts))).difference(*self.shown) if prompts else set()
        chunks = [Chunk(text) for text in texts]  # all, for the others bound a part of one
        for place, prompt in enumerate(prompts if len(prompts) > 1 else []):
            sought = missing if self.shown[place] else set(range(len(texts)))
            if not sought:
                continue
            located = locate_chunks(prompt, chunks)
            found = [each for each in located if each.located and each.chunk_index in sought]
            self.shown[place] |= {each.chunk_index for each in found}
            prompts[place] = _blanked(prompt, found)
        self._bare = [
            _without(prompt, (self.texts[index] for index in shown)) if len(prompts) > 1 else ""
            for prompt, shown in zip(prompts, self.shown, strict=True)
        ]
        self.steps: list[tuple[int, ...]] = []
        """For each call, the earlier ones that saw chunks and whose text stands in its prompt."""
        self.reached: list[frozenset[int]] = []
        """For each call, the chunks that its prompt holds, or leads on to."""
        for index in range(len(self.calls)):
            steps = self._steps_of(index)
            self.steps.append(steps)
            self.reached.append(self.shown[index].union(*(self.reached[step] for step in steps)))

    def holds(self, index: int, text: str) -> bool:
        """Whether a text stands in a call's prompt, not counting the chunks in it."""
        return stands_in(flat(text), self._bare[index])

    def behind(self, index: int) -> set[int]:
        """Return the calls that a call's prompt leads on to."""
        found: set[int] = set()
        for step in self.steps[index]:
            found |= {step, *self.behind(step)}
        return found

    def _steps_of(self, index: int) -> tuple[int, ...]:
        found: dict[str, int] = {}
        for earlier in range(index):
            text = flat(self.calls[earlier].text or "")
            if not text or text in found or self.verdicts[earlier] or not self.reached[earlier]:
                continue
            if stands_in(text, self._bare[index]):
                found[text] = earlier
        whole = [
            text
            for text in found
            if not any(text in other for other in found if len(other) > len(text))
        ]
        return tuple(found[text] for text in whole)


def wrote(call: ModelCall, answer: str | None) -> int:
    """Tell whether a model wrote an answer.

    Returns:
        2 if it is just what the model wrote, 1 if it is a part of that or a field of structured
        output, 0 if neither.
    """
    if not answer or not answer.strip():
        return 0
    bare = flat(answer)
    if call.text is not None:
        if flat(call.text) == bare:
            return 2
        if stands_in(bare, flat(call.text)) or _quoted(answer) in call.text:
            return 1
    if _same_json(answer, call.text or "") or _same_json(answer, call.arguments):
        return 2
    if _NUMBER.fullmatch(bare) and stands_in(bare, call.arguments):
        return 1
    return int(_quoted(answer) in call.arguments)


def _same_json(answer: str, text: str) -> bool:
    """Tell whether an answer is the object that a text holds, however that is written."""
    if answer.lstrip()[:1] not in ("{", "[") or len(text) > _LONGEST_JSON:
        return False
    start, end = text.find(answer.lstrip()[0]), text.rfind(answer.rstrip()[-1])
    try:
        return bool(json.loads(answer) == json.loads(text[start : end + 1]))
    except (RecursionError, ValueError):
        return False


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def prompt_texts(prompt: MessagesOrText | None) -> list[str]:
    """Return the texts of a prompt's messages, or its one text."""
    if isinstance(prompt, str):
        return [prompt]
    return [message["content"] for message in prompt or []]


def flat(text: str) -> str:
    """Return a text with single spaces for all white space."""
    return " ".join(text.split())


def stands_in(text: str, other: str) -> bool:
    """Whether a text stands in another, not inside a longer word."""
    if text not in other or not text:
        return False
    edge = r"(?<!\w)" if text[0].isalnum() and text[0].isascii() else ""
    end = r"(?!\w)" if text[-1].isalnum() and text[-1].isascii() else ""
    return regex.search(edge + regex.escape(text) + end, other) is not None


def _shown(prompts: Sequence[Sequence[str]], texts: Sequence[str]) -> list[frozenset[int]]:
    """Return which texts stand in each prompt, whatever the white space."""
    joined = [flat(" ".join(prompt)) for prompt in prompts]
    return [
        frozenset(index for index, text in enumerate(texts) if text and text in prompt)
        for prompt in joined
    ]


def _blanked(prompt: Sequence[str], locations: Iterable[ChunkLocation]) -> list[str]:
    """Return a prompt's texts without what stands in the places of chunks."""
    texts = list(prompt)
    for location in locations:
        for message, start, end in location.places:
            text = texts[message]
            texts[message] = text[:start] + "\0" * (end - start) + text[end:]
    return texts


def _without(prompt: Sequence[str], texts: Iterable[str]) -> str:
    shown = flat(" ".join(prompt))
    for text in sorted(texts, key=len, reverse=True):
        shown = shown.replace(text, " \0 ")
    return shown
