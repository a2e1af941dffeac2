"""`AttributionEngine.from_langchain`: the model of a LangChain component is shared."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from attribot_integrations import AttributionEngine
from attribot_integrations.demo.chain import demo_chain
from attribot_integrations.errors import UnsupportedModelError
from attribot_integrations.langchain import CitationCallbackHandler
from attribot_integrations.requests.options import EngineOptions
from attribot_integrations.scoring.language_model import in_process
from tests.integrations.langchain.fakes import EchoChatModel, last, using


def components() -> tuple[Any, Any]:
    """Components with the attributes of those of langchain-huggingface."""
    from transformers import AutoTokenizer

    target = in_process(demo_chain().engine.target)
    tokenizer = AutoTokenizer.from_pretrained(target.name)
    llm = SimpleNamespace(pipeline=SimpleNamespace(model=target.model, tokenizer=tokenizer))
    return llm, SimpleNamespace(llm=llm)


def test_model_is_shared_and_not_changed() -> None:
    llm, chat = components()
    template = llm.pipeline.tokenizer.chat_template
    options = EngineOptions(method="exact")
    for component in (llm, chat):
        engine = AttributionEngine.from_langchain(component, options=options)
        assert in_process(engine.target).model is llm.pipeline.model
        assert engine.options is options
    assert llm.pipeline.tokenizer.chat_template == template
    demo = demo_chain(engine)
    handler = CitationCallbackHandler(engine)
    demo.chain.invoke(demo.questions[0], using(handler))
    assert last(handler).citations
    assert last(handler).scored_by == Path(engine.target.name).name


def test_models_elsewhere_are_refused() -> None:
    message = "EchoChatModel runs no transformers model in this process"
    with pytest.raises(UnsupportedModelError, match=message):
        AttributionEngine.from_langchain(EchoChatModel())
