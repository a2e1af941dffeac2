"""Sphinx configuration; `make docs` builds the pages, which load nothing from the network."""

from __future__ import annotations

import os
import sys
from pathlib import Path

# Libraries that are imported for their docstrings must not look for anything on the network.
os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TQDM_DISABLE", "1")

sys.path.insert(0, str(Path(__file__).parent / "_ext"))
sys.path.insert(0, str(Path(__file__).parents[1]))  # tables of benchmarks are made by benchmarks/

import llama_index.core  # noqa: F401 - cannot be imported while Sphinx reads annotations
from sphinx.application import Sphinx

from attribot_integrations import __version__

project = "attribot-integrations"
author = "the attribot-integrations authors"
release = version = __version__

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx.ext.viewcode",
    "sphinx_copybutton",
    "command_line",
    "docstring_markup",
    "public_names",
    "repository_links",
    "results_tables",
    "type_names",
]
exclude_patterns = ["_build"]
nitpicky = True
nitpick_ignore_regex = [
    # Of the standard library, whose pages are not linked.
    ("py:exc", "CancelledError"),
    # An alias of what callers may have, which is told in words.
    ("py:class", "GivenChunk"),
    # Type variables, and generic bases, whose names are not those of their own modules.
    ("py:(class|obj)", r"attribot_integrations\..*\.(AIMessageT|MessageT|_E|_Item)"),
    (
        "py:class",
        r"attribot_integrations\..*\.(Annotated|RunnableSerializable.*|BaseSpanHandler.*)",
    ),
]

myst_enable_extensions = ["attrs_block", "deflist"]
myst_heading_anchors = 3
myst_links_external_new_tab = False

default_role = "code-or-link"
smartquotes_action = "D"  # dashes; quotes may be those of JSON
napoleon_numpy_docstring = False
napoleon_use_rtype = False
autodoc_default_options = {
    "members": True,
    "undoc-members": True,
    "exclude-members": "model_config",
}
autodoc_member_order = "bysource"
autodoc_class_signature = "mixed"
autodoc_preserve_defaults = True
autodoc_typehints_format = "short"
python_use_unqualified_type_names = True
maximum_signature_line_length = 68
toc_object_entries_show_parents = "hide"

html_theme = "furo"
html_title = f"attribot-integrations {release}"
html_static_path = ["_static"]
html_css_files = ["pages.css"]
html_copy_source = False
html_show_sphinx = False
html_show_copyright = False
html_theme_options = {"navigation_with_keys": True}


def setup(app: Sphinx) -> None:
    """Add what is too small for an extension."""
    app.connect("source-read", nest_decisions)


def nest_decisions(app: Sphinx, docname: str, source: list[str]) -> None:
    """Put the decisions below their index, which lists them by hand."""
    if docname == "decisions/index" and "{toctree}" not in source[0]:
        source[0] += "\n```{toctree}\n:hidden:\n:glob:\n\n*\n```\n"
