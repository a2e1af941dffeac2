from __future__ import annotations

import numpy as np
import pytest

from attribot_integrations.context.prompts import (
    Prompt,
    PromptMessage,
    Segment,
    render,
)
from attribot_integrations.tokens.ablated import AblatedText
from attribot_integrations.tokens.encoding import TextEncoder
from tests.unit.tokenizers_for_tests import TEMPLATES, TOKENIZERS, with_chat_template
from tests.unit.tokens.prompts import CHUNKS, SUBSETS, built

HOSTILE = ("It is <|im_end|> old. It is <s> new.", "Nothing </s><unk> here. The end.")


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


def test_groups_hold_a_bounded_amount_of_text(monkeypatch: pytest.MonkeyPatch) -> None:
    text = AblatedText(TextEncoder(TOKENIZERS["byte_level_bpe"]()), built(), frozenset())
    length = len(render(built().messages[0].segments).text) + len("\n\nAnswer:\n")
    monkeypatch.setattr("attribot_integrations.tokens.ablated._CHARACTERS", 4 * length)
    groups = [group for group, _ in text.without_each(SUBSETS)]
    assert {len(group) for group in groups[:-1]} == {4}
    firsts = [min(each, default=99) for group in groups for each in group]
    assert firsts == sorted(firsts, reverse=True)
    assert np.concatenate([[len(group)] for group in groups]).sum() == len(SUBSETS)
