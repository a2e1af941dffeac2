"""Pages in a real, headless Chromium."""

from __future__ import annotations

import contextlib
import json
import shutil
import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
import uvicorn
from fastapi import FastAPI

from attribot_integrations.render import front_end_folder

__all__ = ["launched", "note_errors", "serve_element", "serving", "show"]

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
ORIGIN = "https://page.example"
POLICY = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'"
"""No inline script, no inline style."""

_ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
_PAGE = """<!DOCTYPE html><html lang="en"><meta charset="utf-8"><title>Page</title>
<script type="module" src="/attribot-answer.js"></script>
<link rel="stylesheet" href="/page.css"><main><attribot-answer></attribot-answer></main></html>"""
_STYLE = "body { max-width: 46rem; margin: 0 auto; padding: 1rem; font: 16px sans-serif; }"


@contextlib.contextmanager
def launched() -> Iterator[Any]:
    """Start the browser; skip where it, or what drives it, is missing."""
    driver = pytest.importorskip(
        "playwright.sync_api", reason="needs Playwright: run `make front-ends`"
    )
    if CHROMIUM is None:
        pytest.skip("needs Chromium")
    with driver.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=CHROMIUM, args=_ARGUMENTS)
        try:
            yield browser
        finally:
            browser.close()


def note_errors(page: Any, wrong: list[str]) -> None:
    """Add to a list what goes wrong on a page from now on."""

    def said(message: Any) -> None:
        if message.type == "error":
            wrong.append(f"said: {message.text}")

    page.on("console", said)
    page.on("pageerror", lambda error: wrong.append(f"error: {error}"))


def serve_element(page: Any) -> list[str]:
    """Open a page that holds the element, from memory, under a strict policy.

    Returns:
        What goes wrong on the page from now on: errors, refusals, and requests that leave it.
    """
    wrong: list[str] = []
    script = (front_end_folder() / "attribot-answer.js").read_text(encoding="utf-8")
    answers = {"/": ("text/html", _PAGE), "/page.css": ("text/css", _STYLE)}
    answers["/attribot-answer.js"] = ("text/javascript", script)

    def answer(route: Any) -> None:
        path = route.request.url.removeprefix(ORIGIN)
        if path not in answers:
            wrong.append(f"request: {route.request.url}")
            route.abort()
            return
        kind, body = answers[path]
        headers = {"Content-Security-Policy": POLICY, "Content-Type": f"{kind}; charset=utf-8"}
        route.fulfill(body=body, headers=headers)

    page.route("**/*", answer)
    note_errors(page, wrong)
    page.goto(f"{ORIGIN}/")
    page.evaluate("customElements.whenDefined('attribot-answer')")
    return wrong


def show(page: Any, data: Any) -> None:
    """Give the element a result."""
    page.evaluate(
        "data => document.querySelector('attribot-answer').result = data",
        json.loads(json.dumps(data)),
    )


@contextlib.contextmanager
def serving(app: FastAPI) -> Iterator[str]:
    """Serve an application on this machine; gives its address."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        config = uvicorn.Config(app, log_config=None, ws="none")
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
        thread.start()
        try:
            while not server.started:
                assert thread.is_alive()
                time.sleep(0.02)
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join(timeout=30)
