"""What every endpoint and page is handed: the services, what is live, who is asking, and the ways to ask."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

from assay.records.access import Scope
from assay.records.dialogue import ReplyEvent, Request, Turn
from assay.records.errors import InputError
from assay.serve.doorman import Doorman
from assay.serve.live import Live
from assay.serve.options import ServeOptions
from assay.wiring.workspace import Running, Services


@dataclass(frozen=True)
class House:
    services: Services
    options: ServeOptions
    live: Live
    doorman: Doorman

    @staticmethod
    def open(services: Services, options: ServeOptions) -> House:
        live = Live(services, options.poll_s)
        return House(services, options, live, Doorman(services.stores.keys, services.clock, options))

    def question(self, text: str, scope: Scope, history: Sequence[Turn] = ()) -> Request:
        """A request under a fresh id, which is also its trace's. Raises InputError for an empty or endless question."""
        if not text.strip():
            raise InputError("serve.empty_question", "the question is empty")
        if len(text) > self.options.max_question_chars:
            limit = self.options.max_question_chars
            raise InputError("serve.question_too_long", f"the question is longer than {limit:,} characters")
        return Request(secrets.token_hex(16), text, scope, tuple(history))

    @staticmethod
    def answer(running: Running, request: Request) -> AsyncIterator[ReplyEvent]:
        return running.system.answer(request)
