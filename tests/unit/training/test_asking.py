from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from transformers import AutoTokenizer, PreTrainedTokenizerBase

from attribot_integrations import AttributionEngine
from attribot_integrations.demo.corpus import KINDS, demo_examples
from attribot_integrations.engine.bundled import bundled_model_path
from training.architecture import Architecture, build_model
from training.asking import (
    Asked,
    Proportion,
    answered_right,
    each_question,
    generate_answers,
    top_source_is_gold,
)
from training.minibatches import CANONICAL_STYLE, encode_batch, tree_loss
from training.trainer import load_model


@given(st.integers(1, 500).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_interval_holds_the_share(counts: tuple[int, int]) -> None:
    share = Proportion(*counts)
    low, high = share.interval
    assert 0 <= low <= share.value + 1e-9
    assert share.value - 1e-9 <= high <= 1
    wider = Proportion(counts[0] * 4, counts[1] * 4).interval
    assert wider[1] - wider[0] < high - low


def test_interval_is_wilsons() -> None:
    assert Proportion(90, 100).interval == pytest.approx((0.8256, 0.9448), abs=1e-4)
    assert Proportion.of([True, False, True, True]) == Proportion(3, 4)


def test_generation_agrees_with_the_most_likely_tokens(tokenizer: PreTrainedTokenizerBase) -> None:
    model = load_model(bundled_model_path("proxy"))
    examples = demo_examples(20, 1_000, chunks=(2, 6), kinds=("single", "two_hop"))
    batch = encode_batch(tokenizer, examples, [CANONICAL_STYLE] * len(examples), groups=1)
    asked = each_question(examples)
    right = answered_right(model, tokenizer, asked)
    assert 0 < sum(right) < len(right)
    assert sum(right) == int(tree_loss(model, batch).correct.sum())


def test_batches_and_padding_do_not_change_answers(
    tokenizer: PreTrainedTokenizerBase, architecture: Architecture
) -> None:
    model = build_model(architecture, tokenizer, seed=0).eval()
    asked = each_question(demo_examples(3, 1_000, questions=2))
    together = list(generate_answers(model, tokenizer, asked, batch_size=6))
    alone = list(generate_answers(model, tokenizer, asked, batch_size=1))
    assert together == alone


def test_questions_without_context_have_no_chunks() -> None:
    examples = demo_examples(2, kinds=KINDS)
    assert [asked.chunk_texts for asked in each_question(examples, context=False)] == [()] * 10
    assert each_question(examples)[0].chunk_texts == examples[0].chunk_texts


def test_leave_one_out_finds_what_the_target_answers_from() -> None:
    folder = bundled_model_path("target")
    model, tokenizer = load_model(folder), AutoTokenizer.from_pretrained(folder)
    asked = each_question(demo_examples(5, 1_000, chunks=(2, 3), kinds=("single",)))
    right = answered_right(model, tokenizer, asked)
    engine = AttributionEngine.from_model(model, tokenizer)
    found = [
        top_source_is_gold(engine, item) for item, fine in zip(asked, right, strict=True) if fine
    ]
    assert len(found) >= 3
    assert all(found)


def test_a_top_source_that_is_not_gold_is_told_apart() -> None:
    folder = bundled_model_path("target")
    model, tokenizer = load_model(folder), AutoTokenizer.from_pretrained(folder)
    engine = AttributionEngine.from_model(model, tokenizer)
    (asked,) = each_question(demo_examples(1, 1_000, chunks=(2, 3), kinds=("single",)))
    ((chunk, sentence),) = asked.question.gold[0]
    elsewhere = replace(asked.question, gold=(((chunk + 1, sentence),),))
    assert not top_source_is_gold(engine, Asked(asked.chunk_texts, elsewhere))
