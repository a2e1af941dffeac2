"""Makes the pictures of docs/guides/gallery.md, by running the page as a notebook.

    pip install "attribot-integrations[gguf,langchain,code]" pillow
    python docs/examples/gallery.py --model .models/SmolLM2-135M-Instruct.Q4_1.gguf

Below a block of code, the page names the picture of what the block displays: its last expression,
as notebooks show it, or what it has printed. Chromium takes the pictures; a font with Thai letters
must be installed.
"""

from __future__ import annotations

import argparse
import ast
import html
import io
import re
import shutil
import subprocess
import sys
import tempfile
from contextlib import redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image, ImageChops

from attribot_integrations import Attribution, AttributionEngine
from attribot_integrations.results.traces import Trace

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "guides" / "gallery.md"
WIDTH = 760
TALLEST = 2400
_CELL = re.compile(
    r"^```python\n(?P<code>.*?)^```$(?:\s*^!\[[^\]]+\]\((?P<picture>[^)]+)\)$)?", re.M | re.S
)
_STYLE = """html { background: #fff } body { margin: 0; padding: 16px; width: 728px }
pre { margin: 0 0 12px; font: 13px/1.6 "DejaVu Sans Mono", monospace; color: #1b1f24;
  white-space: pre-wrap; overflow-wrap: anywhere }"""


@dataclass(frozen=True)
class Cell:
    """A block of the page."""

    code: str
    picture: Path | None
    """Where the picture of what it displays is kept, if there is one."""


def cells(page: Path = PAGE) -> list[Cell]:
    """Return the blocks of Python of a page, in order."""
    found = _CELL.finditer(page.read_text(encoding="utf-8"))
    return [
        Cell(each["code"], (page.parent / each["picture"]).resolve() if each["picture"] else None)
        for each in found
    ]


def display(code: str, names: dict[str, Any]) -> str:
    """Run a block, and return what it displays as HTML.

    Args:
        code: The block.
        names: What is at hand; what the block makes is added.
    """
    body = ast.parse(code)
    last = body.body[-1]
    shown: Any = None
    with redirect_stdout(io.StringIO()) as printed:
        if isinstance(last, ast.Expr):
            body.body.pop()
            exec(compile(body, "gallery", "exec"), names)
            shown = eval(compile(ast.Expression(last.value), "gallery", "eval"), names)
        else:
            exec(compile(body, "gallery", "exec"), names)
    told = f"<pre>{html.escape(printed.getvalue())}</pre>" if printed.getvalue() else ""
    return told + (as_html(shown) if shown is not None else "")


def as_html(shown: object) -> str:
    """Return what a notebook displays, in light colours and without an attribution's details."""
    if isinstance(shown, Attribution):
        return shown.to_html(page=False, theme="light", parts=("question", "answer", "sources"))
    if isinstance(shown, Trace):
        return shown.to_html(theme="light")
    kind = type(shown).__name__
    raise TypeError(f"a cell must show an Attribution or a Trace, or print, not {kind}")


def take(chromium: str, shown: str, picture: Path) -> None:
    """Take a picture of a piece of HTML, as a PNG file of few colours."""
    with tempfile.TemporaryDirectory() as folder:
        page, taken = Path(folder) / "page.html", Path(folder) / "taken.png"
        page.write_text(
            f"<!doctype html><meta charset=utf-8><style>{_STYLE}</style>{shown}", encoding="utf-8"
        )
        flags = ("--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars")
        size = (f"--window-size={WIDTH},{TALLEST}", "--force-device-scale-factor=2")
        own = (f"--user-data-dir={folder}/profile", f"--screenshot={taken}", page.as_uri())
        command = [chromium, *flags, *size, *own]
        subprocess.run(command, check=True, capture_output=True, timeout=120)
        image = Image.open(taken).convert("RGB")
    empty = Image.new("RGB", image.size, image.getpixel((0, 0)))
    box = ImageChops.difference(image, empty).getbbox()
    if box is None or box[3] >= image.height:
        raise ValueError(f"{picture.name} is blank, or higher than {TALLEST} pixels")
    cropped = image.crop((0, 0, image.width, box[3] + 32))
    cropped.quantize(96, dither=Image.Dither.NONE).save(picture, optimize=True)


def main() -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--model", help="model that is measured; the bundled one by default")
    parser.add_argument("--only", help="take only the pictures whose name contains this")
    parser.add_argument("--chromium", default=shutil.which("chromium") or "chromium")
    given = parser.parse_args()
    engine = (
        AttributionEngine.from_pretrained(given.model) if given.model else AttributionEngine.demo()
    )
    names: dict[str, Any] = {"engine": engine, "__name__": "gallery"}
    for cell in cells():
        shown = display(cell.code, names)
        if cell.picture is not None and (given.only or "") in cell.picture.name:
            take(given.chromium, shown, cell.picture)
            sys.stdout.write(f"{cell.picture.name}: {cell.picture.stat().st_size} bytes\n")


if __name__ == "__main__":
    main()
