"""A page that streams an answer and then cites it: FastAPI, server-sent events, one element.

    pip install "attribot-integrations[langchain,local,serve]"
    python docs/examples/fastapi_chat.py

and open http://127.0.0.1:8000. The chain is the bundled demo; `chat_app` takes yours.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import uvicorn
from fastapi import FastAPI
from fastapi.responses import FileResponse, StreamingResponse
from fastapi.staticfiles import StaticFiles
from langchain_core.runnables import Runnable

from attribot_integrations import AttributionEngine
from attribot_integrations.demo.chain import demo_chain
from attribot_integrations.langchain import CitationCallbackHandler
from attribot_integrations.render import answer_data, front_end_folder

PAGE = Path(__file__).parent / "fastapi_page"
POLICY = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'"


def chat_app(chain: Runnable[str, str], engine: AttributionEngine) -> FastAPI:
    """Return an application that answers with a chain and cites with an engine."""
    app = FastAPI()

    async def events(question: str) -> AsyncIterator[str]:
        handler = CitationCallbackHandler(engine, mode="background")
        async for piece in chain.astream(question, {"callbacks": [handler]}):
            yield event("text", {"text": piece})
        await handler.await_done()
        record = handler.last
        if record is not None and record.attribution is not None:
            yield event("citations", answer_data(record.attribution))
        elif record is not None:
            yield event("uncited", {"reason": record.reason})
        yield event("end", {})

    @app.get("/ask")
    async def ask(question: str) -> StreamingResponse:
        headers = {"Cache-Control": "no-store"}
        return StreamingResponse(events(question), media_type="text/event-stream", headers=headers)

    @app.get("/")
    async def page() -> FileResponse:
        return FileResponse(PAGE / "index.html", headers={"Content-Security-Policy": POLICY})

    app.mount("/page", StaticFiles(directory=PAGE))
    app.mount("/attribot", StaticFiles(directory=front_end_folder()))
    return app


def event(name: str, data: Mapping[str, Any]) -> str:
    """Return one server-sent event; JSON escapes line breaks."""
    return f"event: {name}\ndata: {json.dumps(data)}\n\n"


if __name__ == "__main__":
    demo = demo_chain()
    uvicorn.run(chat_app(demo.chain, demo.engine))
