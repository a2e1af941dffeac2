"""`Attribution`: what an engine gives back.

Everything is frozen, and no model library is imported: results can be stored, loaded and shown on
a machine without one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

from attribot_integrations.context.locating import ChunkLocation
from attribot_integrations.context.sources import Chunk, Level, Source, Span
from attribot_integrations.errors import InputError, ModelError
from attribot_integrations.results.hops import Hop, Step, check_hops
from attribot_integrations.results.notes import reader_notes
from attribot_integrations.results.parts import (
    Alternatives,
    Audit,
    Certificate,
    Citation,
    Cost,
    Estimand,
    FloatArray,
    ModelCost,
    Statement,
)
from attribot_integrations.results.remarks import set_remarks, statement_remarks
from attribot_integrations.results.showing import shown_citations
from attribot_integrations.results.support import Support

if TYPE_CHECKING:
    import pandas
    from matplotlib.figure import Figure

    from attribot_integrations.render.html import Theme
    from attribot_integrations.render.markdown import MarkdownStyle
    from attribot_integrations.render.plots import PlotKind
    from attribot_integrations.render.tracing import AttributeValue
    from attribot_integrations.render.utf16 import OffsetUnit
    from attribot_integrations.results.traces import Trace

__all__ = [
    "AXES",
    "Alternatives",
    "Attribution",
    "Audit",
    "Certificate",
    "Citation",
    "Cost",
    "Estimand",
    "FailedAttribution",
    "FloatArray",
    "ModelCost",
    "Statement",
]

AXES: Final[dict[str, tuple[str, ...]]] = {
    "scores": ("sources", "answer tokens"),
    "exact": ("sources",),
    "token_log_probs": ("answer tokens",),
    "token_log_probs_without_context": ("answer tokens",),
    "sufficiency": ("sources", "answer tokens"),
    "stated": ("sources", "statements"),
}
"""What the axes of a result's arrays count."""


@dataclass(frozen=True, repr=False, eq=False)
class Attribution:
    """How much each source carries each token of an answer."""

    question: str
    answer: str
    chunks: tuple[Chunk, ...]
    sources: tuple[Source, ...]
    """The sources that were scored, one for each row of `scores`."""
    statements: tuple[Statement, ...]
    scores: FloatArray
    """`[sources, answer tokens]`: log p(token) with the full context minus without the source,
    in nats. Positive where the source supports the token. Read-only."""
    exact: npt.NDArray[np.bool_]
    """`[sources]`: whether the score is exact leave-one-out on the target in the full context."""
    estimands: tuple[Estimand, ...]
    """What each source's score measures."""
    token_spans: tuple[Span, ...]
    """Span in the answer of each of its tokens."""
    token_log_probs: FloatArray
    """`[answer tokens]`: log p(token) with the full context, in nats."""
    token_log_probs_without_context: FloatArray
    """`[answer tokens]`: log p(token) with every chunk removed, in nats."""
    citations: tuple[Citation, ...]
    """Sources that statements depend on or that state them, see `Citation.basis`, by statement;
    `shown_citations` are those that the statements' labels do not deny."""
    method: str
    """Name of the method that gave the scores."""
    cost: Cost
    locations: tuple[ChunkLocation, ...] = ()
    """Where each chunk stands in the captured prompt; empty in template mode."""
    id: str | None = None
    """The caller's identifier of the request."""
    sufficiency: FloatArray | None = None
    """`[sources, answer tokens]`: log p(token) with this source alone minus with none, in nats,
    where the method scores it. Read-only."""
    audit: Audit | None = None
    """What a random check of the unscored sources found, where the method makes one."""
    alternatives: tuple[Alternatives, ...] = ()
    """Sources that say the same for a statement, at most one group for each."""
    support: tuple[Support, ...] = ()
    """How well the context supports each statement."""
    stopped: str | None = None
    """Why scoring ended before all was done, such as "max_seconds=2 reached after 8 of 60 sources
    were rescored"; `None` if it did not."""
    stated: FloatArray | None = None
    """`[sources, statements]`: how clearly each source states each statement, 0 to 1, by the
    verifier; `None` where none was asked. Read-only."""
    verifier: str | None = None
    """Name of the verifier."""
    unverified: str | None = None
    """Why the verifier's scores are missing, where it failed."""
    certificates: tuple[Certificate, ...] = ()
    """What the citations of a statement carry together, where that was measured."""
    steps: tuple[Step, ...] = ()
    """What models wrote on the way to the answer, each before those that rest on it, where the
    answer was led through such texts to its sources."""
    hops: tuple[Hop, ...] = ()
    """What each statement rests on at first, steps included; empty where there are no steps, and
    the citations say it."""

    def __post_init__(self) -> None:
        sizes = {
            "sources": len(self.sources),
            "answer tokens": len(self.token_spans),
            "statements": len(self.statements),
        }
        for name, named in AXES.items():
            if getattr(self, name) is None:
                continue
            array = np.array(getattr(self, name))
            shape = tuple(sizes[axis] for axis in named)
            if array.shape != shape:
                raise InputError(
                    f"{name} must have the shape [{', '.join(named)}] = {shape}, not {array.shape}"
                )
            if not np.isfinite(array).all():
                bad = array[~np.isfinite(array)]
                raise ModelError(
                    f"{name} must hold finite numbers, but {len(bad)} of {array.size} are not "
                    f"({bad[0]}); the model overflows, try dtype float32 or bfloat16"
                )
            array.setflags(write=False)
            object.__setattr__(self, name, array)
        check_hops(self.steps, self.hops, len(self.chunks))

    def __setstate__(self, state: dict[str, Any]) -> None:
        # Arrays come writeable out of a copy or a pickle.
        self.__dict__.update(state)
        self.__post_init__()

    @property
    def log_likelihood(self) -> float:
        """Log-likelihood of the answer given the full context, in nats."""
        return float(self.token_log_probs.sum())

    @property
    def log_likelihood_without_context(self) -> float:
        """Log-likelihood of the answer given the question alone, in nats."""
        return float(self.token_log_probs_without_context.sum())

    @cached_property
    def source_scores(self) -> FloatArray:
        """`[sources]`: score of each source for the whole answer, in nats."""
        return np.asarray(self.scores.sum(axis=1), dtype=np.float32)

    @cached_property
    def statement_scores(self) -> FloatArray:
        """`[sources, statements]`: score of each source for each statement, in nats."""
        from attribot_integrations.results.statements import statement_scores

        return statement_scores(self.scores, self.statements)

    @property
    def unlocated(self) -> tuple[ChunkLocation, ...]:
        """Chunks that have no place of their own in the captured prompt, and so no score."""
        return tuple(location for location in self.locations if not location.located)

    @cached_property
    def shown_citations(self) -> tuple[Citation, ...]:
        """The citations that outputs show: none for a statement that its label denies support.

        A source can make an answer likelier that stays unlikely, or that needs no source. What
        needs none, since it is `parametric`, still shows the sources that state it.
        """
        return shown_citations(self.citations, self.support)

    @cached_property
    def remarks(self) -> tuple[str | None, ...]:
        """`[statements]`: what readers must be told of each beside its citations.

        Such as "known to the model anyway; stated in [2]", or "depends on [1], which does not seem
        to state it"; `None` where there is nothing. Every output shows them.
        """
        return statement_remarks(self)

    @cached_property
    def carried(self) -> tuple[str | None, ...]:
        """`[statements]`: what the citations of each carry together, where that was measured.

        Such as "these 3 sources together carry 96 % of it", of what the context adds to the
        statement's log-likelihood.
        """
        return set_remarks(self)

    @cached_property
    def notes(self) -> tuple[str, ...]:
        """What readers must be told beside the citations: what was not scored or not judged."""
        return reader_notes(self)

    @property
    def unremoved(self) -> tuple[ChunkLocation, ...]:
        """Chunks of which text may stand in the prompt even when every source is removed.

        Then `token_log_probs_without_context` is not that of the question alone, and labels that
        would rest on it are `unknown`.
        """
        return tuple(location for location in self.locations if location.traces)

    def row(self, source_id: int) -> int:
        """Return the row of a source in `scores`.

        Raises:
            InputError: If the source was not scored.
        """
        for row, source in enumerate(self.sources):
            if source.id == source_id:
                return row
        raise InputError(f"source {source_id} was not scored, {len(self.sources)} others were")

    def rows(self, level: Level) -> list[int]:
        """Return the rows of all sources of one level."""
        return [row for row, source in enumerate(self.sources) if source.level == level]

    def citations_of(self, statement_index: int) -> tuple[Citation, ...]:
        """Return the citations of one statement, strongest first."""
        return tuple(each for each in self.citations if each.statement_index == statement_index)

    def supporting_chunks(self) -> tuple[Chunk, ...]:
        """Return the chunks that are cited for any statement, in their original order."""
        cited = {citation.chunk_index for citation in self.citations}
        return tuple(self.chunks[index] for index in sorted(cited))

    def trace(self, statement: Statement | int, *, least: float = 0.01) -> Trace:
        """Walk from a statement to the passages that it rests on, through what models wrote before.

        Shares are multiplied along the way, which is an approximation: each share is measured in
        its own call, and says nothing of what the other calls would have written.

        Args:
            statement: The statement, or its index.
            least: Share of the statement, 0 to 1, that a text must carry to be followed.

        Raises:
            InputError: If there is no such statement, or `least` is no share above 0.
        """
        from attribot_integrations.results.traces import trace_statement

        return trace_statement(self, statement, least)

    def to_dict(self, *, offsets: OffsetUnit = "characters") -> dict[str, Any]:
        """Return the result as plain dicts, lists and numbers, with a schema version.

        Args:
            offsets: What offsets in the answer and in chunks count: characters, as in Python, or
                the `utf-16` units of JavaScript, Java and C#. Only the first can be read back.
        """
        from attribot_integrations.results.serialization import attribution_to_dict

        if offsets == "characters":
            return attribution_to_dict(self)
        from attribot_integrations.render.utf16 import with_offsets

        return with_offsets(attribution_to_dict(self), offsets)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Attribution:
        """Rebuild a result from `to_dict`'s output.

        Raises:
            InputError: If the data is no attribution, or of an unknown schema version.
        """
        from attribot_integrations.results.serialization import attribution_from_dict

        return attribution_from_dict(data)

    def to_json(self, *, indent: int | None = None) -> str:
        """Return the result as JSON; metadata that JSON cannot hold is written as text."""
        from attribot_integrations.results.serialization import attribution_to_json

        return attribution_to_json(self, indent=indent)

    @classmethod
    def from_json(cls, text: str) -> Attribution:
        """Rebuild a result from `to_json`'s output."""
        from attribot_integrations.results.serialization import attribution_from_json

        return attribution_from_json(text)

    def to_pandas(self) -> pandas.DataFrame:
        """Return a table with a row for each source and a column for each statement's score.

        Raises:
            MissingExtraError: If pandas is not installed.
        """
        from attribot_integrations.render.tables import scores_table

        return scores_table(self)

    def to_text(self) -> str:
        """Return the answer with numbered citations, and the cited sentences below."""
        from attribot_integrations.render.plain import cited_text

        return cited_text(self)

    def to_markdown(self, *, style: MarkdownStyle = "list", keep_markup: bool = False) -> str:
        """Return the answer with numbered citations, and the cited chunks with quotations below.

        Args:
            style: `list` writes `[1]` and a list of sources, `footnotes` writes `[^1]`.
            keep_markup: Whether the answer's own Markdown is kept, with its links and HTML: only
                for readers that clean what they show.
        """
        from attribot_integrations.render.markdown import cited_markdown

        return cited_markdown(self, style=style, keep_markup=keep_markup)

    def to_html(self, *, page: bool = True, theme: Theme = "auto") -> str:
        """Return the answer and its sources as HTML: a page, or an `<article>` to put into one.

        The theme `auto` follows the reader's system.
        """
        from attribot_integrations.render.html import html_fragment, html_page

        return html_page([self], theme=theme) if page else html_fragment(self, theme=theme)

    def _repr_html_(self) -> str:
        return self.to_html(page=False)

    def plot(self, kind: PlotKind = "heatmap", *, max_sources: int = 30) -> Figure:
        """Draw the scores: `heatmap` of sources and statements, or `bars` for the whole answer.

        Of more than `max_sources`, those with the largest scores are drawn. Needs matplotlib.
        """
        from attribot_integrations.render.plots import plot_scores

        return plot_scores(self, kind, max_sources=max_sources)

    def to_openinference(self, *, content: bool = False) -> dict[str, AttributeValue]:
        """Return evaluations and scores of documents as OpenInference span attributes.

        Texts are left out without `content`; `render.trace_attribution` writes to a span.
        """
        from attribot_integrations.render.tracing import openinference_attributes

        return openinference_attributes(self, content=content)

    def __str__(self) -> str:
        return self.to_text()

    def __repr__(self) -> str:
        exact = "exact" if self.exact.all() else f"{int(self.exact.sum())} exact"
        return (
            f"Attribution(answer={self.answer[:60]!r}, statements={len(self.statements)}, "
            f"sources={len(self.sources)} ({exact}), citations={len(self.citations)}, "
            f"method={self.method!r}, seconds={self.cost.seconds:.3f})"
        )


@dataclass(frozen=True)
class FailedAttribution:
    """An attribution that could not be made; takes its place in a batch."""

    error: Exception
    """What went wrong."""
    id: str | None = None
    """The caller's identifier of the request."""
