"""A tiny model and an example for it."""

from __future__ import annotations

from typing import Any

import torch

from attribot_integrations.context.sources import Chunk
from attribot_integrations.engine import AttributionEngine
from attribot_integrations.evaluation.cases import Case, prepare_case
from attribot_integrations.evaluation.examples import EvaluationExample
from attribot_integrations.scoring.language_model import in_process
from tests.parity.architectures import ARCHITECTURES
from tests.unit.tokenizers_for_tests import CHATML, byte_level_bpe, with_chat_template

EXAMPLE = EvaluationExample(
    id="harbour",
    question="When did the harbour open?",
    chunks=(Chunk("The harbour opened in 1962. It is old."), Chunk("A river runs.")),
    answer="It opened in 1962.",
    gold=(((0, 0),),),
)


def tiny_engine(name: str = "llama", **overrides: Any) -> AttributionEngine:
    """Build an engine around a random model."""
    tokenizer = with_chat_template(byte_level_bpe(), CHATML)
    return AttributionEngine.from_model(ARCHITECTURES[name].build(**overrides), tokenizer)


def tiny_case(engine: AttributionEngine, example: EvaluationExample = EXAMPLE) -> Case:
    """Prepare the example."""
    return prepare_case(engine, example)


def zero(engine: AttributionEngine, *names: str) -> None:
    """Set the weights of some projections to zero, in every layer."""
    with torch.no_grad():
        for name, parameter in in_process(engine.target).model.named_parameters():
            if any(part in name for part in names):
                parameter.zero_()
