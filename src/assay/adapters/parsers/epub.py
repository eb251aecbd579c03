"""E-books: the chapters of an EPUB in reading order, by the rules for HTML."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from urllib.parse import unquote

from assay.adapters.parsers.copying import TextCopy, decode
from assay.adapters.parsers.html import html_tree, write_tree
from assay.adapters.parsers.markup_xml import children, found, local, xml_root
from assay.adapters.parsers.stated import read_stated
from assay.adapters.parsers.unpacking import Unpacked, unpack
from assay.records.documents import Parsed
from assay.records.errors import InputError

_CONTAINER = "META-INF/container.xml"
_RIGHTS = ("META-INF/rights.xml", "META-INF/sinf.xml")
_CHAPTERS = frozenset({"application/xhtml+xml", "text/html"})
_HARMLESS = ("idpf.org/2008/embedding", "ns.adobe.com/pdf/enc#RC")
"""Encryption methods that only obfuscate fonts."""


class EpubParser:
    """EPUB 2 and 3 (W3C EPUB 3.3): the spine's documents in order, without the table of contents."""

    recipe = "epub.v1"
    media_type = "application/epub+zip"

    def parse(self, data: bytes, name: str) -> Iterator[Parsed]:
        box = unpack(data, name)
        if not box.has(_CONTAINER):
            raise InputError(
                "ingest.unreadable_epub", "this is no EPUB", where=name, remedy="export the book as EPUB again"
            )
        if any(box.has(path) for path in _RIGHTS) or _encrypted(box):
            raise InputError("ingest.encrypted_epub", "the book is protected against copying", where=name)
        package = _package_path(box)
        root = xml_root(box.read(package), name)
        copy = TextCopy()
        for path in _spine(box, root, posixpath.dirname(package)):
            text, _ = decode(box.read(path), name)
            body = html_tree(text, name).body
            if body is not None:
                write_tree(copy, body)
        known = _metadata(root)
        fields = {"modified": known.get("modified") or known.get("date", ""), "language": known.get("language", "")}
        stated = read_stated(fields, name)
        yield copy.parsed(known.get("title", ""), language=stated.language, metadata=stated.metadata)


def _encrypted(box: Unpacked) -> bool:
    if not box.has("META-INF/encryption.xml"):
        return False
    methods = [
        one.get("Algorithm", "")
        for one in xml_root(box.read("META-INF/encryption.xml"), box.where).iter()
        if local(one) == "EncryptionMethod"
    ]
    return any(not any(part in method for part in _HARMLESS) for method in methods)


def _package_path(box: Unpacked) -> str:
    rootfile = found(xml_root(box.read(_CONTAINER), box.where), "rootfile")
    path = str(rootfile.get("full-path", "")) if rootfile is not None else ""
    if not box.has(path):
        raise InputError("ingest.unreadable_epub", "the book does not say where its chapters are", where=box.where)
    return path


def _spine(box: Unpacked, root: object, folder: str) -> list[str]:
    """Paths of the chapters in reading order; each once, navigation left out."""
    manifest, spine = found(root, "manifest"), found(root, "spine")
    if manifest is None or spine is None:
        return []
    items = {one.get("id", ""): one for one in children(manifest, "item")}
    chosen = [items[ref.get("idref", "")] for ref in children(spine, "itemref") if ref.get("idref", "") in items]
    paths = [
        posixpath.normpath(posixpath.join(folder, unquote(item.get("href", ""))))
        for item in chosen
        if item.get("media-type") in _CHAPTERS and "nav" not in item.get("properties", "").split()
    ]
    return [path for path in dict.fromkeys(paths) if box.has(path)]


def _metadata(root: object) -> dict[str, str]:
    """The package's Dublin Core fields by their local names, the first of each; `dcterms:modified` as `modified`."""
    metadata = found(root, "metadata")
    known: dict[str, str] = {}
    for one in metadata if metadata is not None else []:
        key = str(one.get("property", "")).rpartition(":")[2] if local(one) == "meta" else local(one)
        if key and one.text:
            known.setdefault(key, one.text.strip())
    return known
