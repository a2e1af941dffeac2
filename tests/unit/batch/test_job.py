"""Jobs: all rows once, in order, whatever happens in between."""

from __future__ import annotations

import json
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from attribot_integrations.batch.folder import Finished, JobFolder
from attribot_integrations.batch.plan import Share
from attribot_integrations.batch.processes import Processes
from attribot_integrations.errors import ConfigurationError, DataFileError
from attribot_integrations.results import Attribution
from tests.unit.batch.rows import (
    Killed,
    RowEngine,
    job_of,
    lines_of,
    records,
    rows_of,
    run_job,
    write_rows,
)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return write_rows(tmp_path / "in.jsonl", 23)


@pytest.fixture
def output(tmp_path: Path) -> Path:
    return tmp_path / "out.jsonl"


def outcome(output: Path) -> tuple[bytes, bytes]:
    return output.read_bytes(), output.with_name("out.errors.jsonl").read_bytes()


@pytest.fixture
def expected(source: Path, tmp_path: Path) -> tuple[bytes, bytes]:
    """What an undisturbed job makes."""
    whole = tmp_path / "whole"
    whole.mkdir()
    run_job(job_of(source, whole / "out.jsonl"))
    return outcome(whole / "out.jsonl")


def test_neighbours_with_the_same_context_share_it_wherever_a_job_is_stopped(
    tmp_path: Path,
) -> None:
    rows = rows_of(9)
    for row in rows[3:5]:
        row["chunks"] = ["Another."]
    source = tmp_path / "in.jsonl"
    source.write_text("".join(f"{json.dumps(row)}\n" for row in rows), encoding="utf-8")
    # Parts are of 4 rows: 1 2 3 | 4 || 5 | 6 7 8 || 9
    shared = ["A1.", "A2.", "A3.", "A6.", "A7.", "A8."]
    whole = RowEngine()
    run_job(job_of(source, tmp_path / "whole.jsonl"), whole)
    assert whole.shared == shared
    output, done = tmp_path / "out.jsonl", 0
    found: list[str] = []
    while not output.exists():
        engine = RowEngine(kill_after=1)
        with suppress(Killed):
            run_job(job_of(source, output), engine)
        found += [answer for answer in engine.shared if answer in engine.answers]
        done += 1
    assert done > 8
    assert found == shared
    assert output.read_bytes() == (tmp_path / "whole.jsonl").read_bytes()


def test_good_rows_go_to_the_output_and_bad_ones_to_a_file_apart(
    source: Path, output: Path
) -> None:
    with source.open("a") as file:
        file.write("{oops\n")
    job = job_of(source, output)
    assert sum(run_job(job)) == 24
    assert lines_of(records(output)) == [n for n in range(1, 24) if n % 10]
    assert Attribution.from_dict(records(output)[0]).answer == "A1."
    first, second, third = records(output.with_name("out.errors.jsonl"))
    assert first == {
        "line": 10,
        "id": "r10",
        "error": {"type": "PromptTooLongError", "message": "one token too many"},
    }
    assert second["line"] == 20
    assert third["line"] == 24
    assert "no JSON at column 2" in third["error"]["message"]
    assert job.folder.finished == Finished(24, 3)
    assert [file.name for file in job.folder.path.iterdir()] == ["job.json"]


def test_without_bad_rows_there_is_no_file_for_them(source: Path, output: Path) -> None:
    stale = output.with_name("out.errors.jsonl")
    stale.write_text("of a run before")
    job = job_of(source, output, limit=9)
    job.open(resume=False, overwrite=True)
    job.fill(RowEngine(), lambda _: None)
    job.join()
    assert lines_of(records(output)) == list(range(1, 10))
    assert not stale.exists()


@pytest.mark.parametrize("rows", [0, 4, 8])
def test_sizes_that_fill_parts(tmp_path: Path, output: Path, rows: int) -> None:
    run_job(job_of(write_rows(tmp_path / "in.jsonl", rows), output))
    assert lines_of(records(output)) == list(range(1, rows + 1))


def test_shares_make_up_the_whole(source: Path, tmp_path: Path) -> None:
    found: list[int] = []
    for index in range(3):
        output = tmp_path / f"{index}.jsonl"
        run_job(job_of(source, output, share=Share(index, 3), limit=19))
        found += lines_of(records(output))
    assert sorted(found) == [n for n in range(1, 20) if n % 10]


@pytest.mark.parametrize("after", range(24))
def test_a_kill_between_rows_loses_and_doubles_nothing(
    source: Path, output: Path, expected: tuple[bytes, bytes], after: int
) -> None:
    first, second = RowEngine(kill_after=after), RowEngine()
    try:
        run_job(job_of(source, output), first)
    except Killed:
        assert not output.exists()
    run_job(job_of(source, output), second)
    assert first.answers + second.answers == [f"A{n}." for n in range(1, 24)]
    assert outcome(output) == expected


@pytest.mark.parametrize("torn", [b"", b'{"line": 7, "id"', b'{"line": 7}', b"\0\0\0\n"])
def test_a_kill_within_a_row_drops_what_was_not_whole(
    source: Path, output: Path, expected: tuple[bytes, bytes], torn: bytes
) -> None:
    job = job_of(source, output)
    with pytest.raises(Killed):
        run_job(job, RowEngine(kill_after=6))
    partial = job.folder.part(1).with_name("part-00000001.jsonl.partial")
    assert lines_of(records(partial)) == [5, 6]
    with partial.open("ab") as file:
        file.write(torn)
    engine = RowEngine()
    seen = run_job(job, engine)
    assert engine.answers[0] == "A7."
    assert seen[0] == 2
    assert outcome(output) == expected


@pytest.mark.parametrize(
    "moment", [(Path, "replace"), (JobFolder, "finish"), (JobFolder, "clear")], ids=str
)
def test_a_kill_while_parts_are_joined(
    source: Path,
    output: Path,
    expected: tuple[bytes, bytes],
    moment: tuple[type, str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def kill(*_: object) -> None:
        raise Killed

    job = job_of(source, output)
    job.open(resume=False, overwrite=False)
    job.fill(RowEngine(), lambda _: None)
    with monkeypatch.context() as patch:
        patch.setattr(*moment, kill)
        with pytest.raises(Killed):
            job.join()
    engine = RowEngine()
    run_job(job, engine)
    assert engine.answers == []
    assert outcome(output) == expected
    assert [file.name for file in job.folder.path.iterdir()] == ["job.json"]


def test_a_kill_while_a_job_begins(source: Path, output: Path) -> None:
    job = job_of(source, output, limit=4)
    job.folder.path.mkdir()
    (job.folder.path / "job.json.new").write_text("{")
    run_job(job)
    assert lines_of(records(output)) == [1, 2, 3, 4]


def test_a_finished_job_is_left_alone(source: Path, output: Path) -> None:
    run_job(job_of(source, output))
    before = output.stat().st_mtime_ns
    assert job_of(source, output).open(resume=True, overwrite=False) == Finished(23, 2)
    assert output.stat().st_mtime_ns == before
    output.unlink()
    with pytest.raises(ConfigurationError, match="is finished, and it is not there"):
        job_of(source, output).open(resume=True, overwrite=False)


def test_other_settings_are_refused(source: Path, output: Path) -> None:
    with pytest.raises(Killed):
        run_job(job_of(source, output), RowEngine(kill_after=3))
    with pytest.raises(ConfigurationError, match=r"other settings \(model: 'm', now 'other'\)"):
        run_job(job_of(source, output, model="other"))
    write_rows(source, 24)
    with pytest.raises(ConfigurationError, match=r"other settings \(input: \{'bytes'"):
        run_job(job_of(source, output))


def test_nothing_is_overwritten_unless_asked(source: Path, output: Path) -> None:
    output.write_text("precious")
    with pytest.raises(
        ConfigurationError, match=r"out\.jsonl exists: overwrite it \(--overwrite\)"
    ):
        job_of(source, output).open(resume=True, overwrite=False)
    job = job_of(source, output)
    assert job.open(resume=False, overwrite=True) is None
    assert output.read_text() == "precious"
    with pytest.raises(ConfigurationError, match="holds a job already: resume it"):
        job_of(source, output).open(resume=False, overwrite=False)
    job.fill(RowEngine(), lambda _: None)
    other = job_of(source, output, model="other")
    assert other.open(resume=False, overwrite=True) is None
    assert len(other.missing()) == 6


@pytest.mark.parametrize("name", ["out.jsonl", "out.errors.jsonl"])
def test_going_on_overwrites_no_file_but_its_own(source: Path, output: Path, name: str) -> None:
    with pytest.raises(Killed):
        run_job(job_of(source, output), RowEngine(kill_after=3))
    file = output.with_name(name)
    file.write_text("precious")
    with pytest.raises(ConfigurationError, match=f"{name} is no file of the job in "):
        run_job(job_of(source, output))
    assert file.read_text() == "precious"
    file.unlink()
    run_job(job_of(source, output))
    assert file.exists()


def test_what_may_be_overwritten_may_be_later_too(source: Path, output: Path) -> None:
    output.write_text("old")
    job = job_of(source, output)
    job.open(resume=False, overwrite=True)
    assert job.open(resume=True, overwrite=False) is None
    output.write_text("new, and precious")
    with pytest.raises(ConfigurationError, match="is no file of the job"):
        job.open(resume=True, overwrite=False)


def test_failures_of_others_are_not_overwritten(source: Path, output: Path) -> None:
    output.with_name("out.errors.jsonl").write_text("precious")
    with pytest.raises(ConfigurationError, match=r"out\.errors\.jsonl exists"):
        job_of(source, output).open(resume=True, overwrite=False)


def test_settings_that_cannot_be_read(source: Path, output: Path) -> None:
    job = job_of(source, output)
    job.open(resume=False, overwrite=False)
    for content in ("{", "[]", '{"settings": 1}'):
        (job.folder.path / "job.json").write_text(content)
        with pytest.raises(DataFileError, match=r"job\.json cannot be read"):
            job.open(resume=True, overwrite=False)


def test_a_part_with_too_few_rows_is_told(source: Path, output: Path) -> None:
    job = job_of(source, output)
    job.open(resume=False, overwrite=False)
    job.fill(RowEngine(), lambda _: None)
    job.folder.part(2).write_bytes(b"")
    with pytest.raises(DataFileError, match=r"part-00000002\.jsonl must have 4 lines, and has 0"):
        job.join()
    job.folder.part(2).write_bytes(b"{\n")
    with pytest.raises(DataFileError, match=r"part-00000002\.jsonl cannot be read"):
        job.join()


@pytest.mark.parametrize(("left", "message"), [(22, "part 5 .* 3 rows.* 2"), (8, "part 2 .* 0")])
def test_an_input_that_shrinks_is_told(source: Path, output: Path, left: int, message: str) -> None:
    job = job_of(source, output)
    job.open(resume=False, overwrite=False)
    write_rows(source, left)
    with pytest.raises(DataFileError, match=message):
        job.fill(RowEngine(), lambda _: None)


def test_two_jobs_never_write_the_same_part(source: Path, output: Path) -> None:
    pytest.importorskip("fcntl")
    job = job_of(source, output)
    job.open(resume=False, overwrite=False)
    with (
        job.folder.fill(0),
        pytest.raises(ConfigurationError, match=r"another process is writing .*part-00000000"),
        job.folder.fill(0),
    ):
        pass


def test_a_part_that_another_process_has_just_finished(source: Path, output: Path) -> None:
    job = job_of(source, output)
    job.open(resume=False, overwrite=False)
    with job.folder.fill(0) as part:
        assert part is not None
    with job.folder.fill(0) as part:
        assert part is None


class Meeting(Processes):
    """Processes that are threads."""

    def wait(self) -> None:
        self.state.wait(10)


def run_together(source: Path, output: Path, engines: list[RowEngine]) -> list[BaseException]:
    """Do a job in as many threads as there are engines; what they were ended by."""
    barrier = threading.Barrier(len(engines))
    ended: list[BaseException] = []

    def work(index: int) -> None:
        try:
            processes = Meeting(index, len(engines), barrier)
            run_job(job_of(source, output, processes=processes), engines[index])
        except BaseException as error:
            barrier.abort()
            ended.append(error)

    threads = [threading.Thread(target=work, args=(index,)) for index in range(len(engines))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return ended


@pytest.mark.parametrize("count", [2, 3, 8])
def test_several_processes_give_the_same_as_one(
    source: Path, output: Path, expected: tuple[bytes, bytes], count: int
) -> None:
    engines = [RowEngine() for _ in range(count)]
    assert run_together(source, output, engines) == []
    assert outcome(output) == expected
    answers = [answer for engine in engines for answer in engine.answers]
    assert sorted(answers) == sorted(f"A{n}." for n in range(1, 24))
    busy = [bool(engine.answers) for engine in engines]
    assert busy == [index < 6 for index in range(count)]


def test_a_killed_process_and_another_number_of_them(
    source: Path, output: Path, expected: tuple[bytes, bytes]
) -> None:
    killed = [RowEngine(), RowEngine(kill_after=5)]
    errors = run_together(source, output, killed)
    assert any(isinstance(error, Killed) for error in errors)
    assert not output.exists()
    others = [RowEngine() for _ in range(3)]
    assert run_together(source, output, others) == []
    assert outcome(output) == expected
    done = [answer for engine in (*killed, *others) for answer in engine.answers]
    assert len(done) == len(set(done)) == 23


def test_output_as_parquet(source: Path, tmp_path: Path) -> None:
    pq = pytest.importorskip("pyarrow.parquet")
    lines, table = tmp_path / "lines.jsonl", tmp_path / "out.parquet"
    run_job(job_of(source, lines))
    run_job(job_of(source, table))
    rows: list[dict[str, Any]] = pq.read_table(table).to_pylist()
    assert [json.loads(row["result"]) for row in rows] == records(lines)
    for row in rows:
        whole = Attribution.from_json(row["result"])
        assert (row["id"], row["question"], row["answer"]) == (
            whole.id,
            whole.question,
            whole.answer,
        )
        (cited,) = row["citations"]
        assert cited["text"] == whole.citations[0].text
        assert cited["score"] == pytest.approx(2.0)
    assert tmp_path.joinpath("out.errors.jsonl").exists()


def test_any_text_in_parquet(tmp_path: Path) -> None:
    pq = pytest.importorskip("pyarrow.parquet")
    row = {"question": "\ud800?", "chunks": ["A\u2028B\r."], "answer": "\udfffA1."}
    source = tmp_path / "in.jsonl"
    source.write_text(json.dumps(row) + "\n")
    run_job(job_of(source, tmp_path / "out.parquet"))
    (found,) = pq.read_table(tmp_path / "out.parquet").to_pylist()
    assert found["question"] == "\ufffd?"
    assert Attribution.from_json(found["result"]).chunks[0].text == "A\u2028B\r."


def test_large_parquet_outputs_are_written_in_row_groups(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pq = pytest.importorskip("pyarrow.parquet")
    monkeypatch.setattr("attribot_integrations.batch.parquet._GROUP_CHARACTERS", 1)
    run_job(job_of(source, tmp_path / "out.parquet"))
    assert pq.ParquetFile(tmp_path / "out.parquet").metadata.num_row_groups == 6
