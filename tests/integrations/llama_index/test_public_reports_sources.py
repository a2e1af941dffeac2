"""Where a source is: metadata, windows, chunks that overlap, pieces, offsets, media, graphs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from llama_index.core import Document, MockEmbedding, PropertyGraphIndex, SQLDatabase
from llama_index.core.graph_stores import SimplePropertyGraphStore
from llama_index.core.graph_stores.types import EntityNode, Relation
from llama_index.core.indices.property_graph import LLMSynonymRetriever
from llama_index.core.node_parser import (
    MarkdownNodeParser,
    SentenceSplitter,
    SentenceWindowNodeParser,
    TokenTextSplitter,
)
from llama_index.core.postprocessor import MetadataReplacementPostProcessor
from llama_index.core.query_engine import CitationQueryEngine, NLSQLTableQueryEngine
from llama_index.core.schema import (
    BaseNode,
    ImageNode,
    IndexNode,
    MediaResource,
    MetadataMode,
    Node,
    NodeWithScore,
    TextNode,
)

from attribot_integrations.llama_index import (
    AttributionEventHandler,
    NodeCitation,
    format_with_markers,
    get_citations,
    to_citation_blocks,
)
from tests.integrations.llama_index.fakes import FactRetriever
from tests.integrations.llama_index.reported import (
    ASK_BIKE,
    ASK_BOTH,
    BIKE,
    TEMPLATE,
    TEXTS,
    TOWN,
    Scripted,
    engine,
    nodes,
    rag,
)

MAYOR = "The mayor of Delka is Bragor Selwen."
NOTE = "Last spring Delka elected Bragor Selwen as mayor."


def ask(query_engine: Any, query: str = ASK_BIKE) -> Any:
    handler = AttributionEventHandler(engine())
    with handler.attach():
        response = query_engine.query(query)
    assert handler.result(response, 30).status == "ok"
    return response


def scored(found: Sequence[BaseNode]) -> list[NodeWithScore]:
    return [NodeWithScore(node=each, score=1.0) for each in found]


def strongest(response: Any) -> NodeCitation:
    return max(get_citations(response), key=lambda each: each.score)


def label(response: Any) -> str:
    (statement,) = response.metadata["attribution"]["statements"]
    return str(statement["label"])


@pytest.mark.parametrize(
    "text", ["On its coins Delka has the wolf. The flag of Delka shows the fox.", "The wolf."]
)
def test_a_fact_of_the_metadata_is_cited_as_such(text: str) -> None:
    noted = TextNode(text=text, metadata={"title": "Delka", "note": NOTE}, id_="noted")
    response = ask(
        rag(MAYOR, [*scored([noted]), *nodes("norzel", "galba")]), "Who is the mayor of Delka?"
    )
    cited = strongest(response)
    assert (cited.part, cited.node_id, cited.source_index) == ("metadata", "noted", 0)
    assert NOTE in cited.text
    assert (cited.node_start, cited.node_end, cited.source_start) == (None, None, None)
    assert not [
        one for one in get_citations(response) if one.part == "text" and one.node_id == "noted"
    ]
    assert label(response) == "supported"
    assert "[1] metadata of Delka: " in format_with_markers(response, sources=True)
    (block, *_) = to_citation_blocks(response)
    assert block.title == "metadata of Delka"


def test_a_fact_of_the_text_is_not_credited_to_the_metadata() -> None:
    noted = TextNode(text=TEXTS["delka"], metadata={"note": "x"}, id_="noted")
    response = ask(rag(MAYOR, [*scored([noted]), *nodes("norzel")]), "Who is the mayor of Delka?")
    cited = strongest(response)
    assert (cited.part, cited.text) == ("text", NOTE)
    assert noted.text[cited.node_start : cited.node_end] == NOTE


def whole() -> Document:
    return Document(text=" ".join(TEXTS.values()), metadata={"file_name": "all.pdf"})


@pytest.mark.parametrize("around", [(0,), (-1, 0, 1), (0, 3, 5)])
def test_windows_are_one_passage(around: tuple[int, ...]) -> None:
    document = whole()
    windows = SentenceWindowNodeParser.from_defaults(window_size=1).get_nodes_from_documents(
        [document]
    )
    hit = next(
        place for place, each in enumerate(windows) if BIKE in each.metadata["original_text"]
    )
    found = scored([windows[hit + step] for step in around])
    query_engine = rag(BIKE, found)
    query_engine._node_postprocessors = [MetadataReplacementPostProcessor("window")]
    response = ask(query_engine)
    (cited,) = [one for one in get_citations(response) if one.text == BIKE]
    assert document.text[cited.start_char_idx : cited.end_char_idx] == BIKE
    assert (cited.ref_doc_id, cited.score > 5) == (document.doc_id, True)
    again = [place for place, step in enumerate(around) if abs(step) <= 1]
    assert {cited.source_index, *cited.repeated_in} == set(again)
    assert response.metadata["attribution"]["statements"][0]["alternatives"] == []


@pytest.mark.parametrize("overlap", [0, 15])
@pytest.mark.parametrize("splitter", [SentenceSplitter, TokenTextSplitter])
def test_overlapping_chunks_are_one_passage(splitter: Any, overlap: int) -> None:
    document = whole()
    cut = splitter(
        chunk_size=60, chunk_overlap=overlap, include_metadata=False
    ).get_nodes_from_documents([document])
    response = ask(rag(BIKE, scored(cut)))
    cited = strongest(response)
    assert document.text[cited.start_char_idx : cited.end_char_idx] == cited.text
    assert "Roslin Works" in cited.text
    assert response.metadata["attribution"]["statements"][0]["alternatives"] == []
    assert label(response) == "supported"


def test_chunks_that_lost_their_offsets_are_one_passage_too() -> None:
    document = whole()
    cut = SentenceSplitter(chunk_size=60, chunk_overlap=30).get_nodes_from_documents([document])
    for each in cut:
        each.start_char_idx = each.end_char_idx = None  # type: ignore[attr-defined]
        each.excluded_llm_metadata_keys = ["file_name"]
    assert sum(BIKE in each.get_content() for each in cut) == 2
    response = ask(rag(BIKE, scored(cut)))
    cited = strongest(response)
    assert (cited.text, cited.start_char_idx, len(cited.repeated_in)) == (BIKE, None, 1)
    assert response.metadata["attribution"]["statements"][0]["alternatives"] == []


def test_two_documents_that_say_the_same_are_alternatives() -> None:
    texts = {
        "a": TEXTS["norzel"],
        "b": "The flag of Galba shows the fox.",
        "c": f"{BIKE} On its coins Delka has the wolf.",
    }
    same = [TextNode(text=text, id_=id_) for id_, text in texts.items()]
    response = ask(rag(BIKE, scored(same)))
    assert format_with_markers(response) == f"{BIKE} [1] or [2]"
    assert [(one.node_id, one.text) for one in get_citations(response)] == [
        ("a", BIKE),
        ("c", BIKE),
    ]


def test_the_second_of_two_equal_passages_has_its_own_offsets() -> None:
    parts = [TEXTS[name] for name in ("roska", "norzel", "galba", "norzel", "galmar")]
    document = Document(text="\n\n".join(parts))
    cut = SentenceSplitter(chunk_size=25, chunk_overlap=0).get_nodes_from_documents([document])
    second = [each for each in cut if "Roslin" in each.get_content()][-1]
    cited = strongest(ask(rag(BIKE, [*scored([second]), *nodes("galmar")])))
    assert cited.start_char_idx == document.text.rindex(BIKE)


def test_offsets_of_markdown() -> None:
    document = Document(text=f"# Bikes\n\n{TEXTS['norzel']}\n\n# Towns\n\n{TEXTS['galba']}")
    cut = MarkdownNodeParser().get_nodes_from_documents([document])
    cited = strongest(ask(rag(BIKE, scored(cut))))
    assert document.text[cited.start_char_idx : cited.end_char_idx] == BIKE


def citing(say: str, found: list[NodeWithScore], **options: Any) -> CitationQueryEngine:
    options.setdefault("text_splitter", SentenceSplitter(chunk_size=512, chunk_overlap=20))
    return CitationQueryEngine.from_args(
        index=None,  # type: ignore[arg-type]
        llm=Scripted(say=say),
        retriever=FactRetriever(nodes=found),
        citation_qa_template=TEMPLATE,
        **options,
    )


@pytest.mark.parametrize("overlap", [0, 20])
def test_pieces_lead_back_to_the_retrieved_node(overlap: int) -> None:
    document = whole()
    (node,) = SentenceSplitter(chunk_size=512).get_nodes_from_documents([document])
    node.excluded_llm_metadata_keys = ["file_name"]
    splitter = SentenceSplitter(chunk_size=40, chunk_overlap=overlap)
    response = ask(citing(BIKE, scored([node]), text_splitter=splitter))
    assert len(response.source_nodes) > 3
    (cited,) = [one for one in get_citations(response) if one.text == BIKE]
    assert (cited.node_id, cited.ref_doc_id) == (node.node_id, document.doc_id)
    assert cited.metadata["file_name"] == "all.pdf"
    assert node.get_content()[cited.node_start : cited.node_end] == BIKE
    assert document.text[cited.start_char_idx : cited.end_char_idx] == BIKE
    assert cited.source_index is not None
    piece = response.source_nodes[cited.source_index].node.get_content()
    assert piece[cited.source_start : cited.source_end] == BIKE
    assert piece.startswith("Source ")
    assert response.metadata["attribution"]["statements"][0]["alternatives"] == []


@pytest.mark.parametrize(
    "answer",
    [
        f"{BIKE[:-1]} [2]. {TOWN[:-1]} [3].",
        f"{BIKE[:-1]} [1]. {TOWN[:-1]} [5].",
        f"{BIKE} [2] {TOWN} [3]",
        f"{BIKE} {TOWN}",
    ],
)
def test_marks_of_the_generator_change_no_citation(answer: str) -> None:
    found = nodes("delka", "norzel", "galba", "galmar", "roska")
    response = ask(citing(answer, found), ASK_BOTH)
    best = {
        one.answer_start: one for one in sorted(get_citations(response), key=lambda one: one.score)
    }
    assert [(one.number, one.node_id, one.text) for _, one in sorted(best.items())] == [
        (1, "norzel", BIKE),
        (2, "galba", TOWN),
    ]


def test_metadata_in_the_pieces_of_a_citation_engine() -> None:
    found = nodes("delka", "norzel", "galba")
    for each in found:
        each.node.excluded_llm_metadata_keys = []
    response = ask(citing(BIKE, found, metadata_mode=MetadataMode.LLM))
    cited = strongest(response)
    assert (cited.node_id, cited.part, cited.text) == ("norzel", "text", BIKE)
    assert found[1].node.get_content()[cited.node_start : cited.node_end] == BIKE


PIXEL = (
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJR"
    "U5ErkJggg=="
)


@pytest.mark.parametrize(
    "node",
    [
        ImageNode(text=TEXTS["norzel"], image=PIXEL, id_="one"),
        Document(text=TEXTS["norzel"], id_="one"),
        Node(text_resource=MediaResource(text=TEXTS["norzel"]), id_="one"),
        IndexNode(text=TEXTS["norzel"], index_id="i", id_="one"),
    ],
)
def test_nodes_of_every_kind(node: BaseNode) -> None:
    cited = strongest(ask(rag(BIKE, [*scored([node]), *nodes("galmar")])))
    assert (cited.node_id, cited.text, cited.node_start) == ("one", BIKE, 0)


def test_images_that_the_model_saw_are_told_of() -> None:
    image = ImageNode(text=TEXTS["norzel"], image=PIXEL, id_="picture")
    query_engine = rag(BIKE, [*scored([image]), *nodes("galmar")], chat=True, multimodal=True)
    handler = AttributionEventHandler(engine())
    with handler.attach():
        response = query_engine.query(ASK_BIKE)
    record = handler.result(response)
    assert record.status == "approximate"
    assert "the images, sound or video of nodes 0 (picture) that the model saw are not scored" in (
        record.reason or ""
    )


def test_rows_of_a_database() -> None:
    sqlalchemy = pytest.importorskip("sqlalchemy")
    database = sqlalchemy.create_engine("sqlite:///:memory:")
    with database.begin() as connection:
        connection.execute(sqlalchemy.text("create table items (item text, price text)"))
        connection.execute(
            sqlalchemy.text(
                "insert into items values"
                " ('Norzel bike', '910 coins'), ('Norba phone', '440 coins')"
            )
        )

    def say(prompt: str) -> str:
        if "SQLQuery:" in prompt and "Only use tables" in prompt:
            return "SELECT item, price FROM items"
        return "In shops the Norzel bike costs 910 coins."

    llm = Scripted(say=say, window=30_000)
    response = ask(
        NLSQLTableQueryEngine(
            SQLDatabase(database), tables=["items"], llm=llm, embed_model=MockEmbedding(8)
        ),
        "How much does the Norzel bike cost?",
    )
    cited = strongest(response)
    assert cited.text == "('Norzel bike', '910 coins')"  # the row
    assert cited.metadata["sql_query"] == "SELECT item, price FROM items"


def test_triplets_and_the_text_behind_them() -> None:
    source = TextNode(text=TEXTS["norzel"], id_="src", metadata={"file_name": "norzel.pdf"})
    origin = {"triplet_source_id": "src"}
    bike, maker = (
        EntityNode(name=name, properties=origin) for name in ("Norzel bike", "Roslin Works")
    )
    store = SimplePropertyGraphStore()
    store.upsert_nodes([bike, maker])
    store.upsert_relations(
        [Relation(label="MAKER", source_id=bike.id, target_id=maker.id, properties=origin)]
    )
    store.upsert_llama_nodes([source])
    llm = Scripted(say=BIKE, window=30_000)
    index = PropertyGraphIndex.from_existing(
        property_graph_store=store, llm=llm, embed_kg_nodes=False, embed_model=MockEmbedding(8)
    )
    synonyms = LLMSynonymRetriever(store, llm=Scripted(say="Norzel bike"), include_text=True)
    response = ask(
        index.as_query_engine(sub_retrievers=[synonyms], llm=llm, text_qa_template=TEMPLATE)
    )
    cited = strongest(response)
    assert (cited.node_id, cited.text) == ("src", BIKE)
    assert cited.metadata["file_name"] == "norzel.pdf"
