"""What a chain handed back, as far as it is text."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from langchain_core.messages import AIMessage, BaseMessage, ToolMessage

from attribot_integrations.answers.output import Output
from attribot_integrations.langchain.content import answer_text
from attribot_integrations.langchain.documents import chunks_in
from attribot_integrations.langchain.paths import at_path, fields_at

__all__ = ["missing_key", "output_of"]

_WRAPPERS = ("parsed", "structured_response", "output", "answer")


def output_of(outputs: object, key: str | None = None, given: Collection[str] = ()) -> Output:
    """Read a chain's output.

    Args:
        outputs: The output of a chain or model.
        key: Key, attribute or path that holds the answer, if the caller has named it.
        given: Texts of the chain's input, which are no answers.
    """
    if key is not None and not isinstance(outputs, str):
        return _named(at_path(outputs, key))
    if _are_answers(outputs):
        return Output(fields=tuple(fields_at(outputs)))
    tool = _last_tool(outputs)
    if tool is not None:
        return Output(str(tool.text), written_by=f"the tool {tool.name}" if tool.name else "a tool")
    rest = outputs
    if isinstance(outputs, Mapping):
        rest = {name: value for name, value in outputs.items() if name != "messages"}
    found = [each for each in fields_at(rest) if each.is_number or each.text not in given]
    answer = answer_text(outputs)
    if isinstance(outputs, Mapping) and answer in given:
        answer = None
    return Output(
        answer,
        fields=tuple(found),
        with_documents=isinstance(outputs, Mapping) and bool(chunks_in(outputs)),
    )


def _named(value: object) -> Output:
    text = None if _are_answers(value) else answer_text(value)
    if text is None and isinstance(value, int | float):
        text = str(value)
    if text is not None:
        return Output(text, named=True)
    found = fields_at(value)
    output = Output(named=True, fields=tuple(found))
    return output.of_fields(found) if output.texts else output


def _are_answers(value: object) -> bool:
    """Whether a value is a list of answers, and not a conversation that ends with one."""
    if not isinstance(value, list) or len(value) < 2:
        return False
    return all(isinstance(item, AIMessage) and not item.tool_calls for item in value)


def _last_tool(outputs: object) -> ToolMessage | None:
    """Return the message of a tool whose output is handed to the user as it is."""
    found = outputs.get("messages") if isinstance(outputs, Mapping) else None
    messages = found if isinstance(found, list) else []
    last = messages[-1] if messages else None
    if not isinstance(last, ToolMessage) or last.status == "error":
        return None
    asked = (each for each in messages if isinstance(each, BaseMessage))
    return last if any(isinstance(each, AIMessage) for each in asked) else None


def missing_key(outputs: object, key: str) -> str:
    """Say that a key names no text in an output, and which path does, if one is near."""
    said = (
        f"answer_key={key!r} names no text in the chain's output, "
        f"a {type(outputs).__name__}: {outputs!r:.80}"
    )
    for wrapper in _WRAPPERS:
        path = f"{wrapper}.{key}"
        if _named(at_path(outputs, path)).answer is not None:
            return f"{said}; answer_key={path!r} does"
    return said
