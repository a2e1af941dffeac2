"""Reading HTML back, strictly: unknown elements, attributes and addresses are errors."""

from __future__ import annotations

from html.parser import HTMLParser

ALLOWED = {
    "html": {"lang", "class"},
    "head": set(),
    "meta": {"charset", "name", "http-equiv", "content"},
    "title": set(),
    "style": set(),
    "body": set(),
    "main": set(),
    "article": {"class", "id", "aria-label"},
    "p": {"class", "id", "dir"},
    "div": {"class", "dir"},
    "span": {"class", "id", "dir", "role", "hidden", "title"},
    "strong": {"dir"},
    "small": {"class"},
    "q": {"dir"},
    "a": {"class", "href", "rel", "target", "aria-label", "aria-describedby"},
    "mark": {"class", "title"},
    "dl": {"class"},
    "dt": {"class"},
    "dd": set(),
    "ul": {"class", "aria-labelledby"},
    "li": {"class", "id"},
    "details": {"class", "open"},
    "summary": set(),
    "footer": {"class"},
}
"""Elements and their attributes; neither scripts, images, frames, forms, handlers nor styles."""

VOID = {"meta"}


class Page(HTMLParser):
    """What a browser would make of a text."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.texts: dict[str, list[str]] = {}
        """Text of elements by their first class, else by their tag."""
        self.declarations: list[str] = []
        self._open: list[tuple[str, str]] = []
        self.feed(html)
        self.close()
        assert not self._open, f"not closed: {self._open}"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attrs}
        assert tag in ALLOWED, f"element {tag}"
        assert set(found) <= ALLOWED[tag], f"attributes of {tag}: {sorted(found)}"
        self.elements.append((tag, found))
        if tag not in VOID:
            key = found.get("class", tag).split()[0]
            self._open.append((tag, key))
            self.texts.setdefault(key, []).append("")

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop()[0] == tag, f"{tag} closes another element"

    def handle_data(self, data: str) -> None:
        for key in dict.fromkeys(key for _, key in self._open):
            self.texts[key][-1] += data

    def handle_comment(self, data: str) -> None:
        raise AssertionError(f"a comment: {data}")

    def handle_decl(self, decl: str) -> None:
        self.declarations.append(decl)

    def handle_pi(self, data: str) -> None:
        raise AssertionError(f"an instruction: {data}")

    def all(self, tag: str) -> list[dict[str, str]]:
        """Return the attributes of all elements of a kind."""
        return [attributes for name, attributes in self.elements if name == tag]

    def classes(self, name: str) -> list[dict[str, str]]:
        """Return the attributes of all elements of a class."""
        return [one for _, one in self.elements if name in one.get("class", "").split()]

    def ids(self) -> list[str]:
        """Return all ids."""
        return [one["id"] for _, one in self.elements if "id" in one]
