from __future__ import annotations

from pathlib import Path

import pytest

from attribot_integrations.errors import ConfigurationError, DataFileError
from attribot_integrations.evaluation.store import RowStore, fingerprint

SETTINGS = {"data": "d", "drop_counts": (1, 3), "methods": {"exact": "LeaveOneOut()"}}


def test_rows_come_back(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "folder"
    store = RowStore.open(SETTINGS, folder)
    store.append({"id": "a", "x": 1.5})
    store.append({"id": "ü", "x": None})
    assert (
        RowStore.open(SETTINGS, folder).rows
        == store.rows
        == [
            {"id": "a", "x": 1.5},
            {"id": "ü", "x": None},
        ]
    )
    assert RowStore.open(SETTINGS, folder, resume=False).rows == []
    assert RowStore.open(SETTINGS, folder).rows == []


def test_without_a_folder_nothing_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    store = RowStore.open(SETTINGS)
    store.append({"id": "a"})
    assert store.rows == [{"id": "a"}]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("unfinished", ['{"id": "b", "x"', '{"id": "b"}'])
def test_an_unfinished_line_is_dropped(tmp_path: Path, unfinished: str) -> None:
    RowStore.open(SETTINGS, tmp_path).append({"id": "a"})
    path = tmp_path / "examples.jsonl"
    whole = path.read_bytes()
    path.write_bytes(whole + unfinished.encode())
    store = RowStore.open(SETTINGS, tmp_path)
    assert store.rows == [{"id": "a"}]
    assert path.read_bytes() == whole


def test_an_unfinished_header_starts_anew(tmp_path: Path) -> None:
    path = tmp_path / "examples.jsonl"
    path.write_text('{"settings": {"da')
    assert RowStore.open(SETTINGS, tmp_path).rows == []
    RowStore.open(SETTINGS, tmp_path).append({"id": "a"})
    assert RowStore.open(SETTINGS, tmp_path).rows == [{"id": "a"}]


def test_other_settings_are_refused(tmp_path: Path) -> None:
    RowStore.open(SETTINGS, tmp_path).append({"id": "a"})
    before = (tmp_path / "examples.jsonl").read_bytes()
    other = {**SETTINGS, "data": "e", "seed": 1}
    message = r"made with other settings \(data: 'd', now 'e'; seed: None, now 1\).*overwrite"
    with pytest.raises(ConfigurationError, match=message):
        RowStore.open(other, tmp_path)
    assert (tmp_path / "examples.jsonl").read_bytes() == before
    assert RowStore.open(other, tmp_path, resume=False).rows == []


@pytest.mark.parametrize("text", ["nonsense\n", "[]\n"])
def test_other_files_are_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "examples.jsonl").write_text(text)
    with pytest.raises(DataFileError, match="cannot be read"):
        RowStore.open(SETTINGS, tmp_path)


def test_fingerprints() -> None:
    assert fingerprint(SETTINGS) == fingerprint(dict(reversed(SETTINGS.items())))
    assert fingerprint(SETTINGS) != fingerprint({**SETTINGS, "data": "e"})
