"""Every output of every result ends in what it promises, or in an error of the package's own."""

from __future__ import annotations

import io
import json
import math
import warnings
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn
from rich.console import Console

from attribot_integrations.context.sources import Chunk
from attribot_integrations.errors import AttribotError, InputError
from attribot_integrations.langchain.annotations import citation_annotations
from attribot_integrations.render.citation_fields import citation_data
from attribot_integrations.render.highlights import gradio_highlights, streamlit_html
from attribot_integrations.render.html import html_page
from attribot_integrations.render.terminal import terminal_view
from attribot_integrations.render.tracing import evaluation_events, retrieval_attributes
from attribot_integrations.results import Alternatives, Attribution
from attribot_integrations.results.serialization import json_data
from attribot_integrations.results.support import Support, SupportLabel
from tests.properties.strategies import attributions, texts
from tests.unit.attributions import make_attribution
from tests.unit.render.samples import HOSTILE, hostile


class Odd:
    """Metadata that cannot even be shown."""

    def __repr__(self) -> str:
        raise RuntimeError("no")


def endless() -> list[Any]:
    loop: list[Any] = ["x"]
    loop += [loop, {"again": loop}]
    return loop


def nested(depth: int) -> list[Any]:
    inner: list[Any] = []
    for _ in range(depth):
        inner = [inner, inner]
    return inner[:1]


VALUES: list[Any] = [
    math.nan, -math.inf, 10**5000, b"\xff", {1, 2}, {"deep": {("a", 1): [None, {2: "\ud800"}]}},
    *("\x00", "page\n3", "https://example.org/\ud800", "x" * 100_000), Odd(), endless(), 1 + 2j,
]  # fmt: skip
KEYS: list[Any] = ["title", "source", "url", "link", "page", "page_label", 1, None, ("a", 2), 1.5]


@st.composite
def results(draw: DrawFn) -> Attribution:
    """Results with awkward texts and metadata, labels of every kind, and alternatives."""
    made = draw(attributions())
    metadata = st.dictionaries(st.sampled_from(KEYS) | texts(), st.sampled_from(VALUES))
    chunks = tuple(Chunk(one.text, one.id, draw(metadata)) for one in made.chunks)
    labels: tuple[SupportLabel, ...] = ("supported", "unsupported", "parametric", "unknown")
    label = draw(st.sampled_from(labels))
    reason = draw(texts()) if label == "unknown" else None
    support = Support(0, label, -1.0, -2.0, draw(st.none() | st.floats(0, 1)), reason)
    ids = tuple(citation.source_id for citation in made.citations)
    citations = tuple(
        replace(each, alternatives=tuple(id_ for id_ in ids if id_ != each.source_id))
        for each in made.citations
    )
    return replace(
        made,
        chunks=chunks,
        citations=citations,
        support=draw(st.sampled_from(((), (support,)))),
        alternatives=(Alternatives(0, ids, (1.0,) * len(ids), 2.0),) if len(ids) > 1 else (),
    )


def printed(attribution: Attribution) -> str:
    file = io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True)
    print(attribution, file=file)
    Console(file=file, width=60).print(terminal_view(attribution))
    buffer = file.buffer
    assert isinstance(buffer, io.BytesIO)
    return buffer.getvalue().decode()


def table(attribution: Attribution) -> str:
    return attribution.to_pandas().to_csv()


def read_back(attribution: Attribution) -> str:
    text = attribution.to_json()
    again = Attribution.from_json(text)
    assert again.to_json() == text
    return text


def as_json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False)


OUTPUTS: dict[str, Callable[[Attribution], str]] = {
    "text": Attribution.to_text,
    "repr": repr,
    "print": printed,
    "markdown": Attribution.to_markdown,
    "footnotes": lambda made: made.to_markdown(style="footnotes"),
    "kept markup": lambda made: made.to_markdown(keep_markup=True),
    "page": lambda made: html_page([made, made]),
    "fragment": lambda made: made.to_html(page=False),
    "notebook": Attribution._repr_html_,
    "json": read_back,
    "json data": lambda made: as_json(json_data(made)).encode("utf-8", "replace").decode(),
    "dict": lambda made: str(sorted(made.to_dict())),
    "utf-16": lambda made: str(sorted(made.to_dict(offsets="utf-16"))),
    "table": table,
    "openinference": lambda made: as_json(made.to_openinference(content=True)),
    "retrieval": lambda made: as_json(retrieval_attributes(made, content=True)),
    "events": lambda made: as_json(evaluation_events(made, content=True)),
    "gradio": lambda made: as_json(gradio_highlights(made)),
    "streamlit": streamlit_html,
    "annotations": lambda made: as_json(citation_data(made)),
    "annotations in utf-16": lambda made: as_json(citation_data(made, offsets="utf-16")),
    "langchain": lambda made: (
        as_json(citation_annotations(made)).encode("utf-8", "replace").decode()
    ),
}


def run_all(attribution: Attribution) -> None:
    for name, output in OUTPUTS.items():
        try:
            output(attribution).encode("utf-8")
        except AttribotError:
            continue
        except Exception as error:
            raise AssertionError(f"{name}: {error!r}") from error


@settings(max_examples=20)
@given(results())
def test_any_result(attribution: Attribution) -> None:
    run_all(attribution)


@pytest.mark.slow
@settings(max_examples=400)
@given(results())
def test_many_results(attribution: Attribution) -> None:
    run_all(attribution)


@pytest.mark.parametrize(
    "text", [*HOSTILE, "", " ", "word " * 2_000, "👩‍👩‍👧e\u0301" * 1_000, "\r\n" * 100]
)
def test_hostile_texts_and_huge_ones(text: str) -> None:
    run_all(hostile(text))


@pytest.mark.parametrize("value", VALUES, ids=lambda value: type(value).__name__)
def test_metadata_that_json_cannot_hold(value: object) -> None:
    made = make_attribution("Q", [Chunk("A.", metadata={"x": value, 2: value})], "B.")  # type: ignore[dict-item]
    again = Attribution.from_json(made.to_json())
    assert set(again.chunks[0].metadata) == {"x", "2"}


@pytest.mark.parametrize("kind", ["heatmap", "bars"])
def test_any_text_is_drawn(kind: Any) -> None:
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing from")
        warnings.filterwarnings("ignore", "Matplotlib currently does not support")
        for text in (*HOSTILE[::4], "\ud800", "", "👩‍👩‍👧e\u0301" * 500, "العربية हिन्दी 漢字"):
            hostile(text).plot(kind).savefig(io.BytesIO(), format="svg")


def test_data_of_any_shape_is_no_raw_error() -> None:
    data = make_attribution("Q", ["A."], "B.").to_dict()
    value: object
    for key in data:
        for value in (None, 1, "x", [], {}, [[]], [None], math.nan, nested(12), endless()):
            with suppress(InputError):
                Attribution.from_dict({**data, key: value})
