"""The corpus scan as one HTML file that needs no network and no script."""

from __future__ import annotations

from html import escape

from assay.evaluate.page import page, scroll, section
from assay.govern.corpus_report import RULE_HEADER, CorpusReport, rule_rows, summary_rows
from assay.plot.svg import element, table_html


def corpus_html(report: CorpusReport) -> str:
    """The whole page; names of documents and sources are escaped, and nothing that was found stands in it."""
    top = [(name, f"{count:,}") for name, count in report.top]
    none = element("p", "Nothing was found.")
    rules = table_html("Every rule that found something", RULE_HEADER, rule_rows(report))
    most = table_html("Personal data, secrets, hidden text and instructions", ("document", "findings"), top)
    sections = [
        section("Corpus", scroll(table_html("What was scanned", ("what", "how much"), summary_rows(report)))),
        section("Findings by rule", scroll(rules) if report.rules else none),
        section("Documents with the most findings", scroll(most) if top else none),
    ]
    footer = element("footer", element("p", escape(f"corpus {report.corpus} · detectors {report.detectors}")))
    return page("Corpus scan", f"{report.documents:,} documents · {report.at}", sections, footer)
