"""Tool calls on the chat wire: those that the broker let through, those that wait for a person, and what comes back."""

from __future__ import annotations

from dataclasses import dataclass

from assay.guard.brokered import TOKENS
from assay.records.dialogue import Finished, Outcome, OutputReady, Request, ToolCall, Waiting
from assay.records.errors import InputError
from assay.serve.wire import ChatRequest, FunctionCall, ToolCallOut, WaitingOut, encoder

MOST_CONFIRMATIONS = 32
LONGEST_TOKEN = 100
ASKED_FIRST = "A person is asked before this is done."
NOT_ALLOWED = "What this needs may not be done here."


@dataclass
class Calls:
    """The calls of one answer. They are kept until it has ended: what a guard stops afterwards calls nothing."""

    made: tuple[ToolCall, ...] = ()
    waiting: tuple[Waiting, ...] = ()
    denied: int = 0

    def take(self, event: OutputReady) -> None:
        self.made += event.output.tools
        self.waiting += event.waiting
        self.denied += event.denied

    def out(self, request: Request, finished: Finished) -> list[ToolCallOut]:
        """With ids under the trace's. None leave an answer that was refused or not given."""
        if finished.outcome is not Outcome.ANSWERED:
            return []
        return [
            ToolCallOut(
                f"call_{request.request_id[:24]}_{number}",
                FunctionCall(call.name, encoder.encode(call.arguments).decode()),
            )
            for number, call in enumerate(self.made)
        ]

    def waits(self) -> list[WaitingOut]:
        return [WaitingOut(one.key, one.tool) for one in self.waiting]

    def said(self) -> str | None:
        """What is said in place of an answer without a sentence; None where nothing was called at all."""
        if self.waiting:
            return ASKED_FIRST
        if self.made:
            return ""
        return NOT_ALLOWED if self.denied else None


def no_results(asked: ChatRequest) -> None:
    """Results of tools behind the question are refused: an answer that passes over them would look as if it did not.

    Raises InputError `serve.tool_results`. There is a user message.
    """
    roles = [message.role for message in asked.messages]
    if "tool" in roles[len(roles) - roles[::-1].index("user") :]:
        raise InputError(
            "serve.tool_results", "an app does not go on from results of tools", where="$.messages",
            remedy="show them to the user; POST /v1/tools/results makes one fit for a prompt of your own",
        )  # fmt: skip


def confirmed(tokens: list[str]) -> dict[str, str]:
    """Tokens of approvals, as the broker reads them. Raises InputError `serve.confirmations`."""
    if len(tokens) > MOST_CONFIRMATIONS or not all(map(_sound, tokens)):
        raise InputError("serve.confirmations", "these are no tokens of approved calls", where="$.confirmations")
    return {TOKENS: " ".join(tokens)} if tokens else {}


def _sound(token: str) -> bool:
    return 0 < len(token) <= LONGEST_TOKEN and token.isascii() and token.replace("-", "").replace("_", "").isalnum()
