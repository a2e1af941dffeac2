"""The example applications of the documentation, used in a real browser."""

from __future__ import annotations

import importlib.util
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from attribot_integrations.demo.chain import DemoChain, demo_chain
from tests.documents.example_modules import EXAMPLES, example
from tests.integrations.front_ends.browsing import note_errors, serving

pytestmark = [pytest.mark.slow, pytest.mark.enable_socket]


@pytest.fixture(scope="module")
def demo() -> DemoChain:
    return demo_chain()


@pytest.fixture(scope="module")
def fastapi_chat(demo: DemoChain) -> Iterator[str]:
    with serving(example("fastapi_chat").chat_app(demo.chain, demo.engine)) as address:
        yield address


def answers(address: str) -> bool:
    try:
        return httpx.get(address).is_success
    except httpx.TransportError:
        return False


def test_fastapi_streams_cites_and_shows_the_passage(page: Any, fastapi_chat: str) -> None:
    wrong: list[str] = []
    note_errors(page, wrong)
    page.goto(fastapi_chat)
    page.get_by_role("button", name="Ask").click()
    answer = page.locator("attribot-answer .answer")
    page.locator("attribot-answer .chip").first.wait_for()
    assert answer.inner_text() == (
        "The price of the Norzel bike is 910 coins. [1] The festival month of Galba is May. [2]"
    )
    page.get_by_label("Citation 1").hover()
    assert "In shops the Norzel bike costs 910 coins." in page.locator(".card").inner_text()
    page.get_by_label("Citation 2").click()
    assert page.locator("mark.chosen").inner_text() == "The festival month of Galba is May."
    page.get_by_placeholder("Ask something").fill("Who is the mayor of Delka?")
    page.keyboard.press("Enter")
    page.locator("attribot-answer").nth(1).locator(".chip").wait_for()
    assert wrong == []


def test_fastapi_streams_server_sent_events(page: Any, fastapi_chat: str) -> None:
    response = page.request.get(
        f"{fastapi_chat}/ask?question=Who%20is%20the%20mayor%20of%20Delka%3F"
    )
    assert response.headers["content-type"].startswith("text/event-stream")
    names = re.findall(r"^event: (\w+)$", response.text(), re.MULTILINE)
    assert names[0] == "text"
    assert names[-2:] == ["citations", "end"]


def test_fastapi_has_a_strict_policy(page: Any, fastapi_chat: str) -> None:
    policy = page.goto(fastapi_chat).headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy


@pytest.fixture(scope="module")
def gradio_chat(demo: DemoChain) -> Iterator[str]:
    pytest.importorskip("gradio", reason="needs Gradio: run `make front-ends`")
    module = example("gradio_chat")
    app = module.chat_app(demo.chain, demo.engine, list(demo.questions))
    _, address, _ = app.launch(head=module.HEAD, prevent_thread_lock=True, quiet=True)
    yield address
    app.close(verbose=False)


@pytest.mark.filterwarnings("ignore")  # of Gradio and what it uses
def test_gradio_streams_cites_and_shows_the_passage(page: Any, gradio_chat: str) -> None:
    wrong: list[str] = []
    note_errors(page, wrong)
    page.goto(gradio_chat)
    page.get_by_role("textbox").fill("Who is the mayor of Delka?")
    page.keyboard.press("Enter")
    page.locator("attribot-answer .chip").first.wait_for()
    answer = page.locator("attribot-answer .answer")
    assert answer.inner_text() == "The mayor of Delka is Bragor Selwen. [1]"
    page.get_by_label("Citation 1").hover()
    assert "Last spring Delka elected" in page.locator("attribot-answer .card").inner_text()
    page.get_by_label("Citation 1").click()
    chosen = page.locator("attribot-answer mark.chosen")
    assert chosen.inner_text() == "Last spring Delka elected Bragor Selwen as mayor."
    assert wrong == []


@pytest.fixture(scope="module")
def streamlit_answer() -> Iterator[str]:
    if importlib.util.find_spec("streamlit") is None:
        pytest.skip("needs Streamlit: run `make front-ends`")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    options = {
        "server.address": "127.0.0.1",
        "server.port": port,
        "server.headless": "true",
        "browser.gatherUsageStats": "false",
    }
    given = [each for name, value in options.items() for each in (f"--{name}", str(value))]
    command = [sys.executable, "-m", "streamlit", "run", str(EXAMPLES / "streamlit_answer.py")]
    with subprocess.Popen([*command, *given], stdout=subprocess.DEVNULL) as process:
        try:
            address = f"http://127.0.0.1:{port}"
            while not answers(f"{address}/_stcore/health"):
                assert process.poll() is None
                time.sleep(0.2)
            yield address
        finally:
            process.terminate()


def test_streamlit_streams_cites_and_shows_the_passage(page: Any, streamlit_answer: str) -> None:
    wrong: list[str] = []
    note_errors(page, wrong)
    page.goto(streamlit_answer)
    page.get_by_placeholder("Ask something").fill("Who is the mayor of Delka?")
    page.keyboard.press("Enter")
    page.locator("attribot-answer .chip").first.wait_for()
    page.get_by_label("Citation 1").hover()
    assert "Last spring Delka elected" in page.locator("attribot-answer .card").inner_text()
    page.get_by_label("Citation 1").click()
    chosen = page.locator("attribot-answer mark.chosen")
    assert chosen.inner_text() == "Last spring Delka elected Bragor Selwen as mayor."
    assert wrong == []
