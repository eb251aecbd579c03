"""Who may begin: one door for the limit on requests in flight and for the ceiling on what a run spends."""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass, field

from assay.evaluate.limits import Spending
from assay.evaluate.limits_flow import Flow


@dataclass
class Admission:
    """Lets samples in, in the order in which they came, while `flow` and `spending` allow it. With neither, everybody
    may enter at once."""

    flow: Flow | None = None
    spending: Spending | None = None
    in_flight: int = 0
    _waiting: deque[asyncio.Future[bool]] = field(default_factory=deque, repr=False)

    async def enter(self) -> bool:
        """Wait until a sample may begin; False when none may any more. Who enters must leave."""
        if not self._waiting:
            if self._open():
                self.in_flight += 1
                return True
            if self.in_flight == 0:
                self._refuse()
                return False
        turn: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            return await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled() and turn.result():
                self.leave()
            raise

    def leave(self) -> None:
        """A sample that entered is done: those who wait come in as far as there is room."""
        self.in_flight -= 1
        while self._waiting and self._open():
            turn = self._waiting.popleft()
            if not turn.done():
                self.in_flight += 1
                turn.set_result(True)
        if self.in_flight == 0 and self._waiting:
            self._refuse()

    def _open(self) -> bool:
        if self.flow is not None and self.in_flight >= self.flow.slots:
            return False
        return self.spending is None or self.spending.room_for(self.in_flight)

    def _refuse(self) -> None:
        if self.spending is not None:
            self.spending.reached = True
        for turn in self._waiting:
            if not turn.done():
                turn.set_result(False)
        self._waiting.clear()
