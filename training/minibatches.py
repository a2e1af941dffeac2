"""Tree batches: one context, many question branches, each seeing the context and itself.

Running the context once for all its questions makes a pass several times cheaper than running one
sequence for each question.
"""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass
from typing import Final, NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy
from transformers import DynamicCache, LlamaForCausalLM, PreTrainedTokenizerBase

from attribot_integrations.demo.corpus import DemoExample, DemoQuestion
from attribot_integrations.demo.relations import REFUSAL

IGNORED: Final = -100
"""Label of positions that no loss is taken at."""


@dataclass(frozen=True)
class PromptStyle:
    """One way of writing the prompt."""

    opening: str
    """What stands before the context."""
    separator: str = "\n\n"
    """What stands between chunks."""
    chunk_prefix: str = ""
    """What stands before each chunk, with `{n}` for its number from one."""

    def context(self, chunk_texts: Sequence[str]) -> str:
        """The prompt up to the end of the context."""
        chunks = [
            self.chunk_prefix.format(n=i) + text for i, text in enumerate(chunk_texts, start=1)
        ]
        return self.opening + self.separator.join(chunks)


_USER: Final = "<|im_start|>user\n"
_INSTRUCTION: Final = "Answer the question using only the context.\n\n"
_SYSTEM: Final = "<|im_start|>system\nYou are a helpful assistant.<|im_end|>\n"
CANONICAL_STYLE: Final = PromptStyle(f"{_USER}{_INSTRUCTION}Context:\n")
"""The prompt that the package's default template renders."""
_STYLES: Final[tuple[tuple[PromptStyle, float], ...]] = (
    (CANONICAL_STYLE, 0.75),
    (PromptStyle(f"{_USER}Context:\n"), 0.06),
    (PromptStyle(_USER), 0.02),
    (PromptStyle(f"{_SYSTEM}{_USER}{_INSTRUCTION}Context:\n"), 0.07),
    (PromptStyle(f"{_USER}{_INSTRUCTION}Context:\n", separator="\n"), 0.05),
    (PromptStyle(f"{_USER}{_INSTRUCTION}Context:\n", chunk_prefix="[{n}] "), 0.05),
)


def draw_style(rng: random.Random) -> PromptStyle:
    """Draw a prompt style: mostly the canonical one, with variations that make models robust."""
    styles, weights = zip(*_STYLES, strict=True)
    style: PromptStyle = rng.choices(styles, weights)[0]
    return style


def question_text(question: str) -> str:
    """The prompt from the end of the context to the start of the answer."""
    return f"\n\nQuestion: {question}<|im_end|>\n<|im_start|>assistant\n"


@dataclass(frozen=True)
class Branches:
    """As many question branches of each context, padded on the right."""

    tokens: Tensor
    """Token ids of question and answer `[B, K, Q]`."""
    labels: Tensor
    """The next token, where it belongs to the answer, elsewhere `IGNORED` `[B, K, Q]`."""
    weights: Tensor
    """The weight of each label in the loss `[B, K, Q]`."""


@dataclass(frozen=True)
class TreeBatch:
    """Contexts, padded on the right, and the question branches that grow from them."""

    contexts: Tensor
    """Token ids `[B, C]`."""
    lengths: Tensor
    """The contexts' lengths `[B]`."""
    groups: tuple[Branches, ...]
    """The branches: first the shortest of each context, so that little padding is run."""

    @property
    def tokens(self) -> int:
        """Number of tokens that are run, padding included."""
        return self.contexts.numel() + sum(group.tokens.numel() for group in self.groups)


def encode_batch(
    tokenizer: PreTrainedTokenizerBase,
    examples: Sequence[DemoExample],
    styles: Sequence[PromptStyle],
    *,
    value_weight: float = 1.0,
    groups: int = 3,
) -> TreeBatch:
    """Encode examples with equally many questions as a tree batch.

    Args:
        tokenizer: The demo tokenizer.
        examples: The examples.
        styles: The prompt style of each.
        value_weight: The weight in the loss of tokens that must be read from the context, the other
            tokens having one.
        groups: The number of groups that each context's branches are divided into by length.
    """
    contexts = [
        _ids(tokenizer, style.context(example.chunk_texts))
        for example, style in zip(examples, styles, strict=True)
    ]
    branches = [
        sorted(
            (_encode_branch(tokenizer, question, value_weight) for question in example.questions),
            key=lambda branch: len(branch.tokens),
        )
        for example in examples
    ]
    size = math.ceil(len(branches[0]) / groups)
    pad = tokenizer.pad_token_id
    return TreeBatch(
        contexts=_padded(contexts, pad),
        lengths=torch.tensor([len(context) for context in contexts]),
        groups=tuple(
            _group([of_context[start : start + size] for of_context in branches], pad)
            for start in range(0, len(branches[0]), size)
        ),
    )


class _Branch(NamedTuple):
    tokens: list[int]
    labels: list[int]
    weights: list[float]


def _group(branches: Sequence[Sequence[_Branch]], pad: int) -> Branches:
    tokens, labels, weights = zip(*(b for of_context in branches for b in of_context), strict=True)
    shape = (len(branches), len(branches[0]), -1)
    return Branches(
        tokens=_padded(tokens, pad).view(shape),
        labels=_padded(labels, IGNORED).view(shape),
        weights=_padded(weights, 0.0).view(shape),
    )


def _ids(tokenizer: PreTrainedTokenizerBase, text: str) -> list[int]:
    ids: list[int] = tokenizer(text, add_special_tokens=False)["input_ids"]
    return ids


def _encode_branch(
    tokenizer: PreTrainedTokenizerBase, question: DemoQuestion, value_weight: float
) -> _Branch:
    """Encode one branch; a position's label is the token after it."""
    prompt = _ids(tokenizer, question_text(question.question))
    answer = tokenizer(question.answer + tokenizer.eos_token, return_offsets_mapping=True)
    ids, offsets = answer["input_ids"], answer["offset_mapping"]
    spans = _value_spans(question)
    heavy = [any(start < hi and end > lo for lo, hi in spans) for start, end in offsets]
    before = len(prompt) - 1
    labels = [IGNORED] * before + ids + [IGNORED]
    weights = [0.0] * before + [value_weight if is_value else 1.0 for is_value in heavy] + [0.0]
    return _Branch(prompt + ids, labels, weights)


def _value_spans(question: DemoQuestion) -> list[tuple[int, int]]:
    """Where the answer states its values; in a refusal, the words that make it one."""
    if question.answer == REFUSAL:
        return [(REFUSAL.index(" context"), REFUSAL.index(" does"))]
    spans, position = [], 0
    for value in question.values:
        start = question.answer.index(value, position)
        position = start + len(value)
        spans.append((start, position))
    return spans


def _padded(rows: Sequence[Sequence[float]], filler: float) -> Tensor:
    length = max(map(len, rows))
    return torch.tensor([[*row, *([filler] * (length - len(row)))] for row in rows])


def run_tree(model: LlamaForCausalLM, batch: TreeBatch) -> tuple[Tensor, tuple[Tensor, ...]]:
    """Run a tree batch through the model's own forward, with gradients.

    Returns:
        The last hidden states of the contexts `[B, C, d]`, and of each group `[B, K, Q, d]`.
    """
    trunk = DynamicCache(config=model.config)
    # Padding on the right and causal attention: real context tokens never see padding.
    contexts = model.model(input_ids=batch.contexts, past_key_values=trunk, use_cache=True)
    hidden = tuple(
        _run_branches(model, trunk, batch.lengths, group.tokens) for group in batch.groups
    )
    return contexts.last_hidden_state, hidden


def _run_branches(
    model: LlamaForCausalLM, trunk: DynamicCache, lengths: Tensor, tokens: Tensor
) -> Tensor:
    cache = copy(trunk)
    cache.layers = [copy(layer) for layer in trunk.layers]  # the tensors are shared, not changed
    per_context = tokens.shape[1]
    cache.batch_repeat_interleave(per_context)
    starts = lengths.repeat_interleave(per_context)[:, None]
    output = model.model(
        input_ids=tokens.flatten(0, 1),
        attention_mask=_branch_mask(starts, trunk.get_seq_length(), tokens.shape[2]),
        position_ids=starts + torch.arange(tokens.shape[2]),
        past_key_values=cache,
        use_cache=True,
    )
    hidden: Tensor = output.last_hidden_state.view(*tokens.shape, -1)
    return hidden


def _branch_mask(starts: Tensor, context: int, length: int) -> Tensor:
    """Additive mask `[N, 1, Q, C + Q]`: a branch sees its context but no padding, and its past."""
    size = (len(starts), length)
    padding = torch.arange(context) >= starts
    future = torch.ones(length, length, dtype=torch.bool).triu(1)
    unseen = torch.cat([padding[:, None].expand(*size, -1), future.expand(*size, -1)], dim=-1)
    return torch.zeros(unseen.shape).masked_fill(unseen, float("-inf"))[:, None]


@dataclass(frozen=True)
class TreeLoss:
    """What a tree batch says of a model."""

    answers: Tensor
    """Weighted mean loss of the answers' tokens, in nats."""
    language: Tensor
    """Mean loss of the contexts' tokens, in nats; zero where it was not asked for."""
    correct: Tensor
    """For each branch, group after group, whether the most likely token is the right one
    all along the answer: exactly then greedy generation gives the answer."""


def tree_loss(model: LlamaForCausalLM, batch: TreeBatch, *, language: bool = False) -> TreeLoss:
    """Compute the losses of a tree batch, taking logits only at positions that need them."""
    contexts, branches = run_tree(model, batch)
    chosen = [group.labels != IGNORED for group in batch.groups]
    hidden = torch.cat([states[here] for states, here in zip(branches, chosen, strict=True)])
    labels = torch.cat(
        [group.labels[here] for group, here in zip(batch.groups, chosen, strict=True)]
    )
    weights = torch.cat(
        [group.weights[here] for group, here in zip(batch.groups, chosen, strict=True)]
    )
    logits = model.lm_head(hidden)
    losses = cross_entropy(logits, labels, reduction="none")
    per_branch = torch.cat([here.sum(-1).flatten() for here in chosen]).tolist()
    right = (logits.argmax(-1) == labels).split(per_branch)
    language_loss = torch.zeros(())
    if language:
        real = torch.arange(1, batch.contexts.shape[1]) < batch.lengths[:, None]
        language_loss = cross_entropy(
            model.lm_head(contexts[:, :-1][real]), batch.contexts[:, 1:][real]
        )
    return TreeLoss(
        answers=(losses * weights).sum() / weights.sum(),
        language=language_loss,
        correct=torch.stack([tokens.all() for tokens in right]),
    )
