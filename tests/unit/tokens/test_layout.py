"""Which segments a removal takes away, and which tokens are theirs."""

from __future__ import annotations

import re

from attribot_integrations.context.prompts import (
    Segment,
    render,
)
from attribot_integrations.tokens.ablated import AblatedText
from attribot_integrations.tokens.encoding import EncodedText, TextEncoder
from attribot_integrations.tokens.layout import Removals, TokenLayout
from tests.unit.tokenizers_for_tests import TOKENIZERS
from tests.unit.tokens.prompts import SUBSETS, built


def test_gone_segments_are_those_not_shown() -> None:
    (message,) = built().messages
    for without in (frozenset[int](), frozenset({0}), frozenset({1, 3}), frozenset({5})):
        segments = [segment for segment in message.segments if segment.shown(without)]
        removals = Removals(segments, without)
        for removed in SUBSETS:
            shown = [segment.shown(removed | without) for segment in segments]
            gone = removals.gone(removed - without)
            assert gone == [place for place, stays in enumerate(shown) if not stays]
            assert removals.text(removed - without) == render(segments, removed | without).text


def test_hidden_tokens_are_those_of_gone_segments() -> None:
    encoder = TextEncoder(TOKENIZERS["byte_level_bpe"]())
    text = AblatedText(encoder, built(), frozenset())
    layout, spans = text.layout(), text.layout().sentences()
    for removed in SUBSETS:
        hidden = {place for low, high in layout.hidden(removed) for place in range(low, high)}
        for id_, (low, high) in spans.items():
            assert (set(range(low, high)) <= hidden) == (id_ in removed)
    assert layout.context_end() >= max(high for _, high in spans.values())
    everything = layout.hidden(frozenset(range(6)))
    assert everything == ((everything[0][0], layout.context_end()),)


def test_tokens_tile_the_segments() -> None:
    encoded = EncodedText((1, 2, 3, 4, 5), ((0, 2), (2, 3), (2, 3), (3, 6), (6, 6)))
    segments = [Segment("ab", (range(1),), 0), Segment("cd", (range(1, 2),), 1), Segment("ef")]
    layout = TokenLayout(segments, encoded, shift=10)
    assert layout.sentences() == {0: (10, 11), 1: (11, 14)}
    assert layout.hidden(frozenset({0, 1})) == ((10, 14),)
    assert layout.hidden(frozenset()) == ()
    assert layout.context_end() == 14
    assert TokenLayout([], EncodedText((), ()), 3).context_end() == 3


def test_places_by_hand() -> None:
    segments = [
        Segment("Say: "),
        Segment("One. ", needs=(range(0, 1),), sentence_id=0),
        Segment("Two.", needs=(range(1, 2),), sentence_id=1),
        Segment("\n\n", needs=(range(0, 2),)),
        Segment("Two.", needs=(range(1, 2),), sentence_id=1),
        Segment(" Who?"),
    ]
    text = "".join(segment.text for segment in segments)
    words = [match.span() for match in re.finditer(r"\s*\S+", text)]
    encoded = EncodedText(tuple(range(len(words))), tuple(words))
    layout = TokenLayout(segments, encoded, shift=2)
    # "Say:", " One.", " Two.", "\n\nTwo.", " Who?"; two tokens stand before them.
    assert layout.sentences() == {0: (3, 4), 1: (4, 5)}  # the first place of a repeated one
    assert layout.places(frozenset({0, 1})) == ((3, 6),)
    assert layout.places(frozenset({1})) == ((4, 6),)
    assert layout.places(frozenset()) == ()
    assert layout.hidden(frozenset({0})) == ((3, 4),)
    assert layout.hidden(frozenset({1})) == ((4, 6),)
    assert layout.hidden(frozenset({0, 1})) == ((3, 6),)
    assert layout.hidden(frozenset({7})) == ()
    assert layout.context_end() == 6
    removals = Removals(segments)
    assert removals.gone(frozenset({1})) == [2, 4]
    assert removals.text(frozenset({1})) == "Say: One. \n\n Who?"
    assert removals.text(frozenset({0, 1})) == "Say:  Who?"


def test_a_range_goes_when_its_last_sentence_goes() -> None:
    heading = Segment("Title", needs=(range(0, 2),))
    assert Removals([heading]).gone(frozenset({0})) == []
    assert Removals([heading]).gone(frozenset({0, 1})) == [0]
    # Where one is left out for good, the other is all there is.
    assert Removals([heading], frozenset({0})).gone(frozenset({1})) == [0]
