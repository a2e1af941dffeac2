"""`attribot review`."""

from __future__ import annotations

from pathlib import Path

import pytest

from attribot_integrations.cli import review
from tests.unit.cli.running import run
from tests.unit.render.samples import sample


@pytest.fixture
def results(tmp_path: Path) -> Path:
    path = tmp_path / "results.jsonl"
    path.write_text(f"{sample().to_json()}\n", encoding="utf-8")
    return path


def test_a_page_is_written(results: Path, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    result = run("review", results, "-o", page, "--metadata", "title", "--theme", "dark")
    assert (result.exit_code, result.stdout, result.stderr) == (0, "", "")
    html = page.read_text("utf-8")
    assert "<title>results.jsonl</title>" in html
    assert "title: Pier history" in html
    assert "theme-dark" in html
    assert "exists; pass --overwrite" in run("review", results, "-o", page).stderr
    assert run("review", results, "-o", page, "--overwrite", "--title", "Night").exit_code == 0
    assert "<title>Night</title>" in page.read_text("utf-8")


def test_lines_without_a_result_are_told(results: Path, tmp_path: Path) -> None:
    with results.open("a", encoding="utf-8") as file:
        file.write('{"line": 2, "error": {"message": "it overflows"}}\n')
    result = run("review", results, "-o", tmp_path / "page.html")
    assert result.exit_code == 1
    assert "line 2: the answer was not attributed: it overflows" in result.stderr
    assert (tmp_path / "page.html").exists()


def test_nothing_to_show(results: Path, tmp_path: Path) -> None:
    results.write_text("", encoding="utf-8")
    result = run("review", results, "-o", tmp_path / "page.html")
    assert result.exit_code == 1
    assert "holds no result that could be shown" in result.stderr
    assert not (tmp_path / "page.html").exists()
    assert review.review.__doc__
