"""The demo models' tokenizer: a small byte-level BPE that any text round-trips through.

Names, years and prices are one token each (after a space), so that copying a value is copying one
or two tokens.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

from attribot_integrations.demo.relations import (
    COMPANY_SUFFIXES,
    FILLERS,
    NAMES,
    PRICES,
    PRODUCT_KINDS,
    REFUSAL,
    RELATIONS,
    YEARS,
    EntityType,
)

END_OF_TEXT: Final = "<|endoftext|>"
TURN_START: Final = "<|im_start|>"
TURN_END: Final = "<|im_end|>"
PADDING: Final = "<|pad|>"

CHAT_TEMPLATE: Final = (
    "{% for message in messages %}"
    "{{ '<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n' }}"
    "{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
"""ChatML."""

# Each line break is a piece of its own, so that texts joined by line breaks have the tokens that
# each of them has alone.
_PIECES: Final = r" ?\p{L}+| ?\p{N}+|\n| ?[^\s\p{L}\p{N}]+|[^\S\n]+"
_VOCABULARY_LIMIT: Final = 4_096
_REPEATS: Final = (
    20  # more than any piece occurs by chance, so that merges inside the wanted words come first
)
_ROLES: Final = ("user", "assistant", "system")
_PROMPT_TEXTS: Final = (
    "Answer the question using only the context.\n\nContext:\nIt.\n\nQuestion: Who",
    "You are a helpful assistant. Use the context to answer the question. "
    "Query: Documents: Answer: [1] It",
    "It is, and the",
)


def train_tokenizer() -> PreTrainedTokenizerFast:
    """Train the tokenizer on the corpus's words; the result is the same every time."""
    core = Tokenizer(models.BPE())
    core.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(_PIECES), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    core.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=_VOCABULARY_LIMIT,
        min_frequency=2,
        special_tokens=[END_OF_TEXT, TURN_START, TURN_END, PADDING],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    core.train_from_iterator(_training_texts(), trainer)
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=core,
        eos_token=TURN_END,
        pad_token=PADDING,
        additional_special_tokens=[TURN_START],
        model_max_length=32_768,
        clean_up_tokenization_spaces=False,
        padding_side="left",
    )
    tokenizer.chat_template = CHAT_TEMPLATE
    return tokenizer


def _training_texts() -> Iterator[str]:
    """Every word of the corpus often enough to become one token in the form in which it occurs."""
    values = [
        value
        for relation in RELATIONS
        if not isinstance(relation.values, EntityType)
        for value in relation.values
    ]
    words = (*NAMES, *YEARS, *PRICES, *COMPANY_SUFFIXES, *PRODUCT_KINDS, *values)
    texts = [*FILLERS, REFUSAL, *_PROMPT_TEXTS]
    for relation in RELATIONS:
        texts += [*relation.statements, *relation.questions, relation.answer, f" {relation.phrase}"]
    for _ in range(_REPEATS):
        for text in texts:
            # " ." in place of a name: a piece that leaves the words beside it as they are
            yield text.format(s=".", v=".")
            yield f" {text[:1].lower()}{text[1:]}".format(s=".", v=".")
            yield f" {text}".format(s=".", v=".")
        for word in words:
            yield f" {word}"
        yield from _ROLES
