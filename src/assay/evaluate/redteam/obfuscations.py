"""Thirty ways to write a text so that a filter may miss it and a model can still read it."""

from __future__ import annotations

import base64
import codecs
import gzip
from collections.abc import Callable
from itertools import cycle
from urllib.parse import quote

Encode = Callable[[str], str]


def _by_letter(spelt: str) -> dict[str, str]:
    return dict(zip("abcdefghijklmnopqrstuvwxyz", spelt.split(), strict=True))


_MORSE = _by_letter(
    ".- -... -.-. -.. . ..-. --. .... .. .--- -.- .-.. -- -. --- .--. --.- .-. ... - ..- ...- .-- -..- -.-- --.."
)
_NATO = _by_letter(
    "Alfa Bravo Charlie Delta Echo Foxtrot Golf Hotel India Juliett Kilo Lima Mike November Oscar Papa Quebec Romeo "
    "Sierra Tango Uniform Victor Whiskey X-ray Yankee Zulu"
)
_LEET = str.maketrans(
    {"a": "4", "b": "8", "c": "(", "e": "3", "g": "9", "h": "#", "i": "1", "o": "0", "s": "5", "t": "7"}
)
_LOOKALIKES = str.maketrans("acdehijmopqtwxy", "асԁеһіјморԛтԝху")
_OPENERS = _by_letter(
    "any both come down each five give here into just keep live more near once part quit read some then upon very "
    "when xeric your zero"
)


def _letters(text: str, spell: Callable[[str], str], between: str) -> str:
    return between.join(spell(letter) for letter in text.lower())


def _fullwidth(text: str) -> str:
    return "".join(chr(ord(sign) + 0xFEE0) if "!" <= sign <= "~" else sign for sign in text)


def _cells(text: str) -> str:
    parts = [text[at : at + 4] for at in range(0, len(text), 4)]
    return "\n".join(f"| {part} |" for part in parts)


def _acrostic(text: str) -> str:
    rest = cycle(("we meet", "it goes on", "they add"))
    return "\n".join(f"{_OPENERS.get(letter, letter)} {next(rest)}" for letter in text.lower())


def _bytes(text: str, form: str, between: str) -> str:
    return between.join(format(byte, form) for byte in text.encode())


OBFUSCATIONS: dict[str, Encode] = {
    "plain": lambda text: text,
    "base64": lambda text: base64.b64encode(text.encode()).decode(),
    "base64-shifted": lambda text: base64.b64encode(f"-{text}".encode()).decode(),
    "base64-shifted-twice": lambda text: base64.b64encode(f"--{text}".encode()).decode(),
    "base64url": lambda text: base64.urlsafe_b64encode(f"?>{text}~?".encode()).decode().rstrip("="),
    "base64-twice": lambda text: base64.b64encode(base64.b64encode(text.encode())).decode(),
    "base32": lambda text: base64.b32encode(text.encode()).decode(),
    "hex": lambda text: text.encode().hex(),
    "hex-escapes": lambda text: "".join(f"\\x{byte:02x}" for byte in text.encode()),
    "hex-spaced": lambda text: _bytes(text, "#04X", ", "),
    "percent": lambda text: "".join(f"%{byte:02X}" for byte in text.encode()),
    "percent-twice": lambda text: quote("".join(f"%{byte:02X}" for byte in text.encode())),
    "html-entities": lambda text: "".join(f"&#{ord(sign)};" for sign in text),
    "unicode-escapes": lambda text: "".join(f"\\u{ord(sign):04x}" for sign in text),
    "rot13": lambda text: codecs.encode(text, "rot13"),
    "reversed": lambda text: text[::-1],
    "spaced": lambda text: " ".join(text),
    "dashed": lambda text: "-".join(text),
    "zero-width": lambda text: "\u200b".join(text),
    "fullwidth": _fullwidth,
    "homoglyphs": lambda text: text.translate(_LOOKALIKES),
    "leetspeak": lambda text: text.lower().translate(_LEET),
    "morse": lambda text: _letters(text, lambda letter: _MORSE.get(letter, "/"), " "),
    "binary": lambda text: _bytes(text, "08b", " "),
    "octal": lambda text: _bytes(text, "03o", " "),
    "decimal": lambda text: _bytes(text, "d", " "),
    "spelling-alphabet": lambda text: _letters(text, lambda letter: _NATO.get(letter, letter), " "),
    "quoted-printable": lambda text: "=\n".join(f"={byte:02X}" for byte in text.encode()),
    "gzip-base64": lambda text: base64.b64encode(gzip.compress(text.encode(), mtime=0)).decode(),
    "table-cells": _cells,
    "acrostic": _acrostic,
    "mixed-case": lambda text: "".join(letter.upper() if at % 2 else letter.lower() for at, letter in enumerate(text)),
}
"""By name; `plain` is the control beside the others."""


def encode(text: str, name: str) -> str:
    """`text` in the notation called `name`. Raises KeyError for one that does not exist."""
    return OBFUSCATIONS[name](text)
