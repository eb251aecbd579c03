"""The shell of every report: one HTML file that needs no network and no script."""

from __future__ import annotations

from html import escape
from importlib.resources import files

from assay.plot.svg import element


def page(title: str, eyebrow: str, sections: list[str], footer: str = "") -> str:
    """A whole document; `sections` and `footer` are HTML already, title and eyebrow are escaped here."""
    style = files("assay.evaluate").joinpath("report.css").read_text("utf-8")
    return "".join(
        [
            '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            '<meta name="color-scheme" content="light dark">',
            "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">",
            f"<title>{escape(title)}</title><style>{style}</style></head><body>",
            element(
                "header", element("p", escape(eyebrow), class_="eyebrow"), element("h1", escape(title)), class_="top"
            ),
            element("main", *sections),
            footer,
            "</body></html>\n",
        ]
    )


def section(heading: str, *content: str) -> str:
    """A section with its heading; the content is HTML already."""
    return element("section", element("h2", escape(heading)), *content)


def scroll(content: str) -> str:
    """Wide content that scrolls sideways by itself."""
    return element("div", content, class_="scroll", tabindex=0, role="region", aria_label="scrolls sideways")
