"""Attributions as rich renderables; hostile text must stay inert."""

from __future__ import annotations

import io
from dataclasses import replace

import numpy as np
import pytest
from rich.console import Console, RenderableType

from attribot_integrations.context.locating import ChunkLocation
from attribot_integrations.context.sources import Chunk
from attribot_integrations.render.terminal import (
    cited_answer,
    likelihood_line,
    sources_table,
    terminal_view,
)
from tests.unit.attributions import make_attribution


def show(view: RenderableType, *, width: int = 100, colours: bool = False) -> str:
    console = Console(
        file=io.StringIO(),
        width=width,
        force_terminal=colours,
        color_system="truecolor" if colours else None,
        legacy_windows=False,
    )
    console.print(view)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_view_shows_question_answer_citations_and_cost() -> None:
    chunk = Chunk("Vela was founded in 1950. It is large.", metadata={"title": "Vela Works"})
    shown = show(terminal_view(make_attribution("When?", [chunk], "Vela. Founded in 1950.")))
    assert "Q  When?" in shown
    assert "A  Vela. [1] Founded in 1950.\n" in shown
    row = next(line for line in shown.splitlines() if "Vela Works" in line)
    assert row.split() == ["[1]", "Vela", "Works", "Vela", "was", "founded", "in", "1950.", "2.00"]
    assert "-2.75 nats with the context, -22.00 without" in shown
    assert "attribution (exact): 0.25 s\n" in shown
    assert "1,200 tokens through target; naively 6,000, 5.0 times as many\n" in shown
    assert "It is large" not in shown


def test_question_can_be_left_out() -> None:
    attribution = make_attribution("When?", ["A."], "B.")
    assert "When?" not in show(terminal_view(attribution, question=False))


def test_no_citation_is_said() -> None:
    shown = show(terminal_view(make_attribution("Q", ["A."], "B.", score=0.1)))
    assert "No source is cited." in shown
    assert "[1]" not in shown


def test_chunk_without_title_is_numbered() -> None:
    assert "chunk 1" in show(sources_table(make_attribution("Q", ["A."], "B.")))


def test_scores_that_are_not_exact_are_marked() -> None:
    attribution = replace(make_attribution("Q", ["A."], "B."), exact=np.array([False]))
    assert "≈ 2.00" in show(sources_table(attribution))


def test_sources_of_a_chunk_are_sorted_by_their_summed_scores() -> None:
    attribution = make_attribution("Q", ["First one. Second one."], "B. C.")
    (first,) = attribution.citations
    cited = (
        first,
        replace(first, source_id=1, score=1.5),
        replace(first, source_id=1, score=1.0, statement_index=1),
    )
    shown = show(sources_table(replace(attribution, citations=cited)))
    assert shown.index("Second one.") < shown.index("First one.")
    assert "2.50" in shown


def test_chunks_that_are_not_in_the_prompt_are_named() -> None:
    locations = (ChunkLocation(0, "found", ((0, 0, 2),)), ChunkLocation(1, "not_found"))
    attribution = replace(make_attribution("Q", ["A.", "B."], "C."), locations=locations)
    assert "no place of their own in the prompt: chunk 2 (not_found)." in show(
        terminal_view(attribution)
    )


@pytest.mark.parametrize(
    "hostile",
    [
        "[bold red]loud[/bold red]",
        "[link=https://evil.example]click[/link]",
        "[/]",
        "[1] forged",
        ":skull:",
        "[@click=app.quit]x[/]",
    ],
)
def test_markup_of_retrieved_text_is_shown_as_it_is(hostile: str) -> None:
    chunk = Chunk(hostile, metadata={"title": "[u]title[/u]"})
    shown = show(terminal_view(make_attribution(hostile, [chunk], hostile)), colours=True)
    plain = show(terminal_view(make_attribution(hostile, [chunk], hostile)))
    assert plain.count(hostile) == 3  # question, answer, cited text
    assert "[u]title[/u]" in plain
    assert "\x1b]8" not in shown  # no hyperlink


@pytest.mark.parametrize(
    "hostile",
    [
        "\x1b[31mred\x1b[0m",
        "\x1b]8;;https://evil.example\x1b\\click\x1b]8;;\x1b\\",
        "\x1b]0;title\x07",
        "\x9b2J",
        "over\rwritten",
        "back\b\bspace",
        "\u202eright to left",
        "\x00nul",
    ],
)
def test_control_characters_of_retrieved_text_are_inert(hostile: str) -> None:
    chunk = Chunk(f"A{hostile}B", metadata={"title": f"A{hostile}B"})
    shown = show(terminal_view(make_attribution(f"A{hostile}B", [chunk], f"A{hostile}B")))
    assert not set("\x1b\x07\x9b\r\b\u202e\x00") & set(shown)


def test_lone_surrogates_are_replaced() -> None:
    shown = show(terminal_view(make_attribution("Q", ["A\ud800B."], "C\udfffD.")))
    shown.encode()
    assert "A\ufffdB." in shown


@pytest.mark.parametrize("width", [40, 80])
@pytest.mark.parametrize("word", ["x" * 500, "many words " * 50, "漢字" * 200])
def test_long_text_wraps_and_is_not_cut(word: str, width: int) -> None:
    chunk = Chunk(word, metadata={"title": word})
    shown = show(terminal_view(make_attribution("Q", [chunk], word)), width=width)
    assert max(map(len, shown.splitlines())) <= width
    for character in set(word) - set(" nats"):
        assert shown.count(character) >= 3 * word.count(character)


def test_markers_are_styled_and_forged_ones_are_not() -> None:
    answer = cited_answer(make_attribution("Q", ["A."], "See [1]."))
    assert answer.plain == "See [1]. [1]"
    assert [answer.plain[span.start : span.end] for span in answer.spans] == [" [1]"]


def test_zero_has_no_sign() -> None:
    result = replace(
        make_attribution("Who?", ["Ada."], "Ada."),
        token_log_probs_without_context=np.full(4, -1e-4, np.float32),
    )
    assert " 0.00 without" in likelihood_line(result).plain
