"""The gallery: its pictures are there, and its program shows what the page's blocks show.

The blocks themselves run in test_code.py, with the bundled models, as those of every page.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from PIL import Image

from tests.documents.blocks import ROOT, blocks_of
from tests.documents.example_modules import example
from tests.integrations.chromium import CHROMIUM, needs_chromium
from tests.unit.attributions import make_attribution

PAGE = ROOT / "docs" / "guides" / "gallery.md"
TEXT = PAGE.read_text(encoding="utf-8")
PICTURES = re.findall(r"!\[([^\]]*)\]\(([^)]+)\)", TEXT)
LARGEST = 80_000


@pytest.fixture(scope="module")
def gallery() -> ModuleType:
    return example("gallery")


def test_every_block_and_every_picture_is_of_a_cell(gallery: ModuleType) -> None:
    cells = gallery.cells()
    blocks = [block for block in blocks_of("gallery.md", TEXT) if block.language == "python"]
    assert [cell.code for cell in cells] == [block.code for block in blocks]
    pictures = [cell.picture for cell in cells if cell.picture is not None]
    assert pictures == [(PAGE.parent / path).resolve() for _, path in PICTURES]
    assert len(pictures) == 12


@pytest.mark.parametrize(("words", "path"), PICTURES, ids=[path for _, path in PICTURES])
def test_pictures_are_small_and_told_in_words(words: str, path: str) -> None:
    picture = PAGE.parent / path
    assert len(words) > 40
    assert picture.stat().st_size < LARGEST
    with Image.open(picture) as image:
        assert image.width == 1520
        assert image.height > 200


def test_a_cell_shows_its_last_value_below_what_it_printed(gallery: ModuleType) -> None:
    names: dict[str, Any] = {"result": make_attribution("Who?", ["Ada wrote it."], "Ada.")}
    shown = gallery.display("print('a < b')\nnumber = 2\nresult\n", names)
    assert shown.startswith("<pre>a &lt; b\n</pre>")
    assert "Ada wrote it." in shown
    assert "attribot-light" in shown
    assert "<footer" not in shown
    assert names["number"] == 2


def test_a_cell_that_only_prints_shows_that(gallery: ModuleType) -> None:
    assert gallery.display("print('one')\nprint('two')\n", {}) == "<pre>one\ntwo\n</pre>"
    assert gallery.display("one = 1\n", {}) == ""


def test_what_has_no_picture_is_refused(gallery: ModuleType) -> None:
    with pytest.raises(TypeError, match="must show an Attribution or a Trace, or print, not int"):
        gallery.display("1 + 1\n", {})


def test_a_trace_is_shown_as_a_tree(gallery: ModuleType) -> None:
    made = make_attribution("Who?", ["Ada wrote it."], "Ada.")
    assert "ab-tree" in gallery.display("made.trace(0)", {"made": made})


@pytest.mark.slow
@needs_chromium
def test_a_picture_is_cut_to_what_there_is(gallery: ModuleType, tmp_path: Path) -> None:
    picture = tmp_path / "picture.png"
    gallery.take(CHROMIUM, "<pre>a line</pre>", picture)
    with Image.open(picture) as image:
        assert image.width == 2 * gallery.WIDTH
        assert image.height < 200
    with pytest.raises(ValueError, match=r"picture\.png is blank, or higher than 2400 pixels"):
        gallery.take(CHROMIUM, "", picture)


@pytest.mark.slow
@needs_chromium
def test_the_program_takes_a_picture(
    gallery: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The whole of it, with the bundled model, on one cell."""
    picture = tmp_path / "one.png"
    code = "engine.attribute('Who is it?', ['It is Ada. It rains.'], 'It is Ada.')\n"
    made = [gallery.Cell(code, picture), gallery.Cell("engine\n", tmp_path / "other.png")]
    monkeypatch.setattr(gallery, "cells", lambda: made[:1])
    monkeypatch.setattr(sys, "argv", ["gallery.py", "--only", "one", "--chromium", str(CHROMIUM)])
    gallery.main()
    assert [path.name for path in tmp_path.glob("*.png")] == ["one.png"]
