"""The README's examples run, with the bundled demo models in the place of the named ones."""

from __future__ import annotations

import ast
import asyncio
import inspect
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from itertools import groupby
from pathlib import Path
from typing import Any

import pytest
import typer
from llama_index.core.llms import MockLLM
from markdown_it import MarkdownIt
from typer.core import TyperGroup

from attribot_integrations import AttributionEngine, AttributionRequest, EngineOptions
from attribot_integrations.cli import app
from attribot_integrations.demo.chain import DemoRetriever, demo_chain
from attribot_integrations.demo.query_engine import demo_query_engine

ROOT = Path(__file__).parent.parent


@dataclass(frozen=True)
class Block:
    language: str
    line: int
    """The line of the README that the code begins on, from 1."""
    code: str

    def __str__(self) -> str:
        return f"line-{self.line}"


def blocks_of(text: str) -> list[Block]:
    """All code blocks, also indented ones and those within lists and quotations."""
    found = []
    for token in MarkdownIt().parse(text):
        if token.type in ("fence", "code_block"):
            assert token.map is not None
            first = token.map[0] + (2 if token.type == "fence" else 1)
            found.append(Block(token.info.strip(), first, token.content))
    return found


BLOCKS = blocks_of((ROOT / "README.md").read_text(encoding="utf-8"))
PYTHON = [block for block in BLOCKS if block.language == "python"]


# Python


@pytest.fixture(scope="module")
def demo() -> AttributionEngine:
    return AttributionEngine.demo(proxy=True)


@pytest.fixture(scope="module")
def session(demo: AttributionEngine) -> dict[str, Any]:
    """What a reader has at hand; blocks find the names of those before them, too."""
    chain = demo_chain(demo)
    question = chain.questions[-1]
    chunks = [document.page_content for document in chain.documents]
    answer = chain.chain.invoke(question)
    return {
        "__name__": "readme",
        "chain": chain.chain,
        "query_engine": demo_query_engine(demo).query_engine,
        "retriever": DemoRetriever(documents=chain.documents),
        "node_retriever": demo_query_engine(demo).query_engine.retriever,
        "llm": MockLLM(),
        "engine": demo,
        "question": question,
        "chunks": chunks,
        "answer": answer,
        "requests": [AttributionRequest(question, chunks, answer)],
        "result": demo.attribute(question, chunks, answer),
    }


@pytest.fixture
def bundled(demo: AttributionEngine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Loads the demo models whatever is asked for, and writes files to an empty folder."""
    signature = inspect.signature(AttributionEngine.from_pretrained)

    def from_pretrained(*args: Any, **kwargs: Any) -> AttributionEngine:
        given = signature.bind(*args, **kwargs).arguments
        options: EngineOptions | None = given.get("options")
        return AttributionEngine(demo.target, demo.proxy if given.get("proxy") else None, options)

    monkeypatch.setattr(AttributionEngine, "from_pretrained", from_pretrained)
    monkeypatch.chdir(tmp_path)


def run(block: Block, names: dict[str, Any]) -> None:
    """Execute a block; `await` may stand outside functions, as in a notebook."""
    # The lines before it are kept as blank ones, so that errors name the README's own.
    source = "\n" * (block.line - 1) + block.code
    flags = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
    code = compile(source, "README.md", "exec", flags=flags, dont_inherit=True)
    pending = eval(code, names)
    if inspect.iscoroutine(pending):
        asyncio.run(pending)


@pytest.mark.usefixtures("bundled")
@pytest.mark.parametrize("block", PYTHON, ids=str)
def test_python_block_runs(block: Block, session: dict[str, Any]) -> None:
    run(block, session)


def test_every_block_is_checked() -> None:
    assert PYTHON
    known = ("python", "bash", "json", "text")
    unknown = {block.line: block.language for block in BLOCKS if block.language not in known}
    assert not unknown, f"blocks must be marked as one of {known}"
    # A fence that is never closed, or is not seen as one, hides code.
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    fences = re.findall(r"^[ >]*(?:```|~~~).*$", text, re.MULTILINE)
    assert len(fences) == 2 * sum(block.language != "" for block in BLOCKS)


# Shell


def commands_of(code: str) -> Iterator[list[str]]:
    """The commands of a shell block as words, without comments and redirections."""
    for line in code.replace("\\\n", " ").splitlines():
        words = shlex.shlex(line, posix=True, punctuation_chars=True)
        for joins, command in groupby(words, key=lambda word: word in ("|", "&&", "||", ";")):
            if not joins:
                kept = list(command)
                redirected = [kept.index(word) for word in (">", ">>", "<") if word in kept]
                yield kept[: min(redirected, default=len(kept))]


COMMANDS = [
    pytest.param(command, id=f"{block}: {shlex.join(command)}")
    for block in BLOCKS
    if block.language == "bash"
    for command in commands_of(block.code)
]


@pytest.mark.parametrize("command", COMMANDS)
def test_command_is_known(
    command: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    match command:
        case ["attribot", *arguments]:
            check_attribot(arguments)
        case ["accelerate", "launch", *options]:
            module = options.index("-m")
            assert options[module + 1] == "attribot_integrations.cli"
            check_attribot(options[module + 2 :])
        case ["make", *targets]:
            known = re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
            assert set(targets) <= set(known)
        case ["pip" | "uv", *arguments]:
            wanted = re.findall(r"attribot-integrations\[([\w,-]+)\]", " ".join(arguments))
            assert {name for names in wanted for name in names.split(",")} <= extras()
        case ["python" | "python3", "-m", module, *_]:
            assert find_spec(module)
        case _:
            assert command[0] in ("cd", "git", "jupyter", "source"), "add how this is checked"


def check_attribot(arguments: list[str]) -> None:
    """Parse the arguments as the command line does, and run nothing."""
    for name in arguments:
        if name.endswith((".jsonl", ".parquet")):
            Path(name).touch()  # files that are read must be there
    group = typer.main.get_command(app)  # a new one for each call
    assert isinstance(group, TyperGroup)
    for command in group.commands.values():
        command.callback = None
    group.main(list(arguments), prog_name="attribot", standalone_mode=False)


def extras() -> set[str]:
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    section = text.partition("[project.optional-dependencies]")[2].partition("\n[")[0]
    return set(re.findall(r"^([\w-]+) = \[", section, re.MULTILINE))


# Links


def test_files_that_are_linked_are_there() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    links = re.findall(r"\]\(([^)\s]+)\)", text)
    files = [link.partition("#")[0] for link in links if "://" not in link]
    assert [name for name in files if name and not (ROOT / name).exists()] == []


# The helpers themselves


def test_finds_blocks_with_their_lines() -> None:
    text = "# A\n\n```python\nx = 1\n```\n\n- b\n\n  ```bash\n  ls\n  ```\n\ntext\n\n    y = 2\n"
    assert blocks_of(text) == [
        Block("python", 4, "x = 1\n"),
        Block("bash", 10, "ls\n"),
        Block("", 15, "y = 2\n"),
    ]


def test_errors_name_the_line_of_the_readme() -> None:
    with pytest.raises(ZeroDivisionError) as caught:
        run(Block("python", 7, "x = 1\nx / 0\n"), {})
    assert caught.traceback[-1].lineno == 7  # counted from 0


def test_finds_commands() -> None:
    code = 'pip install "a[b]"  # text\nattribot demo \\\n  --html x > y && make a b\n'
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
        check_attribot(arguments)
