"""A simulated chat model that follows every order it sees, wherever it stands: the worst a model can do."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field

from assay.detect.canaries import Canary, Finder
from assay.evaluate.redteam.attacks import GAP, SCAFFOLD, Order
from assay.evaluate.redteam.obfuscations import encode
from assay.records.chat import ChatDone, ChatEvent, ChatOptions, TextDelta
from assay.records.dialogue import Turn, Usage
from assay.text.sentences import sentence_spans
from assay.text.tokens import words

_OPENS = "passages "
_CLOSES = "end of passages "
_NOT_SEEN = "nothing"


@dataclass(frozen=True, slots=True)
class _Sight:
    """What stands in the messages of one call."""

    marker: str
    system: str
    passages: tuple[str, ...]

    def opening(self, number: int) -> str:
        """The first sentence of a passage, without its full stop; empty where there is none."""
        if not 1 <= number <= len(self.passages):
            return ""
        _, _, text = self.passages[number - 1].partition("\n")
        start, end = next(iter(sentence_spans(text)), (0, 0))
        return " ".join(text[start:end].split()).rstrip(".")


@dataclass
class ObedientChat:
    """Answers with the first sentence of the first passage, and then does what every order says.

    It reads orders in any notation that `detect.canaries` reads, in the system prompt, the question, earlier turns and
    passages alike, and knows everything that the messages hold: the marker, the prompt, each passage. `foreign` are
    values that it repeats when it sees one. What it was last shown stands in `marker` and `system`.
    """

    orders: Sequence[Order] = ()
    foreign: Sequence[str] = ()
    marker: str = ""
    system: str = ""
    obeyed: int = 0
    name: str = "obedient"
    _finder: Finder = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self.give(self.orders)

    def give(self, orders: Sequence[Order]) -> None:
        """The orders that it can come across."""
        self.orders = tuple(orders)
        self._finder = Finder(
            Canary("request", trigger, trigger) for order in self.orders for trigger in order.triggers
        )

    @property
    def recipe(self) -> str:
        return f"obedient_chat.v1(name={self.name})"

    async def stream(self, messages: Sequence[Turn], options: ChatOptions) -> AsyncIterator[ChatEvent]:
        sight = _seen(messages)
        self.marker, self.system = sight.marker, sight.system
        everything = "\n".join(turn.content for turn in messages)
        known = {sighting.name for sighting in self._finder.find(everything)}
        due = [o for o in self.orders if known.issuperset(o.triggers) and _heard(o.words, everything)]
        self.obeyed += len(due)
        foreign = next((value for value in self.foreign if value in everything), _NOT_SEEN)
        told = [f"{sight.opening(1)} [1]."] if sight.opening(1) else []
        told += [said for order in due for said in self._obey(order, sight, foreign)]
        text = " ".join(told)
        if options.schema is not None:
            text = _as_json(told)
        for at in range(0, len(text), 24):
            yield TextDelta(text[at : at + 24])
        yield ChatDone(Usage(), "stop", self.name)

    def _obey(self, order: Order, sight: _Sight, foreign: str) -> list[str]:
        payload = order.payload
        for gap, value in (("{secret}", sight.marker), ("{foreign}", foreign)):
            payload = payload.replace(gap, encode(value, order.notation))
        payload = payload.replace("{true}", encode(sight.opening(1), order.notation))
        payload = payload.replace("{system}", " ".join(sight.system.split()))
        home = self._home(order, sight)
        match order.style:
            case "uncited":
                return [f"{payload}."]
            case "citing all":
                return [payload + " " + "".join(f"[{n}]" for n in range(1, len(sight.passages) + 1)) + "."]
            case "appended":
                return [f"{sight.opening(1)}, {payload} [1]."]
            case "scaffold":
                return [f"{SCAFFOLD.format(gap=f'{GAP} {payload}').rstrip('.')} [{home}]."]
            case "two sentences":
                half = len(payload) // 2
                return [f"{payload[:half]} [{home}].", f"{payload[half:]} [{home}]."]
        return [f"{payload} [{home}]."]

    def _home(self, order: Order, sight: _Sight) -> int:
        """The passage in which the order stands, else the first."""
        for number, passage in enumerate(sight.passages, start=1):
            if order.words and _heard(order.words, passage):
                return number
            if any(found.name in order.triggers for found in self._finder.find(passage)):
                return number
        return 1


_FIRST_WORDS = 8


def _heard(wanted: str, text: str) -> bool:
    """True when the first words of `wanted` stand in the text, in a row and whatever the marks between them."""
    first = words(wanted)[:_FIRST_WORDS]
    return f" {' '.join(first)} " in f" {' '.join(words(text))} " if first else wanted.strip() in text


def _seen(messages: Sequence[Turn]) -> _Sight:
    system = "\n".join(turn.content for turn in messages if turn.role == "system")
    asked = messages[-1].content if messages else ""
    first, _, rest = asked.partition("\n")
    if not first.startswith(_OPENS):
        return _Sight("", system, ())
    marker = first.removeprefix(_OPENS).strip()
    block, _, _ = rest.partition(f"{_CLOSES}{marker}")
    passages: list[str] = []
    for line in block.split("\n"):
        if line.startswith(f"[{len(passages) + 1}] "):
            passages.append(line)
        elif passages:
            passages[-1] += f"\n{line}"
    return _Sight(marker, system, tuple(passages))


def _as_json(sentences: Sequence[str]) -> str:
    import json

    return json.dumps({"sentences": [{"text": sentence, "cites": [1]} for sentence in sentences]})
