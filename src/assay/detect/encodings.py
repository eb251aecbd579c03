"""What a text would say in other notations: every reading of it as a row of letters, each in one linear pass.

A reading drops all that is not a letter of the alphabet asked for, so that separators, markup and line breaks between
letters do not matter. Readings are for looking for something known and improbable in them, not for people.
"""

from __future__ import annotations

import binascii
import codecs
import re
import unicodedata
import zlib
from collections.abc import Iterator
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

Points = npt.NDArray[np.uint8]
"""Characters folded to ASCII, 0 where there is no such thing."""

_FOLDED_TO = 0x1F200
_TAGS = 0xE0000
_DEPTH = 3
"""An encoding inside an encoding inside an encoding is still read."""
_SHORTEST_RUN = 24

# Letters of other scripts that look like these (after Unicode Technical Standard 39), small capitals, Braille.
_LOOKALIKES = {
    "b": "ЬƄʙвⲃ⠃", "c": "сϲᴄ⠉", "d": "ԁᴅ⠙ժ", "f": "ƒꜰϝ⠋ք", "g": "ɡցɢ⠛", "h": "һհʜ⠓н", "j": "јϳᴊ⠚", "k": "кκᴋĸ⠅",
    "m": "мᴍ⠍", "n": "ոɴηп⠝", "p": "рρᴘ⠏", "q": "ԛգ⠟", "r": "гᴦʀ⠗", "t": "тτᴛ⠞", "w": "ԝѡᴡω⠺", "x": "хχ⠭",
    "B": "ВΒ", "C": "С", "D": "Ꭰ", "F": "Ϝ", "G": "Ԍ", "H": "НΗ", "J": "Ј", "K": "КΚ", "M": "МΜ", "N": "Ν", "P": "РΡ",
    "Q": "Ԛ", "R": "Ꮢ", "T": "ТΤ", "W": "Ԝ", "X": "ХΧ", "-": "−–—", ".": "·•∙",
}  # fmt: skip
_SPELT_WITH_SIGNS = (
    ("/\\/\\", "m"), ("\\/\\/", "w"), ("|\\|", "n"), ("|-|", "h"), ("|)", "d"), ("|<", "k"), ("|{", "k"), ("_|", "j"),
    ("|=", "f"), ("|2", "r"), ("|*", "p"), ("><", "x"), ("(_,)", "q"),
)  # fmt: skip
_MORSE = {
    "-...": "b", "-.-.": "c", "-..": "d", "..-.": "f", "--.": "g", "....": "h", ".---": "j", "-.-": "k", "--": "m",
    "-.": "n", ".--.": "p", "--.-": "q", ".-.": "r", "-": "t", ".--": "w", "-..-": "x", ".-": "a", ".": "e", "..": "i",
    "---": "o", "...": "s", "..-": "u", "...-": "v", "-.--": "y", "--..": "z", ".-..": "l",
}  # fmt: skip


@cache
def _fold() -> Points:
    table = np.zeros(_FOLDED_TO, np.uint8)
    table[:128] = np.arange(128, dtype=np.uint8)
    for first, last in ((0x80, 0x3400), (0xA640, 0xAC00), (0xFB00, 0x10000), (0x1D400, 0x1D800), (0x1F100, 0x1F190)):
        for point in range(first, last):
            plain = unicodedata.normalize("NFKD", chr(point)).strip("()")[:1]
            table[point] = ord(plain) if plain and plain.isascii() else 0
    for step in range(26):
        for first in (0x1F130, 0x1F150, 0x1F170, 0x1F1E6):  # letters in squares and discs, flags
            table[first + step] = ord("a") + step
    for letter, others in _LOOKALIKES.items():
        for other in others:
            table[ord(other)] = ord(letter)
    return table


def folded(text: str) -> Points:
    """Every character as the ASCII one it shows or hides, 0 for others; as many as there are code points."""
    points = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.dtype("<u4"))
    points = np.where((points >= _TAGS) & (points < _TAGS + 128), points - _TAGS, points)
    return _fold()[np.where(points < _FOLDED_TO, points, 0)]


_DIGITS = re.compile("[0-9]{1,3}")
_MORSE_SIGNS = re.compile("[.·•∙_−–—-]+")
_AS_MORSE = str.maketrans("·•∙−–—_", "...----")


@cache
def _pattern(pattern: str) -> Any:
    import re2

    return re2.compile(pattern)


def readings(text: str, depth: int = _DEPTH) -> Iterator[tuple[str, Points]]:
    """Name and letters (ASCII codes, others among them) of every reading of `text`; work and size are linear in it."""
    sound = text.encode("utf-8", "replace").decode()
    plain = folded(sound)
    yield "as written", plain
    yield from _first_letters(plain)
    spelt = _spelt(sound)
    if spelt != sound:
        yield "signs for letters", folded(spelt)
    shown = _unescaped(sound)
    if shown != sound:
        yield "escapes", folded(shown)
    yield from _radices(plain)
    yield from _numbers(sound)
    yield "Morse", _morse(sound)
    inner = "\n".join(_inside(sound))
    if inner and depth > 1:
        for name, letters in readings(inner, depth - 1):
            yield f"encoded, {name}", letters
    elif inner:
        yield "encoded", folded(inner)


def _spelt(text: str) -> str:
    for signs, letter in _SPELT_WITH_SIGNS:
        text = text.replace(signs, letter)
    return text


def _first_letters(plain: Points) -> Iterator[tuple[str, Points]]:
    """Acrostics: words, lines, sentences and cells by their first letter, words by their last. Spelling alphabets are
    acrostics of words; a hyphen does not begin a new one (X-ray)."""
    lower = plain | 0x20
    letter = (lower >= ord("a")) & (lower <= ord("z"))
    before = np.concatenate(([False], letter[:-1]))
    hyphen = np.concatenate(([False], plain[:-1] == ord("-")))
    after = np.concatenate((letter[1:], [False]))
    yield "first letters of words", plain[letter & ~before & ~hyphen]
    yield "last letters of words", plain[letter & ~after]
    at = np.flatnonzero(letter)
    if not at.size:
        return
    for name, marks in (("lines", b"\n"), ("sentences", b".!?\n"), ("cells", b"|,;\n")):
        parts = np.cumsum(_marked(marks)[plain])[at]
        yield f"first letters of {name}", plain[at[np.concatenate(([True], parts[1:] != parts[:-1]))]]


@cache
def _marked(marks: bytes) -> npt.NDArray[np.bool_]:
    table = np.zeros(256, np.bool_)
    table[list(marks)] = True
    return table


@cache
def _digits(signs: str, fold_case: bool = False) -> Points:
    table = np.full(256, 255, np.uint8)
    for value, sign in enumerate(signs):
        for one in {sign, sign.swapcase()} if fold_case else {sign}:
            table[ord(one)] = value
    return table


_UPPER = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_BASE64 = f"{_UPPER}{_UPPER.lower()}0123456789"


def _radices(plain: Points) -> Iterator[tuple[str, Points]]:
    """Base64, base32, hexadecimal and binary, at every alignment."""
    lower = plain | 0x20
    turned = plain.copy()
    letter = (lower >= ord("a")) & (lower <= ord("z"))
    turned[letter] = (lower[letter] - ord("a") + 13) % 26 + ord("a") - (plain[letter] < ord("a")) * 32
    without = _digits(f"{_BASE64}+/")
    for name, signs, row in (
        ("base64", without, plain),
        ("base64url", _digits(f"{_BASE64}-_"), plain),
        ("base64 backwards", without, plain[::-1]),
        ("base64 by rot13", without, turned),
    ):
        yield name, _aligned(signs, row, 6, 4)
    yield "base32", _aligned(_digits(f"{_UPPER}234567", True), plain, 5, 8)
    zero = (plain == ord("0")) & np.concatenate((lower[1:] == ord("x"), [False]))
    yield "hexadecimal", _aligned(_digits("0123456789abcdef", True), plain[~zero], 4, 2)
    yield "binary", _aligned(_digits("01"), plain, 1, 8)


def _aligned(table: Points, row: Points, bits: int, count: int) -> Points:
    """The bytes that digits of so many bits spell, `count` of them (a power of two) being a whole number of bytes: from
    the first digit on, then from the second, and so on, one after the other."""
    values = table[row]
    values = values[values != 255]
    if len(values) < count:
        return np.zeros(0, np.uint8)
    numbers = values.astype(np.uint64)
    width = 1
    while width < count:  # by doubling: every `count` digits in a row as one number
        numbers = (numbers[:-width] << np.uint64(bits * width)) | numbers[width:]
        width *= 2
    spelt = numbers.astype(">u8").view(np.uint8).reshape(-1, 8)[:, 8 - bits * count // 8 :]
    return np.concatenate([spelt[start::count].reshape(-1) for start in range(count)])


def _numbers(text: str) -> Iterator[tuple[str, Points]]:
    """Numbers of up to three digits as decimal and octal codes, and as places in the alphabet."""
    found = np.array([int(digits) for digits in _DIGITS.findall(text)], np.int64)
    if not found.size:
        return
    yield "decimal codes", np.where(found < 256, found, 0).astype(np.uint8)
    octal = found // 100 * 64 + found // 10 % 10 * 8 + found % 10
    yield "octal codes", (octal % 256).astype(np.uint8)
    yield "places in the alphabet", np.where((found >= 1) & (found <= 26), found + 96, 0).astype(np.uint8)


def _morse(text: str) -> Points:
    spelt = (_MORSE.get(group.translate(_AS_MORSE), "") for group in _MORSE_SIGNS.findall(text))
    return np.frombuffer("".join(spelt).encode(), np.uint8)


_ESCAPES = (
    r"%([0-9A-Fa-f]{2})|=([0-9A-Fa-f]{2})|\\x([0-9A-Fa-f]{2})|\\u\{?([0-9A-Fa-f]{1,6})\}?|\\U([0-9A-Fa-f]{8})"
    r"|&#[xX]0{0,6}([0-9A-Fa-f]{1,5});?|&#0{0,6}([0-9]{1,7});?|\\([0-7]{3})|[uU]\+([0-9A-Fa-f]{4,6})"
)
_BASES = (16, 16, 16, 16, 16, 16, 10, 8, 16)


def _unescaped(text: str) -> str:
    """Escapes of addresses, mail, program text and HTML as what they stand for, twice: escapes may be escaped."""

    def sign(match: Any) -> str:
        digits, base = next((g, base) for g, base in zip(match.groups(), _BASES, strict=True) if g is not None)
        point = int(digits[:4] if base == 16 and match[0][:2] == "\\u" and match[0][2:3] != "{" else digits, base)
        rest = digits[4:] if base == 16 and match[0][:2] == "\\u" and match[0][2:3] != "{" else ""
        return (chr(point) if point < 0xD800 or 0xDFFF < point < 0x110000 else " ") + rest

    text = text.replace("&amp;", "&").replace("=\n", "")
    for _ in range(3):
        if not any(mark in text for mark in "%=\\&+"):
            return text
        text = _pattern(_ESCAPES).sub(sign, text)
    return text


def _inside(text: str) -> Iterator[str]:
    """Readable texts in base64, base32 or hexadecimal runs, in compressed ones, and in encoded host names."""
    for label in _pattern(r"(?i)xn--([a-z0-9-]{1,59})").findall(text) if "n--" in text or "N--" in text else ():
        try:
            yield codecs.decode(label.encode(), "punycode")
        except UnicodeError:
            continue
    budget = 4 * len(text) + 65536
    for run in _pattern(r"(?:H4sI|eJ|eN|eA|eF)[A-Za-z0-9+/_\-\s]{16,}").findall(text):
        opened = _decompressed(_bytes_of(run), budget)
        budget -= len(opened)
        yield opened.decode("utf-8", "replace")
    for run in _pattern(rf"[A-Za-z0-9+/_\-]{{{_SHORTEST_RUN},}}").findall(text):
        yield from _readable(_bytes_of(run))
        if len(run) % 2 == 0 and not run.lower().strip("0123456789abcdef"):
            yield from _readable(bytes.fromhex(run))
        if not run.upper().strip(f"{_UPPER}234567"):
            yield from _readable(_base32(run))


def _bytes_of(run: str) -> bytes:
    bare = "".join(run.split()).replace("-", "+").replace("_", "/")
    return binascii.a2b_base64(bare[: len(bare) - (len(bare) % 4 == 1)] + "==") if bare else b""


def _base32(run: str) -> bytes:
    import base64

    bare = run.upper()[: len(run) // 8 * 8]
    return base64.b32decode(bare)


def _readable(data: bytes) -> Iterator[str]:
    printable = sum(0x20 <= byte < 0x7F or byte in (9, 10, 13) for byte in data)
    if data and printable >= 0.9 * len(data):
        yield data.decode("latin-1")


def _decompressed(data: bytes, limit: int) -> bytes:
    """At most `limit` bytes of what gzip or zlib packed; empty when it is neither."""
    if limit <= 0:
        return b""
    try:
        return zlib.decompressobj(wbits=47).decompress(data, limit)
    except zlib.error:
        return b""
