"""Stand-ins for the clients of providers, which pages name and tests do not install.

Their answers are made of the message classes that the real clients use, in the forms in which they
answer; `tests/integrations/langchain/test_providers.py` tries the clients themselves.
"""

from __future__ import annotations

from functools import partial
from types import ModuleType
from typing import Any

from langchain_core.callbacks import CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.outputs import ChatGeneration, ChatResult

__all__ = ["client_modules"]


class Recorded(BaseChatModel):
    """Answers what was recorded."""

    model: str
    base_url: str | None = None
    api_key: str | None = None
    content: Any = ""

    @property
    def _llm_type(self) -> str:
        return "recorded"

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        message = AIMessage(content=self.content, response_metadata={"model_name": self.model})
        return ChatResult(generations=[ChatGeneration(message=message)])


def client_modules(answer: str) -> dict[str, ModuleType]:
    """The modules by name; each has its chat model."""
    blocks = [{"type": "text", "text": answer}]
    found = {}
    for module, name, content in (
        ("langchain_openai", "ChatOpenAI", answer),
        ("langchain_anthropic", "ChatAnthropic", blocks),
        ("langchain_ollama", "ChatOllama", answer),
    ):
        made = ModuleType(module)
        setattr(made, name, partial(Recorded, content=content))
        found[module] = made
    return found
