"""Cases that were made from others (CheckList): each is held against the reply to the case it came from."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from assay.records.dialogue import Reply
from assay.records.golden import Case, RelationKind


def source_of(case: Case) -> str:
    """The case id that this case is held against; empty for one that stands alone."""
    relation = case.expected.relation
    return "" if relation is None or relation.kind is RelationKind.MINIMUM else relation.of


def ordered(cases: Sequence[Case]) -> tuple[Case, ...]:
    """The cases with every source before what was made from it, otherwise as they stand."""
    depths = _depths(cases)
    return tuple(sorted(cases, key=lambda case: depths[case.case_id])) if any(depths.values()) else tuple(cases)


def _depths(cases: Sequence[Case]) -> dict[str, int]:
    """How many cases each goes back on; 0 as well for those that go back on each other in a circle."""
    sources = {case.case_id: source_of(case) for case in cases}
    depths: dict[str, int] = {}
    for case_id in sources:
        path = [case_id]
        while (of := sources[path[-1]]) in sources and of not in path and of not in depths:
            path.append(of)
        circle = of in path
        depth = 0 if circle or of not in depths else depths[of] + 1
        for one in reversed(path):
            depths[one] = 0 if circle else depth
            depth += 1
    return depths


class Sources:
    """The replies that other cases are held against, by case and repeat, for those who wait for them."""

    def __init__(self, cases: Sequence[Case]) -> None:
        depths = _depths(cases)
        self._of = {case.case_id: source_of(case) for case in cases if depths[case.case_id]}
        self.needed = frozenset(self._of.values())
        self._replies: dict[tuple[str, int], Reply] = {}
        self._waited: dict[tuple[str, int], list[asyncio.Future[None]]] = {}
        self._begun: set[tuple[str, int]] = set()
        self._given_up = False

    def told(self, case_id: str, repeat: int, reply: Reply) -> None:
        """A case was answered."""
        if case_id in self.needed:
            self._replies[case_id, repeat] = reply
            for waiting in self._waited.pop((case_id, repeat), []):
                if not waiting.done():
                    waiting.set_result(None)

    def begun(self, case_id: str, repeat: int) -> None:
        """A case is being answered: those who wait for it wait on, whatever else ends."""
        if case_id in self.needed:
            self._begun.add((case_id, repeat))

    def give_up(self) -> None:
        """No more cases will be begun: nobody waits for those that were not."""
        self._given_up = True
        for waiting in (one for key, many in self._waited.items() if key not in self._begun for one in many):
            if not waiting.done():
                waiting.set_result(None)

    async def reply(self, case: Case, repeat: int) -> Reply | None:
        """The reply that this one is held against, as soon as there is one; None for a case that stands alone or whose
        source is no case here. Raises LookupError when the run ends before the source was answered."""
        of = self._of.get(case.case_id)
        if of is None:
            return None
        if (of, repeat) not in self._replies and not (self._given_up and (of, repeat) not in self._begun):
            coming = asyncio.get_running_loop().create_future()
            self._waited.setdefault((of, repeat), []).append(coming)
            await coming
        return self._replies[of, repeat]
