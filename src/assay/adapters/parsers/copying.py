"""The text copy under construction: blocks are written one after another, so that their offsets are exact."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from assay.records.documents import Block, BlockKind, Page, Parsed
from assay.records.errors import InputError

_UNWANTED = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ufeff\ufffe\uffff]")
_SURROGATE = re.compile("[\ud800-\udfff]")
_BLANK_LINES = re.compile(r"\n{3,}")
_BINARY_SHARE = 0.05
"""Text of any language and encoding that we read has far fewer control or broken characters than this."""
_SNIFFED_BYTES = 65_536


def clean(text: str) -> str:
    """Text as the copy keeps it: line feeds only, no control characters, encodable as UTF-8, no space at line ends."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    text = _SURROGATE.sub("\ufffd", _UNWANTED.sub("", text))
    return "\n".join([line.rstrip() for line in text.split("\n")])


def one_line(text: str) -> str:
    """Cleaned text with every run of white space as one space: for titles, cells and headings."""
    return " ".join(clean(text).split())


def decode(data: bytes, name: str) -> tuple[str, tuple[str, ...]]:
    """The text of `data` and warnings about how it was read.

    UTF-8 (with or without a byte order mark) and UTF-16 with one. Broken UTF-8 is read with U+FFFD for what is broken;
    text without one valid multi-byte sequence is read as Windows-1252. Raises InputError `ingest.binary` for what is
    no text.
    """
    warnings: tuple[str, ...] = ()
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        text = data.decode("utf-16", errors="replace")
    elif b"\x00" in data[:_SNIFFED_BYTES]:
        raise _binary(name)
    else:
        text, warnings = _decode_bytes(data)
    sample = text[:_SNIFFED_BYTES]
    odd = len(_UNWANTED.findall(sample)) + sample.count("\ufffd")
    if odd > 2 and odd > _BINARY_SHARE * len(sample):
        raise _binary(name)
    return clean(text), warnings


def _decode_bytes(data: bytes) -> tuple[str, tuple[str, ...]]:
    try:
        return data.decode("utf-8-sig"), ()
    except UnicodeDecodeError:
        text = data.decode("utf-8-sig", errors="replace")
    if any(char > "\x7f" and char != "\ufffd" for char in text):
        broken = text.count("\ufffd")
        return text, (f"ingest.broken_utf8: {broken} places are not valid UTF-8 and stand as U+FFFD",)
    return data.decode("cp1252", errors="replace"), ("ingest.not_utf8: no UTF-8; read as Windows-1252",)


def _binary(name: str) -> InputError:
    return InputError(
        "ingest.binary",
        "this is binary data, not text",
        where=name,
        remedy="give the file the suffix of its real format, or leave it out",
    )


@dataclass
class TextCopy:
    """Collects blocks; between two blocks stands one blank line."""

    parts: list[str] = field(default_factory=list)
    blocks: list[Block] = field(default_factory=list)
    pages: list[Page] = field(default_factory=list)
    length: int = 0

    def add(self, kind: BlockKind, text: str, level: int = 0) -> None:
        """Append a block; white space around it, and a block of nothing else, is dropped."""
        text = clean(text).strip("\n").rstrip()
        text = text.lstrip() if kind is not BlockKind.CODE else text
        text = text if kind is BlockKind.CODE else _BLANK_LINES.sub("\n\n", text)
        if not text.strip():
            return
        if self.parts:
            self.parts.append("\n\n")
            self.length += 2
        start = self.length
        self.parts.append(text)
        self.length += len(text)
        self.blocks.append(Block(kind, start, self.length, level if kind is BlockKind.HEADING else 0))

    def heading(self, text: str, level: int) -> None:
        self.add(BlockKind.HEADING, one_line(text), min(max(level, 1), 6))

    def table(self, rows: list[list[str]]) -> None:
        """Append a table: one line a row, cells joined by ` | `, rows without any text left out."""
        lines = [" | ".join(one_line(cell) for cell in row).rstrip(" |") for row in rows if any(c.strip() for c in row)]
        self.add(BlockKind.TABLE, "\n".join(lines))

    def page(self, number: int, start: int) -> None:
        """Record that page `number` reaches from offset `start` to where the copy ends now."""
        self.pages.append(Page(number, min(start, self.length), self.length))

    @property
    def text(self) -> str:
        return "".join(self.parts)

    @property
    def first_heading(self) -> str:
        text = self.text
        return next((text[b.start : b.end] for b in self.blocks if b.kind is BlockKind.HEADING), "")

    def parsed(
        self,
        title: str = "",
        *,
        language: str = "",
        metadata: tuple[tuple[str, str], ...] = (),
        warnings: tuple[str, ...] = (),
    ) -> Parsed:
        """The finished copy; without a title its first heading is the title."""
        return Parsed(
            text=self.text,
            blocks=tuple(self.blocks),
            title=one_line(title) or self.first_heading,
            pages=tuple(self.pages),
            language=language,
            metadata=metadata,
            warnings=warnings,
        )
