"""What is known of the runs behind a conversation."""

from langchain_core.messages import AIMessage, HumanMessage, ToolMessage
from langgraph.types import Command

from attribot_integrations.langchain.context import attached
from attribot_integrations.langchain.conversations import ConversationRuns, RunCollector
from tests.integrations.langchain.fakes import FactRetriever, rag
from tests.integrations.langchain.scripted import calls

FIRST, AGAIN = HumanMessage("Who?"), HumanMessage("And then?")
TOOL = ToolMessage("Ada.", tool_call_id="c1")


def collected() -> RunCollector:
    collector = RunCollector()
    with attached(collector):
        rag().invoke("Ada")
        FactRetriever().invoke("Bea")
    return collector


def test_a_collector_keeps_all_that_ran() -> None:
    kinds = [run.kind for run in collected().runs.values()]
    assert (kinds.count("retriever"), kinds.count("model")) == (2, 1)


def test_runs_are_found_by_the_messages_that_they_left() -> None:
    runs = ConversationRuns()
    inside = collected().runs
    runs.note_tool(Command(update={"messages": [TOOL]}), inside)
    answer = AIMessage("It is Ada.", id="a")
    runs.note_call([FIRST, TOOL], None, [answer], {})
    tree = runs.tree([FIRST, calls("find"), TOOL, answer])
    assert {chunk.text for chunk in tree.gathered()} == {
        f"{name} is fact {number}." for name in ("Ada", "Bea") for number in (0, 1)
    }
    written = [run.call.text for run in tree.runs.values() if run.kind == "model"]
    assert written[-1] == "It is Ada."
    assert all(tree.path(id)[-1] == tree.id for id in tree.runs)


def test_of_earlier_turns_only_the_documents_count() -> None:
    runs = ConversationRuns()
    runs.note_tool(TOOL, collected().runs)
    earlier = [FIRST, calls("find"), TOOL, AIMessage("It is Ada.")]
    tree = runs.tree([*earlier, AGAIN, AIMessage("So.")])
    assert len(tree.gathered()) == 4
    assert [run.call.text for run in tree.runs.values() if run.kind == "model"] == ["So."]


def test_calls_that_another_process_made_are_read_off_the_messages() -> None:
    tree = ConversationRuns().tree([FIRST, calls("find"), TOOL, AIMessage("It is Ada.", id="a")])
    last = [run.call for run in tree.runs.values() if run.kind == "model"][-1]
    assert last.text == "It is Ada."
    assert isinstance(last.prompt, list)
    assert [message["content"] for message in last.prompt] == ["Who?", "", "Ada."]
    assert [chunk.text for chunk in last.tool_chunks] == ["Ada."]
