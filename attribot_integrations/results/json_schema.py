"""What `Attribution.to_dict` gives, as JSON Schema, made from the dataclasses themselves.

Descriptions are the fields' own docstrings. Readers ignore fields that they do not know, so the
schema allows more than it lists. See https://json-schema.org/draft/2020-12.
"""

from __future__ import annotations

import ast
import inspect
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from functools import cached_property
from types import NoneType, UnionType
from typing import Any, Final, Literal, Union, get_args, get_origin, get_type_hints

import numpy as np
import numpy.typing as npt

from attribot_integrations.context.retrieved import Chunk
from attribot_integrations.results.attribution import AXES, Attribution
from attribot_integrations.results.parts import Certificate
from attribot_integrations.results.serialization import SCHEMA_VERSION

__all__ = ["Schema", "attribution_definitions", "dataclass_definition"]

Schema = dict[str, Any]
"""A JSON Schema."""

_PLAIN: Final[dict[Any, str]] = {
    str: "string",
    int: "integer",
    float: "number",
    bool: "boolean",
    NoneType: "null",
}
_ALWAYS: Final = {Chunk: ("text", "id", "metadata")}
"""Fields that are always written; the others are left out, and never `null`, where they are not
known. Of any other class, all are written."""
_FOR_READERS: Final = {Attribution: ("carried", "remarks", "notes"), Certificate: ("held",)}
"""Properties that are written beside the fields."""


def attribution_definitions() -> dict[str, Schema]:
    """Return the schema of each kind of object in a result's JSON, by name, `Attribution` first.

    It describes both forms: offsets in characters, and in UTF-16 units.
    """
    found: dict[str, Schema] = {}
    dataclass_definition(Attribution, found)
    properties = found["Attribution"]["properties"]
    version = {
        "enum": [SCHEMA_VERSION, f"{SCHEMA_VERSION}-utf-16"],
        "description": "Version; with `-utf-16`, offsets count UTF-16 units, else characters.",
    }
    found["Attribution"]["properties"] = {"schema": version, **properties}
    found["Attribution"]["required"].insert(0, "schema")
    return found


def dataclass_definition(cls: type[Any], definitions: dict[str, Schema]) -> None:
    """Add the schema of a dataclass, and of those that it holds, to some definitions.

    Args:
        cls: The dataclass.
        definitions: Schemas by name; those that are there already are kept.
    """
    if cls.__name__ in definitions:
        return
    definition: Schema = {"type": "object", "description": _sentence(cls.__doc__ or "")}
    definitions[cls.__name__] = definition
    hints, docs = get_type_hints(cls), _field_docs(cls)
    names = [each.name for each in fields(cls)]
    left_out = {*names} - {*_ALWAYS.get(cls, names)}
    properties: dict[str, Schema] = {}
    for each in fields(cls):
        hint = hints[each.name]
        if each.name in left_out:
            hint = _known(hint)
        made = _schema(hint, definitions, len(AXES.get(each.name, ())))
        properties[each.name] = made | _description(docs.get(each.name))
    for name in _FOR_READERS.get(cls, ()):
        function = _function(cls.__dict__[name])
        made = _schema(get_type_hints(function)["return"], definitions)
        properties[name] = made | _description(function.__doc__)
    definition["properties"] = properties
    definition["required"] = [name for name in properties if name not in left_out]


def _schema(hint: Any, definitions: dict[str, Schema], axes: int = 0) -> Schema:
    kind = get_origin(hint) or hint
    if kind in (Union, UnionType):
        return _either([_schema(each, definitions, axes) for each in get_args(hint)])
    if kind is tuple:
        items = get_args(hint)
        if items[-1] is Ellipsis:
            return {"type": "array", "items": _schema(items[0], definitions)}
        fixed = [_schema(each, definitions) for each in items]
        return {
            "type": "array",
            "prefixItems": fixed,
            "minItems": len(fixed),
            "maxItems": len(fixed),
        }
    if kind in (np.ndarray, npt.NDArray):  # the latter is a type of its own from NumPy 2.5 on
        made: Schema = {"type": "boolean" if "bool" in repr(hint) else "number"}
        for _ in range(axes):
            made = {"type": "array", "items": made}
        return made
    if kind is Literal:
        return {"enum": list(get_args(hint))}
    if isinstance(kind, type) and is_dataclass(kind):
        dataclass_definition(kind, definitions)
        return {"$ref": f"#/$defs/{kind.__name__}"}
    if isinstance(kind, type) and issubclass(kind, Mapping):
        return {"type": "object"}
    return {"type": _PLAIN[kind]}


def _either(schemas: list[Schema]) -> Schema:
    if all(set(each) == {"type"} for each in schemas):
        return {"type": [each["type"] for each in schemas]}
    return {"anyOf": schemas}


def _known(hint: Any) -> Any:
    """Return a type without `None`."""
    kinds = [each for each in get_args(hint) if each is not NoneType]
    return kinds[0] if NoneType in get_args(hint) else hint


def _function(member: Any) -> Any:
    return member.func if isinstance(member, cached_property) else member.fget


def _field_docs(cls: type[Any]) -> dict[str, str]:
    """Return the text below each field of a class."""
    (tree,) = ast.parse(inspect.getsource(cls)).body
    assert isinstance(tree, ast.ClassDef)
    found: dict[str, str] = {}
    for field, below in zip(tree.body, tree.body[1:], strict=False):
        if isinstance(field, ast.AnnAssign) and isinstance(below, ast.Expr):
            text = ast.literal_eval(below.value)
            found[ast.unparse(field.target)] = text
    return found


def _description(text: str | None) -> Schema:
    return {"description": _sentence(text)} if text else {}


def _sentence(text: str) -> str:
    """Return the first paragraph of a docstring on one line, in the words of JSON."""
    first = " ".join(inspect.cleandoc(text).partition("\n\n")[0].split())
    return first.replace("`None`", "`null`").removesuffix(" Read-only.")
