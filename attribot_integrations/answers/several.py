"""One run that gives several answers: each with its own question, documents and prompt.

A chain that is mapped over a list, branches side by side, nodes that a graph sends its items to:
their output holds several texts that models wrote, in parts of the run that have nothing to do with
each other.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace

from attribot_integrations.answers.captured import CapturedAnswer, ModelCall
from attribot_integrations.answers.lineage import Lineage, flat, stands_in, wrote
from attribot_integrations.answers.output import Output
from attribot_integrations.answers.runs import RunTree

__all__ = ["answers_of"]


@dataclass(frozen=True)
class _Written:
    """A text of the output that a model wrote."""

    text: str
    call: int


def answers_of(
    tree: RunTree, question: str | None, output: Output, *, kind: str, untold: str
) -> list[CapturedAnswer]:
    """Return the answers that a run gave, in the order of its output.

    Texts that a later one was made from are none, nor are grades. What a model filled in as the
    fields of one object is one answer.

    Args:
        tree: The run with all below it.
        question: The question, if it is known.
        output: What was handed back.
        kind: What the framework calls chunks, in the plural.
        untold: What to do where no retriever ran and nothing was found.
    """
    lineage = tree.lineage(output)
    written, notes = _written(tree, lineage, output)
    if len({each.call for each in written}) < 2:
        call = None
        if written and (output.answer is None or output.statements is not None):
            call = lineage.calls[written[0].call]
            if output.answer is None:
                output = _one(output, written, call)
        captured = tree.sum_up(question, output, kind=kind, untold=untold, notes=notes, call=call)
        return [] if captured is None else [captured]
    branches = _Branches(tree, lineage, written)
    found = []
    for each in written:
        branch = branches.of(each)
        captured = branch.sum_up(
            branch.root.query or None,
            Output(each.text, named=True),
            kind=kind,
            untold=untold,
            notes=notes,
        )
        if captured is not None:
            found.append(
                captured if captured.question else replace(captured, question=question or "")
            )
    return found


def _written(
    tree: RunTree, lineage: Lineage[ModelCall], output: Output
) -> tuple[list[_Written], tuple[str, ...]]:
    """Return the texts of an output that are answers, and what had to be guessed."""
    if output.named and not output.texts:
        return [], ()
    found: dict[int, _Written] = {}
    several: list[_Written] = []
    texts = ([output.answer] if output.answer is not None else []) + list(output.texts)
    for text in dict.fromkeys(texts):
        if not _may_be_written(lineage, text):
            continue
        choice = tree.choose(lineage, text)
        if choice.index is None or not wrote(lineage.calls[choice.index], text):
            continue
        several.append(_Written(text, choice.index))
        found.setdefault(choice.index, several[-1])
    calls = _answering(lineage, list(found))
    notes: tuple[str, ...] = ()
    if len(found) > len(calls) == 1 and output.answer is None:
        prose = [index for index in found if not lineage.verdicts[index]]
        if len(prose) > 1:
            notes = (
                "the output holds several texts of the model, the last was taken: name the "
                "answer's with answer_key",
            )
    if output.answer is not None:
        primary = next((each for each in several if each.text == output.answer), None)
        if primary is None:
            own = [each for each in several if each.call in calls]
            return (own, notes) if output.named else ([], ())
        apart = [
            index
            for index in calls
            if index == primary.call or _searches_itself(tree, lineage, index, primary.call)
        ]
        calls = apart if primary.call in apart else [primary.call]
    return [each for each in several if each.call in calls], notes


def _may_be_written(lineage: Lineage[ModelCall], text: str) -> bool:
    """Whether a text is a whole text of a model, or one of the fields that it filled in."""
    bare = flat(text)
    if not bare:
        return False
    for call in lineage.calls:
        level = wrote(call, text)
        if level == 2 or (level == 1 and _is_most(bare, call)):
            return True
    return False


def _is_most(bare: str, call: ModelCall) -> bool:
    if call.text is None or call.text.lstrip()[:1] in ("{", "[", "`"):
        return True
    return 3 * len(bare) >= len(flat(call.text))


def _answering(lineage: Lineage[ModelCall], calls: Sequence[int]) -> list[int]:
    """Leave out grades, what saw no chunk where others did, and what a later text was made from."""
    kept = [index for index in calls if lineage.reached[index]] or list(calls)
    kept = [index for index in kept if not lineage.verdicts[index]] or kept
    behind = {step for index in kept for step in lineage.behind(index)}
    return [index for index in kept if index not in behind]


def _one(output: Output, written: Sequence[_Written], call: ModelCall) -> Output:
    """Take the one text that a model wrote, or put together the fields that it filled in."""
    texts = {each.text for each in written}
    whole = {text for text in texts if flat(text) == flat(call.text or "")} or texts
    if len(whole) == 1:
        return replace(output, answer=whole.pop())
    said = flat(f"{call.text or ''} {call.arguments}")
    return output.of_fields(
        [
            each
            for each in output.fields
            if each.text in texts or (each.is_number and stands_in(each.text, said))
        ]
    )


def _searches_itself(tree: RunTree, lineage: Lineage[ModelCall], index: int, other: int) -> bool:
    """Whether the part of a run around one call, but not around another, has its own search."""
    pair = [_Written("", index), _Written("", other)]
    branch = _Branches(tree, lineage, pair).inside(pair[0])
    return any(run.kind == "retriever" for run in branch.runs.values())


class _Branches:
    """The parts of a run that gave several answers."""

    def __init__(
        self, tree: RunTree, lineage: Lineage[ModelCall], written: Sequence[_Written]
    ) -> None:
        self.tree = tree
        self.lineage = lineage
        self._paths = {
            each.call: tree.path(self._run_of(lineage.calls[each.call])) for each in written
        }

    def inside(self, written: _Written) -> RunTree:
        """Return the largest part of the run that gave this answer and no other."""
        top = self._top(written.call)
        runs = {id: run for id, run in self.tree.runs.items() if top in self.tree.path(id)}
        return RunTree(top, runs)

    def of(self, written: _Written) -> RunTree:
        """Do what `inside` does, with the searches outside whose finds the answer's call saw."""
        branch = self.inside(written)
        if branch.gathered():
            return branch
        seen = {
            text
            for index in (written.call, *self.lineage.behind(written.call))
            for text in self._shown(index)
        }
        tops = [self._top(call) for call in self._paths]
        for id, run in self.tree.runs.items():
            path = self.tree.path(id)
            found = {flat(chunk.text) for chunk in (*run.chunks, *run.passed)}
            if found & seen and not any(top in path for top in tops):
                branch.runs[id] = replace(run, parent=None)
        return branch

    def _top(self, call: int) -> Hashable:
        others = {id for other, path in self._paths.items() if other != call for id in path}
        own = [id for id in self._paths[call] if id not in others]
        return own[-1] if own else self._paths[call][0]

    def _shown(self, index: int) -> set[str]:
        return {self.lineage.texts[place] for place in self.lineage.shown[index]}

    def _run_of(self, call: ModelCall) -> Hashable:
        return next(id for id, run in self.tree.runs.items() if run.call is call)
