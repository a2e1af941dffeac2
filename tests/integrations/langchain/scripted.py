"""Models that follow a script, and a few documents of the bundled models' world."""

from collections.abc import Callable, Iterator, Sequence
from functools import cache
from typing import Any

from langchain_core.callbacks import CallbackManagerForLLMRun
from langchain_core.documents import Document
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from langchain_core.prompts import ChatPromptTemplate
from pydantic import Field, PrivateAttr

from attribot_integrations import AttributionEngine
from attribot_integrations.demo.chain import DemoChain, demo_chain
from attribot_integrations.langchain import CitationCallbackHandler, CitationRecord

QUESTION = "How much does the Norzel bike cost?"
ANSWER = "The price of the Norzel bike is 910 coins."
SECOND = "The festival month of Galba is May."
BIKE = Document("In shops the Norzel bike costs 910 coins.", id="norzel", metadata={"page": 17})
PHONE = Document("The price of the Norba phone is 440 coins.", id="norba")
GALBA = Document(SECOND, id="galba")
FLAG = Document("The flag of Galba shows the fox.", id="flag")

ASK = "Answer the question using only the context.\n\nContext:\n{context}\n\nQuestion: {question}"
PROMPT = ChatPromptTemplate.from_template(ASK)

Line = str | AIMessage | Callable[[list[BaseMessage]], str]


class Scripted(BaseChatModel):
    """Writes the next line of its script at each call, and the last one ever after."""

    lines: list[Any]
    seen: list[list[BaseMessage]] = Field(default_factory=list)
    _next: int = PrivateAttr(0)

    @property
    def _llm_type(self) -> str:
        return "scripted"

    def bind_tools(self, tools: Any, **kwargs: Any) -> Any:
        return self

    def get_num_tokens(self, text: str) -> int:
        return len(text.split())

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        self.seen.append(messages)
        line = self.lines[min(self._next, len(self.lines) - 1)]
        self._next += 1
        line = line(messages) if callable(line) else line
        message = AIMessage(line) if isinstance(line, str) else line.model_copy(deep=True)
        return ChatResult(generations=[ChatGeneration(message=message)])


class Streaming(Scripted):
    """Streams its lines word by word."""

    def _stream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> Iterator[ChatGenerationChunk]:
        message = self._generate(messages).generations[0].message
        assert isinstance(message, AIMessage)
        if message.tool_calls:
            yield ChatGenerationChunk(
                message=AIMessageChunk(content=message.text, tool_calls=message.tool_calls)
            )
            return
        words = str(message.text).split(" ")
        for place, word in enumerate(words):
            chunk = ChatGenerationChunk(
                message=AIMessageChunk(content=word + " " * (place < len(words) - 1))
            )
            if run_manager is not None:
                run_manager.on_llm_new_token(word, chunk=chunk)
            yield chunk


def calls(name: str, id: str = "c1", text: str = "", **args: Any) -> AIMessage:
    return AIMessage(text, tool_calls=[{"name": name, "args": args, "id": id, "type": "tool_call"}])


@cache
def demo() -> DemoChain:
    """The demo, loaded once."""
    return demo_chain()


def engine() -> AttributionEngine:
    return demo().engine


def watched() -> CitationCallbackHandler:
    return CitationCallbackHandler(engine(), raise_error=True)


def cited(record: CitationRecord) -> set[str | None]:
    return {citation.chunk_id for citation in record.citations}


def labels(record: CitationRecord) -> list[str]:
    assert record.attribution is not None
    return [each.label for each in record.attribution.support]


def join(documents: Sequence[Document]) -> str:
    return "\n\n".join(each.page_content for each in documents)
