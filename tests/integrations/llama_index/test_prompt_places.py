"""The very prompt is scored: every response mode, template and kind of node."""

import logging
from dataclasses import replace
from typing import Any

import pytest
from llama_index.core.base.llms.types import ChatMessage, MessageRole
from llama_index.core.node_parser import SentenceSplitter
from llama_index.core.prompts import ChatPromptTemplate, PromptTemplate, RichPromptTemplate
from llama_index.core.query_engine import CitationQueryEngine, RetrieverQueryEngine
from llama_index.core.response_synthesizers import ResponseMode, get_response_synthesizer
from llama_index.core.response_synthesizers.context_only import ContextOnly
from llama_index.core.response_synthesizers.no_text import NoText
from llama_index.core.schema import NodeWithScore, QueryBundle, TextNode
from pydantic import BaseModel

from attribot_integrations.context.sources import SourceSet
from attribot_integrations.errors import PromptError
from attribot_integrations.llama_index import AttributionEventHandler, AttributionRecord
from tests.integrations.engines import StubEngine, prompt_of, text_of
from tests.integrations.llama_index.calls import MODELS
from tests.integrations.llama_index.fakes import (
    EchoChatLLM,
    EchoLLM,
    FactRetriever,
    node,
    payload_of,
    rag,
)


def asked(
    engine: StubEngine, query_engine: RetrieverQueryEngine | CitationQueryEngine, query: str = "Ada"
) -> AttributionRecord:
    handler = AttributionEventHandler(engine)
    with handler.attach():
        return handler.result(query_engine.query(query))


def over(nodes: list[NodeWithScore], llm: EchoLLM | None = None, **options: Any) -> Any:
    return rag(llm, FactRetriever(nodes=nodes), **options)


def chunks(engine: StubEngine) -> list[str]:
    return [getattr(chunk, "text", "") for chunk in engine.requests[-1].chunks]


MODES = [
    (ResponseMode.COMPACT, "ok", None),
    (ResponseMode.TREE_SUMMARIZE, "ok", None),
    (ResponseMode.SIMPLE_SUMMARIZE, "ok", None),
    (ResponseMode.REFINE, "ok", None),
    (ResponseMode.ACCUMULATE, "ok", None),
    (ResponseMode.COMPACT_ACCUMULATE, "ok", None),
    (
        ResponseMode.GENERATION,
        "approximate",
        "none of the 2 nodes stands in the prompt, a template",
    ),
]


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize(("mode", "status", "reason"), MODES)
def test_every_response_mode(
    mode: ResponseMode, status: str, reason: str | None, model: type[EchoLLM]
) -> None:
    nodes = [node("Ada is old."), node("Bea is young.")]
    engine = StubEngine()
    llm = model()
    record = asked(engine, over(nodes, llm, mode=mode))
    assert record.status == status, record.reason
    assert (reason or "") in (record.reason or "")
    if status == "ok":  # an answer put together from several is scored by the prompt of each
        fed = llm.prompts if mode == ResponseMode.ACCUMULATE else llm.prompts[-1:]
        assert all(prompt.endswith(own) for prompt, own in zip(engine.prompts, fed, strict=False))
    assert record.prompt_used == ("template" if "template" in str(record.reason) else "captured")


@pytest.mark.parametrize(
    ("synthesizer", "reason"),
    [(NoText, "the answer is blank"), (ContextOnly, "no language model was asked")],
)
def test_modes_without_a_model(synthesizer: Any, reason: str) -> None:
    engine = StubEngine()
    query_engine = RetrieverQueryEngine(FactRetriever(), synthesizer(llm=EchoLLM()))
    record = asked(engine, query_engine)
    assert (record.status, record.reason) == ("skipped", reason)
    assert engine.requests == []


@pytest.mark.parametrize("texts", [["It's Ada.\nShe is old.", "Bea\tis."], ["\"A\" 'b'.", "\\"]])
def test_simple_summary_shows_a_list_as_python_writes_it(texts: list[str]) -> None:
    engine = _RemovingEngine()
    llm = EchoLLM(answer="Fine.")
    nodes = [node(text) for text in texts]
    record = asked(engine, over(nodes, llm, mode=ResponseMode.SIMPLE_SUMMARIZE))
    assert record.status == "ok"
    assert engine.without(set()) == llm.prompts[0]
    assert str(["\n".join(texts)]) in llm.prompts[0]
    last = len(engine.sources.sentences) - 1
    assert engine.without({last}) == llm.prompts[0].replace(
        str(["\n".join(texts)]), str([texts[0]])
    )


def test_refine_is_scored_over_all_nodes() -> None:
    engine = StubEngine()
    llm = EchoLLM()
    nodes = [node("Ada is old."), node("Ada is tall."), node("Ada is here.")]
    record = asked(engine, over(nodes, llm, mode=ResponseMode.REFINE))
    assert len(llm.prompts) == 3
    assert (record.status, record.prompt_used) == ("ok", "captured")
    assert [chunk.text for chunk in record.chunks] == [one.node.get_content() for one in nodes]


def test_compact_overflow_is_a_refine() -> None:
    llm = EchoLLM(window=900)
    nodes = [node(" ".join(f"word{n}{m}." for m in range(60))) for n in "abcd"]
    record = asked(StubEngine(), over(nodes, llm))
    assert len(llm.prompts) > 1
    assert (record.status, record.prompt_used) == ("ok", "captured")


def test_tree_summary_of_summaries_is_scored_by_its_own_prompts() -> None:
    llm = EchoLLM(window=600, answer="All is well.")
    nodes = [node(" ".join(f"word{n}{m}." for m in range(60))) for n in "abcdef"]
    record = asked(StubEngine(), over(nodes, llm, mode=ResponseMode.TREE_SUMMARIZE))
    assert len(llm.prompts) > 2
    assert (record.status, record.prompt_used) == ("ok", "captured")


@pytest.mark.parametrize("model", MODELS)
def test_metadata_is_a_part_of_the_chunk_and_no_part_of_its_body(model: type[EchoLLM]) -> None:
    engine = StubEngine()
    llm = model()
    one = TextNode(text="Ada is old.\n", metadata={"file": "a.txt", "hidden": "x"})
    one.excluded_llm_metadata_keys = ["hidden"]
    two = TextNode(text="Ada is old.", metadata={"note": "Ada is old."})
    two.text_template = "{content}\n({metadata_str})"
    record = asked(engine, over([NodeWithScore(node=one), NodeWithScore(node=two)], llm))
    assert record.status == "ok"
    assert chunks(engine) == ["file: a.txt\n\nAda is old.", "Ada is old.\n(note: Ada is old.)"]
    sources = SourceSet.build(record.chunks).sentences
    assert [(source.part, source.text) for source in sources] == [
        ("metadata", "file: a.txt"),
        ("text", "Ada is old."),
        ("text", "Ada is old."),
        ("metadata", "(note: Ada is old.)"),
    ]
    assert "file: a.txt\n\nAda is old.\n\nAda is old.\n(note: Ada is old.)" in engine.prompts[0]
    assert engine.prompts[0].endswith(llm.prompts[0])


def test_metadata_is_removed_by_itself_and_with_its_node() -> None:
    engine = _RemovingEngine()
    one = TextNode(text="Ada is old. Ada is tall.", metadata={"file": "a.txt"})
    two = TextNode(text="Bea is young.", metadata={"file": "b.txt"})
    asked(engine, over([NodeWithScore(node=one), NodeWithScore(node=two)]))
    body = "Context information is below.\n---------------------\n{}\n---------------------\n"
    both = "file: a.txt\n\n{}\n\nfile: b.txt\n\nBea is young."
    old = "Ada is old. Ada is tall."
    assert engine.without({0}).startswith(body.format(f"{old}\n\nfile: b.txt\n\nBea is young."))
    assert engine.without({1}).startswith(body.format(both.format("Ada is tall.")))
    assert engine.without({2}).startswith(body.format(both.format("Ada is old.")))
    first, second = (whole.sentence_ids for whole in engine.sources.whole_chunks)
    assert (first, second) == ((0, 1, 2), (3, 4))
    assert engine.without(set(first)).startswith(body.format("file: b.txt\n\nBea is young."))
    assert engine.without({4}).startswith(body.format(f"file: a.txt\n\n{old}\n\nfile: b.txt"))
    assert engine.without(set(second)).startswith(body.format(f"file: a.txt\n\n{old}"))
    assert engine.without({*first, *second}).startswith(body.format(""))


class _RemovingEngine(StubEngine):
    """Keeps the prompt, to render it with sentences removed."""

    def attribute_request(self, request: Any) -> Any:
        self.sources = SourceSet.build(request.chunks)
        self.prompt, _ = prompt_of(request, tuple(request.chunks))
        return super().attribute_request(request)

    def without(self, removed: set[int]) -> str:
        return text_of(self.prompt, frozenset(removed))


@pytest.mark.parametrize(
    "texts",
    [
        ["Ada is old.", "Ada is old.", "Ada is old."],
        ["Ada", "Ada is old.", "Ada is old. Bea too."],
        ["Ada is old. Bea too.", "Ada is old.", "Ada"],
        ["Query: Ada\nAnswer: ", "---------------------", "{context_str} {query_str}"],
        ["\ue5a10\ue5a2", "<|im_end|>\n<|im_start|>system", "%s $x {{ y }}"],
    ],
)
@pytest.mark.parametrize("model", MODELS)
def test_nodes_are_told_apart_by_place(texts: list[str], model: type[EchoLLM]) -> None:
    engine = _RemovingEngine()
    llm = model(answer="Fine.")
    # Older versions drop nodes that equal others in everything, so these differ in what is hidden.
    nodes = [
        node(text, metadata={"n": number}, excluded_llm_metadata_keys=["n"])
        for number, text in enumerate(texts)
    ]
    record = asked(engine, over(nodes, llm))
    assert record.status == "ok", record.reason
    assert chunks(engine) == [text.strip() for text in texts]
    shown = engine.without({source.id for source in engine.sources.of_chunk(1)})
    assert shown == engine.without(set()).replace(
        "\n\n".join(text.strip() for text in texts),
        "\n\n".join(texts[index].strip() for index in (0, 2)),
        1,
    )


def test_question_that_repeats_a_node_is_no_node() -> None:
    engine = _RemovingEngine()
    record = asked(engine, over([node("Ada"), node("Bea is young.")]), "Ada")
    assert record.status == "ok"
    assert "Query: Ada\n" in engine.without({0})


@pytest.mark.parametrize("nodes", [["Ada is old."], ["", "Ada is old.", "  \n"]])
def test_one_node_and_blank_nodes(nodes: list[str]) -> None:
    engine = StubEngine()
    record = asked(engine, over([node(text) for text in nodes]))
    assert record.status == "ok"
    assert record.to_payload()["citations"][0]["source_index"] == nodes.index("Ada is old.")


def test_only_blank_nodes() -> None:
    record = asked(StubEngine(), over([node(""), node(" ")]))
    assert (record.status, record.reason) == ("skipped", "none of the 2 retrieved nodes holds text")


def test_blank_answer() -> None:
    record = asked(StubEngine(), over([node("Ada.")], EchoLLM(answer="")))
    assert (record.status, record.reason) == ("skipped", "the model wrote nothing")


TEMPLATES = [
    PromptTemplate("{context_str}\n{query_str}"),
    PromptTemplate("Q: {query_str}\n{context_str}\nAgain: {context_str}"),
    PromptTemplate(
        "{mine}|{theirs}", template_var_mappings={"context_str": "mine", "query_str": "theirs"}
    ),
    ChatPromptTemplate(
        [
            ChatMessage(role=MessageRole.SYSTEM, content="Use {context_str}."),
            ChatMessage(role=MessageRole.USER, content="{query_str}"),
        ]
    ),
    RichPromptTemplate("{% if query_str %}{{ context_str }}{% endif %}\n{{ query_str }}"),
]


@pytest.mark.parametrize("template", TEMPLATES)
@pytest.mark.parametrize("model", MODELS)
def test_own_templates(template: Any, model: type[EchoLLM]) -> None:
    engine = StubEngine()
    llm = model(answer="Fine.")
    query_engine = over([node("Bea is old."), node("Cleo is young.")], llm)
    query_engine.update_prompts({"response_synthesizer:text_qa_template": template})
    record = asked(engine, query_engine)
    twice = "nodes 0, 1 stand in the prompt several times"
    assert record.reason == (twice if "Again" in llm.prompts[0] else None)
    assert record.prompt_used == "captured"
    assert engine.prompts[0].endswith(llm.prompts[0])


def test_function_mappings_that_write_the_context_anew_are_searched() -> None:
    def numbered(**values: Any) -> str:
        return "\n".join(f"[{n}] {t}" for n, t in enumerate(values["context_str"].split("\n\n")))

    template = PromptTemplate(
        "{context_str}\n{query_str}", function_mappings={"context_str": numbered}
    )
    engine = StubEngine()
    llm = EchoLLM()
    query_engine = over([node("Bea is old."), node("Cleo is young.")], llm)
    query_engine.update_prompts({"response_synthesizer:text_qa_template": template})
    record = asked(engine, query_engine)
    assert (record.status, record.prompt_used) == ("ok", "captured")
    assert engine.prompts == ["[0] Bea is old.\n[1] Cleo is young.\nAda"]


def test_changed_context_is_searched_and_what_is_missing_is_told() -> None:
    def shortened(**values: Any) -> str:
        return str(values["context_str"].split("\n\n")[0])

    template = PromptTemplate(
        "{context_str}\n{query_str}", function_mappings={"context_str": shortened}
    )
    query_engine = over([node("Bea is old."), node("Cleo is young.")])
    query_engine.update_prompts({"response_synthesizer:text_qa_template": template})
    record = asked(StubEngine(), query_engine)
    assert record.status == "approximate"
    assert record.reason == "nodes 1 were not shown to the model and are not scored"


@pytest.mark.parametrize("model", MODELS)
def test_system_and_wrapper_prompts_of_the_model(model: type[EchoLLM]) -> None:
    engine = StubEngine()
    llm = model(system_prompt="Be brief.", query_wrapper_prompt=PromptTemplate("<<{query_str}>>"))
    record = asked(engine, over([node("Bea is old.")], llm))
    assert record.status == "ok"
    assert engine.prompts[0].startswith("Be brief." if model is EchoChatLLM else "<<Be brief.")


def test_completion_model_is_scored_as_a_chat_unless_it_has_markup() -> None:
    engine = StubEngine()
    asked(engine, over([node("Bea is old.")]))
    llm = EchoLLM(completion_to_prompt=lambda prompt: f"<|user|>{prompt}<|assistant|>", answer="A.")
    asked(engine, over([node("Bea is old.")], llm))
    assert engine.raws == [False, True]
    assert engine.prompts[1] == llm.prompts[0]
    assert llm.prompts[0].startswith("<|user|>")


def test_citation_query_engine_relabels_nodes() -> None:
    engine = _RemovingEngine()
    llm = EchoLLM(answer="Bea is old [1].")
    nodes = [node("Bea is old. She is tall.", id_="one"), node("Cleo is young.", id_="two")]
    query_engine = CitationQueryEngine.from_args(
        index=None,  # type: ignore[arg-type]
        llm=llm,
        retriever=FactRetriever(nodes=nodes),
        text_splitter=SentenceSplitter(chunk_size=512, chunk_overlap=20),
    )
    record = asked(engine, query_engine)
    assert record.status == "ok", record.reason
    assert chunks(engine) == ["Bea is old. She is tall.", "Cleo is young."]
    assert "Source 1:\nBea is old. She is tall.\n\nSource 2:\nCleo is young." in engine.without(
        set()
    )
    assert "Source 1:\nBea" not in engine.without({0, 1})
    assert "------\nSource 2:\nCleo is young." in engine.without({0, 1})
    (citation,) = record.to_payload()["citations"]
    text = record.nodes[0].node.get_content()
    assert text.startswith("Source 1:\n")
    assert text[citation["source_start"] : citation["source_end"]] == citation["text"]
    assert citation["node_id"] == "one"
    own = nodes[0].node.get_content()
    assert own[citation["node_start"] : citation["node_end"]] == citation["text"]


def test_structured_answers_are_marked() -> None:
    class Fact(BaseModel):
        name: str

    llm = EchoLLM(answer='{"name": "Ada"}')
    synthesizer = get_response_synthesizer(llm.as_structured_llm(Fact))
    query_engine = RetrieverQueryEngine(FactRetriever(), response_synthesizer=synthesizer)
    handler = AttributionEventHandler(StubEngine())
    with handler.attach():
        response = query_engine.query("Ada")
    assert response.response == Fact(name="Ada")  # type: ignore[union-attr]
    payload = payload_of(response)
    assert payload["status"] in ("ok", "approximate")
    assert payload["answer"] == '{"name":"Ada"}'


def test_prompt_that_the_scoring_model_refuses(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        record = asked(StubEngine(PromptError("no system role")), rag())
    assert (record.status, record.prompt_used) == ("approximate", "template")
    assert record.reason == (
        "the captured prompt cannot be scored (no system role), a template took its place"
    )
    assert record.reason in caplog.text


def test_nodes_that_share_an_id_are_told_apart() -> None:
    class CitesLast(StubEngine):
        def attribute_request(self, request: Any) -> Any:
            found = super().attribute_request(request)
            last = replace(found.citations[0], chunk_index=len(found.chunks) - 1)
            return replace(found, citations=(last,))

    nodes = [node("Ada is old.", id_="same"), node("Bea is young.", id_="same")]
    handler = AttributionEventHandler(CitesLast())
    with handler.attach():
        response = rag().synthesize(QueryBundle("Who?"), nodes)  # retrievers drop the second
    (citation,) = payload_of(response)["citations"]
    assert citation["source_index"] == 1
    shown = response.source_nodes[citation["source_index"]].node.get_content()
    assert shown == "Bea is young."
