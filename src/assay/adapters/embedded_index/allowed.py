"""Which chunks a scope may see, from an inverted list of groups, so that thousands of access lists cost little."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from assay.adapters.embedded_index.rows import access_of
from assay.records.access import EVERY_TENANT, Scope

if TYPE_CHECKING:
    from numpy.typing import NDArray

MOST_SCOPES = 256
_OPEN = None


@dataclass(frozen=True)
class Allowance:
    """What one scope may see: numbers and names of the access lists, how many chunks stand under them, and whether
    that is the whole index. `groups` are those `(tenant, group)` that let it in, where a group of None is everybody."""

    lists: NDArray[np.int64]
    names: frozenset[str]
    groups: tuple[tuple[str, str | None], ...]
    chunks: int
    everything: bool


class AllowedRows:
    """Answers for one state of the index: `access[row]` numbers into `names`, the distinct access lists."""

    def __init__(self, names: Sequence[str], access: NDArray[np.int32]) -> None:
        self._names = names
        self._lists = [access_of(name) for name in names]
        self._by_group: dict[tuple[str, str | None], list[int]] = {}
        for number, stated in enumerate(self._lists):
            for group in stated.groups or (_OPEN,):
                self._by_group.setdefault((stated.tenant, group), []).append(number)
        self.access = access
        self._order = np.argsort(access, kind="stable").astype(np.int32)
        self._starts = np.searchsorted(access[self._order], np.arange(len(names) + 1))
        self._known: dict[Scope, Allowance] = {}

    def of(self, scope: Scope) -> Allowance:
        """Kept for the scopes asked for last, since the same callers come again."""
        known = self._known.get(scope)
        if known is None:
            known = self._look_up(scope)
            if len(self._known) >= MOST_SCOPES:
                self._known.clear()
            self._known[scope] = known
        return known

    def _look_up(self, scope: Scope) -> Allowance:
        groups = [
            (tenant, group)
            for tenant in sorted({scope.tenant, EVERY_TENANT})
            for group in (_OPEN, *sorted(scope.groups))
            if (tenant, group) in self._by_group
        ]
        near = sorted({number for key in groups for number in self._by_group[key]})
        # The inverted lists only narrow the choice; the scope itself decides.
        lists = np.array([number for number in near if scope.allows(self._lists[number])], dtype=np.int64)
        return Allowance(
            lists,
            frozenset(self._names[number] for number in lists),
            tuple(groups),
            int((self._starts[lists + 1] - self._starts[lists]).sum()),
            len(lists) == len(self._lists),
        )

    def rows(self, allowance: Allowance) -> NDArray[np.int32]:
        """The chunks that may be seen, in any order; made for few."""
        parts = [self._order[self._starts[n] : self._starts[n + 1]] for n in allowance.lists]
        return np.concatenate(parts) if parts else np.empty(0, dtype=np.int32)

    def of_lists(self, allowance: Allowance) -> NDArray[np.bool_]:
        """For each access list, whether what stands under it may be seen."""
        allowed = np.zeros(len(self._lists), dtype=np.bool_)
        allowed[allowance.lists] = True
        return allowed
