"""Were the right tools called, with the right arguments, in the right order."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from assay.records.dialogue import Output, Reply, ToolCall
from assay.records.golden import Case


def gold_tools(case: Case, _reply: Reply) -> str:
    return "" if case.expected.tools else "no_gold_tools"


def _called(reply: Reply) -> tuple[ToolCall, ...]:
    return (reply.output or Output()).tools


def tool_f1(case: Case, reply: Reply) -> float:
    """F1 over the names of the calls, each as often as it was made, 0 to 1."""
    gold = Counter(call.name for call in case.expected.tools)
    made = Counter(call.name for call in _called(reply))
    return 2 * (gold & made).total() / (gold.total() + made.total())


def tool_exact(case: Case, reply: Reply) -> float:
    """1 when exactly the gold calls were made, with exactly their arguments, in any order."""
    gold, made = case.expected.tools, _called(reply)
    return float(len(gold) == len(made) and _all_matched(gold, made, lambda want, have: want == have))


def tool_arguments(case: Case, reply: Reply) -> float:
    """1 when for every gold call another one was made that has its name and its arguments among others."""
    return float(_all_matched(case.expected.tools, _called(reply), _holds))


def tool_order(case: Case, reply: Reply) -> float:
    """1 when the gold names were called in their order, whatever was called between them."""
    made = iter(call.name for call in _called(reply))
    return float(all(call.name in made for call in case.expected.tools))


def _holds(want: Any, have: Any) -> bool:
    """True when an object has every key of the wanted one with a value that holds the wanted value."""
    if isinstance(want, Mapping):
        return isinstance(have, Mapping) and all(key in have and _holds(want[key], have[key]) for key in want)
    return bool(want == have)


def _all_matched(gold: Sequence[ToolCall], made: Sequence[ToolCall], fits: Callable[[Any, Any], bool]) -> bool:
    """True when every gold call can be given a call of its own that fits (augmenting paths)."""
    chosen: dict[int, int] = {}

    def place(want: int, seen: set[int]) -> bool:
        for have, call in enumerate(made):
            if have in seen or call.name != gold[want].name or not fits(gold[want].arguments, call.arguments):
                continue
            seen.add(have)
            if have not in chosen or place(chosen[have], seen):
                chosen[have] = want
                return True
        return False

    return all(place(want, set()) for want in range(len(gold)))
