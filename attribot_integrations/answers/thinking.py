"""Answers of reasoning models: from the words to the thoughts before them, and on to the sources.

A thought is one more text that the answer rests on. Its share is measured with the thoughts in the
prompt, as the model had them when it began its answer; then the thoughts are attributed themselves.
Products of both shares join the hops, as FlashTrace (arXiv 2602.01914) does with its own relevance.
"""

from __future__ import annotations

from dataclasses import replace

from attribot_integrations.answers.captured import CapturedAnswer
from attribot_integrations.context.locating import CapturedPrompt, RawPrompt
from attribot_integrations.context.prompts import BEGUN, ContextTemplate
from attribot_integrations.context.sources import SourceSet
from attribot_integrations.results import Attribution
from attribot_integrations.results.wording import thoughts_before, wording_of

__all__ = ["with_thoughts", "with_thoughts_marked"]


def with_thoughts(captured: CapturedAnswer) -> CapturedAnswer | None:
    """Return an answer whose thoughts are a step on the way to it.

    Args:
        captured: The answer. It begins with its thoughts, or they were kept apart; then they are
            put before it as `<think>…</think>`.

    Returns:
        The answer; `None` if it has no thoughts, or says nothing but them.
    """
    words = wording_of(captured.answer)
    if not words.text or captured.parts:
        return None
    begun = captured.answer[: words.places[0]]
    span = thoughts_before(begun)
    if span is None and captured.thoughts.strip():
        begun = f"<think>\n{captured.thoughts.strip()}\n</think>\n\n"
        span = thoughts_before(begun)
    if span is None:
        return None
    asked = _asked(captured)
    own = replace(
        captured,
        answer=begun[slice(*span)],
        prompt=_gone_on(asked, begun[: span[0]]),
        generated_ids=None,
        statements=None,
        paths=(),
    )
    return replace(
        captured,
        prompt=_gone_on(asked, begun),
        generated_ids=None,
        steps=(*captured.steps, own),
    )


def with_thoughts_marked(attribution: Attribution, captured: CapturedAnswer) -> Attribution:
    """Return an attribution that tells thoughts from intermediate answers.

    Args:
        attribution: Of what `with_thoughts` returned.
        captured: That.
    """
    thoughts = captured.steps[-1].answer
    steps = (
        replace(each, kind="thoughts") if each.text == thoughts else each
        for each in attribution.steps
    )
    return replace(attribution, steps=tuple(steps))


def _asked(captured: CapturedAnswer) -> CapturedPrompt:
    """Return the prompt that the model saw, or what a template makes of question and chunks."""
    prompt = captured.prompt
    if prompt is not None and not callable(prompt):
        return prompt
    made = (prompt or ContextTemplate())(captured.question, SourceSet.build(captured.chunks))
    return [{"role": each.role or "user", "content": each.text} for each in made.messages]


def _gone_on(prompt: CapturedPrompt, begun: str) -> CapturedPrompt:
    """Return a prompt with what the model has written already behind it."""
    if not begun:
        return prompt
    if isinstance(prompt, str):
        return prompt + begun
    if isinstance(prompt, RawPrompt):
        return replace(prompt, text=prompt.text + begun)
    return [*prompt, {"role": BEGUN, "content": begun}]
