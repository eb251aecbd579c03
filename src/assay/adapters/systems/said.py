"""What an outside system said, as plain values, into the events of a reply. Whatever has a wrong shape is refused."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from typing import Any

from assay.records.dialogue import (
    AnswerSentence,
    Check,
    CheckStatus,
    Citation,
    Finished,
    LabelledSpan,
    Outcome,
    Output,
    OutputReady,
    Passage,
    PassagesChosen,
    ReplyEvent,
    SentenceReady,
    ToolCall,
    Usage,
)
from assay.records.digest import sha256_json
from assay.records.documents import Span

KEYS = frozenset({
    "answer", "citations", "passages", "label", "scores", "fields", "spans", "tools", "confidence", "outcome", "usage",
    "duration_ms",
})  # fmt: skip
"""What a system may say; a text alone is its answer."""
_NOT_CHECKED = Check(CheckStatus.NOT_CHECKED)


class BadReply(ValueError):
    """`key` has a value of a wrong type; what was said is not repeated."""

    def __init__(self, key: str) -> None:
        self.key = key
        super().__init__(key)


def events(said: Mapping[str, Any], duration_ms: float = 0.0) -> Iterator[ReplyEvent]:
    """The events of a reply. Raises BadReply before the first one when a value has a wrong type.

    Without an `outcome`, a reply that says nothing at all is a failure (`system.empty`).
    """
    text = _text(said, "answer").strip()
    citations = tuple(_citation(item) for item in _list(said, "citations"))
    passages = tuple(_passage(n, item) for n, item in enumerate(_list(said, "passages"), start=1))
    output = _output(said)
    usage = _usage(said)
    confidence = _number(said, "confidence")
    outcome = _outcome(said, bool(text) or output is not None)
    took = _number(said, "duration_ms")
    if "passages" in said and said["passages"] is not None:
        yield PassagesChosen(passages, "outside")
    if text:
        yield SentenceReady(AnswerSentence(text, citations, _NOT_CHECKED))
    if output is not None:
        yield OutputReady(output)
    reason = "" if outcome is Outcome.ANSWERED else _REASONS[outcome]
    yield Finished(outcome, reason, confidence, usage, took if took is not None else duration_ms)


_REASONS = {Outcome.ABSTAINED: "system.abstained", Outcome.REFUSED: "system.refused", Outcome.FAILED: "system.empty"}


def _outcome(said: Mapping[str, Any], anything: bool) -> Outcome:
    stated = _text(said, "outcome")
    if not stated:
        return Outcome.ANSWERED if anything else Outcome.FAILED
    try:
        return Outcome(stated)
    except ValueError:
        raise BadReply("outcome") from None


def _output(said: Mapping[str, Any]) -> Output | None:
    output = Output(
        _text(said, "label"),
        {name: _finite(value, "scores") for name, value in _object(said, "scores").items()},
        _object(said, "fields"),
        tuple(_span(item) for item in _list(said, "spans")),
        tuple(_tool(item) for item in _list(said, "tools")),
    )
    return None if output == Output() and not any(key in said for key in ("fields", "spans", "tools")) else output


def _text(said: Mapping[str, Any], key: str) -> str:
    value = said.get(key)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise BadReply(key)
    return value


def _list(said: Mapping[str, Any], key: str) -> list[Any]:
    value = said.get(key)
    if value is None:
        return []
    if not isinstance(value, list | tuple):
        raise BadReply(key)
    return list(value)


def _object(said: Mapping[str, Any], key: str) -> dict[str, Any]:
    """An object, also as JSON in a text, which is how language models give one."""
    value = said.get(key)
    if value is None:
        return {}
    if isinstance(value, str):
        try:
            value = json.loads(value, parse_constant=_refuse)
        except (ValueError, RecursionError):
            raise BadReply(key) from None
    if not isinstance(value, Mapping):
        raise BadReply(key)
    try:
        sha256_json(value)
    except (TypeError, ValueError):
        raise BadReply(key) from None
    return {str(name): item for name, item in value.items()}


def _refuse(_constant: str) -> None:
    raise ValueError


def _finite(value: Any, key: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise BadReply(key)
    return float(value)


def _number(said: Mapping[str, Any], key: str) -> float | None:
    return None if said.get(key) is None else _finite(said[key], key)


def _usage(said: Mapping[str, Any]) -> Usage:
    usage = _object(said, "usage")
    counts = [_number(usage, key) for key in ("tokens_in", "tokens_out", "cost_usd")]
    if any(count is not None and count < 0 for count in counts):
        raise BadReply("usage")
    tokens = [None if count is None else int(count) for count in counts[:2]]
    return Usage(tokens[0], tokens[1], counts[2])


def _place(item: Any, key: str) -> tuple[str, str, str]:
    """Document, quote and title of a citation or passage: a text is a document's id."""
    if isinstance(item, str):
        return item, "", item
    if not isinstance(item, Mapping):
        raise BadReply(key)
    doc = next((item[name] for name in ("doc", "doc_id", "id", "source", "url") if item.get(name)), None)
    if not isinstance(doc, str):
        raise BadReply(key)
    quote = next((item[name] for name in ("quote", "text", "content") if item.get(name)), "")
    if not isinstance(quote, str):
        raise BadReply(key)
    return doc, quote, str(item.get("title") or doc)


def _citation(item: Any) -> Citation:
    doc, quote, title = _place(item, "citations")
    span = Span(doc, sha256_json(quote), 0, len(quote))
    return Citation(span, quote, title, doc, f"{doc}#{span.text_sha256[:8]}")


def _passage(number: int, item: Any) -> Passage:
    doc, quote, _ = _place(item, "passages")
    score = item.get("score") if isinstance(item, Mapping) else None
    span = Span(doc, sha256_json(quote), 0, len(quote))
    return Passage(number, f"{doc}#{number}", span, 1.0 / number if score is None else _finite(score, "passages"))


def _span(item: Any) -> LabelledSpan:
    if not isinstance(item, Mapping):
        raise BadReply("spans")
    start, end, label = item.get("start"), item.get("end"), item.get("label")
    if type(start) is not int or type(end) is not int or not isinstance(label, str) or not 0 <= start < end:
        raise BadReply("spans")
    return LabelledSpan(start, end, label)


def _tool(item: Any) -> ToolCall:
    """A call as `{name, arguments}`, also inside `function` with the arguments as JSON text (chat completions)."""
    if isinstance(item, Mapping) and isinstance(item.get("function"), Mapping):
        item = item["function"]
    if not isinstance(item, Mapping) or not isinstance(item.get("name"), str) or not item["name"]:
        raise BadReply("tools")
    try:
        return ToolCall(item["name"], _object(item, "arguments"))
    except BadReply:
        raise BadReply("tools") from None
