"""Bytes of any file as the texts that may stand in them: plain, escaped as in JSON, HTML or addresses."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import unquote

_ESCAPE = re.compile(r"\\(u[0-9a-fA-F]{4}|.)", re.DOTALL)
_PERCENT = re.compile(r"(?:%[0-9a-fA-F]{2})+")
_ENTITY = re.compile(r"&[#a-zA-Z]")
_BLANK = frozenset("ntrbf")


def readings(data: bytes) -> Iterator[str]:
    """Each way in which the bytes can be read as text; the plain one always, the others where their signs stand."""
    text = data.decode("utf-8", "replace")
    yield text
    if "\\" in text:
        yield _ESCAPE.sub(_unescaped, text)
    if _ENTITY.search(text):
        yield html.unescape(text)
    if _PERCENT.search(text):
        yield _PERCENT.sub(lambda match: unquote(match.group()), text)  # whole binary files are slow to unquote


def _unescaped(match: re.Match[str]) -> str:
    sign = match.group(1)
    if len(sign) == 5:
        return chr(int(sign[1:], 16))
    return " " if sign in _BLANK else sign


def values(text: str) -> Iterator[str]:
    """Every string inside a JSON text, names of members included; the text itself when it is no JSON."""
    if text[:1] not in '{["':
        yield text
        return
    try:
        whole = json.loads(text)
    except ValueError:
        yield text
        return
    yield from _strings(whole)


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for name, inner in value.items():
            yield name
            yield from _strings(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _strings(inner)
