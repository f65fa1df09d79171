"""A page read back, to see what it says."""

from html.parser import HTMLParser

VOID = {"br", "img", "link", "meta"}


Table = list[list[str]]


class Page(HTMLParser):
    """A page's tags, attributes, ids, tables and text; it must be well nested."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.tables: dict[str, Table] = {}
        self.words: dict[str, str] = {}
        self._open: list[str] = []
        self._sections: list[str] = []
        self._label = ""
        self._table: Table | None = None
        self.feed(html)
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.tags.append((tag, given))
        if tag not in VOID:
            self._open.append(tag)
        if tag == "section":
            self._sections.append(given["id"])
        if given.get("role") == "region":
            self._label = given["aria-label"]
        if tag == "table":
            self._table = self.tables.setdefault(self._label, [])
        if tag == "tr" and self._table is not None:
            self._table.append([])
        if tag in {"td", "th"} and self._table is not None:
            self._table[-1].append("")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag
        if tag == "table":
            self._table = None
        if tag == "section":
            self._sections.pop()

    def handle_data(self, data: str) -> None:
        where = self._sections[-1] if self._sections else ""
        self.words[where] = self.words.get(where, "") + data
        if self._table and self._table[-1] and self._open[-1] != "title":
            self._table[-1][-1] += data

    def attributes(self, name: str) -> list[str]:
        return [given[name] for _, given in self.tags if name in given]

    def rows(self, label: str) -> Table:
        """A table's body, its cells' blanks made single."""
        return [[" ".join(cell.split()) for cell in row] for row in self.tables[label][1:]]

    def said(self, section: str) -> str:
        return " ".join(self.words[section].split())


def three(value: float) -> str:
    return f"{value:.3f}"
