"""A tiny encoder with random weights, saved as MiniLM is."""

from __future__ import annotations

from pathlib import Path

import torch
from transformers import BertConfig, BertModel

from tests.unit.tokenizers_for_tests import VOCABULARY_SIZE, byte_level_bpe

LENGTH = 64


def tiny_encoder(folder: Path) -> Path:
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=VOCABULARY_SIZE,
        hidden_size=16,
        intermediate_size=32,
        num_attention_heads=2,
        num_hidden_layers=2,
        max_position_embeddings=LENGTH,
        initializer_range=0.5,
    )
    BertModel(config).save_pretrained(folder)
    tokenizer = byte_level_bpe()
    tokenizer.model_max_length = LENGTH
    tokenizer.save_pretrained(folder)
    return folder
