from __future__ import annotations

import random

import pytest
import torch
from transformers import LlamaForCausalLM, PreTrainedTokenizerBase

from attribot_integrations.demo.corpus import DemoExample, demo_examples
from attribot_integrations.demo.relations import REFUSAL
from training.architecture import Architecture, build_model
from training.minibatches import (
    CANONICAL_STYLE,
    IGNORED,
    PromptStyle,
    TreeBatch,
    draw_style,
    encode_batch,
    question_text,
    run_tree,
    tree_loss,
)
from training.removal import remove_sentences


@pytest.fixture(scope="module")
def model(tokenizer: PreTrainedTokenizerBase, architecture: Architecture) -> LlamaForCausalLM:
    return build_model(architecture, tokenizer, seed=0)


@pytest.fixture(scope="module")
def examples() -> tuple[DemoExample, ...]:
    mixed = demo_examples(3, 0, chunks=(2, 5), questions=5)
    sentences = [(c, s) for c, chunk in enumerate(mixed[0].chunks) for s in range(len(chunk))]
    return (*mixed, remove_sentences(mixed[0], sentences))


@pytest.fixture(scope="module")
def batch(tokenizer: PreTrainedTokenizerBase, examples: tuple[DemoExample, ...]) -> TreeBatch:
    return encode_batch(tokenizer, examples, [CANONICAL_STYLE] * len(examples))


def text_of(tokenizer: PreTrainedTokenizerBase, tokens: list[int]) -> str:
    text = tokenizer.decode(tokens)
    assert isinstance(text, str)
    return text


def branches_of(batch: TreeBatch) -> list[tuple[int, list[int], list[int]]]:
    """Context index, tokens and labels of every branch, without padding."""
    found = []
    for group in batch.groups:
        for owner, (of_tokens, of_labels) in enumerate(
            zip(group.tokens, group.labels, strict=True)
        ):
            for tokens, labels in zip(of_tokens, of_labels, strict=True):
                length = int((labels != IGNORED).nonzero().max()) + 2
                found.append((owner, tokens[:length].tolist(), labels[:length].tolist()))
    return found


def test_branches_see_their_context_and_nothing_else(
    model: LlamaForCausalLM, batch: TreeBatch
) -> None:
    _, groups = run_tree(model, batch)
    hidden = [row for states in groups for row in states.flatten(0, 1)]
    with torch.no_grad():
        for (owner, tokens, _), states in zip(branches_of(batch), hidden, strict=True):
            context = batch.contexts[owner, : batch.lengths[owner]].tolist()
            plain = model(torch.tensor([context + tokens])).logits[0, len(context) :]
            tree = model.lm_head(states[: len(tokens)])
            assert (plain - tree).abs().max() < 1e-4


def test_branches_hold_questions_and_answers(
    tokenizer: PreTrainedTokenizerBase, batch: TreeBatch, examples: tuple[DemoExample, ...]
) -> None:
    found = {(owner, text_of(tokenizer, tokens)) for owner, tokens, _ in branches_of(batch)}
    assert found == {
        (owner, f"{question_text(question.question)}{question.answer}<|im_end|>")
        for owner, example in enumerate(examples)
        for question in example.questions
    }


def test_labels_are_the_answer_and_its_end(
    tokenizer: PreTrainedTokenizerBase, batch: TreeBatch
) -> None:
    for _, tokens, labels in branches_of(batch):
        positions = [i for i, label in enumerate(labels) if label != IGNORED]
        assert [labels[i] for i in positions] == [tokens[i + 1] for i in positions]
        answer = text_of(tokenizer, [labels[i] for i in positions])
        assert answer.endswith(".<|im_end|>")
        assert text_of(tokenizer, tokens).endswith(f"assistant\n{answer}")


def test_value_tokens_weigh_more(tokenizer: PreTrainedTokenizerBase) -> None:
    for example in demo_examples(20, 0, questions=4):
        batch = encode_batch(tokenizer, [example], [CANONICAL_STYLE], value_weight=3.0)
        found = set()
        for group in batch.groups:
            for labels, weights in zip(group.labels[0], group.weights[0], strict=True):
                assert bool((weights[labels == IGNORED] == 0).all())
                answer = text_of(tokenizer, labels[labels != IGNORED].tolist())
                values = text_of(tokenizer, labels[weights == 3.0].tolist())
                found.add((answer, values.strip()))
        assert found == {
            (
                f"{q.answer}<|im_end|>",
                " ".join(q.values) if q.answer != REFUSAL else "context",
            )
            for q in example.questions
        }


def test_loss_is_that_of_the_answers(model: LlamaForCausalLM, batch: TreeBatch) -> None:
    losses = []
    with torch.no_grad():
        for owner, tokens, labels in branches_of(batch):
            context = batch.contexts[owner, : batch.lengths[owner]].tolist()
            logits = model(torch.tensor([context + tokens])).logits[0, len(context) :]
            losses.append(
                torch.nn.functional.cross_entropy(
                    logits, torch.tensor(labels), ignore_index=IGNORED, reduction="none"
                )
            )
        expected = torch.cat([loss[loss > 0] for loss in losses]).mean()
        result = tree_loss(model, batch, language=True)
    assert result.answers == pytest.approx(expected.item(), abs=1e-4)
    assert result.correct.shape == (len(branches_of(batch)),)
    assert not result.correct.any(), "an untrained model can't answer"


def test_gradients_reach_every_weight(model: LlamaForCausalLM, batch: TreeBatch) -> None:
    model.zero_grad()
    tree_loss(model, batch).answers.backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None
        # A bias of all keys alike changes no attention, so key biases may get no gradient.
        assert bool(parameter.grad.any()) or name.endswith("k_proj.bias")


def test_prompt_styles_keep_the_context() -> None:
    rng = random.Random(0)
    styles = {draw_style(rng) for _ in range(500)}
    assert len(styles) > 3
    assert CANONICAL_STYLE in styles
    for style in styles:
        text = style.context(("One.", "Two."))
        assert text.index("One.") < text.index("Two.")
        assert text.endswith("Two.")
    numbered = PromptStyle("", chunk_prefix="[{n}] ")
    assert numbered.context(("One.", "Two.")) == "[1] One.\n\n[2] Two."
