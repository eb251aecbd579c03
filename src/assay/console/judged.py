"""Evaluation pages: the runs, and two of them compared."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from starlette.requests import Request as HttpRequest
from starlette.responses import Response

from assay.console.page import Pages
from assay.records.access import Scope
from assay.records.comparison import Comparison, Flip
from assay.records.errors import InputError
from assay.records.evaluation import Direction, Run, RunStatus, Sample
from assay.records.golden import Case

if TYPE_CHECKING:
    from collections.abc import Callable

FLIPS_SHOWN = 50
COMPARISONS_KEPT = 16


@dataclass(frozen=True, slots=True)
class ShownFlip:
    """A case that changed. Texts are None when the case was asked in a scope that the reader does not have."""

    flip: Flip
    question: str | None
    baseline: Sample | None
    candidate: Sample | None


@dataclass(frozen=True, slots=True)
class Compared:
    """Two runs, what separates them, and the replies of the cases that flipped."""

    baseline: Run
    candidate: Run
    comparison: Comparison
    cases: dict[str, Case]
    samples: tuple[dict[str, Sample], dict[str, Sample]]


class Judged:
    """Comparisons of complete runs never change, so the last few are kept."""

    def __init__(self, pages: Pages) -> None:
        self.pages = pages
        self._kept: Callable[[str, str], Compared] = lru_cache(COMPARISONS_KEPT)(self._compare)

    async def runs(self, http: HttpRequest) -> Response:
        """`GET /runs`: every run, newest first, with a form that compares two."""
        caller = await self.pages.house.doorman.caller(http, "operate")
        found = await asyncio.to_thread(self.pages.house.services.stores.runs.runs)
        return self.pages.show(http, "runs.html", caller, {"runs": found})

    async def compare(self, http: HttpRequest) -> Response:
        """`GET /compare?a=&b=`: candidate B minus baseline A, paired by case."""
        caller = await self.pages.house.doorman.caller(http, "operate")
        a, b = http.query_params.get("a", ""), http.query_params.get("b", "")
        if not a or not b or a == b:
            raise InputError("console.two_runs", "choose two different runs: a baseline A and a candidate B")
        compared = await asyncio.to_thread(self._compared, a, b)
        values = await asyncio.to_thread(self._values, compared, caller.scope)
        return self.pages.show(http, "compare.html", caller, values, {"comparison": compared.comparison})

    def _compared(self, a: str, b: str) -> Compared:
        runs = self.pages.house.services.stores.runs
        one, other = runs.run(a), runs.run(b)
        if one.status is other.status is RunStatus.COMPLETE:
            return self._kept(one.run_id, other.run_id)
        return self._compare(one.run_id, other.run_id)

    def _compare(self, a: str, b: str) -> Compared:
        from assay.evaluate.compare import compare

        stores = self.pages.house.services.stores
        one, other = stores.runs.run(a), stores.runs.run(b)
        golden = stores.golden.get(one.golden_name, one.golden_version)
        left, right = tuple(stores.runs.samples(a)), tuple(stores.runs.samples(b))
        comparison = compare(one, left, other, right, golden)
        flipped = {flip.case_id for flip in comparison.flips[:FLIPS_SHOWN]}
        cases = {case.case_id: case for case in golden.cases if case.case_id in flipped}
        return Compared(one, other, comparison, cases, (_first(left, flipped), _first(right, flipped)))

    def _values(self, compared: Compared, scope: Scope) -> dict[str, Any]:
        comparison = compared.comparison
        left, right = compared.samples
        flips = []
        for flip in comparison.flips[:FLIPS_SHOWN]:
            case = compared.cases.get(flip.case_id)
            if case is not None and _covers(scope, case.scope):
                pair = left.get(flip.case_id), right.get(flip.case_id)
                flips.append(ShownFlip(flip, case.question, *pair))
            else:
                flips.append(ShownFlip(flip, None, None, None))
        return {
            "baseline": compared.baseline,
            "candidate": compared.candidate,
            "comparison": comparison,
            "overall": [delta for delta in comparison.deltas if not delta.slice],
            "slices": [delta for delta in comparison.deltas if delta.slice],
            "flips": flips,
            "higher": Direction.HIGHER,
        }


def _first(samples: tuple[Sample, ...], case_ids: set[str]) -> dict[str, Sample]:
    """The first repeat of every case in `case_ids`."""
    found: dict[str, Sample] = {}
    for sample in sorted(samples, key=lambda sample: sample.repeat):
        if sample.case_id in case_ids:
            found.setdefault(sample.case_id, sample)
    return found


def _covers(reader: Scope, asked: Scope) -> bool:
    """True when the reader may see everything that a case asked in `asked` could have been answered from."""
    return reader.tenant == asked.tenant and asked.groups <= reader.groups
