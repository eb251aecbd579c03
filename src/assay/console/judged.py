"""Evaluation pages: the runs, and two of them compared."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from markupsafe import Markup
from starlette.requests import Request as HttpRequest
from starlette.responses import Response

from assay.console.page import HTML, Pages
from assay.records.access import Caller, Scope
from assay.records.comparison import Comparison, Decision, Flip, Verdict
from assay.records.errors import InputError
from assay.records.evaluation import Run, RunStatus, Sample
from assay.records.golden import GoldenSet

if TYPE_CHECKING:
    from assay.plot.figure import Figure

FLIPS_SHOWN = 50
COMPARISONS_KEPT = 8

VERDICTS = {
    Verdict.SHIP: ("✓", "Ship"),
    Verdict.DO_NOT_SHIP: ("✕", "Do not ship"),
    Verdict.NEED_MORE_DATA: ("?", "Need more data"),
    Verdict.CANNOT_JUDGE: ("!", "Cannot judge"),
}


@dataclass(frozen=True, slots=True)
class ShownFlip:
    """A case that changed. Texts are None when the case was asked in a scope that the reader does not have."""

    flip: Flip
    question: str | None
    baseline: Sample | None
    candidate: Sample | None


@dataclass(frozen=True, slots=True)
class Compared:
    """Two runs, what separates them, and the first reply to every case that flipped."""

    baseline: Run
    candidate: Run
    golden: GoldenSet
    comparison: Comparison
    left: dict[str, Sample]
    right: dict[str, Sample]


class Judged:
    """Comparisons of complete runs never change, so the last few are kept."""

    def __init__(self, pages: Pages) -> None:
        self.pages = pages
        self._kept: Callable[[str, str], Compared] = lru_cache(COMPARISONS_KEPT)(self._compare)

    async def runs(self, http: HttpRequest) -> Response:
        """`GET /runs`: every run, newest first, with a form that compares two."""
        caller = await self.pages.house.doorman.caller(http, "operate")
        stores = self.pages.house.services.stores
        found = await asyncio.to_thread(stores.runs.runs)
        notes = {bundle.bundle_id: bundle.note for bundle in await asyncio.to_thread(stores.bundles.bundles)}
        return self.pages.show(http, "runs.html", caller, {"runs": found, "notes": notes})

    async def compare(self, http: HttpRequest) -> Response:
        """`GET /compare?a=&b=`: candidate B minus baseline A, paired by case, and the gate's decision if there is one.

        Texts of a case are shown to callers whose scope covers the one that it was asked in.
        """
        caller, a, b = await self._asked(http)
        compared = await asyncio.to_thread(self._compared, a, b)
        values = await asyncio.to_thread(self._values, compared, caller.scope)
        twin = {"comparison": compared.comparison, "decision": values["decision"]}
        return self.pages.show(http, "compare.html", caller, values, twin)

    async def report(self, http: HttpRequest) -> Response:
        """`GET /compare/report?a=&b=`: the same as one self-contained file to keep or send."""
        caller, a, b = await self._asked(http)
        body = await asyncio.to_thread(self._report, a, b, caller.scope)
        name = f"assay-{a[:12]}-{b[:12]}.html"
        return Response(body, media_type=HTML, headers={"Content-Disposition": f'attachment; filename="{name}"'})

    async def _asked(self, http: HttpRequest) -> tuple[Caller, str, str]:
        caller = await self.pages.house.doorman.caller(http, "operate")
        runs = self.pages.house.services.stores.runs
        a, b = http.query_params.get("a", ""), http.query_params.get("b", "")
        if not a or not b or a == b:
            raise InputError("console.two_runs", "choose two different runs: a baseline A and a candidate B")
        found = await asyncio.to_thread(lambda: (runs.run(a).run_id, runs.run(b).run_id))
        return caller, *found

    def _compared(self, a: str, b: str) -> Compared:
        runs = self.pages.house.services.stores.runs
        complete = runs.run(a).status is runs.run(b).status is RunStatus.COMPLETE
        return self._kept(a, b) if complete else self._compare(a, b)

    def _compare(self, a: str, b: str) -> Compared:
        from assay.evaluate.compare import compare

        stores = self.pages.house.services.stores
        one, other = stores.runs.run(a), stores.runs.run(b)
        golden = stores.golden.get(one.golden_name, one.golden_version)
        left, right = tuple(stores.runs.samples(a)), tuple(stores.runs.samples(b))
        comparison = compare(one, left, other, right, golden)
        flipped = {flip.case_id for flip in comparison.flips[:FLIPS_SHOWN]}
        return Compared(one, other, golden, comparison, _first(left, flipped), _first(right, flipped))

    def _decision(self, compared: Compared) -> Decision | None:
        """The newest decision on exactly these two runs."""
        wanted = (compared.baseline.run_id, compared.candidate.run_id)
        found = self.pages.house.services.stores.decisions.decisions()
        return next((d for d in found if (d.baseline_run, d.candidate_run) == wanted), None)

    def _values(self, compared: Compared, scope: Scope) -> dict[str, Any]:
        from assay.evaluate.compare import forest_rows
        from assay.evaluate.figures import flips_figure
        from assay.evaluate.report_html import headline
        from assay.plot.forest import figure_forest

        rows = forest_rows(compared.comparison)

        def forest(identity: str, sliced: bool) -> dict[str, Any]:
            return _drawn(figure_forest([row for row in rows if bool(row.slice) is sliced], identity))

        decision = self._decision(compared)
        return {
            "baseline": compared.baseline,
            "candidate": compared.candidate,
            "comparison": compared.comparison,
            "headline": headline(compared.comparison, decision),
            "decision": decision,
            "verdicts": VERDICTS,
            "overall": forest("overall", False),
            "slices": forest("slices", True),
            "won": _drawn(flips_figure(compared.comparison)),
            "flips": _flips(
                compared, self._readable(compared, scope, (*compared.left.values(), *compared.right.values()))
            ),
        }

    def _readable(self, compared: Compared, scope: Scope, samples: Sequence[Sample]) -> frozenset[str]:
        """Ids of the flipped cases whose texts the reader may see: asked in a scope that the reader covers, and with
        replies that rest on nothing that was closed to the reader, or removed, since."""
        flipped = {flip.case_id for flip in compared.comparison.flips}
        catalog = self.pages.house.services.stores.catalog
        by_case: dict[str, set[str]] = {}
        for sample in samples:
            if sample.case_id in flipped:
                by_case.setdefault(sample.case_id, set()).update(_chunk_ids(sample))
        ids = sorted(set().union(*by_case.values()))
        hidden = set(catalog.chunks(ids)) - catalog.visible(ids, scope)
        covered = (case.case_id for case in compared.golden.cases if scope.covers(case.scope))
        return frozenset(name for name in covered if name in flipped and hidden.isdisjoint(by_case.get(name, ())))

    def _report(self, a: str, b: str, scope: Scope) -> str:
        from assay.evaluate.report_html import comparison_html
        from assay.evaluate.summary import summarize

        compared = self._compared(a, b)
        runs = self.pages.house.services.stores.runs
        left, right = tuple(runs.samples(a)), tuple(runs.samples(b))
        clusters = {case.case_id: case.cluster for case in compared.golden.cases if case.cluster}
        readable = self._readable(compared, scope, (*left, *right))
        visible = tuple(case for case in compared.golden.cases if case.case_id in readable)
        return comparison_html(
            compared.comparison,
            summarize(compared.baseline, left, clusters),
            summarize(compared.candidate, right, clusters),
            replace(compared.golden, cases=visible),
            left,
            right,
            self._decision(compared),
        )


def _drawn(figure: Figure) -> dict[str, Any]:
    """A figure for a template. plot/ escapes what it draws; it is the one place that hands markup to a template."""
    from assay.plot.svg import table_html

    svg, table = Markup(figure.svg), Markup(table_html(figure.title, figure.header, figure.rows))  # noqa: S704
    return {"count": len(figure.rows), "takeaway": figure.takeaway, "svg": svg, "table": table, "notes": figure.notes}


def _chunk_ids(sample: Sample) -> set[str]:
    """The chunks that a reply was made from."""
    reply = sample.reply
    return {passage.chunk_id for passage in reply.passages} | {citation.chunk_id for citation in reply.citations}


def _flips(compared: Compared, readable: frozenset[str]) -> list[ShownFlip]:
    cases = {case.case_id: case for case in compared.golden.cases if case.case_id in readable}
    shown = []
    for flip in compared.comparison.flips[:FLIPS_SHOWN]:
        if flip.case_id in cases:
            pair = compared.left.get(flip.case_id), compared.right.get(flip.case_id)
            shown.append(ShownFlip(flip, cases[flip.case_id].question, *pair))
        else:
            shown.append(ShownFlip(flip, None, None, None))
    return shown


def _first(samples: tuple[Sample, ...], case_ids: set[str]) -> dict[str, Sample]:
    """The first repeat of every case in `case_ids`."""
    found: dict[str, Sample] = {}
    for sample in sorted(samples, key=lambda sample: sample.repeat):
        if sample.case_id in case_ids:
            found.setdefault(sample.case_id, sample)
    return found
