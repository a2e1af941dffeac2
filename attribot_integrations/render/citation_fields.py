"""Citations as plain data, each with all that is known of it, for front ends and frameworks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from typing_extensions import TypedDict  # pydantic takes no other before Python 3.12

from attribot_integrations.context.kinds import SourceKind
from attribot_integrations.context.links import cited_link, web_link
from attribot_integrations.context.retrieved import Part
from attribot_integrations.context.sources import clean_text
from attribot_integrations.render.chunks import chunk_page, chunk_section
from attribot_integrations.render.text import one_line
from attribot_integrations.render.utf16 import offset_table
from attribot_integrations.results.parts import Basis
from attribot_integrations.results.serialization import storable
from attribot_integrations.results.support import SupportLabel

if TYPE_CHECKING:
    from attribot_integrations.render.utf16 import OffsetUnit
    from attribot_integrations.results import Attribution, Citation

__all__ = ["CitationData", "citation_data"]


class _CitedSource(TypedDict):
    """What is known of a citation by itself."""

    number: int
    statement_index: int
    source_id: int
    chunk_index: int
    chunk_id: str | None
    chunk_start: int
    chunk_end: int
    text: str
    title: str | None
    url: str | None
    text_url: str | None
    page: str | None
    section: str | None
    document_start: int | None
    document_end: int | None
    metadata: dict[str, Any]
    score: float
    exact: bool
    share: float
    alternatives: list[int]
    sufficiency: float | None
    part: Part
    basis: Basis
    states: float | None
    kind: SourceKind
    turn: int | None
    role: str | None


class CitationData(_CitedSource):
    """A citation as plain data, see `citation_data`."""

    answer_start: int
    answer_end: int
    label: SupportLabel | None
    probability: float | None
    either: list[int]
    scored_by: str | None
    stated_by: str | None
    remark: str | None
    carried: str | None
    path: str | None


def citation_data(
    attribution: Attribution, *, offsets: OffsetUnit = "characters"
) -> list[CitationData]:
    """Return one dict for each citation that is shown, in the order of the answer.

    JSON can hold all of it. Beside the fields of `Citation` there are

    - `label`, `probability`: of the statement's support; `None` where it is not judged
    - `title`, `url`, `page`, `section`, `metadata`: of the chunk; `url` only if it is a safe web
      address
    - `kind`, `turn`, `role`: what kind of source it is, "retrieved" by default; of what was said in
      the conversation, in which turn and by whom, else `None`
    - `text_url`: the address with the cited text in its fragment, which browsers show highlighted
    - `document_start`, `document_end`: where the cited text stands in its document, where the
      loader or splitter has written that
    - `either`: numbers of the cited chunks any of which is enough, with the citation's own; empty
      where there is no alternative
    - `scored_by`: name of the model whose dependence on the source the score is
    - `stated_by`: name of the verifier that `states` is of; `None` where none was asked
    - `remark`: what readers must be told of the statement, such as "known to the model anyway;
      stated in [2]"
    - `carried`: what the statement's citations carry together, such as "these 3 sources together
      carry 96 % of it"
    - `path`: which field of a structured answer the statement is, as JSONPath; `None` in prose

    `basis` is why it is cited: `depends` for `score`, in nats, `states` for `states`, 0 to 1, or
    `both`. The two numbers are of different kinds, and no sum of them means anything.

    Args:
        attribution: The result.
        offsets: What `answer_…` and `chunk_…` count.

    Raises:
        ConfigurationError: If there is no such unit of offsets.
    """
    answer = offset_table(attribution.answer, offsets)
    support = {each.statement_index: each for each in attribution.support}
    numbers = {each.source_id: each.number for each in attribution.shown_citations}
    models, verifier = attribution.cost.models, attribution.verifier
    indexes = [statement.index for statement in attribution.statements]
    paths = {statement.index: statement.path for statement in attribution.statements}
    remarks = dict(zip(indexes, attribution.remarks, strict=True))
    carried = dict(zip(indexes, attribution.carried, strict=True))
    found: list[CitationData] = []
    for citation in attribution.shown_citations:
        judged = support.get(citation.statement_index)
        same = (numbers.get(source_id) for source_id in citation.alternatives)
        others = {number for number in same if number is not None}
        found.append(
            {
                **_citation(attribution, citation, offsets),
                "answer_start": answer[citation.answer_start],
                "answer_end": answer[citation.answer_end],
                "label": judged.label if judged else None,
                "probability": judged.probability if judged else None,
                "either": sorted({citation.number, *others}) if others else [],
                "scored_by": clean_text(models[0].model) if models else None,
                "stated_by": _clean(verifier),
                "remark": remarks.get(citation.statement_index),
                "carried": carried.get(citation.statement_index),
                "path": _clean(paths.get(citation.statement_index)),
            }
        )
    return found


def _clean(text: str | None) -> str | None:
    return None if text is None else clean_text(text)


def _citation(attribution: Attribution, citation: Citation, offsets: OffsetUnit) -> _CitedSource:
    chunk = attribution.chunks[citation.chunk_index]
    places = offset_table(chunk.text, offsets)
    span = (citation.chunk_start, citation.chunk_end)
    document = chunk.origin.place(*span) if chunk.origin else None
    return {
        "number": citation.number,
        "statement_index": citation.statement_index,
        "source_id": citation.source_id,
        "chunk_index": citation.chunk_index,
        "chunk_id": None if citation.chunk_id is None else clean_text(citation.chunk_id),
        "chunk_start": places[citation.chunk_start],
        "chunk_end": places[citation.chunk_end],
        "text": clean_text(citation.text),
        "title": one_line(chunk.title or "") or None,
        "url": web_link(chunk.metadata),
        "text_url": cited_link(chunk.metadata, citation.text, citation.part),
        "page": chunk_page(chunk),
        "section": chunk_section(chunk),
        "document_start": None if document is None else document[0],
        "document_end": None if document is None else document[1],
        "metadata": cast("dict[str, Any]", storable(chunk.metadata)),
        "score": citation.score,
        "exact": citation.exact,
        "share": citation.share,
        "alternatives": list(citation.alternatives),
        "sufficiency": citation.sufficiency,
        "part": citation.part,
        "basis": citation.basis,
        "states": citation.states,
        "kind": citation.kind,
        "turn": None if citation.said is None else citation.said.turn,
        "role": None if citation.said is None else clean_text(citation.said.role),
    }
