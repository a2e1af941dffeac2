"""`--sources`: what of a conversation is a source, in every kind of input."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import typer

from attribot_integrations.batch.datafiles import RequestLine
from attribot_integrations.batch.inputs import open_rows
from attribot_integrations.cli.conversation_sources import (
    ChosenSources,
    ConversationCount,
    CountedRows,
    chosen_sources,
)
from attribot_integrations.requests.options import AttributionRequest, EngineOptions
from tests.unit.cli.running import StubEngine, run
from tests.unit.traces.made import SAMPLES

CHUNK = "The flag of Galba shows the fox."
MESSAGES = [
    {"role": "system", "content": "Be brief."},
    {"role": "user", "content": "The mayor of Delka is Bragor Selwen. Remember it."},
    {"role": "assistant", "content": "I shall."},
    {"role": "tool", "name": "search", "content": CHUNK},
    {"role": "user", "content": "Who is the mayor of Delka?"},
]
TALK: dict[str, Any] = {
    "question": "Who is the mayor of Delka?",
    "chunks": [CHUNK],
    "answer": "The mayor of Delka is Bragor Selwen.",
    "prompt": MESSAGES,
}
PLAIN = {key: value for key, value in TALK.items() if key != "prompt"}


def write(path: Path, *rows: object) -> Path:
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows), encoding="utf-8")
    return path


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "in.jsonl"


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("retrieved", "retrieved"),
        ("all", "all"),
        ("retrieved,user", ("retrieved", "user")),
        (" tool_call, retrieved ", ("tool_call", "retrieved")),
    ],
)
def test_kinds_are_those_of_the_engine(given: str, expected: ChosenSources) -> None:
    assert chosen_sources(given) == expected
    assert EngineOptions(sources=chosen_sources(given)).sources == expected


@pytest.mark.parametrize("given", ["", "user", "retrieved,users", "all,user", "retrieved,", "ALL"])
def test_what_is_no_kind_is_refused(given: str) -> None:
    with pytest.raises(typer.BadParameter) as caught:
        chosen_sources(given)
    assert 'must be "retrieved", "all", or "retrieved" and other kinds' in caught.value.message
    kinds = "retrieved, system, user, assistant, tool, tool_call, summary, memory"
    assert caught.value.message.endswith(f"with commas between, of {kinds}; got {given!r}")


def test_a_wrong_kind_is_told_before_anything_is_loaded(engine: StubEngine, data: Path) -> None:
    result = run("attribute", write(data, TALK), "--sources", "retrieved,users")
    assert result.exit_code == 2
    assert "Invalid value for --sources" in result.stderr
    assert "got 'retrieved,users'" in " ".join(result.stderr.replace("│", "").split())
    assert not engine.loaded_with


@pytest.mark.parametrize(
    ("given", "expected"),
    [((), "retrieved"), (("--sources", "all"), "all"), (("--sources", "retrieved,user"),) * 2],
)
def test_the_engine_is_given_the_kinds(
    engine: StubEngine, data: Path, given: Sequence[str], expected: object
) -> None:
    result = run("attribute", write(data, TALK), *given)
    assert result.exit_code == 0, result.stderr
    wanted = ("retrieved", "user") if isinstance(expected, tuple) else expected
    assert engine.loaded_with["options"].sources == wanted
    assert "--sources" not in result.stderr


def test_what_a_conversation_says_is_cited(data: Path) -> None:
    """The whole way, with the bundled model."""
    result = run("attribute", write(data, TALK), "--sources", "retrieved,user")
    assert result.exit_code == 0, result.stderr
    (record,) = map(json.loads, result.stdout.splitlines())
    citation = max(record["citations"], key=lambda each: each["score"])
    assert citation["said"] == {"kind": "user", "turn": 1, "role": "user", "name": None}
    assert citation["text"] == "The mayor of Delka is Bragor Selwen."


@pytest.mark.parametrize("name", ["in.jsonl", "in.json", "in.csv"])
def test_rows_of_every_form_carry_conversations(
    engine: StubEngine, tmp_path: Path, name: str
) -> None:
    file = tmp_path / name
    if name == "in.csv":
        cells = ('"' + json.dumps(MESSAGES).replace('"', '""') + '"', "Who?", CHUNK, "Bragor.")
        file.write_text(f"prompt,question,chunks,answer\n{','.join(cells)}\n", encoding="utf-8")
    else:
        file.write_text(json.dumps([TALK] if name == "in.json" else TALK), encoding="utf-8")
    result = run("attribute", file, "--sources", "retrieved,user,assistant,system")
    assert result.exit_code == 0, result.stderr
    assert "--sources" not in result.stderr
    assert engine.requests[0].prompt == MESSAGES


def test_calls_of_tools_as_openai_writes_them_are_sources(engine: StubEngine, data: Path) -> None:
    function = {"name": "search", "arguments": '{"what": "flag"}'}
    call = {"role": "assistant", "content": None, "tool_calls": [{"id": "c", "function": function}]}
    found = {"role": "tool", "tool_call_id": "c", "content": CHUNK}
    prompt = [MESSAGES[-1], call, found]
    write(data, {**TALK, "prompt": prompt})
    result = run("attribute", data, "--sources", "retrieved,tool_call,tool")
    assert result.exit_code == 0, result.stderr
    assert "--sources" not in result.stderr


def test_recorded_traces_carry_conversations(engine: StubEngine) -> None:
    """The sample's prompt has a system message, and no turn before the question."""
    file = SAMPLES / "langsmith-0.15.1.jsonl"
    result = run("attribute", file, "--from", "langsmith", "--sources", "retrieved,system,user")
    assert result.exit_code == 0, result.stderr
    assert "--sources: no line holds a source of the kind user" in result.stderr
    assert "added nothing" not in result.stderr


@pytest.mark.parametrize("job", [False, True])
@pytest.mark.parametrize(
    ("sources", "rows", "said"),
    [
        (
            "all",
            (TALK, PLAIN, {**PLAIN, "prompt": "As text."}),
            ["--sources added nothing to 2 of 3 lines: their prompts hold nothing beside chunks"],
        ),
        (
            "retrieved,summary,memory",
            (TALK,),
            ["--sources added nothing to 1 of 1 lines: their prompts hold no summary or memory"],
        ),
        (
            "retrieved,user,tool_call,memory",
            (TALK, {"question": "?"}),
            ["--sources: no line holds a source of the kind tool_call or memory"],
        ),
        ("all", (TALK,), []),
        ("retrieved", (PLAIN,), []),
    ],
)
def test_an_option_that_did_nothing_is_told(
    engine: StubEngine, data: Path, sources: str, rows: Sequence[object], said: list[str], job: bool
) -> None:
    more = ("--resume", "-o", data.with_name("out.jsonl")) if job else ()
    result = run("attribute", write(data, *rows), "--sources", sources, *more)
    lines = [line for line in result.stderr.splitlines() if "--sources" in line]
    assert len(lines) == len(said)
    assert all(wanted in line for wanted, line in zip(said, lines, strict=True))


def test_a_job_goes_on_with_the_same_kinds_only(engine: StubEngine, data: Path) -> None:
    write(data, {**TALK, "answer": "interrupt"})
    job = ("attribute", data, "-o", data.with_name("out.jsonl"), "--resume")
    assert run(*job, "--sources", "all").exit_code == 130
    result = run(*job)
    assert result.exit_code == 1
    assert "was made with other settings (sources: 'all', now " in result.stderr


def test_rows_are_counted_as_they_are_read(data: Path) -> None:
    seen = ConversationCount("all")
    rows = CountedRows(open_rows(write(data, TALK, {"question": "?"}, PLAIN)), seen)
    assert rows.count() == 3
    found = [line for _, line in rows.rows(lambda place: place != 2)]
    assert [isinstance(line, RequestLine) for line in found] == [True, True]
    assert (seen.looked_at, seen.without) == (1, 0)
    assert seen.found == {"system", "user", "assistant", "tool"}


def test_messages_that_cannot_be_read_hold_nothing() -> None:
    """The engine says what is wrong with them."""
    seen = ConversationCount("all")
    seen.look(AttributionRequest("Q?", ["A."], "A.", prompt=[{"role": "user"}]))
    assert (seen.looked_at, seen.without) == (1, 1)
