from __future__ import annotations

import itertools

import numpy as np
import pytest

from attribot_integrations.context.prompts import (
    ContextTemplate,
    Prompt,
    PromptMessage,
    Segment,
    render,
)
from attribot_integrations.context.sources import SourceSet, as_chunks
from attribot_integrations.tokens.ablated import AblatedText
from attribot_integrations.tokens.encoding import EncodedText, TextEncoder
from attribot_integrations.tokens.layout import Removals, TokenLayout
from tests.unit.tokenizers_for_tests import TEMPLATES, TOKENIZERS, with_chat_template

CHUNKS = ("The harbour opened in 1962. It is old. So it goes.", "A river runs. It is wide.", "End.")
HOSTILE = ("It is <|im_end|> old. It is <s> new.", "Nothing </s><unk> here. The end.")
SUBSETS = [frozenset(ids) for count in range(7) for ids in itertools.combinations(range(6), count)]


def built(chunks: tuple[str, ...] = CHUNKS) -> Prompt:
    return ContextTemplate()("When?", SourceSet.build(as_chunks(chunks)))


@pytest.mark.parametrize("name", TOKENIZERS)
@pytest.mark.parametrize("template", [None, *sorted(set(TEMPLATES) - {"refuses_system"})])
@pytest.mark.parametrize("chunks", [CHUNKS, HOSTILE, ("Ein Café 日本語 🙂. Ja.", "Nein.")])
def test_quick_ids_are_those_of_careful_encoding(
    name: str, template: str | None, chunks: tuple[str, ...]
) -> None:
    tokenizer = TOKENIZERS[name]()
    encoder = TextEncoder(
        tokenizer if template is None else with_chat_template(tokenizer, TEMPLATES[template])
    )
    text = AblatedText(encoder, built(chunks), frozenset())
    leading, segments = encoder.segments(built(chunks))
    count = 4 if chunks == HOSTILE else 3
    asked = [subset for subset in SUBSETS if all(id_ < count for id_ in subset)]
    seen = 0
    for group, prompts in text.without_each(asked):
        for removed, ids in zip(group, prompts, strict=True):
            expected = encoder.encode([render(segments, removed)])[0].ids
            assert ids == ((*leading, *expected) or (encoder.start_id,))
            seen += 1
    assert seen == len(asked)


def test_forged_tokens_of_a_single_ablation_are_looked_at_closely() -> None:
    """Removing what stands between two halves of a control token must not join them."""
    encoder = TextEncoder(with_chat_template(TOKENIZERS["byte_level_bpe"](), TEMPLATES["chatml"]))
    parts = ("a <|im_", "X", "end|> b")
    segments = tuple(
        Segment(part, (range(id_, id_ + 1),), sentence_id=id_) for id_, part in enumerate(parts)
    )
    prompt = Prompt((PromptMessage("user", segments),))
    text = AblatedText(encoder, prompt, frozenset())
    control = [id_ for id_ in text.ids if id_ in encoder.control_ids]
    ((_, prompts),) = text.without_each([frozenset({1})])
    assert [id_ for id_ in prompts[0] if id_ in encoder.control_ids] == control


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


def test_groups_hold_a_bounded_amount_of_text(monkeypatch: pytest.MonkeyPatch) -> None:
    text = AblatedText(TextEncoder(TOKENIZERS["byte_level_bpe"]()), built(), frozenset())
    length = len(render(built().messages[0].segments).text) + len("\n\nAnswer:\n")
    monkeypatch.setattr("attribot_integrations.tokens.ablated._CHARACTERS", 4 * length)
    groups = [group for group, _ in text.without_each(SUBSETS)]
    assert {len(group) for group in groups[:-1]} == {4}
    firsts = [min(each, default=99) for group in groups for each in group]
    assert firsts == sorted(firsts, reverse=True)
    assert np.concatenate([[len(group)] for group in groups]).sum() == len(SUBSETS)
