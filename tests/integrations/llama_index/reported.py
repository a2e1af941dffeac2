"""The pieces from which public reports are built anew: scripted models over a small world."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from functools import cache
from typing import Any

from llama_index.core.base.llms.types import (
    ChatMessage,
    ChatResponse,
    ChatResponseAsyncGen,
    CompletionResponse,
    LLMMetadata,
    MessageRole,
)
from llama_index.core.llms.callbacks import llm_chat_callback, llm_completion_callback
from llama_index.core.llms.function_calling import FunctionCallingLLM
from llama_index.core.llms.llm import ToolSelection
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


class Calling(FunctionCallingLLM):
    """A model that calls tools: `say` gives a text, or names of tools with what they are called."""

    say: Any = ""
    prompts: list[str] = []  # noqa: RUF012 - pydantic copies defaults

    @property
    def metadata(self) -> LLMMetadata:
        return LLMMetadata(
            is_function_calling_model=True,
            is_chat_model=True,
            context_window=30_000,
            num_output=64,
            model_name="calling",
        )

    def _prepare_chat_with_tools(
        self,
        tools: Any,
        user_msg: Any = None,
        chat_history: Any = None,
        verbose: bool = False,
        allow_parallel_tool_calls: bool = False,
        tool_required: bool = False,
        **kwargs: Any,
    ) -> dict[str, Any]:
        asked = [] if user_msg is None else [ChatMessage(role=MessageRole.USER, content=user_msg)]
        return {"messages": [*(chat_history or []), *asked]}

    def get_tool_calls_from_response(
        self, response: ChatResponse, error_on_no_tool_call: bool = True, **kwargs: Any
    ) -> list[ToolSelection]:
        return list(response.message.additional_kwargs.get("calls", []))

    def _reply(self, messages: Sequence[ChatMessage]) -> ChatMessage:
        self.prompts.append("\n".join(message.content or "" for message in messages))
        said = self.say(messages) if callable(self.say) else self.say
        if isinstance(said, str):
            return ChatMessage(role=MessageRole.ASSISTANT, content=said)
        calls = [
            ToolSelection(tool_id=f"{len(messages)}-{number}", tool_name=name, tool_kwargs=given)
            for number, (name, given) in enumerate(said)
        ]
        return ChatMessage(
            role=MessageRole.ASSISTANT, content="", additional_kwargs={"calls": calls}
        )

    @llm_chat_callback()
    def chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponse:
        return ChatResponse(message=self._reply(messages))

    @llm_chat_callback()
    async def achat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponse:
        await asyncio.sleep(0)
        return ChatResponse(message=self._reply(messages))

    @llm_chat_callback()
    async def astream_chat(
        self, messages: Sequence[ChatMessage], **kwargs: Any
    ) -> ChatResponseAsyncGen:
        reply = self._reply(messages)

        async def stream() -> AsyncIterator[ChatResponse]:
            said = ""
            for word in (reply.content or "").split(" "):
                await asyncio.sleep(0)
                delta = f" {word}" if said else word
                said += delta
                yield ChatResponse(
                    message=ChatMessage(
                        role=MessageRole.ASSISTANT,
                        content=said,
                        additional_kwargs=reply.additional_kwargs,
                    ),
                    delta=delta,
                )

        return stream()  # type: ignore[return-value]

    @llm_completion_callback()
    async def acomplete(
        self, prompt: str, formatted: bool = False, **kwargs: Any
    ) -> CompletionResponse:
        reply = self._reply([ChatMessage(role=MessageRole.USER, content=prompt)])
        return CompletionResponse(text=reply.content or "")

    @llm_completion_callback()
    def complete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> CompletionResponse:
        reply = self._reply([ChatMessage(role=MessageRole.USER, content=prompt)])
        return CompletionResponse(text=reply.content or "")

    def stream_chat(self, *args: Any, **kwargs: Any) -> Any:
        raise NotImplementedError

    def stream_complete(self, *args: Any, **kwargs: Any) -> Any:
        raise NotImplementedError

    async def astream_complete(self, *args: Any, **kwargs: Any) -> Any:
        raise NotImplementedError


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
