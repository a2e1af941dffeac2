"""Reads docstrings as they are written: backticks hold code, and fences hold blocks of it.

Code that names a documented object becomes a link to it; any other code is shown as it is, and so
are types that are internal.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from typing import Any

from docutils import nodes
from docutils.parsers.rst.states import Inliner
from docutils.utils import unescape
from sphinx.addnodes import pending_xref
from sphinx.application import Sphinx
from sphinx.domains.python import PythonDomain
from sphinx.environment import BuildEnvironment
from sphinx.ext.napoleon.docstring import GoogleDocstring
from sphinx.util.nodes import make_refnode

__all__ = ["blocks_of_fences", "code_or_link", "setup"]

_PACKAGE = "attribot_integrations"
_NAME = re.compile(r"[A-Za-z_]\w*(?:\.\w+)*(?:\(\))?", re.ASCII)
_FENCE = re.compile(r"( *)```(\w*)")
_OURS = "named_in_a_docstring"
_ATTRIBUTES = ("attribute", "data", "property")

_set_aside: dict[str, list[str]] = {}
"""Docstrings of attributes that wait for napoleon to be done."""


def code_or_link(
    name: str,
    rawtext: str,
    text: str,
    lineno: int,
    inliner: Inliner,
    options: dict[str, Any] | None = None,
    content: Sequence[str] = (),
) -> tuple[list[nodes.Node], list[nodes.system_message]]:
    """Return code, to be linked if it is the name of something that is documented."""
    text = unescape(text)
    literal = nodes.literal(rawtext, text)
    if not _NAME.fullmatch(text):
        return [literal], []
    env: BuildEnvironment = inliner.document.settings.env
    found = pending_xref(
        rawtext,
        literal,
        refdoc=env.docname,
        refdomain="py",
        reftype="obj",
        reftarget=text.removesuffix("()"),
        **{_OURS: True},
    )
    for key in ("py:module", "py:class"):
        found[key] = env.ref_context.get(key)
    return [found], []


def blocks_of_fences(lines: Sequence[str]) -> list[str]:
    """Turn blocks between fences into code blocks of reStructuredText."""
    turned: list[str] = []
    inside = False
    for line in lines:
        fence = _FENCE.fullmatch(line)
        if fence is None:
            turned.append(f"    {line}" if inside and line.strip() else line)
            continue
        inside = not inside
        if inside:
            turned += ["", f"{fence[1]}.. code-block:: {fence[2] or 'text'}"]
        turned.append("")
    return turned


def setup(app: Sphinx) -> dict[str, bool]:
    """Add the role, and what resolves it."""
    app.add_role("code-or-link", code_or_link)
    app.connect("autodoc-process-docstring", _before_napoleon, priority=400)
    app.connect("autodoc-process-docstring", _after_napoleon, priority=600)
    app.connect("missing-reference", _resolve)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def _before_napoleon(
    app: Sphinx, what: str, name: str, obj: Any, options: Any, lines: list[str]
) -> None:
    lines[:] = blocks_of_fences(lines)
    if what in _ATTRIBUTES:
        # Napoleon would take what stands before a colon for the attribute's type.
        _set_aside[name] = GoogleDocstring(lines, app.config, app, "method", name, obj).lines()
        lines.clear()


def _after_napoleon(
    app: Sphinx, what: str, name: str, obj: Any, options: Any, lines: list[str]
) -> None:
    if what in _ATTRIBUTES:
        lines[:] = _set_aside.pop(name)


def _resolve(
    app: Sphinx, env: BuildEnvironment, node: pending_xref, contnode: nodes.TextElement
) -> nodes.Node | None:
    """Look for a name anywhere in the package, where it is not one of the same module.

    Names of other projects stay without a link: following them would need the network.
    """
    if node["refdomain"] != "py":
        return None
    target: str = node["reftarget"].removeprefix(f"{_PACKAGE}.")
    # A bare word may be an argument, and one of many things of that name.
    if "." in target or target[:1].isupper():
        domain = env.domains["py"]
        assert isinstance(domain, PythonDomain)
        places = {
            (entry.docname, entry.node_id)
            for name, entry in domain.objects.items()
            if name.endswith(f".{target}")
        }
        if len(places) == 1:
            docname, node_id = places.pop()
            link: nodes.Node = make_refnode(
                app.builder, node["refdoc"], docname, node_id, contnode, target
            )
            return link
    foreign = "." in target and target == node["reftarget"]
    return contnode if foreign or node.get(_OURS) or _is_internal(node) else None


def _is_internal(node: pending_xref) -> bool:
    """Whether a signature of the reference has a type that a module keeps for itself."""
    module, _, name = node["reftarget"].rpartition(".")
    ours = node["refdoc"].startswith("reference/") and module.startswith(_PACKAGE)
    return ours and hasattr(sys.modules.get(module), name)
