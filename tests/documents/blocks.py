"""The code blocks of Markdown files: found, run and checked."""

from __future__ import annotations

import ast
import asyncio
import inspect
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from itertools import groupby, pairwise
from pathlib import Path
from typing import Any

import typer
from markdown_it import MarkdownIt
from typer.core import TyperGroup

from attribot_integrations.cli import app

__all__ = ["ROOT", "Block", "blocks_of", "check_command", "commands_of", "run"]

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Block:
    page: str
    """The file, as seen from the root of the repository."""
    language: str
    line: int
    """The line of the file that the code begins on, from 1."""
    code: str

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"


def blocks_of(page: str, text: str) -> list[Block]:
    """All code blocks, also indented ones and those within lists and quotations."""
    found = []
    for token in MarkdownIt().parse(text):
        if token.type in ("fence", "code_block"):
            assert token.map is not None
            first = token.map[0] + (2 if token.type == "fence" else 1)
            found.append(Block(page, token.info.strip(), first, token.content))
    return found


def run(block: Block, names: dict[str, Any]) -> None:
    """Execute a block; `await` may stand outside functions, as in a notebook."""
    # The lines before it are kept as blank ones, so that errors name the file's own.
    source = "\n" * (block.line - 1) + block.code
    flags = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
    code = compile(source, block.page, "exec", flags=flags, dont_inherit=True)
    # LlamaIndex's memories, called from synchronous code, open a loop and leave it open.
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    try:
        pending = eval(code, names)
        if inspect.iscoroutine(pending):
            asyncio.run(pending)
    finally:
        asyncio.set_event_loop(None)
        loop.close()


def commands_of(code: str) -> Iterator[list[str]]:
    """The commands of a shell block as words, without comments, variables and redirections."""
    for line in code.replace("\\\n", " ").splitlines():
        words = shlex.shlex(line, posix=True, punctuation_chars=True)
        words.whitespace_split = True
        for joins, command in groupby(words, key=lambda word: word in ("|", "&&", "||", ";")):
            if not joins:
                kept = list(command)
                redirected = [kept.index(word) for word in (">", ">>", "<") if word in kept]
                kept = kept[: min(redirected, default=len(kept))]
                while kept and re.fullmatch(r"[A-Z_]+=.*", kept[0]):
                    del kept[0]
                yield kept


def check_command(command: list[str]) -> None:
    """Check that a command and its options are known; nothing is run."""
    match command:
        case ["attribot", *arguments]:
            _check_attribot(arguments)
        case ["accelerate", "launch", *options]:
            module = options.index("-m")
            assert options[module + 1] == "attribot_integrations.cli"
            _check_attribot(options[module + 2 :])
        case ["make", *targets]:
            known = re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
            assert set(targets) <= set(known)
        case ["pip" | "uv", *arguments]:
            wanted = re.findall(r"attribot-integrations\[([\w,-]+)\]", " ".join(arguments))
            assert {name for names in wanted for name in names.split(",")} <= _extras()
        case [python, "-m", module, *_] if python.rpartition("/")[2] in ("python", "python3"):
            assert find_spec(module)
        case ["python", script, *_] if script.endswith(".py"):
            assert (ROOT / script).is_file()
        case _:
            others = ("cd", "git", "jupyter", "ollama", "pre-commit", "source", "vllm", "zcat")
            assert command[0] in others, "add how this is checked"


def _check_attribot(arguments: list[str]) -> None:
    """Parse the arguments as the command line does, in an empty folder."""
    for name in arguments:
        if name.endswith((".jsonl", ".parquet", ".csv", ".gz")):
            Path(name).touch()  # files that are read must be there
    for option, value in pairwise(arguments):
        if option == "--suite":
            Path(value).mkdir()
    group = typer.main.get_command(app)  # a new one for each call
    assert isinstance(group, TyperGroup)
    for command in group.commands.values():
        command.callback = None
    group.main(list(arguments), prog_name="attribot", standalone_mode=False)


def _extras() -> set[str]:
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    section = text.partition("[project.optional-dependencies]")[2].partition("\n[")[0]
    return set(re.findall(r"^([\w-]+) = \[", section, re.MULTILINE))
