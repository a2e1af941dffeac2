from types import SimpleNamespace
from typing import Any

import pytest
import torch
from transformers import DynamicCache, LlamaConfig, LlamaForCausalLM

from benchmarks.ceilings import Ceilings, measure_ceilings
from benchmarks.work import Arithmetic, Pass, count_work, summed

WIDTH, INNER, LAYERS, VOCABULARY = 8, 12, 3, 20


@pytest.fixture(scope="module")
def model() -> LlamaForCausalLM:
    config = LlamaConfig(
        vocab_size=VOCABULARY,
        hidden_size=WIDTH,
        intermediate_size=INNER,
        num_hidden_layers=LAYERS,
        num_attention_heads=2,
        num_key_value_heads=1,
    )
    built: LlamaForCausalLM = LlamaForCausalLM(config).eval()
    return built


def test_arithmetic_equals_a_hand_computed_case(model: LlamaForCausalLM) -> None:
    arithmetic = Arithmetic.of(model)
    # Queries and outputs 8 x 8, keys and values 8 x 4, and three matrices of the feed-forward part.
    weights = LAYERS * (2 * WIDTH * WIDTH + 2 * WIDTH * 4 + 3 * WIDTH * INNER)
    assert arithmetic.per_token == 2 * weights
    assert arithmetic.per_pair == LAYERS * (2 * WIDTH + 2 * WIDTH)
    assert arithmetic.per_logit_row == 2 * WIDTH * VOCABULARY
    assert arithmetic.layer_bytes == 4 * (weights + WIDTH * VOCABULARY)


def test_a_pass_needs_the_sum_of_its_parts() -> None:
    arithmetic = Arithmetic(per_token=10, per_pair=3, per_logit_row=7, layer_bytes=0)
    assert Pass(tokens=5, pairs=15, logit_rows=2).operations(arithmetic) == 50 + 45 + 14


def test_tied_embeddings_count_as_a_head_only() -> None:
    config = LlamaConfig(
        vocab_size=VOCABULARY,
        hidden_size=WIDTH,
        intermediate_size=INNER,
        num_hidden_layers=1,
        num_attention_heads=2,
        tie_word_embeddings=True,
    )
    arithmetic = Arithmetic.of(LlamaForCausalLM(config).eval())
    assert arithmetic.per_token == 2 * (4 * WIDTH * WIDTH + 3 * WIDTH * INNER)


def counted(model: LlamaForCausalLM, **inputs: Any) -> Pass:
    with count_work([model]) as found, torch.no_grad():
        model(**inputs)
    return found[0][0]


def test_a_plain_pass_is_causal(model: LlamaForCausalLM) -> None:
    tokens = torch.zeros(2, 5, dtype=torch.long)
    assert counted(model, input_ids=tokens) == Pass(tokens=10, pairs=2 * 15, logit_rows=10)


def test_padding_needs_nothing(model: LlamaForCausalLM) -> None:
    tokens = torch.zeros(2, 4, dtype=torch.long)
    mask = torch.tensor([[1, 1, 1, 1], [0, 0, 1, 1]])
    found = counted(model, input_ids=tokens, attention_mask=mask, logits_to_keep=1)
    assert found == Pass(tokens=6, pairs=10 + 3, logit_rows=2)


def test_cached_tokens_are_seen_but_not_run(model: LlamaForCausalLM) -> None:
    cache = DynamicCache()
    with torch.no_grad():
        model(input_ids=torch.zeros(1, 6, dtype=torch.long), past_key_values=cache)
    tokens = torch.zeros(1, 3, dtype=torch.long)
    found = counted(model, input_ids=tokens, past_key_values=cache)
    assert found == Pass(tokens=3, pairs=3 * 6 + 6, logit_rows=3)


def test_a_mask_for_each_token_counts_what_it_shows(model: LlamaForCausalLM) -> None:
    tokens = torch.zeros(1, 3, dtype=torch.long)
    mask = torch.full((1, 1, 3, 3), torch.finfo(torch.float32).min)
    mask[0, 0].fill_diagonal_(0)
    rows = torch.tensor([1, 2])
    found = counted(model, input_ids=tokens, attention_mask=mask, logits_to_keep=rows)
    assert found == Pass(tokens=3, pairs=3, logit_rows=2)


def test_nothing_is_counted_afterwards(model: LlamaForCausalLM) -> None:
    tokens = torch.zeros(1, 3, dtype=torch.long)
    with count_work([model]) as found, torch.no_grad():
        model(input_ids=tokens)
    with torch.no_grad():
        model(input_ids=tokens)
    assert len(found[0]) == 1


def test_the_floor_is_the_slower_of_computing_and_reading() -> None:
    ceilings = Ceilings(100.0, 10.0, "float32", 1, 1)
    arithmetic = Arithmetic(per_token=10, per_pair=0, per_logit_row=0, layer_bytes=50)
    passes = [Pass(tokens=1, pairs=1, logit_rows=1), Pass(tokens=100, pairs=1, logit_rows=1)]
    work = summed(passes, arithmetic, ceilings)
    assert work.floor_seconds == pytest.approx(50 / 10 + 1000 / 100)
    assert (work.tokens, work.passes, work.operations) == (101, 2, 1010)
    assert work.scaled(2).floor_seconds == pytest.approx(2 * work.floor_seconds)


def test_ceilings_are_positive() -> None:
    ceilings = measure_ceilings(torch.device("cpu"), torch.float32, size=64)
    assert ceilings.operations_per_second > 0
    assert ceilings.bytes_per_second > 0
    assert ceilings.dtype == "float32"


def test_the_higher_of_two_ceilings_stands() -> None:
    first, second = Ceilings(1.0, 4.0, "float32", 1, 1), Ceilings(2.0, 3.0, "float32", 1, 1)
    higher = first.or_higher(second)
    assert (higher.operations_per_second, higher.bytes_per_second) == (2.0, 4.0)


def test_a_block_mask_counts_whole_blocks(model: LlamaForCausalLM) -> None:
    from benchmarks.work import _visible

    blocks = SimpleNamespace(BLOCK_SIZE=(4, 2), to_dense=lambda: torch.tensor([[1, 0], [1, 1]]))
    assert _visible(torch.zeros(1, 8, dtype=torch.long), 0, blocks) == (8, 24)
