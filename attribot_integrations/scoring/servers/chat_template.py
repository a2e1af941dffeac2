"""A model's chat template, run as transformers runs it, where that is not installed.

Templates come from whoever published the model, so they run in Jinja's sandbox, on plain data.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from jinja2 import TemplateError, nodes
from jinja2.exceptions import SecurityError
from jinja2.ext import Extension
from jinja2.parser import Parser
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.utils import Namespace

__all__ = ["compiled_template"]


def compiled_template(source: str) -> Callable[[Sequence[Mapping[str, Any]], Any], str]:
    """Return what writes messages by a chat template.

    Args:
        source: The template, in Jinja, with what transformers adds to it: `raise_exception`,
            `strftime_now`, `tojson` without escapes, `break` and `continue`, and `generation`
            blocks, which change nothing here.

    Returns:
        A function of the messages and a mapping of the template's other variables.

    Raises:
        TemplateError: If it is no template, or, from the function, if it fails or refuses.
    """
    environment = ImmutableSandboxedEnvironment(
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.loopcontrols", _GenerationBlocks],
    )
    environment.filters["tojson"] = _to_json
    environment.globals.update(
        raise_exception=_refuse,
        strftime_now=lambda wanted: datetime.now().strftime(wanted),
        dict=lambda *args, **kwargs: dict(*args, **kwargs),  # the type would show its methods
        namespace=_namespace,
    )
    template = environment.from_string(source)

    def write(messages: Sequence[Mapping[str, Any]], variables: Mapping[str, Any]) -> str:
        fixed = {"messages": messages, "tools": None, "documents": None}
        return template.render(**{**fixed, "add_generation_prompt": True, **variables})

    return write


class _GenerationBlocks(Extension):
    """Takes `{% generation %}`, which marks what an assistant says, for what stands in it."""

    tags = {"generation"}  # noqa: RUF012 - as Jinja declares it

    def parse(self, parser: Parser) -> list[nodes.Node]:
        """Return what stands in a block."""
        next(parser.stream)
        return parser.parse_statements(("name:endgeneration",), drop_needle=True)


class _PlainNamespace(Namespace):
    """Holds no name that begins with an underscore, as Python's own insides do."""

    def __setitem__(self, name: str, value: Any) -> None:
        if name.startswith("_"):
            raise SecurityError(f"a chat template may not set {name!r}")
        super().__setitem__(name, value)


def _namespace(*args: Any, **kwargs: Any) -> Namespace:
    made = _PlainNamespace()
    for name, value in dict(*args, **kwargs).items():
        made[name] = value
    return made


def _refuse(message: str) -> None:
    raise TemplateError(message)


def _to_json(value: Any, **options: Any) -> str:
    return json.dumps(value, **{"ensure_ascii": False, **options})
