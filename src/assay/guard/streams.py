"""Passing a stream of events on without leaving the inner one open when the reader goes away."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager

from assay.records.dialogue import ReplyEvent


@asynccontextmanager
async def closed_after(events: AsyncIterator[ReplyEvent]) -> AsyncIterator[AsyncIterator[ReplyEvent]]:
    """The same events; a generator is closed at the end of the block, so that a cancelled answer stops at once."""
    try:
        yield events
    finally:
        if isinstance(events, AsyncGenerator):
            await events.aclose()


@asynccontextmanager
async def ended(pieces: AsyncIterator[str]) -> AsyncIterator[None]:
    """At the end of the block a generator of text is closed, whatever happened in it."""
    try:
        yield
    finally:
        if isinstance(pieces, AsyncGenerator):
            await pieces.aclose()
