"""`AttributionEngine.from_llama_index`: the generator's own model, markup and ids."""

from contextlib import suppress
from typing import Any

import pytest
from llama_index.core.prompts import PromptTemplate
from llama_index.core.query_engine import RetrieverQueryEngine
from llama_index.core.response_synthesizers import CompactAndRefine
from transformers import AutoTokenizer, PreTrainedTokenizerBase

from attribot_integrations.demo.query_engine import DemoQueryEngine, demo_query_engine
from attribot_integrations.engine import AttributionEngine
from attribot_integrations.engine.bundled import bundled_model_path
from attribot_integrations.errors import UnsupportedModelError
from attribot_integrations.llama_index import AttributedQueryEngine, AttributionRecord
from attribot_integrations.llama_index.scopes import PromptedCall
from attribot_integrations.scoring.language_model import in_process
from attribot_integrations.scoring.scorer import Scorer
from tests.integrations.engines import StubEngine
from tests.integrations.llama_index.fakes import EchoLLM

huggingface = pytest.importorskip("llama_index.llms.huggingface")

TEMPLATE = PromptTemplate(
    "Answer the question using only the context.\n\nContext:\n{context_str}\n\n"
    "Question: {query_str}"
)


@pytest.fixture(scope="module")
def demo() -> DemoQueryEngine:
    return demo_query_engine(AttributionEngine.demo())


@pytest.fixture
def tokenizer() -> PreTrainedTokenizerBase:
    loaded: PreTrainedTokenizerBase = AutoTokenizer.from_pretrained(bundled_model_path())
    return loaded


def shared(
    demo: DemoQueryEngine, tokenizer: PreTrainedTokenizerBase, **options: Any
) -> tuple[Any, AttributionEngine]:
    llm = huggingface.HuggingFaceLLM(
        model=in_process(demo.engine.target).model,
        tokenizer=tokenizer,
        context_window=2048,
        max_new_tokens=48,
        generate_kwargs={"do_sample": False},
        **options,
    )
    return llm, AttributionEngine.from_llama_index(llm)


def ask(
    demo: DemoQueryEngine, llm: Any, engine: AttributionEngine, *, streaming: bool = False
) -> AttributionRecord:
    synthesizer = CompactAndRefine(llm=llm, text_qa_template=TEMPLATE, streaming=streaming)
    wrapped = AttributedQueryEngine(RetrieverQueryEngine(demo.retriever, synthesizer), engine)
    response: Any = wrapped.query(demo.questions[0])
    if streaming:
        list(response.response_gen)
    return wrapped.result(response)


class Spy:
    """Notes which ids are scored, and which were generated."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.scored: list[tuple[int, ...]] = []
        self.generated: list[tuple[int, ...]] = []
        build, answer = Scorer.__init__, PromptedCall.answer

        def note(scorer: Scorer, model: Any, prompt: Any, *args: Any, **options: Any) -> None:
            build(scorer, model, prompt, *args, **options)
            leading, _ = model.encoder.segments(prompt)
            self.scored.append((*leading, *scorer.prompt.ids, *scorer.answer.ids))

        def keep(call: PromptedCall, result: object) -> None:
            answer(call, result)
            if call.token_ids:
                self.generated.append(call.token_ids)

        monkeypatch.setattr(Scorer, "__init__", note)
        monkeypatch.setattr(PromptedCall, "answer", keep)


def test_model_and_tokenizer_are_shared_and_not_changed(
    demo: DemoQueryEngine, tokenizer: PreTrainedTokenizerBase
) -> None:
    before = tokenizer.backend_tokenizer.to_str()
    llm, engine = shared(demo, tokenizer)
    assert in_process(engine.target).model is llm._model is in_process(demo.engine.target).model
    assert llm.model_name == "StabilityAI/stablelm-tuned-alpha-3b", "which must not be loaded"
    assert "stablelm" not in engine.target.name
    assert tokenizer.backend_tokenizer.to_str() == before


@pytest.mark.parametrize("chat", [True, False])
@pytest.mark.parametrize("bos", [True, False])
def test_the_very_ids_are_scored(
    demo: DemoQueryEngine,
    tokenizer: PreTrainedTokenizerBase,
    monkeypatch: pytest.MonkeyPatch,
    chat: bool,
    bos: bool,
) -> None:
    if bos:  # in the template, and once more by the tokenizer
        from tokenizers import processors

        assert isinstance(tokenizer.chat_template, str)
        start = tokenizer.convert_ids_to_tokens(0)
        tokenizer.bos_token = start
        tokenizer.chat_template = "{{ bos_token }}" + tokenizer.chat_template
        tokenizer.backend_tokenizer.post_processor = processors.TemplateProcessing(
            f"{start} $A", special_tokens=[(start, 0)]
        )
    llm, engine = shared(demo, tokenizer, is_chat_model=chat)
    spy = Spy(monkeypatch)
    record = ask(demo, llm, engine)
    assert record.status in ("ok", "skipped"), record.reason
    if record.status == "skipped":
        pytest.skip("this model writes nothing without its chat template")
    assert record.prompt_used == "captured"
    generated = spy.generated[0]
    if bos:
        assert generated[: 1 + chat] == (0,) * (1 + chat), "double BOS"
    ids = spy.scored[0]
    assert generated[: len(ids)] == ids
    assert set(generated[len(ids) :]) <= in_process(engine.target).encoder.control_ids


def test_citations_of_a_shared_chat_model(
    demo: DemoQueryEngine, tokenizer: PreTrainedTokenizerBase
) -> None:
    llm, engine = shared(demo, tokenizer, is_chat_model=True)
    record = ask(demo, llm, engine)
    (citation,) = record.to_payload()["citations"]
    assert citation["metadata"]["title"] in demo.questions[0]
    streamed = ask(demo, llm, engine, streaming=True)
    assert streamed.status == "ok"
    assert [one.score for one in streamed.citations] == pytest.approx(
        [one.score for one in record.citations], rel=1e-4
    )


def test_chat_model_without_a_template_fails_by_itself(
    demo: DemoQueryEngine, tokenizer: PreTrainedTokenizerBase
) -> None:
    tokenizer.chat_template = None
    llm, engine = shared(demo, tokenizer, is_chat_model=True)
    wrapped = AttributedQueryEngine(
        RetrieverQueryEngine(demo.retriever, CompactAndRefine(llm=llm)), engine
    )
    # Newer versions log the error and give an empty answer, others raise it.
    with suppress(ValueError):
        assert str(wrapped.query("Ada")) in ("None", "Empty Response")
    assert wrapped.handler.span_handler.open_count == 0


def test_other_models_cannot_be_shared() -> None:
    with pytest.raises(UnsupportedModelError, match="EchoLLM holds no transformers model"):
        AttributionEngine.from_llama_index(EchoLLM())


def test_stub_engines_share_nothing(
    demo: DemoQueryEngine, tokenizer: PreTrainedTokenizerBase
) -> None:
    llm, _ = shared(demo, tokenizer, is_chat_model=True)
    engine: Any = StubEngine()
    record = ask(demo, llm, engine)
    assert record.status == "ok"
    assert "<|" not in engine.prompts[0], "the messages, not the model's markup"
