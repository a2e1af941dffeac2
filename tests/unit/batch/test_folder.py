"""What a job's folder keeps through kills, and what it refuses."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from attribot_integrations.batch.folder import Finished, JobFolder
from attribot_integrations.errors import ConfigurationError, DataFileError
from tests.unit.batch.rows import Killed


@pytest.fixture
def folder(tmp_path: Path) -> JobFolder:
    made = JobFolder.of(tmp_path / "out.jsonl")
    made.begin({"model": "m", "rows": 3})
    return made


def write(folder: JobFolder, *lines: str | None) -> None:
    """Fill the first part; `None` is where the process is killed."""
    with folder.fill(0) as part:
        assert part is not None
        for line in lines:
            if line is None:
                raise Killed
            part.stream.write(line.encode())


def test_it_stands_beside_the_output(tmp_path: Path) -> None:
    folder = JobFolder.of(tmp_path / "out.jsonl")
    assert folder.path == tmp_path / "out.jsonl.job"
    assert folder.part(12).name == "part-00000012.jsonl"
    assert not folder.begun


def test_a_new_job_deletes_what_was_there(folder: JobFolder) -> None:
    write(folder, "{}\n")
    assert folder.begun
    folder.begin({"model": "other"})
    assert [file.name for file in folder.path.iterdir()] == ["job.json"]
    folder.check({"model": "other"})


def test_settings_are_compared_as_json_holds_them(folder: JobFolder) -> None:
    folder.begin({"sizes": (1, 2), "model": "m"})
    folder.check({"sizes": [1, 2], "model": "m"})
    with pytest.raises(ConfigurationError) as caught:
        folder.check({"model": "n", "seed": 7})
    assert "(model: 'm', now 'n'; seed: None, now 7; sizes: [1, 2], now None)" in str(caught.value)


def test_a_part_is_renamed_into_place_when_it_is_full(folder: JobFolder) -> None:
    with folder.fill(0) as part:
        assert part is not None
        assert part.done == 0
        part.stream.write(b'{"a": 1}\n')
        assert not folder.part(0).exists()
    assert folder.part(0).read_bytes() == b'{"a": 1}\n'
    assert not list(folder.path.glob("*.partial"))


def test_what_stops_in_the_middle_is_kept_but_for_torn_lines(folder: JobFolder) -> None:
    with pytest.raises(Killed):
        write(folder, '{"a": 1}\n{"a": 2}\n{"a"', None)
    assert not folder.part(0).exists()
    with folder.fill(0) as part:
        assert part is not None
        assert part.done == 2
        part.stream.write(b'{"a": 3}\n')
    assert [json.loads(line)["a"] for line in folder.part(0).read_bytes().splitlines()] == [1, 2, 3]


@pytest.mark.parametrize("torn", [b"\0\0\0\0\n", b'{"a": \n', b'{"a": 2}'])
def test_lines_that_cannot_be_read_end_what_is_done(folder: JobFolder, torn: bytes) -> None:
    partial = folder.part(0).with_name("part-00000000.jsonl.partial")
    partial.write_bytes(b'{"a": 1}\n' + torn)
    with folder.fill(0) as part:
        assert part is not None
        assert part.done == 1


def test_a_finished_job_keeps_its_counts_and_no_part(folder: JobFolder) -> None:
    write(folder, "{}\n")
    assert folder.finished is None
    folder.finish(Finished(rows=9, failed=2))
    assert folder.finished == Finished(9, 2)
    assert not folder.part(0).exists()
    folder.check({"model": "m", "rows": 3})  # they are still known


def test_settings_that_are_none(folder: JobFolder) -> None:
    (folder.path / "job.json").write_text('{"settings": []}')
    with pytest.raises(DataFileError, match=r"job\.json cannot be read: its settings are no obje"):
        folder.check({})


def test_a_folder_of_others_is_not_emptied(tmp_path: Path) -> None:
    folder = JobFolder.of(tmp_path / "out.jsonl")
    folder.path.mkdir()
    (folder.path / "thesis.txt").write_text("precious")
    with pytest.raises(ConfigurationError, match=r"holds thesis\.txt, which is of no job"):
        folder.begin({})
    assert (folder.path / "thesis.txt").read_text() == "precious"


def test_files_that_are_announced_are_known_while_they_are_the_same(tmp_path: Path) -> None:
    folder, file = JobFolder.of(tmp_path / "out.jsonl"), tmp_path / "out.jsonl"
    folder.begin({})
    file.write_text("one")
    assert not folder.owns(file)
    folder.announce({file: file})
    assert folder.owns(file)
    file.write_text("two")
    assert not folder.owns(file)
