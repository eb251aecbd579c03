"""The page on lost evidence: a stacked bar, its table, and every failed case with what was observed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

from assay.evaluate.attribution import Attribution, Loss, loss_table
from assay.evaluate.page import page, scroll, section
from assay.plot.stacked import Bar, stacked_sentence, stacked_svg, stacked_table
from assay.plot.svg import element, figure_html, table_html
from assay.records.golden import Case

PARTS = ("right when put back there", "right when put back later", "never right")
NAMES: Mapping[Loss, str] = {
    Loss.NOT_IN_CORPUS: "not in the corpus",
    Loss.NOT_ALLOWED: "not for this caller",
    Loss.LOST_IN_PARSING: "lost in parsing",
    Loss.NOT_RETRIEVED: "not retrieved",
    Loss.RANKED_AWAY: "fused or reranked away",
    Loss.PACKED_OUT: "packed out",
    Loss.DECLINED: "declined with evidence",
    Loss.CONTRADICTED: "contradicted by another",
    Loss.IGNORED: "ignored by the generator",
    Loss.WRONGLY_ANSWERED: "should have declined",
    Loss.NO_EVIDENCE_NAMED: "no evidence named",
}


def bars(attributions: Sequence[Attribution]) -> list[Bar]:
    """One bar for each kind of loss, in the order of the pipeline."""
    return [Bar(NAMES[row.loss], (row.proved, row.repaired_later, row.never)) for row in loss_table(attributions)]


def attribution_html(attributions: Sequence[Attribution], cases: Mapping[str, Case], subject: str, judged: int) -> str:
    """The whole page; questions come from the golden set and are escaped."""
    drawn = bars(attributions)
    title = f"{len(attributions)} of {judged} cases failed. {stacked_sentence(drawn)}" if drawn else "No case failed"
    figure = figure_html(
        scroll(stacked_svg(drawn, PARTS, identity="losses", title="Where failed cases lost their evidence")),
        "Each bar counts failed cases by the first stage after which the gold evidence was gone or did not do its "
        "work. The shades tell what replaying showed with the evidence put back.",
        scroll(stacked_table(drawn, PARTS, "Failed cases by stage")),
    )
    rows = [
        [one.case_id, NAMES[one.loss], one.repaired_by or "–", _told(one), cases[one.case_id].question]
        for one in attributions
    ]
    header = ("case", "lost", "right with evidence at", "observed", "question")
    return page(
        title,
        subject,
        [
            section("Where evidence was lost", figure if drawn else element("p", "Every case was right.")),
            section("Failed cases", scroll(table_html("Every failed case", header, rows))) if rows else "",
            section("How to read it", _explained()),
        ],
    )


def _told(one: Attribution) -> str:
    return ", ".join(f"{name} {value}" for name, value in one.detail.items())


def _explained() -> str:
    meanings = (
        ("engines", "the evidence was put first into what each engine found"),
        ("ranking", "it was put first after fusion and reranking"),
        ("passages", "it was put first among the passages handed to the generator"),
        ("alone", "the generator saw nothing else"),
    )
    return element("dl", *(element("dt", escape(a)) + element("dd", escape(b)) for a, b in meanings))
