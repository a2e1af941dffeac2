"""What opens behind a citation mark."""

from __future__ import annotations

from dataclasses import replace

from attribot_integrations.render.html_cards import citation_worth, make_card
from tests.unit.render.samples import sample


def test_a_card_says_what_is_cited_and_what_it_is_worth() -> None:
    made = sample()
    card = make_card(
        made,
        made.citations[:1],
        id="card",
        anchor="source",
        name="Pier history",
        numbers=(1, 2),
        carried="these 2 sources together carry all of it",
        metadata=("url", "author"),
    )
    assert card.quotes == ("The pier opened in 1962.",)
    assert card.metadata == (("url", "https://example.org/pier?a=1&b=2"),)
    assert card.link is not None
    assert card.link.startswith("https://example.org/pier?a=1&b=2#:~:text=")
    assert card.notes == (
        "0.25 nats lost without it (exact)",
        "50% of the statement",
        "either [1] or [2] is enough",
        "9.00 nats from it alone",
        "these 2 sources together carry all of it",
    )


def test_what_chunks_of_the_same_text_say_counts_once() -> None:
    first, _, other = sample().citations
    twin = replace(first, source_id=9, chunk_index=3, score=0.125, text=f" {first.text}\n")
    assert citation_worth([first, twin]) == 0.25
    assert citation_worth([first, replace(other, number=1)]) == 6.25
