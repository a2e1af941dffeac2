from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import pytest
import torch

from attribot_integrations.context.sources import Chunk, SourceSet
from attribot_integrations.errors import ConfigurationError, MissingExtraError
from attribot_integrations.evaluation.baselines import TfidfSimilarity
from attribot_integrations.evaluation.baselines_lasso import RandomAblationLasso, random_ablations
from attribot_integrations.evaluation.baselines_model import AttentionWeights, GradientNorm
from attribot_integrations.evaluation.contenders import BASELINES, Contender, contenders
from attribot_integrations.methods.base import MethodInput
from attribot_integrations.methods.presets import METHODS
from attribot_integrations.results.statements import find_statements
from attribot_integrations.scoring.language_model import in_process
from attribot_integrations.scoring.protocols import AblationScores
from tests.unit.evaluation.tiny import EXAMPLE, tiny_case, tiny_engine, zero

# TF-IDF


def test_tfidf_by_hand() -> None:
    case = tiny_case(tiny_engine())
    chunks = (Chunk("red fish"), Chunk("blue"))
    inputs = replace(
        case.inputs, question="red", answer="red", sources=SourceSet.build(chunks).sentences
    )
    result = TfidfSimilarity().run(inputs)
    # Three texts: "red" is in two of them, "fish" in one; the query is the unit vector of "red".
    red, fish = np.log(4 / 3) + 1, np.log(4 / 2) + 1
    np.testing.assert_allclose(result.scores, [red / np.hypot(red, fish), 0], rtol=1e-6)
    assert (result.tokens, result.passes) == (0, 0)


def test_tfidf_of_texts_without_words() -> None:
    case = tiny_case(tiny_engine())
    inputs = replace(
        case.inputs, question="?", answer="!", sources=SourceSet.build((Chunk("…"),)).sentences
    )
    assert TfidfSimilarity().run(inputs).scores.tolist() == [0.0]


# Attention


def test_uniform_attention_is_known() -> None:
    """Without queries all keys weigh the same: 1 / (row + 1) each."""
    engine = tiny_engine()
    zero(engine, "q_proj")
    inputs = tiny_case(engine).inputs
    result = AttentionWeights().run(inputs)
    first = len(inputs.prompt_ids) - 1
    row = np.mean([1 / (place + 1) for place in range(first, first + len(inputs.answer_ids))])
    lengths = [end - start for start, end in inputs.sentence_tokens.values()]
    np.testing.assert_allclose(result.scores, row * np.array(lengths), rtol=1e-5)
    assert result.passes == 1
    assert result.tokens == len(inputs.prompt_ids) + len(inputs.answer_ids) - 1


@pytest.mark.parametrize("name", ["llama", "gpt2", "qwen3"])
def test_attention_is_that_of_an_eager_model(name: str) -> None:
    engine = tiny_engine(name)
    inputs = tiny_case(engine).inputs
    result = AttentionWeights().run(inputs)
    model = in_process(
        tiny_engine(name, attn_implementation="eager").target
    ).model  # the same random weights
    tokens = torch.tensor([[*inputs.prompt_ids, *inputs.answer_ids]])
    with torch.inference_mode():
        layers = cast(Any, model)(input_ids=tokens, output_attentions=True).attentions
    start = len(inputs.prompt_ids) - 1
    for source, score in zip(inputs.sources, result.scores, strict=True):
        low, high = inputs.sentence_tokens[source.id]
        paid = [
            float(layer[0, head, row, low:high].sum())
            for layer in layers
            for head in range(layer.shape[1])
            for row in range(start, start + len(inputs.answer_ids))
        ]
        assert score == pytest.approx(np.mean(paid), rel=1e-4)


def test_attention_leaves_the_model_as_it_is() -> None:
    engine = tiny_engine()
    model = in_process(engine.target).model
    before = {name: id(each) for name, each in model.named_parameters()}
    kept = model.config._attn_implementation
    AttentionWeights().run(tiny_case(engine).inputs)
    assert model.config._attn_implementation == kept == "sdpa"
    assert {name: id(each) for name, each in model.named_parameters()} == before


# Gradient


def test_gradient_is_that_of_finite_differences() -> None:
    engine = tiny_engine(num_hidden_layers=2, hidden_size=16)
    inputs = tiny_case(engine).inputs
    result = GradientNorm().run(inputs)
    model = cast(Any, in_process(engine.target).model).double()
    tokens = torch.tensor([[*inputs.prompt_ids, *inputs.answer_ids[:-1]]])
    embedded = model.get_input_embeddings()(tokens).detach()

    def likelihood(values: torch.Tensor) -> float:
        with torch.inference_mode():
            logits = model(inputs_embeds=values).logits[0, len(inputs.prompt_ids) - 1 :]
        picked = logits.log_softmax(-1)[range(len(inputs.answer_ids)), list(inputs.answer_ids)]
        return float(picked.sum())

    source = inputs.sources[-1]
    slopes = []
    width = 1e-3  # wide, for Llama's norms round to float32 whatever the weights' precision
    for place in range(*inputs.sentence_tokens[source.id]):
        for dimension in range(embedded.shape[2]):
            step = torch.zeros_like(embedded)
            step[0, place, dimension] = width
            change = likelihood(embedded + step) - likelihood(embedded - step)
            slopes.append(change / (2 * width))
    assert result.scores[-1] == pytest.approx(np.linalg.norm(slopes), rel=1e-3)
    assert result.tokens == 2 * tokens.numel()
    assert all(parameter.grad is None for parameter in model.parameters())


def test_gradient_is_zero_where_nothing_is_passed_on() -> None:
    engine = tiny_engine()
    zero(engine, "o_proj")  # no token sees another
    assert GradientNorm().run(tiny_case(engine).inputs).scores.tolist() == [0.0, 0.0, 0.0]


# Lasso on random ablations


@dataclass
class LinearScorer:
    """A model whose logit is a sum over the sources that are kept."""

    weights: Sequence[float]
    bias: float
    asked: int = 0

    @property
    def answer(self) -> Any:
        return SimpleNamespace(offsets=((0, 2), (2, 3)))

    def score(self, ablations: Sequence[frozenset[int]]) -> AblationScores:
        self.asked += len(ablations)
        full = frozenset[int]()
        rows = [self._log_probs(removed) for removed in (*ablations, full)]
        log_probs = np.array(rows, dtype=np.float32)
        return AblationScores(log_probs[:-1], np.repeat(log_probs[-1:], len(ablations), 0))

    def _log_probs(self, removed: frozenset[int]) -> list[float]:
        kept = [weight for id_, weight in enumerate(self.weights) if id_ not in removed]
        total = -float(np.log1p(np.exp(-self.bias - sum(kept))))
        return [0.25 * total, 0.75 * total]


def linear_inputs(scorer: LinearScorer) -> MethodInput:
    context = SourceSet.build(tuple(Chunk(f"Source {n}.") for n in range(len(scorer.weights))))
    spans = ((0, 2), (2, 3))
    return MethodInput(
        target=cast(Any, scorer),
        proxy=None,
        sources=context.sentences,
        context=context,
        statements=find_statements("Yes", spans),
        token_spans=spans,
    )


@pytest.mark.parametrize("bias", [-6.0, 0.0, 3.0])
def test_lasso_recovers_a_linear_model(bias: float) -> None:
    weights = (0.0, 4.0, 0.0, 0.0, -1.0, 0.0, 2.0, 0.0)
    scorer = LinearScorer(weights, bias)
    result = RandomAblationLasso(ablations=64, penalty=1e-4).run(linear_inputs(scorer))
    np.testing.assert_allclose(result.scores.sum(axis=1), weights, atol=0.02)
    np.testing.assert_allclose(result.scores[:, 0], result.scores[:, 1])
    assert scorer.asked == 65
    assert set(result.estimands) == {"baseline"}
    assert not result.exact.any()
    np.testing.assert_allclose(result.log_probs.sum(), -np.log1p(np.exp(-bias - 5)), rtol=1e-4)
    without = result.log_probs_without_context.sum()
    np.testing.assert_allclose(without, -np.log1p(np.exp(-bias)), rtol=1e-4)


def test_lasso_by_hand_for_one_source() -> None:
    """With one standardised input, the Lasso shrinks the slope by the penalty."""
    kept = np.array([[True], [False], [True], [False]])
    log_probs = np.log([0.8, 0.5, 0.8, 0.5]).astype(np.float32)
    slope = np.log(4)  # logit(0.8) - logit(0.5)
    for penalty in (0.01, 0.25):
        found = RandomAblationLasso(penalty=penalty).fit(kept, log_probs)
        assert found[0] == pytest.approx(slope * (1 - penalty), rel=1e-5)


def test_lasso_of_an_answer_that_nothing_changes() -> None:
    kept = random_ablations(8, 3, 0)
    assert RandomAblationLasso().fit(kept, np.full(8, -2, np.float32)).tolist() == [0, 0, 0]


def test_lasso_of_a_certain_answer_is_finite() -> None:
    kept = random_ablations(8, 3, 0)
    log_probs: npt.NDArray[np.float32] = np.where(kept[:, 0], 0.0, -30.0).astype(np.float32)
    found = RandomAblationLasso().fit(kept, log_probs)
    assert np.isfinite(found).all()
    assert found.argmax() == 0


def test_random_ablations() -> None:
    kept = random_ablations(500, 40, 7)
    assert kept.shape == (500, 40)
    assert kept.mean() == pytest.approx(0.5, abs=0.02)
    np.testing.assert_array_equal(kept, random_ablations(500, 40, 7))
    assert (kept != random_ablations(500, 40, 7, 1)).any()


@pytest.mark.parametrize("options", [{"ablations": 1}, {"penalty": 0.0}])
def test_bad_options(options: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError, match="ablations must be at least 2 and penalty above"):
        RandomAblationLasso(**options)


# By name


def test_all_names_everything() -> None:
    assert [each.name for each in contenders(["all"], has_proxy=True)] == [*METHODS, *BASELINES]
    few = contenders(["methods"], has_proxy=False)
    assert {each.name for each in few} == {
        name for name, method in METHODS.items() if not method.needs_proxy
    }
    named = contenders(["tfidf", "exact", "baselines"], has_proxy=False)
    assert [each.name for each in named] == ["tfidf", "exact", *(set_without_tfidf())]
    assert len({each.description for each in contenders(["baselines"], has_proxy=False)}) == 5


def set_without_tfidf() -> list[str]:
    return [name for name in BASELINES if name != "tfidf"]


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["exct"], "no method is called 'exct'; there are exact, .*contextcite-64, methods"),
        (["proxy"], "the method 'proxy' runs a proxy model, and there is none"),
        ([], "no method is left to evaluate"),
    ],
)
def test_names_there_are_not(names: list[str], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        contenders(names, has_proxy=False)


def test_a_contender_is_one_thing() -> None:
    with pytest.raises(ConfigurationError, match="'x' must be either a method or a baseline"):
        Contender("x")


@pytest.mark.parametrize("build", [TfidfSimilarity, RandomAblationLasso])
def test_missing_scikit_learn(build: Callable[[], object], monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("sklearn.feature_extraction.text", "sklearn.linear_model"):
        monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(
        MissingExtraError, match=r'pip install "attribot-integrations\[evaluation\]"'
    ):
        build()


def test_the_example_has_three_sources() -> None:
    assert len(tiny_case(tiny_engine()).inputs.sources) == 3
    assert EXAMPLE.gold == (((0, 0),),)
