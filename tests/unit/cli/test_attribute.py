"""`attribot attribute`."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest
from typer.testing import CliRunner

from attribot_integrations.cli import app, attribute
from attribot_integrations.demo.corpus import demo_examples
from attribot_integrations.engine.bundled import bundled_model_path
from attribot_integrations.errors import ModelError
from attribot_integrations.methods import METHODS, CertifySets
from attribot_integrations.requests.options import EngineOptions
from attribot_integrations.results import Attribution
from attribot_integrations.results.policies import CiteDependence, CiteEvidence, CiteSupport
from attribot_integrations.scoring.loading import LoadingOptions
from tests.unit.cli.running import StubEngine, run
from tests.unit.scoring.servers.fake_servers import VllmServer

GOOD: dict[str, Any] = {"question": "Who?", "chunks": ["Ada wrote it."], "answer": "Ada."}


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "in.jsonl"


def write(path: Path, *lines: object) -> Path:
    texts = [line if isinstance(line, str) else json.dumps(line) for line in lines]
    path.write_text("".join(f"{text}\n" for text in texts), encoding="utf-8")
    return path


def records(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def test_help_of_attribute_documents_exit_codes() -> None:
    result = run("attribute", "--help")
    assert result.exit_code == 0
    assert "Exit codes: 0 if every line went through, 1 if any failed" in " ".join(
        result.stdout.split()
    )


def test_each_line_gives_one_record_on_standard_output(engine: StubEngine, data: Path) -> None:
    write(data, GOOD, {**GOOD, "id": "b", "gold": [[0, 0]]})
    result = run("attribute", data, "--model", "some/model")
    assert result.exit_code == 0
    first, second = records(result.stdout)
    assert (first["line"], first["id"]) == (1, None)
    assert (second["line"], second["id"]) == (2, "b")
    attribution = Attribution.from_dict(second)
    assert attribution.citations[0].text == "Ada wrote it."
    assert "2/2" in result.stderr
    assert "bundled" not in result.stderr


def test_context_format_of_question_answering_data(engine: StubEngine, data: Path) -> None:
    chunks = [{"id": "p0", "title": "Firm", "sentences": ["Ada founded it.", "It is big."]}]
    write(data, {"id": "x", "dataset": "d", **GOOD, "chunks": chunks, "gold": [[0, 0]], "meta": {}})
    result = run("attribute", data)
    (record,) = records(result.stdout)
    assert record["chunks"] == [
        {"text": "Ada founded it. It is big.", "id": "p0", "metadata": {"title": "Firm"}}
    ]


def test_default_model_is_said_to_be_for_demonstration(engine: StubEngine, data: Path) -> None:
    result = run("attribute", write(data, GOOD))
    assert "demonstration" in result.stderr
    assert len(records(result.stdout)) == 1
    assert engine.loaded_with["model"] is None


def test_options_reach_the_engine(engine: StubEngine, data: Path) -> None:
    result = run(
        *("attribute", write(data, GOOD), "--model", "m", "--proxy", "p", "--level", "both"),
        *(
            "--min-score",
            "0.5",
            "--max-citations",
            "2",
            "--min-stated",
            "0.8",
            "--dtype",
            "bfloat16",
        ),
        *("--device-map", "cpu", "--method", "fast", "--chat-option", "enable_thinking=False"),
        *("--chat-option", "effort=low", "--chat-option", "budget=12"),
        *("--max-seconds", "2.5", "--max-tokens", "9000", "--certificates"),
    )
    assert result.exit_code == 0, result.stderr
    options = EngineOptions(
        method=METHODS["fast"],
        levels=("sentence", "chunk"),
        policy=CiteEvidence(CiteDependence(0.5, 2), CiteSupport(0.8, max_citations=2)),
        max_seconds=2.5,
        max_tokens=9000,
        certificates=CertifySets(),
    )
    assert engine.loaded_with == {
        "model": "m",
        "proxy": "p",
        "options": options,
        "loading": LoadingOptions(
            device_map="cpu",
            dtype="bfloat16",
            chat_options={"enable_thinking": False, "effort": "low", "budget": 12},
        ),
    }


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--method", "quick"), "method must be one of ['exact', 'balanced', 'fast'"),
        (("--chat-option", "enable_thinking"), "must be NAME=VALUE, got 'enable_thinking'"),
        (("--chat-option", "=1"), "must be NAME=VALUE, got '=1'"),
    ],
)
def test_wrong_options_are_refused_before_a_model_is_loaded(
    engine: StubEngine, data: Path, arguments: tuple[str, ...], message: str
) -> None:
    result = run("attribute", write(data, GOOD), *arguments)
    assert result.exit_code == 2
    assert message in result.stderr
    assert not engine.loaded_with


def test_a_method_that_needs_a_proxy_says_so(data: Path) -> None:
    result = run("attribute", write(data, GOOD), "--method", "fast")
    assert result.exit_code == 1
    assert "runs a proxy model, and the engine has none" in result.stderr


@pytest.mark.parametrize("level", ["sentence", "chunk"])
def test_levels(engine: StubEngine, data: Path, level: str) -> None:
    run("attribute", write(data, GOOD), "--level", level)
    assert engine.loaded_with["options"] == EngineOptions(levels=(level,))  # type: ignore[arg-type]


def test_bad_line_in_the_middle_is_reported_and_the_rest_goes_on(
    engine: StubEngine, data: Path
) -> None:
    write(data, GOOD, "", '{"id": "b", "question": ""}', {**GOOD, "answer": "too long"}, GOOD)
    result = run("attribute", data)
    assert result.exit_code == 1
    good, missing, long, last = records(result.stdout)
    assert (good["line"], last["line"]) == (1, 5)
    assert missing["line"] == 3
    assert missing["id"] == "b"
    assert missing["error"]["type"] == "DataFileError"
    assert '"chunks" is missing' in missing["error"]["message"]
    assert long["line"] == 4
    assert long["error"]["type"] == "PromptTooLongError"
    assert 'line 3: DataFileError: the field "chunks" is missing' in result.stderr
    assert "line 4: PromptTooLongError: prompt and answer hold 9 tokens" in result.stderr
    assert "\x1b" not in result.stderr
    assert "2 of 4 lines failed" in result.stderr


def test_unforeseen_errors_end_only_their_line(engine: StubEngine, data: Path) -> None:
    result = run(
        "attribute", write(data, {**GOOD, "answer": "bug"}, {**GOOD, "answer": "nan"}, GOOD)
    )
    assert result.exit_code == 1
    bug, nan, good = records(result.stdout)
    assert bug["error"] == {"type": "TypeError", "message": "unforeseen"}
    assert nan["error"]["type"] == "ModelError"
    assert good["line"] == 3


def test_limit_counts_lines_that_are_not_blank(engine: StubEngine, data: Path) -> None:
    result = run("attribute", write(data, "", GOOD, "bad", GOOD), "--limit", "2")
    assert [record["line"] for record in records(result.stdout)] == [2, 3]
    assert result.exit_code == 1
    assert "2/2" in result.stderr


def test_text_format(engine: StubEngine, data: Path) -> None:
    result = run("attribute", write(data, {**GOOD, "id": "a\x1b[1m"}, "bad"), "--format", "text")
    assert result.stdout.startswith("line 1 (a [1m): Who?\nAda. [1]\n\n[1] chunk 1: Ada wrote it.")
    assert "line 2: DataFileError: " in result.stdout
    assert "\x1b" not in result.stdout


def test_results_go_to_a_file_as_they_come(engine: StubEngine, data: Path, tmp_path: Path) -> None:
    engine.watched = tmp_path / "out.jsonl"
    result = run("attribute", write(data, GOOD, "bad", GOOD), "--output", engine.watched)
    assert result.stdout == ""
    assert [len(text.splitlines()) for text in engine.seen] == [0, 2]
    assert [record["line"] for record in records(engine.watched.read_text())] == [1, 2, 3]


def test_an_output_file_is_not_overwritten_unless_asked(
    engine: StubEngine, data: Path, tmp_path: Path
) -> None:
    output = tmp_path / "out.jsonl"
    output.write_text("precious")
    result = run("attribute", write(data, GOOD), "--output", output)
    assert result.exit_code == 2
    assert "--overwrite" in result.stderr
    assert output.read_text() == "precious"
    assert not engine.loaded_with
    result = run("attribute", data, "--output", output, "--overwrite")
    assert result.exit_code == 0
    assert len(records(output.read_text())) == 1


def test_a_file_that_appears_while_models_load_is_not_overwritten(
    engine: StubEngine, monkeypatch: pytest.MonkeyPatch, data: Path, tmp_path: Path
) -> None:
    output = tmp_path / "out.jsonl"

    def load(*_: object) -> StubEngine:
        output.write_text("precious")
        return engine

    monkeypatch.setattr(attribute, "load_engine", load)
    result = run("attribute", write(data, GOOD), "--output", output)
    assert result.exit_code == 1
    assert "File exists" in result.stderr
    assert output.read_text() == "precious"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_ends_with_a_message(engine: StubEngine, data: Path) -> None:
    result = run("attribute", write(data, GOOD), "--output", "/dev/full")
    assert result.exit_code == 1
    assert "attribot: error: [Errno 28]" in result.stderr


def test_the_input_is_never_overwritten(engine: StubEngine, data: Path, tmp_path: Path) -> None:
    link = tmp_path / "link.jsonl"
    link.symlink_to(write(data, GOOD))
    result = run("attribute", data, "--output", link, "--overwrite")
    assert result.exit_code == 2
    assert records(data.read_text()) == [GOOD]


@pytest.mark.parametrize(
    "arguments",
    [
        ("attribute",),
        ("attribute", "{missing}"),
        ("attribute", "{data}", "--output", "{missing}/out.jsonl"),
        ("attribute", "{data}", "--output", "{folder}"),
        ("attribute", "{data}", "--min-score", "0"),
        ("attribute", "{data}", "--min-score", "nan"),
        ("attribute", "{data}", "--max-citations", "0"),
        ("attribute", "{data}", "--limit", "0"),
        ("attribute", "{data}", "--max-seconds", "0"),
        ("attribute", "{data}", "--max-tokens", "0"),
        ("attribute", "{data}", "--level", "word"),
        ("attribute", "{data}", "--format", "xml"),
        ("attribute", "{data}", "--dtype", "int8"),
        ("attribute", "{data}", "--unknown"),
        ("unknown",),
    ],
)
def test_wrong_usage(
    engine: StubEngine, data: Path, tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    write(data, GOOD)
    places = {"data": data, "missing": tmp_path / "none", "folder": tmp_path}
    result = run(*(argument.format(**places) for argument in arguments))
    assert result.exit_code == 2
    assert result.stdout == ""
    assert not engine.loaded_with


def test_defaults_are_those_of_the_engine(engine: StubEngine, data: Path) -> None:
    run("attribute", write(data, GOOD))
    assert engine.loaded_with["options"] == EngineOptions()


@pytest.mark.parametrize("where", ["stdout", "file"])
def test_interrupt_keeps_what_there_is(
    engine: StubEngine, data: Path, tmp_path: Path, where: str
) -> None:
    output = tmp_path / "out.jsonl"
    write(data, GOOD, {**GOOD, "answer": "interrupt"}, GOOD)
    result = run("attribute", data, *(("--output", output) if where == "file" else ()))
    assert result.exit_code == 130
    assert "interrupted; lines written: 1" in result.stderr
    (record,) = records(output.read_text() if where == "file" else result.stdout)
    assert record["line"] == 1


def test_model_that_cannot_be_loaded(monkeypatch: pytest.MonkeyPatch, data: Path) -> None:
    def load(*_: object) -> None:
        raise ModelError("cannot load \x1b[1mx\nsecond line")

    monkeypatch.setattr(attribute, "load_engine", load)
    result = run("attribute", write(data, GOOD), "--model", "x")
    assert result.exit_code == 1
    assert result.stderr == "attribot: error: cannot load  [1mx\nsecond line\n"
    assert isinstance(result.exception, SystemExit)


def test_bundled_model_end_to_end(data: Path) -> None:
    (example,) = demo_examples(1, kinds=("single", "single"), chunks=(6, 6))
    lines = [
        {"question": asked.question, "chunks": list(example.chunk_texts), "answer": asked.answer}
        for asked in example.questions
    ]
    result = run("attribute", write(data, *lines))
    assert result.exit_code == 0, result.stderr
    for record, asked in zip(records(result.stdout), example.questions, strict=True):
        attribution = Attribution.from_dict(record)
        best = attribution.sources[int(attribution.source_scores.argmax())]
        assert (best.chunk_index, best.sentence_index) in asked.gold[0]


# A server


def test_a_server_runs_the_target(
    data: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    served = VllmServer(api_key="sk-secret")
    monkeypatch.setattr(httpx, "Client", lambda **options: served.client())
    monkeypatch.setenv("ATTRIBOT_API_KEY", "sk-secret")
    write(data, GOOD)
    folder = bundled_model_path()
    server = ("--server", "http://server:8000", "--tokenizer", folder)
    result = run("attribute", data, *server)
    assert result.exit_code == 0, result.stderr
    (record,) = records(result.stdout)
    (model,) = record["cost"]["models"]
    assert model["model"] == "tiny"
    assert "sk-secret" not in result.stdout + result.stderr
    other = run("attribute", data, *server, "--model", "big")
    assert other.exit_code == 1
    assert "the server has no model 'big', but ['tiny']" in other.stderr
    job = run("attribute", data, *server, "--resume", "-o", tmp_path / "out.jsonl")
    assert job.exit_code == 0, job.stderr


def test_a_job_does_not_go_on_with_another_server(
    data: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(httpx, "Client", lambda **options: VllmServer().client())
    write(data, GOOD, {"question": "q"})  # a line that fails leaves the job there
    tokenizer = ("--tokenizer", bundled_model_path())
    resume = ("--resume", "-o", tmp_path / "out.jsonl")
    begun = run("attribute", data, "--server", "http://me:sk-secret@one:8000", *tokenizer, *resume)
    assert begun.exit_code == 1, begun.stderr
    kept = [each.read_text() for each in tmp_path.rglob("*") if each.is_file()]
    assert not any("sk-secret" in text for text in kept)
    other = run("attribute", data, "--server", "http://two:8000", *tokenizer, *resume)
    assert other.exit_code != 0
    assert "server" in other.stderr


@pytest.mark.parametrize("option", ["--api", "--tokenizer"])
def test_options_of_a_server_need_one(data: Path, option: str) -> None:
    write(data, GOOD)
    result = run("attribute", data, option, "vllm")
    assert result.exit_code == 2
    assert "is for a --server, and none is given" in " ".join(result.stderr.split())


def test_an_interface_that_is_unknown(data: Path) -> None:
    write(data, GOOD)
    result = run("attribute", data, "--server", "http://server", "--api", "ollama")
    assert result.exit_code == 1
    assert "api must be one of ['auto', 'vllm'" in result.stderr


# Files of other kinds


def test_the_ending_of_the_output_says_what_is_written(
    engine: StubEngine, data: Path, tmp_path: Path
) -> None:
    write(data, GOOD, GOOD)
    for ending, begins in (
        ("csv", "line,id,question,statement"),
        ("json", "["),
        ("md", "## Who?"),
        ("html", "<!doctype html>"),
        ("txt", "line 1: Who?"),
    ):
        output = tmp_path / f"out.{ending}"
        result = run("attribute", data, "-o", output)
        assert result.exit_code == 0, result.stderr
        assert output.read_text(encoding="utf-8").lower().startswith(begins.lower())
    assert len(json.loads((tmp_path / "out.json").read_text())) == 2


def test_what_is_not_written_is_refused_with_the_list(engine: StubEngine, data: Path) -> None:
    result = run("attribute", write(data, GOOD), "-o", data.with_name("out.xlsx"))
    assert result.exit_code == 2
    assert ".jsonl, .ndjson, .json, .txt, .md" in " ".join(result.stderr.split())
    job = run("attribute", data, "-o", data.with_name("out.csv"), "--resume")
    assert job.exit_code == 2
    assert "writes JSON Lines or Parquet, not csv" in " ".join(job.stderr.split())
    assert not engine.loaded_with


def test_csv_under_other_names_from_standard_input(engine: StubEngine) -> None:
    table = "query,docs,output\nWho?,Ada wrote it.,Ada.\n"
    fields = ("question=query", "chunks=docs", "answer=output")
    arguments = ["attribute", "-", *(word for field in fields for word in ("--field", field))]
    result = CliRunner().invoke(app, arguments, input=table)
    assert result.exit_code == 0, result.stderr
    (record,) = records(result.stdout)
    assert record["citations"][0]["text"] == "Ada wrote it."


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("Dear reader,\n" * 50, "in.jsonl begins with 'Dear reader,'"),
        ('{"query": "Who?"}\n' * 50, "--field OURS=THEIRS tells what the file calls its fields"),
    ],
)
@pytest.mark.parametrize("job", [False, True])
def test_a_file_of_another_kind_is_one_error_before_a_model_is_loaded(
    engine: StubEngine, data: Path, text: str, message: str, job: bool
) -> None:
    data.write_text(text, encoding="utf-8")
    options = ("--resume", "-o", data.with_name("out.jsonl")) if job else ()
    result = run("attribute", data, *options)
    assert result.exit_code == 1
    assert message in result.stderr
    assert result.stderr.count("error") == 1
    assert not engine.loaded_with


@pytest.mark.parametrize("job", [False, True])
def test_a_file_with_nothing_in_it_says_so(engine: StubEngine, data: Path, job: bool) -> None:
    options = ("--resume", "-o", data.with_name("out.jsonl")) if job else ()
    result = run("attribute", write(data), *options)
    assert result.exit_code == 0
    assert f"{data} holds no rows" in result.stderr
    assert not engine.loaded_with


@pytest.mark.skipif(sys.platform == "win32", reason="needs pipes")
def test_a_pipe_that_is_closed_is_no_error(data: Path) -> None:
    code = (
        "import sys\n"
        "from attribot_integrations.cli import app, attribute\n"
        "from tests.unit.cli.running import StubEngine\n"
        "attribute.load_engine = lambda *_: StubEngine()\n"
        f"app(['attribute', {str(data)!r}, '--quiet'])\n"
    )
    write(data, *[{**GOOD, "chunks": ["Ada wrote it. " * 400]}] * 30)
    with subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline().startswith(b'{"line": 1')
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait() == 0
