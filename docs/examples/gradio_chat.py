"""A chat whose answers show what they rest on: Gradio, with the element in its messages.

    pip install "attribot-integrations[langchain,local]" gradio
    python docs/examples/gradio_chat.py

and open http://127.0.0.1:7860. The chain is the bundled demo; `chat_app` takes yours.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import gradio
from langchain_core.runnables import Runnable

from attribot_integrations import AttributionEngine
from attribot_integrations.demo.chain import demo_chain
from attribot_integrations.langchain import CitationCallbackHandler
from attribot_integrations.render import answer_element, front_end_folder

SCRIPT = (front_end_folder() / "attribot-answer.js").read_text(encoding="utf-8")
HEAD = f'<script type="module">{SCRIPT}</script>'


def chat_app(
    chain: Runnable[str, str], engine: AttributionEngine, examples: list[str]
) -> gradio.ChatInterface:
    """Return a chat that answers with a chain and cites with an engine."""

    def answer(question: str, history: list[Any]) -> Iterator[Any]:
        handler = CitationCallbackHandler(engine)
        text = ""
        for piece in chain.stream(question, {"callbacks": [handler]}):
            text += piece
            yield text
        record = handler.last
        if record is None or record.attribution is None:
            yield f"{text}\n\n*{'Nothing was retrieved.' if record is None else record.reason}*"
        else:
            yield gradio.HTML(answer_element(record.attribution))

    return gradio.ChatInterface(answer, title="Answers with citations", examples=examples)


if __name__ == "__main__":
    demo = demo_chain()
    chat_app(demo.chain, demo.engine, [*demo.questions]).launch(head=HEAD)
