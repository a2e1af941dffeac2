"""Code in the README and on the pages of `docs/` runs, with the bundled demo models."""

from __future__ import annotations

import ast
import inspect
import json
import logging
import re
import shlex
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import cache
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from llama_index.core.agent.workflow import FunctionAgent
from llama_index.core.llms import MockLLM
from llama_index.core.tools import QueryEngineTool

from attribot_integrations import (
    AttributionEngine,
    AttributionRequest,
    EngineOptions,
    RemoteEngine,
)
from attribot_integrations.demo.chain import DemoRetriever, demo_chain
from attribot_integrations.demo.query_engine import demo_query_engine
from attribot_integrations.engine.bundled import bundled_model_path
from attribot_integrations.evaluation import examples
from attribot_integrations.evaluation.examples import demo_set
from attribot_integrations.evaluation.relevance_calibration import LabelledChunks
from attribot_integrations.scoring import ServerModel
from tests.documents.blocks import ROOT, Block, blocks_of, check_command, commands_of, run
from tests.documents.stand_ins import client_modules
from tests.integrations.langchain.agents import AgentModel
from tests.integrations.langchain.agents import tools as agent_tools
from tests.integrations.llama_index.reported import Calling
from tests.test_wings import WINGS
from tests.unit.scoring.servers.fake_servers import VllmServer
from tests.unit.service.running import running

PAGES = [
    "README.md",
    *(
        page.relative_to(ROOT).as_posix()
        for page in sorted(ROOT.glob("docs/**/*.md"))
        if "_build" not in page.parts
    ),
]
TEXTS = {page: (ROOT / page).read_text(encoding="utf-8") for page in PAGES}
BLOCKS = [block for page, text in TEXTS.items() for block in blocks_of(page, text)]
RAY = "docs/scale.md"
"""Needs a cluster and files; what it uses of ours is tested in tests/integrations/test_ray.py."""
PYTHON = [block for block in BLOCKS if block.language == "python" and block.page != RAY]
QUOTED = [block for block in PYTHON if block.page == "docs/testing.md"]
"""Parts of tests, which run by themselves."""

# LlamaIndex's agents use what pydantic has deprecated.
pytestmark = pytest.mark.filterwarnings("ignore::pydantic.warnings.PydanticDeprecationWarning")


# Python


@dataclass
class Page:
    """A page that is being read: blocks find the names of the blocks before them, too."""

    names: dict[str, Any]
    read: set[Block] = field(default_factory=set)

    def read_to(self, last: Block) -> None:
        """Run a block, and those before it that have not been run: tests come in any order."""
        for block in PYTHON:
            if block.page == last.page and block.line <= last.line and block not in self.read:
                self.read.add(block)
                run(block, self.names)


@pytest.fixture(scope="module")
def demo() -> AttributionEngine:
    return AttributionEngine.demo(proxy=True)


@pytest.fixture(scope="module")
def at_hand(demo: AttributionEngine) -> dict[str, Any]:
    """What a reader has: a chain, a query engine, a question, an answer, judged answers."""
    chain = demo_chain(demo)
    question = chain.questions[-1]
    chunks = [document.page_content for document in chain.documents]
    answer = chain.chain.invoke(question)
    asked = demo_set(6, chunks=(4, 4), kinds=("single",)).examples
    judged = [
        (demo.attribute(each.question, each.chunks, text), [right])
        for each in asked[:3]
        for text, right in ((each.answer, True), ("The mayor of Delka is Nobody.", False))
    ]
    tool = QueryEngineTool.from_defaults(demo_query_engine(demo).query_engine, name="facts")
    calling = Calling(
        say=lambda said: (
            answer if said[-1].role == "tool" else [("facts", {"input": said[-1].content})]
        )
    )
    gold = [(each, {chunk for fact in each.gold or () for chunk, _ in fact}) for each in asked]
    return {
        "__name__": "page",
        "chain": chain.chain,
        "query_engine": demo_query_engine(demo).query_engine,
        "retriever": DemoRetriever(documents=chain.documents),
        "node_retriever": demo_query_engine(demo).query_engine.retriever,
        "llm": MockLLM(),
        "agent": FunctionAgent(tools=[tool], llm=calling),
        "model": AgentModel(),
        "tool_model": AgentModel(),
        "tools": [agent_tools()["artifact"]],
        "engine": demo,
        "question": question,
        "chunks": chunks,
        "answer": answer,
        "requests": [AttributionRequest(question, chunks, answer)],
        "result": demo.attribute(question, chunks, answer),
        "judged": judged,
        "client": SimpleNamespace(create_score=lambda **score: None, flush=lambda: None),
        "labelled": [
            LabelledChunks(each.question, each.chunks, sorted(relevant)) for each, relevant in gold
        ],
    }


@pytest.fixture(scope="module")
def pages(at_hand: dict[str, Any]) -> dict[str, Page]:
    return {page: Page(dict(at_hand)) for page in PAGES}


@pytest.fixture(scope="module")
def service(demo: AttributionEngine) -> Iterator[Callable[[], httpx.Client]]:
    """Returns a client of a service, which is started when it is first asked for."""
    with ExitStack() as opened:
        yield cache(lambda: opened.enter_context(running(served=demo)).client())


@pytest.fixture
def bundled(
    demo: AttributionEngine,
    at_hand: dict[str, Any],
    service: Callable[[], httpx.Client],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> Iterator[None]:
    """Loads the demo models whatever is asked for, few short questions, and an empty folder."""
    signature = inspect.signature(AttributionEngine.from_pretrained)

    def from_pretrained(*args: Any, **kwargs: Any) -> AttributionEngine:
        given = signature.bind(*args, **kwargs).arguments
        options: EngineOptions | None = given.get("options")
        return AttributionEngine(demo.target, demo.proxy if given.get("proxy") else None, options)

    connect = ServerModel.connect

    def connected(url: str, **given: Any) -> ServerModel:
        served = VllmServer(name=given.get("model") or "tiny")
        found = given | {"client": served.client(), "tokenizer": bundled_model_path()}
        return connect(url, **found)

    def remote(self: RemoteEngine, url: str, **given: Any) -> None:
        ask(self, url, client=service(), **{**given, "token": None})

    ask = RemoteEngine.__init__
    monkeypatch.setattr(RemoteEngine, "__init__", remote)
    monkeypatch.setattr(AttributionEngine, "from_pretrained", from_pretrained)
    monkeypatch.setattr(ServerModel, "connect", connected)
    few = {"chunks": (2, 3)}
    monkeypatch.setattr(examples, "demo_set", lambda _, **given: demo_set(2, **{**given, **few}))
    for name, module in client_modules(at_hand["answer"]).items():
        monkeypatch.setitem(sys.modules, name, module)
    monkeypatch.chdir(tmp_path)
    logger = logging.getLogger("attribot_integrations")
    level = logger.level
    yield
    logger.setLevel(level)


@pytest.mark.usefixtures("bundled")
@pytest.mark.parametrize("block", [block for block in PYTHON if block not in QUOTED], ids=str)
def test_python_block_runs(block: Block, pages: dict[str, Page]) -> None:
    pages[block.page].read_to(block)


@pytest.mark.usefixtures("bundled")
@pytest.mark.parametrize("page", ["README.md", "docs/index.md", "docs/getting_started.md"])
def test_the_first_example_is_one_that_the_bundled_model_cites(
    page: str, pages: dict[str, Page]
) -> None:
    (first, *_) = (each for each in PYTHON if each.page == page and ".attribute(" in each.code)
    pages[page].read_to(first)
    result = pages[page].names["result"]
    assert [support.label for support in result.support] == ["supported"]
    assert result.shown_citations[0].chunk_index == 0


@pytest.mark.parametrize("block", QUOTED, ids=str)
def test_quoted_code_stands_in_a_test(block: Block) -> None:
    tree = ast.parse(block.code)
    names = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    texts = (path.read_text("utf-8") for path in ROOT.glob("tests/**/test_*.py"))
    # Few files hold all of its names, and reading syntax takes long.
    known = {
        line.strip()
        for text in texts
        if all(name in text for name in names)
        for line in ast.unparse(ast.parse(text)).splitlines()
    }
    lines = ast.unparse(tree).splitlines()
    assert [line for line in lines if line.strip() not in known] == []


@pytest.mark.parametrize("page", PAGES)
def test_every_block_is_checked(page: str) -> None:
    blocks = [block for block in BLOCKS if block.page == page]
    known = {"python", "bash", "json", "text", ""}
    unknown = {
        b.line: b.language for b in blocks if b.language not in known and "{" not in b.language
    }
    assert not unknown, f"blocks must be marked as one of {known}"
    # What is indented is a formula, or what the page says; code has a language.
    assert not [str(block) for block in blocks if not block.language and _is_code(block.code)]
    # A fence that is never closed, or is not seen as one, hides code.
    fences = re.findall(r"^[ >]*(?:```|~~~).*$", TEXTS[page], re.MULTILINE)
    assert len(fences) == 2 * sum(block.language != "" for block in blocks)


def _is_code(text: str) -> bool:
    return bool(
        re.search(r"^\s*(?:import |from \w+ import |def |\$ |attribot )", text, re.MULTILINE)
    )


@pytest.mark.parametrize("block", [block for block in BLOCKS if block.language == "json"], ids=str)
def test_json_is_json(block: Block) -> None:
    json.loads(block.code)


# Shell


@pytest.mark.parametrize(
    "command",
    [
        pytest.param(command, id=f"{block}: {shlex.join(command)}")
        for block in BLOCKS
        if block.language == "bash"
        for command in commands_of(block.code)
    ],
)
def test_command_is_known(
    command: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    check_command(command)


# Links


@pytest.mark.parametrize("page", PAGES)
def test_files_that_are_linked_are_there(page: str) -> None:
    folder = (ROOT / page).parent
    assert [name for name in _linked(TEXTS[page]) if not (folder / name).exists()] == []


def _linked(text: str) -> Iterator[str]:
    for link in re.findall(r"\]\(([^)\s]+)\)", text):
        if "://" not in link and (name := link.partition("#")[0]):
            yield name


# Names of files and modules


@pytest.mark.parametrize("page", [*PAGES, "training/README.md", "benchmarks/NOTES.md"])
def test_python_files_that_are_named_are_there(page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    named = set(re.findall(r"`([\w/]+\.py)`", text)) - {"utils.py"}  # there is none, it says
    assert [name for name in named if not _files(name)] == []
    wings = "|".join({*WINGS} - {"engine"})  # which is also what readers call theirs
    modules = set(re.findall(rf"`((?:{wings})\.(?!py`)[a-z_]+)\b[\w.]*`", text))
    assert [name for name in modules if not _known(name)] == []


def _files(name: str) -> list[Path]:
    folders = ("attribot_integrations", "tests", "training", "benchmarks", "docs")
    return [
        path
        for folder in folders
        for path in (ROOT / folder).rglob(name.rpartition("/")[2])
        if path.as_posix().endswith(f"/{name}")
    ]


def _known(name: str) -> bool:
    wing, _, inner = name.partition(".")
    shown = import_module(f"attribot_integrations.{wing}")
    return bool(_files(f"{wing}/{inner}.py")) or hasattr(shown, inner)


# The helpers themselves


def test_finds_blocks_with_their_lines() -> None:
    text = "# A\n\n```python\nx = 1\n```\n\n- b\n\n  ```bash\n  ls\n  ```\n\ntext\n\n    y = 2\n"
    assert blocks_of("a.md", text) == [
        Block("a.md", "python", 4, "x = 1\n"),
        Block("a.md", "bash", 10, "ls\n"),
        Block("a.md", "", 15, "y = 2\n"),
    ]


def test_errors_name_the_line_of_the_page() -> None:
    with pytest.raises(ZeroDivisionError) as caught:
        run(Block("a.md", "python", 7, "x = 1\nx / 0\n"), {})
    assert caught.traceback[-1].lineno == 7  # counted from 0


def test_finds_commands() -> None:
    code = 'pip install "a[b]"  # text\nattribot demo \\\n  --html x > y && A=1 make a b\n'
    assert list(commands_of(code)) == [
        ["pip", "install", "a[b]"],
        ["attribot", "demo", "--html", "x"],
        ["make", "a", "b"],
    ]


@pytest.mark.parametrize("arguments", [["demo", "--nothing"], ["nothing"], ["attribute"]])
def test_wrong_arguments_are_noticed(
    arguments: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(Exception, match=r"No such|Missing"):
        check_command(["attribot", *arguments])
