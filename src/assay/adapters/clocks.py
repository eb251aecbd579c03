"""The time: the system's, and a fake that moves only when told."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta


class SystemClock:
    def now(self) -> str:
        return datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")

    def monotonic(self) -> float:
        return time.monotonic()


@dataclass
class FakeClock:
    """Starts at a fixed moment; every reading of `now` moves on by `tick_s` so that times stay distinct."""

    seconds: float = 0.0
    tick_s: float = 0.001

    def now(self) -> str:
        self.seconds += self.tick_s
        moment = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=self.seconds)
        return moment.isoformat(timespec="microseconds").replace("+00:00", "Z")

    def monotonic(self) -> float:
        return self.seconds

    def advance(self, seconds: float) -> None:
        self.seconds += seconds
