"""Which chunks a scope may see, from an inverted list of groups, so that thousands of access lists cost little."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from assay.adapters.embedded_index.rows import access_of
from assay.records.access import EVERY_TENANT, Scope

if TYPE_CHECKING:
    from numpy.typing import NDArray

_MOST_SCOPES = 256
_OPEN = None


class AllowedRows:
    """Answers for one state of the index: `access[row]` numbers into `names`, the distinct access lists."""

    def __init__(self, names: Sequence[str], access: NDArray[np.int32]) -> None:
        self._lists = [access_of(name) for name in names]
        self._by_group: dict[tuple[str, str | None], list[int]] = {}
        for number, stated in enumerate(self._lists):
            for group in stated.groups or (_OPEN,):
                self._by_group.setdefault((stated.tenant, group), []).append(number)
        self._access = access
        self._order = np.argsort(access, kind="stable").astype(np.int32)
        self._starts = np.searchsorted(access[self._order], np.arange(len(names) + 1))
        self._known: dict[Scope, NDArray[np.int64]] = {}

    def lists(self, scope: Scope) -> NDArray[np.int64]:
        """Numbers of the access lists that let the scope in, rising."""
        known = self._known.get(scope)
        if known is None:
            near = {
                number
                for tenant in (scope.tenant, EVERY_TENANT)
                for group in (_OPEN, *scope.groups)
                for number in self._by_group.get((tenant, group), ())
            }
            # The inverted lists only narrow the choice; the scope itself decides.
            known = np.array(sorted(n for n in near if scope.allows(self._lists[n])), dtype=np.int64)
            if len(self._known) >= _MOST_SCOPES:
                self._known.clear()
            self._known[scope] = known
        return known

    def count(self, scope: Scope) -> int:
        """How many chunks the scope may see."""
        lists = self.lists(scope)
        return int((self._starts[lists + 1] - self._starts[lists]).sum())

    def everything(self, scope: Scope) -> bool:
        return len(self.lists(scope)) == len(self._lists)

    def rows(self, scope: Scope) -> NDArray[np.int32]:
        """The chunks that the scope may see, in any order; made for few."""
        parts = [self._order[self._starts[n] : self._starts[n + 1]] for n in self.lists(scope)]
        return np.concatenate(parts) if parts else np.empty(0, dtype=np.int32)

    def mask(self, scope: Scope) -> NDArray[np.bool_]:
        """For each chunk, whether the scope may see it."""
        allowed = np.zeros(len(self._lists), dtype=np.bool_)
        allowed[self.lists(scope)] = True
        return allowed[self._access]
