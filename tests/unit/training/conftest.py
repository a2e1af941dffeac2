from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch
from transformers import PreTrainedTokenizerBase

from training.architecture import Architecture
from training.tokenizer import train_tokenizer


@pytest.fixture(scope="session")
def tokenizer() -> PreTrainedTokenizerBase:
    return train_tokenizer()


@pytest.fixture(scope="session")
def architecture() -> Architecture:
    return Architecture(
        layers=2,
        width=32,
        heads=4,
        head_width=16,
        feed_forward=64,
        rope_theta=1e4,
        offsets=(1, 2, 3, None),
    )


@pytest.fixture(autouse=True)
def few_threads() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)
