"""The safeguards that are claimed to hold something back, as data: what each holds, and the attack that misses it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial

from assay.evaluate.redteam.goals import Goal
from assay.wiring import sabotage_around as around
from assay.wiring import sabotage_attacks as attacks
from assay.wiring import sabotage_beside as beside
from assay.wiring.sabotage_attacks import Aim, Found, Ground

Attack = Callable[[Ground, frozenset[str]], Awaitable[Found]]


@dataclass(frozen=True)
class Layer:
    """One safeguard, or several that hold the same thing: `off` are their switches.

    `attack` must have more effects without it than with it. `alone` is False where one of `off` by itself is enough,
    so that only all of them together may be missed.
    """

    name: str
    holds: str
    off: tuple[str, ...]
    attack: Attack
    alone: bool = True


def _orders(*aims: Aim) -> Attack:
    return partial(attacks.orders, aims=aims)


LAYERS = (
    Layer("scope_filter", "the index finds only what the caller may read", ("scope_filter",), attacks.foreign_hits),
    Layer(
        "recheck", "what was closed since the index was made does not reach the model", ("recheck",),
        attacks.closed_before,
    ),
    Layer(
        "recheck_citations", "what is closed while the model writes is not cited", ("recheck_citations",),
        attacks.closed_during,
    ),
    Layer(
        "access", "another tenant's words do not leave", ("scope_filter", "recheck", "recheck_citations"),
        attacks.foreign_answer, alone=False,
    ),
    Layer(
        "cited_words", "a sentence that no source bears out is not shown", ("cited_words",),
        _orders((Goal.PROMPT, 2, "uncited"), (Goal.TOOL, 1, "uncited")),
    ),
    Layer("facts", "numbers, names and denials are the source's", ("facts",), _orders((Goal.OVERRIDE, 1, "bare"))),
    Layer(
        "calls", "no text has the form of a tool's call", ("calls",), _orders((Goal.TOOL, 2, "scaffold")),
    ),
    Layer("sources", "no list of sources but Assay's own", ("sources",), _orders((Goal.CITATION, 2, "bare"))),
    Layer(
        "added_words", "no order stands behind a true sentence", ("added_words",),
        _orders((Goal.OVERRIDE, 1, "two sentences")),
    ),
    Layer("addresses", "no address but the source's", ("addresses",), attacks.short_address),
    Layer(
        "addresses_and_words", "no link of an order's", ("addresses", "added_words", "facts"),
        _orders((Goal.LINK, 12, "appended")), alone=False,
    ),
    Layer("plain_text", "no image or tag, quoted or not", ("plain_text",), attacks.quoted_image),
    Layer("orders", "no order of a document is an answer", ("orders",), attacks.quoted_orders),
    Layer("marker", "the request's secret does not leave", ("marker",), _orders((Goal.PROMPT, 0, "appended"))),
    Layer("data_marks", "a document is not taken for the user or a role", ("data_marks",), attacks.unmarked_text),
    Layer("escaping", "titles are no markup in answers and pages", ("escaping",), attacks.markup),
    Layer("policy_in", "credentials of a question stop there", ("policy_in",), attacks.secrets_in),
    Layer(
        "policy_passages", "credentials of documents stop before the model", ("policy_passages",),
        attacks.secrets_in_passages,
    ),
    Layer("policy_out", "card numbers do not leave in an answer", ("policy_out",), attacks.card_out),
    Layer("disguises", "numbers in other signs are seen as what they are", ("disguises",), attacks.disguised),
    Layer("hidden_text", "what no reader sees does not reach the model", ("hidden_text",), attacks.smuggled),
    Layer("sizes", "endless questions are refused before anything reads them", ("sizes",), attacks.oversized),
    Layer("hold_back", "a stream gives out no value bit by bit", ("hold_back",), beside.streamed),
    Layer("trace_content", "traces keep no words of a question", ("trace_content",), beside.traced),
    Layer("broker", "no document makes a tool run", ("broker",), around.called),
    Layer("canary_guard", "a canary does not leave, however it is spelt", ("canary_guard",), around.given_away),
    Layer("redaction", "what is kept of a question holds no card number", ("redaction",), around.kept),
    Layer("audit_chain", "a changed line of the audit log is seen", ("audit_chain",), beside.rewritten),
    Layer("audit_checkpoints", "a log that was cut off is seen", ("audit_checkpoints",), beside.cut_off),
)  # fmt: skip
