"""Tiny tokenizers of every family that matters, trained in place, and chat templates for them.

Every tokenizer knows the markers of every template, so any can be paired with any. Each call
gives a new object: a test may change it without harming another test.
"""

from __future__ import annotations

import copy
import json
import string
from collections.abc import Callable
from functools import cache
from typing import Any

from tokenizers import (
    AddedToken,
    Regex,
    Tokenizer,
    decoders,
    models,
    normalizers,
    pre_tokenizers,
    processors,
    trainers,
)
from transformers import PreTrainedTokenizerFast

VOCABULARY_SIZE = 600
"""No tokenizer here has more ids than this."""

SPECIAL_MARKERS = (
    "<|im_start|>",
    "<|im_end|>",
    "<|start_header_id|>",
    "<|end_header_id|>",
    "<|eot_id|>",
    "<start_of_turn>",
    "<end_of_turn>",
)
STRIPPING_MARKERS = ("<|system|>", "<|user|>", "<|assistant|>", "<|end|>")
"""Special tokens that swallow the white space behind them."""
PLAIN_MARKERS = ("[INST]", "[/INST]", "<think>", "</think>")
"""Added tokens that the tokenizer does not call special, though templates use them as markers."""
PLAIN_WORDS = ("    ", "Veltrano")
"""Added tokens that are ordinary text."""

CHATML = (
    "{% for message in messages %}"
    "<|im_start|>{{ message['role'] }}\n{{ message['content'] }}<|im_end|>\n"
    "{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
WRITES_BOS = (
    "{{ bos_token }}{% for message in messages %}"
    "<|start_header_id|>{{ message['role'] }}<|end_header_id|>\n\n"
    "{{ message['content'] }}<|eot_id|>"
    "{% endfor %}"
    "{% if add_generation_prompt %}<|start_header_id|>assistant<|end_header_id|>\n\n{% endif %}"
)
REFUSES_SYSTEM = (
    "{{ bos_token }}{% for message in messages %}"
    "{% if message['role'] == 'system' %}"
    "{{ raise_exception('System role not supported') }}{% endif %}"
    "<start_of_turn>{{ 'model' if message['role'] == 'assistant' else message['role'] }}\n"
    "{{ message['content'] }}<end_of_turn>\n"
    "{% endfor %}"
    "{% if add_generation_prompt %}<start_of_turn>model\n{% endif %}"
)
TRIMS = WRITES_BOS.replace("message['content']", "message['content'] | trim")
PLAIN_MARKUP = (
    "{{ bos_token }}{% for message in messages %}"
    "{% if message['role'] == 'assistant' %}"
    "<think></think>{{ message['content'] }}{{ eos_token }}"
    "{% else %}[INST]{{ message['content'] }}[/INST]{% endif %}"
    "{% endfor %}"
    "{% if add_generation_prompt %}<think></think>{% endif %}"
)
STRIPS_SPACE = (
    "{% for message in messages %}"
    "<|{{ message['role'] }}|>\n{{ message['content'] }}<|end|>\n"
    "{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>\n{% endif %}"
)

TEMPLATES = {
    "chatml": CHATML,
    "writes_bos": WRITES_BOS,
    "refuses_system": REFUSES_SYSTEM,
    "trims": TRIMS,
    "plain_markup": PLAIN_MARKUP,
    "strips_space": STRIPS_SPACE,
}

_CORPUS = (
    "The harbour of Veltrano opened in 1962. It was built by Ana Ruiz, an engineer from Lisbon.",
    "Answer the question using only the context.\n\nContext:\nQuestion: Who built it?",
    "Dr. Smith paid $3.50 for 12 apples at 10:30 a.m.; the rest (about 40%) were left.",
    "A river runs through the town, and the old bridge crosses it near the market.",
    "system user assistant model You are a helpful assistant. Answer:\n",
    "<|im_start|> <start_of_turn> [INST] <think> </s> <pad>",
    " ".join(string.ascii_letters + string.digits + string.punctuation),
)


def byte_level_bpe() -> PreTrainedTokenizerFast:
    """GPT-2, Qwen: bytes, no BOS, whole offsets."""
    return _wrap(_byte_level(trim_offsets=False), eos="<|endoftext|>")


def byte_level_bpe_with_bos() -> PreTrainedTokenizerFast:
    """Llama 3: bytes, a post-processor that adds BOS, offsets without white space."""
    return _wrap(
        _byte_level(trim_offsets=True), bos="<|begin_of_text|>", eos="<|end_of_text|>", adds="bos"
    )


def normalizing_bpe() -> PreTrainedTokenizerFast:
    """Bytes behind an NFKC normalizer, which also finds added tokens in other spellings."""
    return _wrap(_byte_level(trim_offsets=False, normalizing=True), eos="<|endoftext|>")


def metaspace_bpe() -> PreTrainedTokenizerFast:
    """Llama 2, Mistral: "▁" for spaces, one before the text, bytes for unknown characters, BOS."""
    return _wrap(_metaspace_bpe(), bos="<s>", eos="</s>", unk="<unk>", adds="bos")


def unigram() -> PreTrainedTokenizerFast:
    """T5, Gemma: "▁" for spaces, "</s>" is a piece of the model itself, unknown characters."""
    return _wrap(_unigram(), bos="<bos>", eos="</s>", unk="<unk>", pad="<pad>", adds="bos and eos")


TOKENIZERS: dict[str, Callable[[], PreTrainedTokenizerFast]] = {
    "byte_level_bpe": byte_level_bpe,
    "byte_level_bpe_with_bos": byte_level_bpe_with_bos,
    "normalizing_bpe": normalizing_bpe,
    "metaspace_bpe": metaspace_bpe,
    "unigram": unigram,
}


def with_chat_template(
    tokenizer: PreTrainedTokenizerFast, template: str
) -> PreTrainedTokenizerFast:
    """Copy a tokenizer and give the copy a chat template."""
    tokenizer = copy.deepcopy(tokenizer)
    tokenizer.chat_template = template
    return tokenizer


def _wrap(
    core: str,
    *,
    eos: str,
    bos: str | None = None,
    unk: str | None = None,
    pad: str | None = None,
    adds: str = "",
) -> PreTrainedTokenizerFast:
    backend = Tokenizer.from_str(core)
    named = {
        f"{name}_token": AddedToken(token, special=True, normalized=False)
        for name, token in (("bos", bos), ("eos", eos), ("unk", unk), ("pad", pad))
        if token is not None
    }
    backend.add_special_tokens(list(named.values()))
    backend.add_special_tokens([AddedToken(text, normalized=False) for text in SPECIAL_MARKERS])
    backend.add_special_tokens(
        [AddedToken(text, rstrip=True, normalized=False) for text in STRIPPING_MARKERS]
    )
    backend.add_tokens([AddedToken(text, normalized=True) for text in PLAIN_MARKERS])
    backend.add_tokens([AddedToken(text, normalized=False) for text in PLAIN_WORDS])
    if adds:
        end = f" {eos}:0" if adds == "bos and eos" else ""
        template = processors.TemplateProcessing(
            single=f"{bos}:0 $A:0{end}",
            pair=f"{bos}:0 $A:0{end} $B:1{end.replace(':0', ':1')}",
            special_tokens=[
                (token, backend.token_to_id(token)) for token in (bos, eos) if token is not None
            ],
        )
        previous = backend.post_processor
        backend.post_processor = (
            processors.Sequence([previous, template]) if previous is not None else template
        )
    options: dict[str, Any] = {**named, "clean_up_tokenization_spaces": False}
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=backend, **options)
    assert len(tokenizer) <= VOCABULARY_SIZE
    return tokenizer


@cache
def _byte_level(*, trim_offsets: bool, normalizing: bool = False) -> str:
    backend = Tokenizer(models.BPE())
    if normalizing:
        backend.normalizer = normalizers.NFKC()
    backend.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(
                Regex(r"'\w+|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+|\s+"),
                "isolated",
            ),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    backend.decoder = decoders.ByteLevel()
    backend.post_processor = processors.ByteLevel(trim_offsets=trim_offsets)
    trainer = trainers.BpeTrainer(
        vocab_size=560,
        min_frequency=1,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    backend.train_from_iterator(_CORPUS, trainer)
    return backend.to_str()


@cache
def _metaspace_pieces() -> tuple[dict[str, int], list[list[str]]]:
    """Vocabulary and merges for text in which "▁" stands for a space."""
    backend = Tokenizer(models.BPE())
    backend.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="first", split=True)
    trainer = trainers.BpeTrainer(vocab_size=290, min_frequency=1, show_progress=False)
    backend.train_from_iterator(_CORPUS, trainer)
    model = json.loads(backend.to_str())["model"]
    return model["vocab"], model["merges"]


@cache
def _metaspace_bpe() -> str:
    pieces, merges = _metaspace_pieces()
    # As in sentencepiece: unknown, start and end come first, then 256 bytes, then the pieces.
    tokens = ["<unk>", "<s>", "</s>", *(f"<0x{byte:02X}>" for byte in range(256)), *pieces]
    backend = Tokenizer(
        models.BPE(
            vocab={token: number for number, token in enumerate(tokens)},
            merges=[(left, right) for left, right in merges],
            unk_token="<unk>",
            fuse_unk=True,
            byte_fallback=True,
        )
    )
    backend.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="first", split=False)
    backend.decoder = decoders.Sequence(
        [
            decoders.Replace("▁", " "),
            decoders.ByteFallback(),
            decoders.Fuse(),
            decoders.Strip(" ", 1, 0),
        ]
    )
    return backend.to_str()


@cache
def _unigram() -> str:
    # Training a unigram model gives another one every time, so the scores are made up: the longer
    # a piece and the earlier it was merged, the likelier. "</s>" is a piece like any other.
    pieces, _ = _metaspace_pieces()
    tokens = ["<pad>", "</s>", "<bos>", "<unk>", *pieces]
    scores = [(token, -1.0 - number / len(tokens)) for number, token in enumerate(tokens)]
    backend = Tokenizer(models.Unigram(scores, unk_id=tokens.index("<unk>"), byte_fallback=False))
    backend.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="always")
    backend.decoder = decoders.Metaspace(prepend_scheme="always")
    return backend.to_str()
