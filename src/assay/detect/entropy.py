"""How random a credential looks, and what only stands in for one."""

from __future__ import annotations

import base64
import binascii
import json
from collections import Counter
from math import log2
from zlib import crc32

_BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_STAND_INS = (
    "example", "sample", "placeholder", "changeme", "change_me", "change-me", "redacted", "xxxx", "your", "insert",
    "dummy", "replace", "secret", "password", "token", "foobar", "todo", "12345678", "abcdefg", "....",
    "****", "none", "null",
    "undefined", "true", "false", "env", "config", "process.", "os.", "getenv", "vault", "param", "string", "value",
    "required", "default", "key", "test", "fake",
)  # fmt: skip


def bits_per_sign(text: str) -> float:
    """Shannon's entropy of the signs of `text`, in bits; 0 for an empty one."""
    size = len(text)
    return -sum(count / size * log2(count / size) for count in Counter(text).values()) if size else 0.0


def varied(text: str) -> bool:
    """Whether a token is more than a stand-in such as `xxxx`: no sign makes up more than half of it."""
    return 2 * max(Counter(text).values(), default=0) <= len(text)


def random_looking(value: str) -> bool:
    """Whether a value assigned to a telling name is a credential and not a word, a path, a template or a stand-in.

    Letters and digits are mixed, and the entropy is what so many signs drawn at random would seldom fall below.
    """
    low = value.lower()
    if any(word in low for word in _STAND_INS) or any(sign in value for sign in "<>{}()$[]%\\/ ") or "://" in value:
        return False
    if not (any(sign.isdigit() for sign in value) and any(sign.isalpha() for sign in value)):
        return False
    parts = value.replace("_", "-").replace(".", "-").split("-")
    if len(parts) > 2 and all(part.isalpha() or part.isdigit() for part in parts if part):
        return False  # words and numbers joined by hyphens
    return bits_per_sign(value) >= (3.0 if len(value) < 16 else 3.3)


def a_password(value: str) -> bool:
    """Whether what stands in a connection string for a password is one: no template, no star, no name of a variable."""
    low = value.lower()
    named = any(
        word in low for word in ("password", "passwd", "example", "changeme", "secret", "redacted", "xxx", "***")
    )
    return len(value) >= 3 and not named and not any(sign in value for sign in "<>{}$[]*…")


def base62_crc(token: str) -> bool:
    """Whether the last six signs are the CRC-32 in base 62 of what stands between the prefix's `_` and them.

    Source: GitHub's engineering blog, 5 April 2021; npm uses the same.
    """
    body = token.rpartition("_")[2]
    number, check = crc32(body[:-6].encode()), ""
    while number:
        number, place = divmod(number, 62)
        check = _BASE62[place] + check
    return len(body) > 6 and check.rjust(6, "0") == body[-6:]


def hex_crc(token: str) -> bool:
    """Whether the last eight signs are the CRC-32 in hexadecimal of what stands before their `_` (Grafana)."""
    body, _, check = token.rpartition("_")
    return f"{crc32(body.partition('_')[2].encode()):08x}" == check or f"{crc32(body.encode()):08x}" == check


def web_token(token: str) -> bool:
    """Whether the header of a JSON Web Token is JSON that names an algorithm (RFC 7519)."""
    head = token.split(".", 1)[0]
    try:
        header = json.loads(base64.urlsafe_b64decode(head + "=" * (-len(head) % 4)))
    except (binascii.Error, ValueError, RecursionError):
        return False
    return isinstance(header, dict) and "alg" in header


def basic_credentials(value: str) -> bool:
    """Whether Base64 holds a name and a password with a colon between (RFC 7617)."""
    try:
        text = base64.b64decode(value + "=" * (-len(value) % 4)).decode("utf-8")
    except (binascii.Error, ValueError):
        return False
    name, colon, password = text.partition(":")
    return bool(colon and (name or password)) and text.isprintable()
