"""What cited sets hold and what is lost with them, against prompts that are written out by hand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest
import torch

from attribot_integrations.context.prompts import DEFAULT_TEMPLATE, ContextTemplate
from attribot_integrations.context.sources import Source, SourceSet, as_chunks
from attribot_integrations.methods import CertifySets, LeaveOneOut, MethodInput
from attribot_integrations.results import Statement
from attribot_integrations.results.citations import make_citations
from attribot_integrations.results.statements import find_statements, statement_scores
from attribot_integrations.scoring.capabilities import PathName
from attribot_integrations.scoring.language_model import LanguageModel
from attribot_integrations.scoring.scorer import Scorer
from tests.parity.architectures import ARCHITECTURES
from tests.parity.test_engine import ANSWER, CHUNKS, QUESTION, TOLERANCE
from tests.unit.tokenizers_for_tests import TOKENIZERS

CITED = ((0, 2, 5), (4,))
"""Sentences cited for each statement."""


def cite(
    statement: Statement,
    sources: Sequence[Source],
    scores: npt.NDArray[np.float32],
    stated: npt.NDArray[np.float32] | None,
) -> Sequence[int]:
    return CITED[statement.index]


@pytest.mark.parametrize("path", ["packed", "cached", "plain"])
@pytest.mark.parametrize("architecture", ["llama", "gemma3"])
def test_sets_equal_naive_passes(architecture: str, path: PathName) -> None:
    tokenizer = TOKENIZERS["byte_level_bpe"]()
    model = ARCHITECTURES[architecture].build()
    answer_ids = tokenizer(ANSWER, add_special_tokens=False)["input_ids"]

    def naive(kept: frozenset[int]) -> npt.NDArray[np.float32]:
        numbers = iter(range(6))
        texts = [" ".join(s for s in chunk if next(numbers) in kept) for chunk in CHUNKS]
        context = "\n\n".join(text for text in texts if text)
        text = DEFAULT_TEMPLATE.format(context=context, question=QUESTION) + "\n\nAnswer:\n"
        prompt = tokenizer(text, add_special_tokens=False)["input_ids"]
        with torch.inference_mode():
            logits = model(torch.tensor([prompt + answer_ids])).logits[0]
        log_probs = logits[len(prompt) - 1 : -1].float().log_softmax(-1)
        found: npt.NDArray[np.float32] = log_probs.gather(1, torch.tensor(answer_ids)[:, None])[
            :, 0
        ].numpy()
        return found

    chunks = as_chunks([" ".join(chunk) for chunk in CHUNKS])
    context = SourceSet.build(chunks)
    prompt = ContextTemplate()(QUESTION, context)
    scorer = Scorer(LanguageModel.from_model(model, tokenizer), prompt, ANSWER, path=path)
    statements = find_statements(ANSWER, scorer.token_spans)
    inputs = MethodInput(scorer, None, context.sentences, context, statements, scorer.token_spans)
    result = LeaveOneOut().run(inputs)
    scores = statement_scores(result.scores, statements)
    citations = make_citations(cite, statements, chunks, context.sentences, scores, result.exact)
    # A model of random weights gains nothing from a context; here all is looked at.
    looked_at = replace(result, log_probs=result.log_probs_without_context + 9)
    made = CertifySets()(inputs, looked_at, citations)
    assert [each.source_ids for each in made] == list(CITED)
    everything = frozenset(range(6))
    full, none = naive(everything), naive(frozenset())
    for each in made:
        own = slice(*statements[each.statement_index].tokens)
        kept = frozenset(each.source_ids)
        alone, without = naive(kept), naive(everything - kept)
        expected = [
            float((one - other)[own].sum())
            for one, other in ((full, none), (alone, none), (full, without))
        ]
        assert np.abs(expected).max() > 100 * TOLERANCE
        np.testing.assert_allclose([each.gain, each.hold, each.drop], expected, atol=TOLERANCE)
