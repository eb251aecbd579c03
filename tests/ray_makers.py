"""What the workers of the cluster in `ray_story.py` make: imported there by name."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from typing import Any

from assay.records.dialogue import (
    AnswerSentence,
    Check,
    CheckStatus,
    Finished,
    Outcome,
    ReplyEvent,
    Request,
    SentenceReady,
)


class Slow:
    """A system that says the question again, slowly enough for a worker to die meanwhile."""

    recipe = "slow.v1"

    async def answer(self, request: Request) -> AsyncIterator[ReplyEvent]:
        await asyncio.sleep(0.05)
        yield SentenceReady(AnswerSentence(request.question, (), Check(CheckStatus.NOT_CHECKED)))
        yield Finished(Outcome.ANSWERED)


def killing_reader() -> Any:
    """A reader whose worker dies before it has read anything, always."""
    os.kill(os.getpid(), signal.SIGKILL)
