"""What a run may spend at most, and what it has spent: no sample begins that could pass the ceiling."""

from __future__ import annotations

from dataclasses import dataclass, field

from assay.records.dialogue import Usage

UNKNOWN_PRICE = "evaluate.unknown_price"
UNKNOWN_TOKENS = "evaluate.unknown_tokens"


@dataclass(frozen=True, slots=True)
class Ceiling:
    """The most a run may spend in all, in US dollars and in tokens read and written together; None means no limit.

    Raises ValueError for a limit that is not above 0.
    """

    cost_usd: float | None = None
    tokens: int | None = None

    def __post_init__(self) -> None:
        if any(limit is not None and not limit > 0 for limit in (self.cost_usd, self.tokens)):
            raise ValueError("a ceiling is above 0")

    @property
    def stated(self) -> bool:
        return self.cost_usd is not None or self.tokens is not None


@dataclass
class Spending:
    """What the replies of a run have cost so far, against its ceiling.

    While samples are in flight each is counted as dear as the dearest reply so far, and until the first reply is back
    only one is in flight. So a run passes its ceiling by no more than what its last replies cost above the dearest
    before them. An attempt that failed without saying what it used is counted as the dearest, too.
    """

    ceiling: Ceiling = field(default_factory=Ceiling)
    cost_usd: float = 0.0
    tokens: int = 0
    replies: int = 0
    unsaid: int = 0
    """Attempts that did not say what they used."""
    dearest_usd: float = 0.0
    most_tokens: int = 0
    refusal: str = ""
    """Why nothing more may begin: a reply did not say what the ceiling needs."""
    reached: bool = False
    """True once a sample was not begun because of the ceiling."""

    def add(self, usage: Usage, *, failed: bool = False) -> None:
        """Count one attempt. A reply that does not say what a ceiling is put on stops the run."""
        cost = usage.cost_usd
        known = None not in (usage.tokens_in, usage.tokens_out)
        tokens = (usage.tokens_in or 0) + (usage.tokens_out or 0) if known else None
        if not failed and cost is None and self.ceiling.cost_usd is not None:
            self.refusal = UNKNOWN_PRICE
        if not failed and tokens is None and self.ceiling.tokens is not None:
            self.refusal = self.refusal or UNKNOWN_TOKENS
        self.replies += 1
        self.unsaid += cost is None or tokens is None
        self.cost_usd += self.dearest_usd if cost is None else cost
        self.tokens += self.most_tokens if tokens is None else tokens
        self.dearest_usd = max(self.dearest_usd, cost or 0.0)
        self.most_tokens = max(self.most_tokens, tokens or 0)

    def room_for(self, in_flight: int) -> bool:
        """True when one more sample may begin beside `in_flight` others."""
        if self.refusal:
            return False
        if not self.ceiling.stated:
            return True
        if not self.replies:
            return in_flight == 0
        more = in_flight + 1
        dear = self.ceiling.cost_usd is not None and self.cost_usd + more * self.dearest_usd > self.ceiling.cost_usd
        many = self.ceiling.tokens is not None and self.tokens + more * self.most_tokens > self.ceiling.tokens
        return not (dear or many)

    def per_reply(self) -> tuple[float, float]:
        """Mean US dollars and tokens of one reply so far; (0, 0) before the first."""
        count = max(1, self.replies)
        return self.cost_usd / count, self.tokens / count
