"""Ends a stream of reply events properly whatever goes wrong inside it."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator

from assay.assist.closing import closing
from assay.ports.reading import Clock
from assay.records.dialogue import Finished, Outcome, ReplyEvent
from assay.records.errors import AssayError

_LOG = logging.getLogger(__name__)


async def finished_on_failure(
    events: AsyncIterator[ReplyEvent], clock: Clock, started: float
) -> AsyncIterator[ReplyEvent]:
    """Pass events on; an error becomes `Finished(FAILED)` with its code, an unforeseen one `system.internal`.

    Only the type of an unforeseen error is logged, since its message may hold what a user wrote. Cancellation passes.
    """
    try:
        async with closing(events) as inner:
            async for event in inner:
                yield event
            return
    except AssayError as error:
        reason = error.code
    except Exception as error:  # noqa: BLE001 - the contract of System: every stream ends in Finished
        _LOG.error("a stage failed with %s", type(error).__name__)
        reason = "system.internal"
    yield Finished(Outcome.FAILED, reason, duration_ms=1000.0 * (clock.monotonic() - started))
