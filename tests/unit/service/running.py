"""A service in a thread of this process, reached by a socket in a folder."""

from __future__ import annotations

import functools
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import uvicorn
from fastapi import FastAPI

from attribot_integrations import AttributionEngine
from attribot_integrations.demo.corpus import demo_examples
from attribot_integrations.service import RemoteEngine
from attribot_integrations.service.application import service_app
from attribot_integrations.service.service_options import ServiceOptions

__all__ = ["Running", "asked", "engine", "running", "serving_app"]

URL = "http://service"


@functools.cache
def engine() -> AttributionEngine:
    """The bundled target."""
    return AttributionEngine.demo()


@functools.cache
def _asked() -> tuple[tuple[str, ...], tuple[tuple[str, str], ...]]:
    (example,) = demo_examples(1, kinds=("single",) * 4, chunks=(3, 3))
    return example.chunk_texts, tuple((each.question, each.answer) for each in example.questions)


def asked(number: int = 0) -> dict[str, Any]:
    """A question with its chunks and answer; four of them share their chunks."""
    chunks, questions = _asked()
    question, answer = questions[number % len(questions)]
    return {"question": question, "chunks": list(chunks), "answer": answer}


@dataclass(frozen=True)
class Running:
    """A service that runs."""

    socket: str
    app: FastAPI
    server: uvicorn.Server
    opened: ExitStack
    """Holds all clients, which are closed with it."""

    def client(self) -> httpx.Client:
        transport = httpx.HTTPTransport(uds=self.socket)
        made = httpx.Client(transport=transport, base_url=URL, timeout=60)
        return self.opened.enter_context(closing(made))

    def remote(self, **options: Any) -> RemoteEngine:
        return RemoteEngine(URL, client=self.client(), **options)


@contextmanager
def running(options: ServiceOptions | None = None, served: Any = None) -> Iterator[Running]:
    """Serve the bundled target, or another engine."""
    with serving_app(service_app(served or engine(), options)) as found:
        yield found


@contextmanager
def serving_app(app: FastAPI) -> Iterator[Running]:
    """Serve an application."""
    with tempfile.TemporaryDirectory() as folder:
        socket = str(Path(folder, "s"))
        config = uvicorn.Config(app, uds=socket, ws="none", log_config=None)
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run)
        thread.start()
        try:
            while not server.started:
                assert thread.is_alive()
                time.sleep(0.01)
            with ExitStack() as opened:
                yield Running(socket, app, server, opened)
        finally:
            server.should_exit = True
            thread.join()
