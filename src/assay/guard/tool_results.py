"""What a tool gave back, made fit for a prompt: bounded, without hidden text, and labelled as nobody's word to obey."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from assay.detect import hidden
from assay.records.errors import InputError
from assay.records.taint import Labelled, of_tool
from assay.records.tools import Tool

LONGEST_WORD = 2048
"""Signs without white space. Longer runs are encoded data, which tells a model nothing and costs it its window."""
CUT = "cut"


@dataclass(frozen=True, slots=True)
class Taken:
    """A result as a model may see it. `cut_chars` is how much of it was left out, `hidden` how many stretches that no
    reader sees."""

    result: Labelled
    cut_chars: int = 0
    hidden: int = 0


def taken(tool: Tool, result: str | bytes, tenant: str) -> Taken:
    """Time is linear in the result, of which no more than the tool's limit is ever looked at.

    Raises InputError `broker.result_too_long` where the tool refuses long results, `broker.result_no_text` for bytes
    that are no UTF-8.
    """
    text, left_out = _bounded(tool, result)
    text = text.encode("utf-8", "replace").decode("utf-8")
    text = "".join(sign for sign in text if sign in "\n\t" or sign >= " ")
    shown, encoded = _without_long_words(text)
    found = hidden.find(shown)
    visible = hidden.without(shown, found)
    return Taken(Labelled(visible, of_tool(tenant, tool.result_classification)), left_out + encoded, len(found))


def _bounded(tool: Tool, result: str | bytes) -> tuple[str, int]:
    """The beginning of the result within the limit, and how much was left out, in signs; in bytes where it came so."""
    limit = tool.max_result_bytes
    data = result if isinstance(result, bytes) else result[: limit + 1].encode("utf-8", "replace")
    if len(data) <= limit:
        return _text(data, tool), 0
    if tool.on_long_result != CUT:
        raise InputError(
            "broker.result_too_long", f"the result has more than {limit:,} bytes", where=tool.name,
            remedy="let the tool answer with less, or raise max_result_bytes",
        )  # fmt: skip
    kept = data[:limit].decode("utf-8", "ignore") if isinstance(result, str) else _text(data[:limit], tool, cut=True)
    return kept, len(result) - (len(kept) if isinstance(result, str) else limit)


def _text(data: bytes, tool: Tool, *, cut: bool = False) -> str:
    for fewer in range(4 if cut else 1):  # the limit may stand in the middle of a sign
        try:
            return data[: len(data) - fewer].decode("utf-8")
        except UnicodeDecodeError:
            continue
    raise InputError("broker.result_no_text", "the result is no UTF-8 text", where=tool.name)


def _without_long_words(text: str) -> tuple[str, int]:
    pieces, gone = [], 0
    for piece, blank in _pieces(text):
        if not blank and len(piece) > LONGEST_WORD:
            gone += len(piece)
            piece = f"[{len(piece):,} signs without a space withheld]"
        pieces.append(piece)
    return "".join(pieces), gone


def _pieces(text: str) -> Iterator[tuple[str, bool]]:
    """Words and what stands between them, in order."""
    at = 0
    for word in text.split():
        start = text.index(word, at)
        yield text[at:start], True
        yield word, False
        at = start + len(word)
    yield text[at:], True
