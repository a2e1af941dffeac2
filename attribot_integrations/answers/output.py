"""What a pipeline handed back: where the answer is looked for, and all its texts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import accumulate

from attribot_integrations.context.sources import Span

__all__ = ["Field", "Output"]


@dataclass(frozen=True)
class Field:
    """A text or a number in an output."""

    path: str
    """Where it stands there, as JSONPath (RFC 9535)."""
    text: str
    is_number: bool = False


@dataclass(frozen=True)
class Output:
    """What a pipeline handed back, as far as it is text."""

    answer: str | None = None
    """The answer, if it was found under a key that is known or given."""
    statements: tuple[Span, ...] | None = None
    """Where its statements are, if it was put together from fields."""
    paths: tuple[str, ...] = ()
    """Which field each of those statements is."""
    named: bool = False
    """Whether the caller has named the answer's key, so that nothing else is the answer."""
    fields: tuple[Field, ...] = ()
    """All texts and numbers in the output, in order."""
    with_documents: bool = False
    """Whether it holds documents, too."""
    written_by: str | None = None
    """What wrote the answer, if it was known not to be a model, such as a tool."""

    @property
    def texts(self) -> tuple[str, ...]:
        """The texts among the fields; those that a model wrote may be answers.

        Numbers are what an output says that holds nothing else.
        """
        texts = tuple(each.text for each in self.fields if not each.is_number)
        return texts or tuple(each.text for each in self.fields)

    def of_fields(self, fields: Sequence[Field]) -> Output:
        """Return the output with an answer that has a line and a statement for each field."""
        ends = list(accumulate((len(each.text) + 1 for each in fields), initial=0))
        return replace(
            self,
            answer="\n".join(each.text for each in fields),
            statements=tuple(
                (start, start + len(each.text)) for start, each in zip(ends, fields, strict=False)
            ),
            paths=tuple(each.path for each in fields),
        )
