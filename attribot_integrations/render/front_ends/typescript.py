"""TypeScript types made from JSON Schema."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

__all__ = ["typescript_types"]

_NAMES: Final = {
    "string": "string",
    "integer": "number",
    "number": "number",
    "boolean": "boolean",
    "null": "null",
    "object": "Record<string, unknown>",
}


def typescript_types(definitions: Mapping[str, Mapping[str, Any]]) -> str:
    """Return an exported interface for each definition, with its descriptions as comments.

    Args:
        definitions: Schemas of objects by name, as in `$defs`.
    """
    return "\n".join(
        "\n".join(_interface(name, schema)) + "\n" for name, schema in definitions.items()
    )


def _interface(name: str, schema: Mapping[str, Any]) -> Iterator[str]:
    yield from _comment(schema, "")
    yield f"export interface {name} {{"
    for field, inner in schema["properties"].items():
        yield from _comment(inner, "  ")
        mark = "" if field in schema["required"] else "?"
        yield f"  {field}{mark}: {_type(inner)};"
    yield "}"


def _comment(schema: Mapping[str, Any], indent: str) -> Iterator[str]:
    text = schema.get("description", "").replace("*/", "* /")
    if text:
        yield f"{indent}/** {text} */"


def _type(schema: Mapping[str, Any]) -> str:
    if "$ref" in schema:
        return str(schema["$ref"]).rpartition("/")[2]
    if "enum" in schema:
        return " | ".join(json.dumps(each, ensure_ascii=False) for each in schema["enum"])
    if "anyOf" in schema:
        return " | ".join(map(_type, schema["anyOf"]))
    kind = schema["type"]
    if isinstance(kind, list):
        return " | ".join(_NAMES[each] for each in kind)
    if kind != "array":
        return _NAMES[kind]
    if "prefixItems" in schema:
        return f"[{', '.join(map(_type, schema['prefixItems']))}]"
    inner = _type(schema["items"])
    return f"({inner})[]" if " | " in inner else f"{inner}[]"
