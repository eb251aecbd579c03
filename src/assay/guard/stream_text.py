"""A policy on a text that comes in pieces: what was given out is the same however the text was cut.

The text is looked at in windows that depend on nothing but the text: the first signs that are not given out yet, then
twice as many and so on up to 4,096. Out of a window goes what stands before its last signs, up to the end of a word,
and never into a finding or an open construct. So a window that one large piece completes is the window that many small
ones complete, and a finding is known before its first sign leaves.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from itertools import accumulate

from assay.detect.registry import RULES, SECRET_IDS
from assay.detect.texts import is_whole
from assay.guard.acting import Acted, Acting, replaced
from assay.guard.canaries import FOUND, Watch
from assay.guard.constructs import ESCAPED, Construct, constructs
from assay.guard.policy import Action, Context, Decisions
from assay.guard.streams import ended
from assay.records.errors import AssayError
from assay.records.findings import Finding
from assay.text.sentences import sentence_spans

LARGEST = 4096
"""Signs that are held back at most."""
SHORTEST_HOLD, LONGEST_HOLD = 96, 192
"""Signs at the end of a window that wait for what follows: as far as a value with blanks in it can reach."""
OPEN_LIMIT = 2048
"""A construct that does not end within so many signs is escaped."""
CONTEXT = 256
"""Signs that were given out and are looked at again with what follows."""
TOMBSTONE = "[stopped]"
_BREAKS = "\u3001\u3002\uff0c\uff01\uff1f\uff1b\uff1a\u300d\u300f\uff09"
_KEY = "private_key"
_KEY_SIGNS = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=:,- \t\r\n")

Closed = Callable[[str, str], str]
"""From the kind of a construct and its text, what is given out for it."""


class TextStream:
    """One text on its way. `feed` gives what may leave, `close` the rest; after a refusal `TOMBSTONE` leaves once and
    nothing after it, and `stopped` is the reason. `closed` is told every construct that ended and gives what leaves for
    it. `counts` tells findings by rule. `watch` looks for canaries in every window before it leaves; a hit stops the
    text, and `watch` knows which. Not for several threads."""

    def __init__(
        self, acting: Acting, context: Context, closed: Closed = lambda _, text: text, watch: Watch | None = None
    ) -> None:
        self._acting, self._context, self._closed, self._watch = acting, context, closed, watch
        self._decisions: Decisions = acting.policy.decisions(context)
        self._by_sentence = any(is_whole(name) and end.strictness for name, end in self._decisions.items())
        self._hold = max(_hold(self._decisions), min(watch.wait, LARGEST // 2) if watch else 0)
        self._parts: list[str] = []
        self._held = ""
        self._waiting = 0
        self._size = 2 * self._hold
        self._before = ""
        self._inside_word = self._inside_key = False
        self.counts: Counter[str] = Counter()
        self.stopped = ""

    def feed(self, piece: str) -> str:
        """The next piece of the text, of any length."""
        if self.stopped:
            return ""
        self._parts.append(piece)
        self._waiting += len(piece)
        if len(self._held) + self._waiting < self._size:
            return ""
        return self._leaving()

    def close(self) -> str:
        """The end of the text: what was held, looked at as it is. Nothing leaves after it."""
        if self.stopped:
            return ""
        out = [self._leaving()]
        while self._held:
            taken, shown = self._step(self._held, last=True)
            self._held = "" if self._over() else self._held[taken:]
            out.append(shown)
        if not self._over():
            self.stopped = "stream.closed"
        return "".join(out)

    def drop(self, reason: str = "stream.cancelled") -> None:
        """Give out nothing more: the reader is gone, or what comes cannot be trusted."""
        self.stopped = self.stopped or reason
        self._held, self._parts, self._waiting = "", [], 0

    def _over(self) -> bool:
        return bool(self.stopped)

    def _leaving(self) -> str:
        whole = "".join((self._held, *self._parts))
        self._parts, self._waiting = [], 0
        out: list[str] = []
        at = 0
        while len(whole) - at >= self._size and not self._over():
            taken, shown = self._step(whole[at : at + self._size], last=False)
            at += taken
            out.append(shown)
        self._held = "" if self.stopped else whole[at:]
        return "".join(out)

    def _step(self, window: str, *, last: bool) -> tuple[int, str]:
        """How many signs of a window leave, and as what; none when a larger window is needed."""
        if self._inside_key or self._inside_word:
            return self._swallowed(window, last=last), ""
        if self._watch is not None and self._watch.stops(window):
            self.stopped = FOUND
            return len(window), TOMBSTONE
        found = self._found(window)
        if found is None:
            return len(window), TOMBSTONE
        open_limit = 0 if last else OPEN_LIMIT
        built = constructs(window, longest=OPEN_LIMIT, closed=last)
        waiting = [one for one in built if one.end < 0 and len(window) - one.start < open_limit]
        at = self._place(window, found, built, waiting, last=last)
        if at <= 0:
            self._size = min(2 * self._size, LARGEST)
            return 0, ""
        leaving = [one for one in found if one.start < at]
        if self._refused(leaving):
            return len(window), TOMBSTONE
        at, shown = self._shown(window, at, leaving, [one for one in built if one.start < at])
        if self._watch is not None:
            self._watch.left(window[:at])
        self._before = (self._before + window[:at])[-CONTEXT:]
        self._size = 2 * self._hold
        return at, shown

    def _found(self, window: str) -> list[Finding] | None:
        """Findings with their places in the window, those that began before it from 0; None when it cannot be told."""
        if not self._decisions:
            return []
        acted = Acted(self._before + window)
        try:
            found = self._acting.found(acted, self._decisions, self._context)
        except AssayError as error:
            acted.refused = error.code
        if acted.refused or acted.counts:  # a detector that could not look: what follows cannot be trusted either
            self.stopped = acted.refused or next(iter(acted.counts))
            return None
        shift = len(self._before)
        return [
            Finding(one.rule_id, max(one.start - shift, 0), one.end - shift, one.version, one.score, one.basis)
            for one in found
            if one.end > shift and not self._only_told(one)
        ]

    def _only_told(self, one: Finding) -> bool:
        """True for what is said of a whole text and changes nothing in it: counted once, as windows overlap."""
        if not is_whole(one.rule_id) or self._decisions[one.rule_id].strictness:
            return False
        self.counts[one.rule_id] = 1
        return True

    def _place(
        self, window: str, found: Sequence[Finding], built: Sequence[Construct], waiting: Sequence[Construct], *,
        last: bool,
    ) -> int:  # fmt: skip
        """Up to where the window may leave; 0 when it must grow."""
        if last:
            return len(window)
        latest = len(window) - self._hold
        forced = len(window) >= LARGEST
        at = (_sentence_before if self._by_sentence else _break_before)(window, latest) or (latest if forced else 0)
        spans = [(one.start, one.end) for one in found]
        spans += [(one.start, one.end) for one in built if one.end >= 0]
        if waiting:
            at = min(at, waiting[0].start)
        for start, end in sorted(spans, reverse=True):
            if start < at < end:
                at = start
        while at > 0 and (inside := [start for start, end in spans if start < at < end]):
            at = min(inside)
        if at > 0 or not forced:
            return at
        at = latest
        while ends := [one.end for one in found if one.start < at < one.end]:
            at = max(ends)
        return at

    def _refused(self, leaving: Sequence[Finding]) -> bool:
        ends = [self._decisions[one.rule_id] for one in leaving]
        if any(end.escalates for end in ends):
            self.stopped = "policy.escalated"
        elif any(end.change is Action.REFUSE for end in ends):
            self.stopped = "policy.refused"
        self.counts.update(one.rule_id for one in leaving)
        return bool(self.stopped)

    def _shown(self, window: str, at: int, found: Sequence[Finding], built: Sequence[Construct]) -> tuple[int, str]:
        """What leaves for the signs before `at`, and how many signs that takes: an open private key takes more."""
        lying = _Lying(found)
        pieces: list[str] = []
        done, taken = 0, at
        for one in built:
            if one.start < done or lying.across(one.start):
                continue
            if one.kind == "pem" and one.end < 0:
                if _KEY not in self._decisions:
                    continue
                pieces += (self._changed(window, done, one.start, lying), f"[{_KEY}]")
                self._inside_key = True
                self.counts[_KEY] += 1
                done = at = taken = one.start + one.opener
                break
            ended = 0 <= one.end <= at
            if ended and not lying.across(one.end):
                pieces.append(self._changed(window, done, one.start, lying))
                pieces.append(self._closed(one.kind, self._changed(window, one.start, one.end, lying)))
                done = one.end
            elif not ended and not lying.within(one.start, one.start + one.opener):
                pieces += (self._changed(window, done, one.start, lying), ESCAPED[one.kind])
                done = one.start + one.opener
        pieces.append(self._changed(window, done, at, lying))
        reaching = [one.rule_id for one in found if one.end >= len(window) >= LARGEST and one.end >= at]
        self._inside_key = self._inside_key or _KEY in reaching
        self._inside_word = bool(reaching) and not self._inside_key
        shown = "".join(pieces)
        return taken, self._again(shown) if found else shown

    def _again(self, shown: str) -> str:
        """Changing one finding can bare another that was glued to it."""
        acted = self._acting.act(shown, self._context)
        self.stopped = self.stopped or acted.refused
        return TOMBSTONE if self.stopped else acted.text

    def _changed(self, window: str, start: int, end: int, lying: _Lying) -> str:
        """A part of the window after the policy."""
        inside = [
            Finding(one.rule_id, max(one.start, start) - start, min(one.end, end) - start)
            for one in lying.within(start, end)
        ]
        text = window[start:end]
        if not inside or not text:
            return text
        try:
            return replaced(text, inside, self._decisions, self._acting.shown(self._context))
        except AssayError as error:
            self.stopped = error.code
            return ""

    def _swallowed(self, window: str, *, last: bool) -> int:
        """How many signs belong to what was replaced already."""
        if self._inside_word:
            at = next((place for place, sign in enumerate(window) if sign.isspace()), len(window))
            self._inside_word = at == len(window) and not last
        else:
            at = _key_end(window)
            keep = 0 if last else self._hold
            self._inside_key = at < 0
            at = len(window) - keep if at < 0 else at
        self._before = (self._before + window[:at])[-CONTEXT:] if not self._inside_key else ""
        return at


class _Lying:
    """Findings by their place, for many questions about small parts of a window."""

    def __init__(self, found: Sequence[Finding]) -> None:
        self._found = sorted(found, key=lambda one: one.start)
        self._starts = [one.start for one in self._found]
        self._ends = list(accumulate((one.end for one in self._found), max))

    def within(self, start: int, end: int) -> list[Finding]:
        """Those that share a sign with a part."""
        first, last = bisect_right(self._ends, start), bisect_left(self._starts, end)
        return [one for one in self._found[first:last] if one.end > start]

    def across(self, at: int) -> bool:
        """True when one begins before a place and ends after it."""
        return any(one.start < at for one in self.within(at, at + 1))


def _hold(decisions: Decisions) -> int:
    secrets = frozenset(SECRET_IDS)
    reaches = [rule.reach for rule in RULES if rule.rule_id in decisions and rule.rule_id not in secrets]
    return min(max((SHORTEST_HOLD, *reaches)), LONGEST_HOLD)


def _break_before(window: str, latest: int) -> int:
    """The last place up to `latest` at which a word ends: after white space or a sign of a script without blanks."""
    for at in range(latest, 0, -1):
        sign = window[at - 1]
        if sign.isspace() or sign in _BREAKS or "\u3041" <= sign <= "\u9fff" or "\uac00" <= sign <= "\ud7a3":
            return at
    return 0


def _sentence_before(window: str, latest: int) -> int:
    """The last place up to `latest` at which a sentence ends: what is scored by sentences leaves by sentences."""
    return max((end for _, end in sentence_spans(window) if end <= latest), default=0)


def _key_end(window: str) -> int:
    """Where a private key ends in a window that begins inside it; -1 when it does not."""
    stop = next((at for at, sign in enumerate(window) if sign not in _KEY_SIGNS), -1)
    closing = window.find("-----END")
    last = window.find("-----", closing + 8) if closing >= 0 else -1
    if last >= 0 and (stop < 0 or closing < stop):
        return last + 5
    return stop


async def guarded(pieces: AsyncIterator[str], stream: TextStream) -> AsyncGenerator[str, None]:
    """What `stream` lets out of `pieces`. When the reader leaves, or `pieces` fails, what was held is dropped and the
    source is closed at once; after a tombstone no more is asked of it."""
    async with ended(pieces):
        try:
            async for piece in pieces:
                if out := stream.feed(piece):
                    yield out
                if stream.stopped:
                    return
            if out := stream.close():
                yield out
        finally:
            stream.drop()
