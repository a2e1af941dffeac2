"""`SplitByScript`: a sentence splitter for each script, chosen paragraph by paragraph."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from attribot_integrations.context.retrieved import Span
from attribot_integrations.context.scripts import SCRIPTS, script_of
from attribot_integrations.context.sources import SentenceSplitter, sentence_spans, split_sentences
from attribot_integrations.errors import ConfigurationError

__all__ = ["SplitByScript"]

_PARAGRAPH = re.compile(r"[^\n]*\S[^\n]*(?:\n|$)")


@dataclass(frozen=True)
class SplitByScript:
    """Finds sentences with the splitter that knows the script of each paragraph.

    For example `SplitByScript({"Thai": thai})`, where `thai` wraps the splitter of PyThaiNLP.
    """

    scripts: Mapping[str, SentenceSplitter] = field(default_factory=dict)
    """Splitters by the script that they are for, under its Unicode name, such as "Thai"."""
    other: SentenceSplitter = split_sentences
    """The splitter for all other text."""

    def __post_init__(self) -> None:
        unknown = set(self.scripts) - {*SCRIPTS}
        if unknown:
            raise ConfigurationError(
                f"scripts must be named as Unicode does, such as 'Thai', got {sorted(unknown)}"
            )
        for splitter in (*self.scripts.values(), self.other):
            if isinstance(splitter, type) or not callable(splitter):
                raise ConfigurationError(
                    f"a sentence splitter must be callable, got {splitter!r:.60}"
                )

    def __call__(self, text: str) -> Sequence[Span]:
        """Return the spans of the sentences of a text.

        Raises:
            ConfigurationError: If a splitter returns spans that are blank, out of order or outside
                the text.
        """
        spans: list[Span] = []
        for start, end, splitter in self._stretches(text):
            found = sentence_spans(text[start:end], splitter)
            spans += [(start + low, start + high) for low, high in found]
        return spans

    def _stretches(self, text: str) -> Iterator[tuple[int, int, SentenceSplitter]]:
        """Yield runs of paragraphs that one splitter is for."""
        start, current = 0, None
        for paragraph in _PARAGRAPH.finditer(text) if self.scripts else ():
            splitter = self.scripts.get(script_of(paragraph[0]) or "", self.other)
            if current is not None and splitter is not current:
                yield start, paragraph.start(), current
                start = paragraph.start()
            current = splitter
        yield start, len(text), current or self.other
