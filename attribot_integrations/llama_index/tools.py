"""What an agent's tools handed back, as nodes that can be cited."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

from llama_index.core.schema import BaseNode, NodeWithScore, TextNode
from llama_index.core.tools import ToolOutput

from attribot_integrations.answers.captured import MessagesOrText
from attribot_integrations.answers.lineage import flat, stands_in
from attribot_integrations.context.conversation import read_messages, turns_of
from attribot_integrations.context.kinds import ConversationPart
from attribot_integrations.context.locating import locate_chunks
from attribot_integrations.context.retrieved import Chunk
from attribot_integrations.llama_index.nodes import node_texts

__all__ = ["ToolNode", "message_nodes", "tool_nodes", "tool_part"]

_TOOLS: Final = ("tool", "function")
"""Roles of the messages in which tools speak."""
_HANDOFF: Final = "handoff"
"""Name that LlamaIndex keeps for the tool by which one agent gives way to another."""


class ToolNode(TextNode):
    """What a tool wrote, which no retriever found."""

    tool_name: str = ""
    """Name of the tool, if it is known."""


def tool_part(node: BaseNode, prompt: MessagesOrText | None) -> ConversationPart | None:
    """Return where in a conversation a node's text was said, `None` if it was retrieved.

    Args:
        node: The node.
        prompt: What the answering model saw.
    """
    if not isinstance(node, ToolNode):
        return None
    role, turn = "tool", 0
    if isinstance(prompt, list) and prompt:
        text = flat(node.text)
        turns = turns_of(read_messages(prompt, said=False))
        for message, its in zip(prompt, turns, strict=True):
            if message["role"] in _TOOLS and text in flat(message["content"]):
                role, turn = message["role"], its
    return ConversationPart("tool", turn, role, node.tool_name or None)


def tool_nodes(
    tools: Iterable[ToolOutput], known: Sequence[NodeWithScore], answers: Iterable[str]
) -> list[NodeWithScore]:
    """Return the nodes that tools handed back, or what they wrote, as a node for each.

    What a tool made of nodes that are known, or of another answer, is no source of its own.

    Args:
        tools: What the tools handed back.
        known: What was retrieved.
        answers: Other answers, which may have been given inside the tools.
    """
    texts = [flat(answer) for answer in answers]
    found: list[NodeWithScore] = []
    for number, tool in enumerate(tools):
        if tool.is_error or tool.tool_name == _HANDOFF or not tool.content.strip():
            continue
        ids = {one.node.node_id for one in (*known, *found)}
        found += [one for one in _nodes_in(tool.raw_output) if one.node.node_id not in ids]
        content = flat(tool.content)
        chunks = [Chunk(text.body) for text in node_texts([*known, *found])]
        if any(place.located for place in locate_chunks([tool.content], chunks)):
            continue
        if not any(stands_in(text, content) for text in texts):
            found.append(_node_of(tool, number))
    return found


def message_nodes(prompts: Iterable[MessagesOrText | None]) -> list[NodeWithScore]:
    """Return what prompts hold of tools' answers, as a node for each: an agent remembers them."""
    texts = {
        message["content"]: message.get("name", "")
        for prompt in prompts
        if isinstance(prompt, list)
        for message in prompt
        if message["role"] in _TOOLS and message["content"].strip()
    }
    return [
        NodeWithScore(node=ToolNode(text=text, id_=f"tool-message-{number}", tool_name=name))
        for number, (text, name) in enumerate(texts.items())
    ]


def _nodes_in(output: Any) -> list[NodeWithScore]:
    if not isinstance(output, list | tuple):
        return []
    made = [NodeWithScore(node=one) if isinstance(one, BaseNode) else one for one in output]
    return made if all(isinstance(one, NodeWithScore) for one in made) else []


def _node_of(tool: ToolOutput, number: int) -> NodeWithScore:
    # What it was called with is metadata that the prompt does not show with the text.
    metadata = {"tool": tool.tool_name, "input": tool.raw_input.get("kwargs", tool.raw_input)}
    node = ToolNode(
        text=tool.content,
        id_=f"{tool.tool_name}-{number}",
        tool_name=tool.tool_name,
    )
    node.metadata = metadata
    node.excluded_llm_metadata_keys = list(metadata)
    return NodeWithScore(node=node)
