"""TypeScript types."""

from __future__ import annotations

from typing import Any

from attribot_integrations.render.front_ends.typescript import typescript_types


def test_interfaces() -> None:
    number = {"type": "number"}
    definitions: dict[str, Any] = {
        "A": {
            "description": "All */ of it.",
            "required": ["name", "rows", "pair", "kinds", "inner", "known"],
            "properties": {
                "name": {"type": ["string", "null"], "description": "Its name."},
                "rows": {"type": "array", "items": {"type": "array", "items": number}},
                "pair": {"type": "array", "prefixItems": [{"type": "integer"}, number]},
                "kinds": {"type": "array", "items": {"enum": ["a", 2]}},
                "inner": {"anyOf": [{"$ref": "#/$defs/B"}, {"type": "null"}]},
                "known": {"type": "boolean"},
                "rest": {"type": "object"},
            },
        },
        "B": {"required": [], "properties": {}},
    }
    assert typescript_types(definitions) == (
        "/** All * / of it. */\n"
        "export interface A {\n"
        "  /** Its name. */\n"
        "  name: string | null;\n"
        "  rows: number[][];\n"
        "  pair: [number, number];\n"
        '  kinds: ("a" | 2)[];\n'
        "  inner: B | null;\n"
        "  known: boolean;\n"
        "  rest?: Record<string, unknown>;\n"
        "}\n"
        "\n"
        "export interface B {\n"
        "}\n"
    )
