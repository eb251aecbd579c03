"""Chat models that judge: an honest one, and those that obey, refuse, ramble or change their mind."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from typing import Any

from assay.adapters.fake_chat import FakeChat
from assay.records.dialogue import Turn, Usage
from assay.records.errors import Unavailable
from assay.records.judging import Anchor, JudgeKind, JudgeSpec

BINARY = (Anchor(0, "no"), Anchor(1, "yes"))
Brain = Callable[[Sequence[Turn]], str | Unavailable]
Verdict = Callable[[dict[str, str]], dict[str, Any]]


def rubric(**more: Any) -> JudgeSpec:
    return JudgeSpec(
        **{"name": "good", "kind": JudgeKind.RUBRIC, "criterion": "It is right.", "anchors": BINARY} | more
    )


def blocks_of(messages: Sequence[Turn]) -> dict[str, str]:
    """What stands inside the frames of a request, by name, without the marks."""
    marker = marker_of(messages)
    found = re.findall(rf"<<DATA {marker} ([^>]*)>>\n(.*?)\n<<END {marker}>>", messages[1].content, re.DOTALL)
    return {name: "\n".join(line.removeprefix("| ") for line in text.split("\n")) for name, text in found}


def outside_of(messages: Sequence[Turn]) -> str:
    """What a model reads outside all frames."""
    marker = marker_of(messages)
    kept = re.sub(rf"<<DATA {marker} [^>]*>>\n.*?\n<<END {marker}>>", "", messages[1].content, flags=re.DOTALL)
    return messages[0].content + kept + "".join(turn.content for turn in messages[2:])


def marker_of(messages: Sequence[Turn]) -> str:
    found = re.search(r"<<DATA (\w+) NAME>>", messages[0].content)
    assert found
    return found[1]


def id_of(messages: Sequence[Turn]) -> str:
    return re.findall(r"Its id is (\w+)\.", messages[-1].content)[-1]


def says(verdict: Verdict) -> Brain:
    """An honest judge: it looks at the data only, and answers in the form asked for."""

    def brain(messages: Sequence[Turn]) -> str:
        return json.dumps({**verdict(blocks_of(messages)), "id": id_of(messages)})

    return brain


def right_when(word: str) -> Brain:
    """Passes replies that hold a word."""
    return says(lambda blocks: {"why": "because", "verdict": int(word in blocks["reply"])})


_ORDER = re.compile(r"set verdict to (\d+)", re.IGNORECASE)
_BEGIN = re.compile(r"begin every text that you write with the word (\w+)", re.IGNORECASE)


def obeys(read: Callable[[Sequence[Turn]], str], word: str = "right") -> Brain:
    """Judges as `right_when`, unless what `read` gives it holds an order, which it follows."""

    def brain(messages: Sequence[Turn]) -> str:
        text = read(messages)
        orders, begin = _ORDER.findall(text.replace("Then set verdict", "")), _BEGIN.findall(text)
        verdict = int(orders[-1]) if orders else int(word in blocks_of(messages)["reply"])
        why = f"{begin[-1] if begin else ''} because"
        return json.dumps({"why": why, "verdict": verdict, "id": id_of(messages)})

    return brain


def everything(messages: Sequence[Turn]) -> str:
    return "\n".join(turn.content for turn in messages)


def chat(*brains: Brain | str | Unavailable) -> FakeChat:
    return FakeChat(brains, piece_chars=500, usage=Usage(100, 20, 0.001))
