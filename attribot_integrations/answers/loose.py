"""What ran outside of any pipeline that was watched, and belongs to an answer all the same.

Handlers that are given to parts, in their constructors, see a retriever and a model, but not what
joins them; so it is in code that calls one after the other. What was found belongs to the model
call whose prompt shows it. And a model that is shown an earlier answer, without documents of its
own, judges that answer; what it writes is none.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, replace
from typing import Final

from attribot_integrations.answers.captured import CapturedAnswer, MessagesOrText
from attribot_integrations.answers.lineage import flat, prompt_texts, stands_in
from attribot_integrations.answers.recent import Recent
from attribot_integrations.answers.runs import Run, RunTree
from attribot_integrations.answers.verdicts import is_verdict

__all__ = ["LooseRuns"]

_REMEMBERED: Final = 64


@dataclass(frozen=True)
class _Answer:
    text: str
    finds: tuple[Hashable, ...]
    """The loose searches that had been made before it was given."""


class LooseRuns:
    """The last searches and answers that a handler has seen."""

    def __init__(self) -> None:
        self._finds: Recent[Hashable, Run] = Recent(_REMEMBERED)
        self._answers: Recent[str, _Answer] = Recent(_REMEMBERED)

    def found(self, id: Hashable, run: Run) -> None:
        """Note a search that no pipeline was seen around."""
        self._finds.add(id, run)

    def answered(self, captured: CapturedAnswer) -> None:
        """Note an answer."""
        finds = tuple(id for id, _ in self._finds.items())
        self._answers.add(captured.id, _Answer(flat(captured.answer), finds))

    def complete(self, tree: RunTree) -> bool:
        """Add the loose searches whose finds a run's model calls saw.

        Args:
            tree: A run that has ended.

        Returns:
            Whether the run gave an answer; false if it judged an earlier one.
        """
        runs = list(tree.live())
        calls = [run.call for run in runs if run.kind == "model"]
        if not calls or any(run.kind in ("retriever", "tool") for run in tree.runs.values()):
            return True
        prompts = [flat(" ".join(prompt_texts(call.prompt))) for call in calls]
        shown = " ".join(prompts)
        seen = {}
        if not tree.gathered():
            seen = {
                id: run
                for id, run in self._finds.items()
                if any(chunk.text.strip() and flat(chunk.text) in shown for chunk in run.chunks)
            }
        own = any(run.passed or run.chunks for run in runs)
        graded = is_verdict(calls[-1].text or calls[-1].arguments)
        judged = shown if graded else " ".join(_of_others(call.prompt) for call in calls)
        for _, earlier in self._answers.items():
            if len(earlier.text.split()) > 1 and stands_in(earlier.text, judged):
                new = any(id not in earlier.finds for id in seen)
                if graded or not (own or new):
                    return False
        for id, run in seen.items():
            tree.runs[id] = replace(run, parent=None, below_retriever=False)
        return True


def _of_others(prompt: MessagesOrText | None) -> str:
    """Return what stands in a prompt beside the model's own turns of a conversation."""
    if prompt is None or isinstance(prompt, str):
        return ""
    return flat(" ".join(each["content"] for each in prompt if each["role"] != "assistant"))
