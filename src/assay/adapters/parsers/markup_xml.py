"""XML from documents, parsed without entities, without network and without trust."""

from __future__ import annotations

from typing import Any

from assay.records.errors import InputError


def xml_root(data: bytes, where: str) -> Any:
    """The root element (lxml). Raises InputError (`ingest.unreadable_xml`)."""
    from lxml import etree

    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False, recover=False)
    try:
        root = etree.fromstring(data, parser)
    except etree.XMLSyntaxError as error:
        raise InputError(
            "ingest.unreadable_xml", "a part of the document is no valid XML", where=where,
            remedy="open it in its own program and save it again",
        ) from error  # fmt: skip
    if root is None:
        raise InputError("ingest.unreadable_xml", "a part of the document is empty", where=where)
    return root


def local(element: Any) -> str:
    """The tag without its namespace; empty for comments and processing instructions."""
    tag = element.tag
    return tag.rpartition("}")[2] if isinstance(tag, str) else ""


def children(element: Any, name: str) -> list[Any]:
    """Child elements of this local name."""
    return [child for child in element if local(child) == name]


def found(element: Any, name: str) -> Any:
    """The first descendant of this local name, or None."""
    return next((one for one in element.iter() if local(one) == name), None)
