"""The pieces from which public reports are built anew: scripted models over a small world."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

from llama_index.core.prompts import PromptTemplate
from llama_index.core.query_engine import RetrieverQueryEngine
from llama_index.core.response_synthesizers import ResponseMode, get_response_synthesizer
from llama_index.core.schema import NodeWithScore, TextNode

from attribot_integrations import AttributionEngine
from attribot_integrations.demo.query_engine import _TEMPLATE
from tests.integrations.llama_index.fakes import EchoChatLLM, EchoLLM, FactRetriever

BIKE = "The maker of the Norzel bike is Roslin Works."
TOWN = "The festival month of Galba is May."
ASK_BIKE = "Which company makes the Norzel bike?"
ASK_BOTH = f"{ASK_BIKE} What is the festival month of Galba?"
TEMPLATE = PromptTemplate(_TEMPLATE)
TEXTS = {
    "delka": "Last spring Delka elected Bragor Selwen as mayor. On its coins Delka has the wolf.",
    "norzel": f"{BIKE} In shops the Norzel bike costs 910 coins.",
    "galba": f"{TOWN} The flag of Galba shows the fox.",
    "galmar": (
        "The company Galmar Works was founded by Roska Braxa. "
        "Today Galmar Works has its offices in Galba."
    ),
    "roska": "The favourite colour of Roska Braxa is blue. At home Roska Braxa keeps a horse.",
}

Say = Callable[[str], str]


class Scripted(EchoLLM):
    """A model that answers by a function of the prompt, or always the same."""

    say: Any = ""

    def _text(self, prompt: str) -> str:
        self.prompts.append(prompt)
        return str(self.say(prompt)) if callable(self.say) else str(self.say)


class ScriptedChat(EchoChatLLM):
    """The same for a chat model."""

    say: Any = ""

    def _text(self, prompt: str) -> str:
        self.prompts.append(prompt)
        return str(self.say(prompt)) if callable(self.say) else str(self.say)


@cache
def engine() -> AttributionEngine:
    return AttributionEngine.demo()


def nodes(*names: str, filler: int = 0) -> list[NodeWithScore]:
    return [
        NodeWithScore(
            node=TextNode(
                text=" ".join(
                    [TEXTS[name]]
                    + [
                        f"In shops the Delka hat number {i}{k} costs {i + 3} coins."
                        for i in range(filler)
                    ]
                ),
                id_=name,
                metadata={"file_name": f"{name}.pdf"},
                excluded_llm_metadata_keys=["file_name"],
            ),
            score=1.0,
        )
        for k, name in enumerate(names)
    ]


def rag(
    say: str | Say,
    found: list[NodeWithScore],
    mode: ResponseMode = ResponseMode.COMPACT,
    *,
    window: int = 30_000,
    chat: bool = False,
    streaming: bool = False,
    **options: Any,
) -> RetrieverQueryEngine:
    llm = (ScriptedChat if chat else Scripted)(say=say, window=window)
    options.setdefault("text_qa_template", TEMPLATE)
    synthesizer = get_response_synthesizer(llm, response_mode=mode, streaming=streaming, **options)
    return RetrieverQueryEngine(FactRetriever(nodes=found), synthesizer)
