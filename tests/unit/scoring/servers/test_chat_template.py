"""Chat templates are run as transformers runs them, and get no further than they should."""

from __future__ import annotations

from typing import Any

import pytest
from jinja2 import TemplateError
from transformers.utils.chat_template_utils import render_jinja_template

from attribot_integrations.scoring.servers.chat_template import compiled_template
from tests.unit.tokenizers_for_tests import TEMPLATES

MESSAGES = [
    {"role": "user", "content": "Who  sings?\n"},
    {"role": "assistant", "content": "<b>Ada</b> & 'Bo'"},
    {"role": "user", "content": "And who else?"},
]
VARIABLES: dict[str, Any] = {"bos_token": "<s>", "eos_token": "</s>", "enable_thinking": False}
FEATURES = {
    "generation blocks": "{% for m in messages %}{% generation %}{{ m.content }}{% endgeneration %}"
    "\n  {% if loop.last %}!{% endif %}\n{% endfor %}",
    "loop controls": "{% for m in messages %}{% if loop.index == 2 %}{% continue %}{% endif %}"
    "{{ m.role }}{% if loop.index == 3 %}{% break %}{% endif %}{% endfor %}",
    "json": "{{ messages | tojson }}{{ {'b': 'é', 'a': [1]} | tojson(indent=2, sort_keys=true) }}",
    "namespaces": "{% set ns = namespace(n=0, seen=dict(a=1)) %}{% for m in messages %}"
    "{% set ns.n = ns.n + 1 %}{% endfor %}{{ ns.n }}{{ ns.seen.a }}",
    "time": "{{ strftime_now('%Y') }}",
    "variables": "{{ bos_token }}{{ tools is none }}{{ documents is none }}{{ enable_thinking }}"
    "{{ unheard_of is defined }}{{ add_generation_prompt }}",
}


@pytest.mark.parametrize("name", [*TEMPLATES, *FEATURES])
def test_it_is_as_transformers_has_it(name: str) -> None:
    source = (TEMPLATES | FEATURES)[name]
    found: Any = render_jinja_template(
        [MESSAGES], chat_template=source, add_generation_prompt=True, **VARIABLES
    )
    assert compiled_template(source)(MESSAGES, VARIABLES) == found[0][0]


def test_a_variable_may_say_otherwise() -> None:
    write = compiled_template("{{ add_generation_prompt }}")
    assert write([], {"add_generation_prompt": False}) == "False"


@pytest.mark.parametrize(
    ("source", "why"),
    [
        ("{{ raise_exception('no system role') }}", "no system role"),
        ("{% set ns = namespace() %}{% set ns.__init__ = 1 %}", "may not set '__init__'"),
        ("{{ namespace(_hidden=1) }}", "may not set '_hidden'"),
        ("{{ messages.append(1) }}", "unsafe"),
        ("{{ ''.__class__.__mro__ }}", "unsafe"),
        ("{{ dict.__globals__.sys }}", "unsafe"),
        ("{{ strftime_now.__globals__.json }}", "unsafe"),
        ("{% if %}", "Expected an expression"),
    ],
)
def test_what_is_refused(source: str, why: str) -> None:
    with pytest.raises(TemplateError, match=why):
        compiled_template(source)(MESSAGES, VARIABLES)
