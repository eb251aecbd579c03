"""E-mail: who wrote to whom and when, what they wrote, and attachments as documents of their own."""

from __future__ import annotations

import email
import email.policy
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from email.message import EmailMessage, MIMEPart
from email.utils import parsedate_to_datetime

from assay.adapters.parsers.copying import TextCopy, clean, one_line
from assay.adapters.parsers.enclosed import enclosed
from assay.adapters.parsers.html import html_tree, write_tree
from assay.adapters.parsers.plain import add_paragraphs
from assay.adapters.parsers.stated import read_stated
from assay.ports.reading import Parser
from assay.records.documents import BlockKind, Parsed
from assay.records.errors import InputError

_SHOWN = ("From", "To", "Cc", "Date")
_MOST_PARTS = 500


class MailParser:
    """MIME messages (RFC 5322, RFC 2045). The plain text is taken where there is one, else the HTML; quoted lines are
    quotations. `others` gives the parsers for attachments, by suffix."""

    recipe = "mail.v1"
    media_type = "message/rfc822"

    def __init__(self, others: Callable[[], Mapping[str, Parser]]) -> None:
        self._others = others

    def parse(self, data: bytes, name: str) -> Iterator[Parsed]:
        message = email.message_from_bytes(data, policy=email.policy.default)
        if not any(message.get(key) for key in ("From", "Date", "Subject")):
            raise InputError(
                "ingest.unreadable_mail", "this is no e-mail message", where=name, remedy="export it as .eml again"
            )
        yield self._body(message, name)
        for number, part in enumerate(_attachments(message), start=1):
            yield from self._attachment(part, number, name)

    def _body(self, message: EmailMessage, name: str) -> Parsed:
        copy = TextCopy()
        subject = one_line(_header(message, "Subject"))
        copy.heading(subject, 1)
        lines = [f"{key}: {value}" for key in _SHOWN if (value := one_line(_header(message, key)))]
        copy.add(BlockKind.LIST, "\n".join(lines))
        body = message.get_body(("plain", "html"))
        warnings: tuple[str, ...] = ()
        if body is not None:
            text = _text(body)
            if body.get_content_subtype() == "html":
                root = html_tree(clean(text), name).body
                if root is not None:
                    write_tree(copy, root)
            else:
                _write_plain(copy, text)
        if message.get_content_type() == "multipart/encrypted":
            warnings = ("ingest.encrypted_mail: the message is encrypted; only its header was read",)
        stated = read_stated({"modified": _sent(message)}, name)
        return copy.parsed(subject, metadata=stated.metadata, warnings=warnings)

    def _attachment(self, part: EmailMessage, number: int, name: str) -> Iterator[Parsed]:
        filename = one_line(part.get_filename() or f"attachment-{number}")
        payload = part.get_payload(decode=True)
        if isinstance(payload, bytes):
            for parsed in enclosed(self._others(), payload, filename, name):
                yield replace(parsed, access=None)  # whoever sent the mail does not decide who reads it


def _header(message: EmailMessage, key: str) -> str:
    try:
        return str(message.get(key, ""))
    except (ValueError, LookupError, AttributeError, TypeError):  # headers that the library cannot parse
        return ""


def _text(part: MIMEPart) -> str:
    payload = part.get_payload(decode=True)
    data = payload if isinstance(payload, bytes) else b""
    charset = part.get_content_charset() or "utf-8"
    try:
        return data.decode(charset, errors="replace")
    except LookupError:
        return data.decode("utf-8", errors="replace")


def _sent(message: EmailMessage) -> str:
    try:
        return parsedate_to_datetime(_header(message, "Date")).isoformat()
    except (ValueError, TypeError, OverflowError):
        return ""


def _attachments(message: EmailMessage) -> list[EmailMessage]:
    found: list[EmailMessage] = []
    for count, part in enumerate(message.walk()):
        if count > _MOST_PARTS:
            break
        if not part.is_multipart() and part.get_filename():
            found.append(part)
    return found


def _write_plain(copy: TextCopy, text: str) -> None:
    """Paragraphs, with runs of lines that begin with `>` as quotations."""
    run: list[str] = []
    quoted = False
    for line in [*clean(text).split("\n"), None]:
        if line is None or line.lstrip().startswith(">") != quoted:
            if quoted:
                copy.add(BlockKind.QUOTE, "\n".join(one.lstrip("> ").rstrip() for one in run))
            else:
                add_paragraphs(copy, "\n".join(run))
            run = []
        if line is not None:
            quoted = line.lstrip().startswith(">")
            run.append(line)
