"""A page in a real browser, without any driver: Chromium prints what a page's script has found."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

_NAMES = ("chromium", "chromium-browser", "google-chrome")
_FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
CHROMIUM = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, _NAMES)), None)
needs_chromium = pytest.mark.skipif(
    CHROMIUM is None, reason="Chromium is not installed (set CHROMIUM to its path)"
)


def chromium(folder: Path, *arguments: str) -> str:
    """Run Chromium with a profile of its own, and return what it prints."""
    assert CHROMIUM is not None
    command = [CHROMIUM, *_FLAGS, f"--user-data-dir={folder / 'profile'}", *arguments]
    run = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)
    return run.stdout


def found_in_page(folder: Path, html: str, script: str) -> Any:
    """Load a page, run a script's `found()` in it, and return what that gives.

    Args:
        folder: Where the page is written.
        html: The page; it must allow scripts.
        script: JavaScript that declares `function found()`, which returns what JSON can hold.
    """
    told = (
        f"<script>{script}\n"
        "addEventListener('load', () => {\n"
        "  const out = document.createElement('pre'); out.id = 'found';\n"
        "  out.textContent = encodeURIComponent(JSON.stringify(found()));\n"
        "  document.documentElement.append(out);\n"
        "});</script>"
    )
    page = folder / "page.html"
    page.write_text(html + told, encoding="utf-8")
    printed = chromium(folder, "--dump-dom", page.as_uri())
    from urllib.parse import unquote

    _, _, rest = printed.partition('<pre id="found">')
    return json.loads(unquote(rest.partition("</pre>")[0]))
