"""Pages in a real Chromium: cards, host pages, prints, and the review of answers."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from attribot_integrations.evaluation import read_judged
from attribot_integrations.render import review_page
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


# The review page, which has a script

TRY = """function found() {
  const rows = [...document.querySelectorAll(".statement")];
  rows[0].querySelector(".mark").click();
  const first = document.querySelector("#passage mark").textContent;
  rows[0].decide(true);
  rows[2].decide(false);
  const source = document.getElementById("source");
  source.value = "survey"; source.dispatchEvent(new Event("input"));
  const filtered = document.querySelectorAll(".statement:not(.off)").length;
  source.value = ""; source.dispatchEvent(new Event("input"));
  document.querySelector("#labels .unsupported").click();
  const labelled = document.querySelectorAll(".statement:not(.off)").length;
  return {first, filtered, labelled, lines: lines(), rows: rows.length,
    progress: document.getElementById("progress").textContent,
    scripts: document.scripts.length, images: document.images.length};
}"""


def for_tests(page: str) -> str:
    """Let a test's script run beside the page's."""
    return re.sub(r"script-src 'sha256-[^']*'", "script-src 'unsafe-inline'", page)


def test_answers_are_reviewed_and_the_labels_read(tmp_path: Path) -> None:
    text = "<img src=x onerror=\"document.title='bad'\"></script><script>1</script>"
    answers = [replace(weighed(), question=f"{text} {place}") for place in range(2)]
    page = for_tests(review_page(answers, metadata=["title"]))
    found = found_in_page(tmp_path, page, TRY)
    assert found["first"] == "The pier opened in 1962."
    assert (found["rows"], found["filtered"], found["labelled"]) == (8, 2, 6)
    assert found["progress"] == "2 of 8 statements judged"
    assert (found["scripts"], found["images"]) == (3, 0)  # data, the page's own, the test's
    results, labels = tmp_path / "results.jsonl", tmp_path / "labels.jsonl"
    results.write_text("\n".join(each.to_json() for each in answers), encoding="utf-8")
    labels.write_text("\n".join(found["lines"]), encoding="utf-8")
    ((_, judged),) = read_judged(results, labels)
    assert judged == [True, None, False, None]


def test_the_policy_lets_no_other_script_run(tmp_path: Path) -> None:
    page = tmp_path / "review.html"
    other = "<script>document.body.id = 'taken'</script>"
    page.write_text(review_page([weighed()]) + other, encoding="utf-8")
    printed = chromium(tmp_path, "--dump-dom", page.as_uri())
    assert "0 of 4 statements judged" in printed
    assert 'id="taken"' not in printed


def test_two_thousand_answers_stay_usable(tmp_path: Path) -> None:
    answers = [replace(weighed(), question=f"Question {place}?") for place in range(2000)]
    script = """function found() {
      const rows = document.querySelectorAll("article").length;
      const text = document.getElementById("text");
      const started = performance.now();
      text.value = "question 1999"; text.dispatchEvent(new Event("input"));
      return {rows, took: performance.now() - started,
        count: document.getElementById("count").textContent};
    }"""
    found = found_in_page(tmp_path, for_tests(review_page(answers)), script)
    assert found["rows"] <= 60
    assert found["count"] == "4 statements in 1 answers"
    assert found["took"] < 5000  # milliseconds; 30 on a quiet machine
