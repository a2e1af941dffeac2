"""Markdown readers that people use, with their extensions on, and sites that look again.

Each reader makes HTML of a text. The sites' own passes over finished text are written here as the
patterns that they publish.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from html.parser import HTMLParser

import cmarkgfm
import markdown
import mistune
from cmarkgfm.cmark import Options
from linkify_it import LinkifyIt
from markdown_it import MarkdownIt
from mdit_py_plugins.admon import admon_plugin
from mdit_py_plugins.amsmath import amsmath_plugin
from mdit_py_plugins.attrs import attrs_block_plugin, attrs_plugin
from mdit_py_plugins.container import container_plugin
from mdit_py_plugins.deflist import deflist_plugin
from mdit_py_plugins.dollarmath import dollarmath_plugin
from mdit_py_plugins.field_list import fieldlist_plugin
from mdit_py_plugins.footnote import footnote_plugin
from mdit_py_plugins.front_matter import front_matter_plugin
from mdit_py_plugins.myst_blocks import myst_block_plugin
from mdit_py_plugins.myst_role import myst_role_plugin
from mdit_py_plugins.tasklists import tasklists_plugin
from mdit_py_plugins.texmath import texmath_plugin
from mdit_py_plugins.wordcount import wordcount_plugin

JOINER = "\u2060"

Reader = Callable[[str], str]


def _markdown_it(*plugins: Callable[..., None]) -> Reader:
    reader = MarkdownIt("commonmark", {"linkify": True, "html": True})
    reader.enable(["linkify", "table", "strikethrough"])
    for plugin in plugins:
        reader.use(plugin)
    return reader.render


def _github(text: str) -> str:
    html: str = cmarkgfm.markdown_to_html_with_extensions(
        text,
        options=Options.CMARK_OPT_UNSAFE | Options.CMARK_OPT_FOOTNOTES,
        extensions=["table", "autolink", "strikethrough", "tasklist"],
    )
    return html


def _mistune(*plugins: str) -> Reader:
    reader = mistune.create_markdown(escape=False, plugins=[*plugins])
    return lambda text: str(reader(text))


def _python_markdown(*extensions: str) -> Reader:
    return lambda text: markdown.markdown(text, extensions=[*extensions])


READERS: dict[str, Reader] = {
    "CommonMark": MarkdownIt("commonmark").render,
    "markdown-it with linkify": _markdown_it(),
    "markdown-it with plugins": _markdown_it(
        deflist_plugin, footnote_plugin, tasklists_plugin, dollarmath_plugin, admon_plugin,
        attrs_plugin, attrs_block_plugin, fieldlist_plugin, front_matter_plugin,
        amsmath_plugin, wordcount_plugin, lambda reader: container_plugin(reader, "note"),
        lambda reader: texmath_plugin(reader, delimiters="brackets"),
    ),
    "MyST": _markdown_it(myst_block_plugin, myst_role_plugin, dollarmath_plugin),
    "GitHub's cmark-gfm": _github,
    "mistune": _mistune(
        "strikethrough", "footnotes", "table", "url", "task_lists", "def_list", "abbr", "mark",
        "insert", "superscript", "subscript", "math", "ruby", "spoiler",
    ),
    "Python-Markdown": _python_markdown(
        "extra", "admonition", "sane_lists", "wikilinks", "legacy_attrs"
    ),
    "PyMdown": _python_markdown(
        "pymdownx.extra", "pymdownx.magiclink", "pymdownx.tilde", "pymdownx.caret",
        "pymdownx.mark", "pymdownx.tasklist", "pymdownx.details", "pymdownx.emoji",
        "pymdownx.arithmatex", "pymdownx.keys", "pymdownx.critic", "pymdownx.betterem",
    ),
}  # fmt: skip
"""Each makes HTML."""

_LINKS = LinkifyIt(options={"fuzzy_link": True, "fuzzy_email": True, "fuzzy_ip": True})

SITES: dict[str, Callable[[str], object]] = {
    "linkify": _LINKS.test,
    # html-pipeline's MentionFilter and EmojiFilter, and GitHub's references to issues.
    "mention": re.compile(r"(?:^|\W)@[a-z0-9][a-z0-9-]*", re.IGNORECASE).search,
    "emoji": re.compile(r":[\w+-]+:").search,
    "issue": re.compile(r"(?:^|\W)(?:GH-|#)\d+", re.IGNORECASE).search,
    # Obsidian's tags: https://help.obsidian.md/tags
    "tag": re.compile(r"(?:^|\s)#[^\u2000-\u206F\u2E00-\u2E7F'!\"#$%&()*+,.:;<=>?@^`{|}~\[\]\\\s]+")
    .search,
}  # fmt: skip
"""Each looks for something live in finished text."""

OBSIDIAN = {
    "wikilink": re.compile(r"\[\["),
    "highlight": re.compile(r"=="),
    "comment": re.compile(r"%%"),
    "block id": re.compile(r"(?:^|\s)\^[\w-]+$", re.MULTILINE),
    "tag": re.compile(r"(?:^|\s)#\w"),
    "math": re.compile(r"(?<!\\)\$"),
}
"""What Obsidian looks for in the Markdown itself."""


class Shown(HTMLParser):
    """The elements of a page, and the text that is seen."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self._texts: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        self._texts.append("\n")

    def handle_endtag(self, tag: str) -> None:
        self._texts.append("\n" if tag not in ("a", "em", "strong") else "")

    def handle_data(self, data: str) -> None:
        self._texts.append(data)

    def handle_comment(self, data: str) -> None:
        self.elements.append((f"<!--{data}-->", {}))

    def handle_decl(self, decl: str) -> None:
        self.elements.append((f"<!{decl}>", {}))

    def unknown_decl(self, data: str) -> None:
        self.elements.append((f"<![{data}]>", {}))

    def handle_pi(self, data: str) -> None:
        self.elements.append((f"<?{data}>", {}))

    @property
    def tags(self) -> set[str]:
        """Names of the elements; comments and instructions by their text."""
        return {tag for tag, _ in self.elements}

    @property
    def addresses(self) -> list[str]:
        """Where links, images and anything else lead."""
        values = [
            attributes.get(name) for _, attributes in self.elements for name in ("href", "src")
        ]
        return [value for value in values if value is not None]

    @property
    def text(self) -> str:
        """The text, joiners included."""
        return "".join(self._texts)

    @property
    def words(self) -> list[str]:
        """The words that are seen."""
        return self.text.replace(JOINER, "").split()
