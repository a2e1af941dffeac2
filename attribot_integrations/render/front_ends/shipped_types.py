"""The JSON Schema and the TypeScript types that the package ships, made from a result's fields.

Where these have changed, `python -m attribot_integrations.render.front_ends.shipped_types` writes
the files anew.
"""

from __future__ import annotations

import json
from copy import deepcopy
from typing import Final

from attribot_integrations.render.front_ends.answer_data import KEPT_FIELDS, SHOWN_OF_CHUNKS
from attribot_integrations.render.front_ends.element import front_end_folder
from attribot_integrations.render.front_ends.typescript import typescript_types
from attribot_integrations.results.json_schema import Schema, attribution_definitions

__all__ = ["made_files"]

_DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
_ELEMENT: Final = """\
/** The element `<attribot-answer>`. */
export class AttribotAnswer extends HTMLElement {
  /** What is shown; the attribute of this name takes it as JSON. */
  result: Attribution | AnswerData | null;
  /** The text so far, while there is no result. */
  answer: string;
}

/** A reader has chosen a citation; `preventDefault()` leaves it to the page to show it. */
export type SourceEvent = CustomEvent<{ citation: Citation; chunk: Chunk | ShownChunk }>;

declare global {
  interface HTMLElementTagNameMap {
    "attribot-answer": AttribotAnswer;
  }
  interface HTMLElementEventMap {
    "attribot-source": SourceEvent;
  }
}
"""


def made_files() -> dict[str, str]:
    """Return the texts of the files that are made from a result's fields, by file name."""
    definitions = attribution_definitions()
    definitions |= {"AnswerData": _answer(definitions), "ShownChunk": _chunk(definitions)}
    schema = {
        "$schema": _DIALECT,
        "title": "Attribution.to_dict of attribot-integrations",
        "$ref": "#/$defs/Attribution",
        "$defs": definitions,
    }
    return {
        "attribution.schema.json": json.dumps(schema, indent=1, ensure_ascii=False) + "\n",
        "attribot-answer.d.ts": f"{typescript_types(definitions)}\n{_ELEMENT}",
    }


def _answer(definitions: dict[str, Schema]) -> Schema:
    """Return the schema of `answer_data`."""
    known = definitions["Attribution"]["properties"]
    properties = {name: deepcopy(known[name]) for name in KEPT_FIELDS}
    properties["schema"]["enum"] = [
        each for each in known["schema"]["enum"] if "utf-16" in str(each)
    ]
    properties["chunks"] = {"type": "array", "items": {"$ref": "#/$defs/ShownChunk"}}
    return {
        "type": "object",
        "description": "What a page needs of a result, see `render.answer_data`.",
        "properties": properties,
        "required": list(properties),
    }


def _chunk(definitions: dict[str, Schema]) -> Schema:
    known = definitions["Chunk"]["properties"]
    properties = {name: deepcopy(known[name]) for name in ("text", "id")}
    for name, meaning in SHOWN_OF_CHUNKS.items():
        properties[name] = {"type": ["string", "null"], "description": meaning}
    return {
        "type": "object",
        "description": "What a page needs of a chunk.",
        "properties": properties,
        "required": list(properties),
    }


def _write() -> None:
    for name, text in made_files().items():
        (front_end_folder() / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    _write()
