"""Pages in a real Chromium: cards open and close, host pages leave them alone, prints are whole."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.integrations.chromium import chromium, found_in_page, needs_chromium
from tests.unit.render.samples import many, weighed

pytestmark = [pytest.mark.slow, needs_chromium]

HOST = """<style>
[hidden] { display: none !important }
.host p, .host td, .host li { margin: 3em; color: red; text-align: right }
.host button { background: red; text-transform: uppercase; width: 100% }
.host .ab-card, .host span { position: static }
.host * { letter-spacing: 1em; line-height: 4; font-family: serif }
</style>"""
LOOKS = """
const KEYS = ["color", "backgroundColor", "display", "position", "margin", "fontFamily",
  "letterSpacing", "lineHeight", "textAlign", "textTransform", "textDecorationLine", "fontSize"];
function looks() {
  return [...document.querySelectorAll(".attribot, .attribot *:not(style)")].map((each) =>
    each.tagName + " " + KEYS.map((key) => getComputedStyle(each)[key]).join("|"));
}
"""


def test_cards_open_by_their_marks_and_one_closes_the_other(tmp_path: Path) -> None:
    script = """function found() {
      const open = () => [...document.querySelectorAll(".ab-card")]
        .map((card) => getComputedStyle(card).display + " " + card.matches(":popover-open"));
      const states = [open()];
      for (const button of [...document.querySelectorAll("button")].slice(0, 2)) {
        button.click();
        states.push(open());
      }
      document.querySelector(".ab-card:popover-open").hidePopover();
      return [...states, open()];
    }"""
    states = found_in_page(tmp_path, weighed().to_html(page=False), script)
    closed, opened = "none false", "grid true"
    assert states == [
        [closed] * 4,
        [opened, *[closed] * 3],
        [closed, opened, closed, closed],
        [closed] * 4,
    ]


def test_a_host_page_changes_nothing(tmp_path: Path) -> None:
    fragment = weighed().to_html(page=False, theme="light")
    script = f"{LOOKS} function found() {{ return looks(); }}"
    alone = found_in_page(tmp_path, fragment, script)
    hosted = found_in_page(tmp_path, f'{HOST}<div class="host">{fragment}</div>', script)
    assert len(alone) > 50
    assert hosted == alone


def test_full_page_captures_and_prints_show_all(tmp_path: Path) -> None:
    import matplotlib.image

    page = tmp_path / "long.html"
    page.write_text(many(60).to_html(theme="light").replace("<details", "<details open"), "utf-8")
    image = tmp_path / "page.png"
    chromium(tmp_path, f"--screenshot={image}", "--window-size=800,6000", page.as_uri())
    dark = matplotlib.image.imread(image)[..., :3].min(axis=2) < 0.5
    assert np.flatnonzero(dark.any(axis=1)).max() > 4000  # text stands far below the fold


def test_prints_open_what_is_folded(tmp_path: Path) -> None:
    script = """function found() {
      return [...document.querySelectorAll("details")].map((each) =>
        [each.open, each.lastElementChild.checkVisibility()]);
    }"""
    html = many(3).to_html(page=False)
    folds = found_in_page(tmp_path, html, script)
    assert folds == [[False, False]] * 3
    printed = found_in_page(tmp_path, html.replace("@media print", "@media screen"), script)
    assert printed == [[False, True]] * 3
