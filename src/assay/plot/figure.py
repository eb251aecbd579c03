"""A figure: a picture, what it says in one sentence and the numbers behind it, shown the same way everywhere.

One object serves the terminal (`text`), a page (`html`), a notebook (it shows itself) and a pull request (`markdown`).
The picture holds no script and no style, so that a page under a strict content security policy can show it; what stands
alone, as a file or in a notebook, brings the few colours it needs.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from assay.plot.svg import clean, columns, element, escape, first_columns, padded, shortened, table_html

MIN_WIDTH = 40
"""A terminal narrower than this is written to as if it had this many columns."""

TextPlot = Callable[[int], Sequence[str]]
"""Lines of a plot for a terminal of so many columns; no line where the table says it better."""

_ALONE = (
    "svg{background:#fff;color:#1a1d21}text{fill:#1a1d21}.muted{fill:#5a636e}.row.clears{color:#0b6e4f}"
    ".row.worse{color:#b3261e}.margin{stroke:#1f4fbf}"
    "@media(prefers-color-scheme:dark){svg{background:#14171b;color:#e8eaed}text{fill:#e8eaed}.muted{fill:#a3acb8}"
    ".row.clears{color:#5fd0a5}.row.worse{color:#ff8a80}.margin{stroke:#8fb4ff}}"
)
_IN_NOTEBOOK = (
    ".assay-figure svg{display:block;max-width:100%;height:auto}.assay-figure text{fill:currentColor}"
    ".assay-figure .muted{opacity:.75}.assay-figure th,.assay-figure td{text-align:left}"
)


@dataclass(frozen=True, slots=True)
class Figure:
    """`identity` is a name of letters, digits, `-` and `_` that is unique on a page and names the figure's files.

    `takeaway` is one or two sentences of plain text. `rows` have one cell for each of `header`; the first names the
    row. `notes` say how the numbers were made. `svg` is markup already; everything else is text and is escaped.
    """

    identity: str
    title: str
    takeaway: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    svg: str
    notes: tuple[str, ...] = ()
    text_plot: TextPlot | None = field(default=None, compare=False, repr=False)

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[A-Za-z][\w-]*", self.identity, re.ASCII):
            raise ValueError("a figure's identity begins with a letter and holds letters, digits, - and _")
        if any(len(row) != len(self.header) for row in self.rows):
            raise ValueError("every row of a figure's table has one cell for each column")

    def text(self, width: int = 100) -> str:
        """For a terminal of `width` columns: the takeaway, then the plot, or the table where there is none."""
        width = max(MIN_WIDTH, width)
        drawn = tuple(self.text_plot(width)) if self.text_plot else ()
        if any(columns(line) > width for line in drawn):
            drawn = ()
        lines = [*wrapped(self.takeaway, width), *([""] if drawn or self.rows else []), *drawn]
        if not drawn:
            lines += text_table(self.header, self.rows, width)
        for note in self.notes:
            lines += wrapped(note, width, "  ")
        return "\n".join(line.rstrip() for line in lines)

    def html(self) -> str:
        """A `<figure>`: caption, picture, notes, and the table behind a disclosure. Wide content scrolls by itself."""
        notes = "".join(element("p", escape(note), class_="muted note") for note in self.notes)
        table = table_html(self.title, self.header, self.rows)
        return element(
            "figure",
            element("figcaption", escape(self.takeaway)),
            scrolling(self.svg, f"Plot: {self.title}"),
            notes,
            element(
                "details", element("summary", "The numbers as a table"), scrolling(table, f"Table: {self.title}")
            ) if self.rows else "",
            class_="plot-figure",
        )  # fmt: skip

    def markdown(self, link: str = "") -> str:
        """For a pull request: the takeaway and the table. `link` is where the picture can be seen, such as an artefact
        of the build; hosts show no picture that stands in the text itself."""
        parts = [f"**{markdown_text(self.title)}.** {markdown_text(self.takeaway)}"]
        if self.rows:
            parts.append(markdown_table(self.header, self.rows))
        if self.notes:
            parts.append("<br>\n".join(f"<sub>{markdown_text(note)}</sub>" for note in self.notes))
        if link:
            parts.append(f"[Picture]({markdown_address(link)})")
        return "\n\n".join(parts) + "\n"

    def standalone(self) -> str:
        """The picture as a file of its own, light or dark as its reader is, on a ground of its own."""
        head, rest = self.svg.split(">", 1)
        return f'<?xml version="1.0" encoding="UTF-8"?>\n{head}>{element("style", _ALONE)}{rest}\n'

    def csv(self) -> str:
        """The table in CSV (RFC 4180). Cells that a spreadsheet would take for a formula are kept from being one."""
        made = io.StringIO()
        writer = csv.writer(made)
        writer.writerow(self.header)
        writer.writerows([_no_formula(cell) for cell in row] for row in self.rows)
        return made.getvalue()

    def data(self) -> dict[str, Any]:
        """What the figure says as JSON values, without the picture."""
        return {
            "id": self.identity,
            "title": self.title,
            "takeaway": self.takeaway,
            "header": list(self.header),
            "rows": [list(row) for row in self.rows],
            "notes": list(self.notes),
        }

    def _repr_html_(self) -> str:
        """What a notebook shows; colours come from the notebook's own theme."""
        return element("div", element("style", _IN_NOTEBOOK), self.html(), class_="assay-figure")

    def _repr_svg_(self) -> str:
        return self.standalone().split("\n", 1)[1]

    def _repr_markdown_(self) -> str:
        return self.markdown()


def scrolling(content: str, name: str) -> str:
    """Markup that scrolls sideways by itself, reachable by keyboard and named for those who do not see it."""
    return element("div", content, class_="scroll", tabindex=0, role="region", aria_label=name)


def wrapped(text: str, width: int, indent: str = "") -> list[str]:
    """`text` in lines of at most `width` columns; a word that is longer is broken."""
    room = max(10, width - len(indent))
    lines = [""]
    for word in re.split(r" +", clean(text).strip()):
        joined = f"{lines[-1]} {word}" if lines[-1] else word
        if columns(joined) <= room:
            lines[-1] = joined
            continue
        lines += [word] if lines[-1] else []
        while columns(lines[-1] or word) > room:
            whole = lines[-1] or word
            lines[-1] = first_columns(whole, room)
            lines.append(whole[len(lines[-1]) :])
    return [indent + line for line in lines]


def text_table(header: Sequence[str], rows: Sequence[Sequence[str]], width: int) -> list[str]:
    """An aligned table of at most `width` columns: the widest column gives way first, numbers stand to the right. Where
    no column would be left to read, each row becomes a few lines of its own."""
    if not rows:
        return []
    if len(header) * (_LEAST_COLUMN + 2) - 2 > width:
        return [line for row in rows for line in _record(header, row, width)]
    widths = [max(columns(row[at]) for row in (header, *rows)) for at in range(len(header))]
    while sum(widths) + 2 * (len(widths) - 1) > width:
        widths[widths.index(max(widths))] -= 1
    right = [all(_numeric(row[at]) for row in rows) for at in range(len(header))]

    def line(cells: Sequence[str]) -> str:
        fitted = (padded(c, w, right=r) for c, w, r in zip(cells, widths, right, strict=True))
        return "  ".join(fitted)

    return [line(header), line(["─" * w for w in widths]), *(line(row) for row in rows)]


_LEAST_COLUMN = 5


def _record(header: Sequence[str], row: Sequence[str], width: int) -> list[str]:
    told = ", ".join(f"{name} {cell}" for name, cell in zip(header[1:], row[1:], strict=True) if cell)
    return [shortened(row[0], width), *wrapped(told, width, "  ")]


def _numeric(cell: str) -> bool:
    return bool(re.fullmatch(r"[+−-]?[\d.,]+( ?[%a-zA-Z]{1,3})?|–|", cell.strip()))


_PUNCTUATION = re.compile(r"([\\`*|~<>$])")
_LOOSE_UNDERSCORE = re.compile(r"(?<![^\W_])_|_(?![^\W_])")
_BRACKETED = re.compile(r"\][(\[:]|\[\^")
_CALLS = re.compile(r"((?<!\w)@|@(?=[^\W\d])|#)(?=\w)|(?<=:)(?=//)|(?<=www)(?=\.)|(?<=\bGH)(?=-\d)", re.IGNORECASE)


def markdown_text(text: str) -> str:
    """`text` so that GitHub and GitLab show it as it stands: no markup, link, image, mention or issue reference."""
    text = _PUNCTUATION.sub(r"\\\1", clean(text).replace("&", "&amp;"))
    text = _LOOSE_UNDERSCORE.sub(r"\_", text)
    if _BRACKETED.search(text):
        text = text.replace("[", "\\[").replace("]", "\\]")
    return _CALLS.sub(lambda found: f"{found[1] or ''}\u200b", text)


def markdown_address(address: str) -> str:
    """An address for a Markdown link; what could end it is written as percent codes."""
    return re.sub(r"[^\w./:?=&%~+-]", lambda found: "".join(f"%{b:02X}" for b in found[0].encode()), address)


def markdown_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table as GitHub and GitLab read it."""
    lines = [header, ["---"] * len(header), *rows]
    made = [[cell if at == 1 else markdown_text(cell) for cell in line] for at, line in enumerate(lines)]
    return "\n".join(f"| {' | '.join(line)} |" for line in made)


def _no_formula(cell: str) -> str:
    risky = cell.startswith(("=", "@", "\t", "\r")) or (cell[:1] in "+-" and not _numeric(cell))
    return f"'{cell}" if risky else cell
