"""How many requests are in flight: found by feeling the way, as TCP does, between one and a ceiling."""

from __future__ import annotations

import statistics
from dataclasses import dataclass, field

FIRST = 4.0
"""Where the search begins."""
ON_OVERLOAD = 0.7
"""What is left of the limit after a refusal or a time-out (the factor of CUBIC, RFC 9438)."""
ON_DELAY = 0.9
"""What is left of it when answers take longer."""
LONGER = 2.0
"""Answers that take this many times as long as they did at best mean that requests wait in a queue over there. Lengths
of answers differ, so a smaller factor would shrink the limit without need."""
WINDOW = 8
"""At least so many answers before their median says anything."""
FORGETTING = 1.02
"""How much the best median may grow a window: an endpoint that became slower for good is not overloaded for ever."""


@dataclass
class Flow:
    """An adaptive limit: slow start, then additive increase and multiplicative decrease (Chiu and Jain 1989), on
    refusals and time-outs and, as in TCP Vegas (Brakmo and Peterson 1995), on growing delay.

    `most` is the ceiling, at least 1. Answers to requests that were under way at a decrease do not count again.
    """

    most: int
    limit: float = FIRST
    starting: bool = True
    decreases: int = 0
    _window: list[float] = field(default_factory=list, repr=False)
    _best: float = field(default=float("inf"), repr=False)
    _stale: int = field(default=0, repr=False)

    def __post_init__(self) -> None:
        self.limit = min(self.limit, float(self.most))

    @property
    def slots(self) -> int:
        return int(self.limit)

    def replied(self, seconds: float, in_flight: int, *, overloaded: bool) -> None:
        """Learn from one answer, or from one that was refused or did not come in time."""
        stale = self._stale > 0
        self._stale = max(0, self._stale - 1)
        if overloaded:
            if not stale:
                self._shrink(ON_OVERLOAD, in_flight)
            return
        if self._slower(seconds):
            if not stale:
                self._shrink(ON_DELAY, in_flight)
            return
        if in_flight >= self.slots:  # a limit that is not used says nothing about whether more would do
            self.limit = min(float(self.most), self.limit + (1.0 if self.starting else 1.0 / self.limit))

    def _slower(self, seconds: float) -> bool:
        self._window.append(seconds)
        if len(self._window) < max(WINDOW, self.slots):
            return False
        median = statistics.median(self._window)
        self._window.clear()
        self._best = min(self._best * FORGETTING, median)
        return median > LONGER * self._best

    def _shrink(self, factor: float, in_flight: int) -> None:
        self.limit = max(1.0, self.limit * factor)
        self.starting = False
        self.decreases += 1
        self._stale = in_flight
        self._window.clear()
