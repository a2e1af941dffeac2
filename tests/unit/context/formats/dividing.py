"""What the tests of all formats share."""

from __future__ import annotations

from attribot_integrations.context.pieces import Node, leaves


def kinds(text: str, node: Node | None) -> list[tuple[str, str]]:
    """Kind and text of each leaf; none for no division."""
    return [(leaf.kind, text[leaf.start : leaf.end]) for leaf in leaves(node)] if node else []


def parts(text: str, node: Node | None) -> list[str]:
    """The texts of what can be removed."""
    return [found for kind, found in kinds(text, node) if kind == "part"]
