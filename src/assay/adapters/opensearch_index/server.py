"""The door to OpenSearch: the few requests that the index needs, with failures in Assay's words."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

from assay.adapters.remote_index.failures import refused, unreachable
from assay.records.errors import ConfigError, Unavailable

TIMEOUT_S = 30
_BULK_BYTES = 5_000_000
_PAGE = 1_000
_SETTINGS = "index.opensearch"

Action = tuple[dict[str, Any], dict[str, Any] | None]
"""A line of a bulk request and, except for a deletion, the document that follows it."""


class Server:
    """A cluster behind one address. Nothing is reached before the first request.

    Raises Unavailable (`index.unreachable`, `index.refused`, `index.partial`) and ConfigError (`index.credentials`,
    `index.missing_extra`).
    """

    def __init__(self, url: str, *, user: str = "", password: str = "", verify: bool = True) -> None:
        parts = urlsplit(url)
        self.url = parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
        """As errors name it: without a user or password that may stand in the address."""
        try:
            from opensearchpy import OpenSearch
        except ImportError as error:
            raise ConfigError(
                "index.missing_extra",
                "the engine opensearch needs opensearch-py",
                where="index.engine",
                remedy="pip install 'assay[opensearch]'",
            ) from error
        logging.getLogger("opensearch").setLevel(logging.CRITICAL)  # failures are told by errors; its lines hold bodies
        self._client = OpenSearch(
            hosts=[url],
            http_auth=(user, password) if user else None,
            verify_certs=verify,
            ssl_show_warn=False,
            timeout=TIMEOUT_S,
            max_retries=1,
        )

    def make_index(self, name: str, settings: Mapping[str, Any], properties: Mapping[str, Any]) -> None:
        """Make an index that takes no field but these; one that is there already stays as it is."""
        from opensearchpy.exceptions import RequestError

        with self._calls():
            if self._client.indices.exists(index=name):
                return
            body = {"settings": settings, "mappings": {"dynamic": "strict", "properties": properties}}
            try:
                self._client.indices.create(index=name, body=body)
            except RequestError as error:  # another process made it meanwhile
                if error.error != "resource_already_exists_exception":
                    raise

    def get(self, index: str, name: str) -> dict[str, Any] | None:
        """A document with its `_seq_no` and `_primary_term`, as it is now, refreshed or not."""
        from opensearchpy.exceptions import NotFoundError

        with self._calls():
            try:
                return dict(self._client.get(index=index, id=name))
            except NotFoundError:
                return None

    def get_many(self, index: str, names: Sequence[str]) -> list[dict[str, Any]]:
        """The sources of documents, as they are now. Raises Unavailable when one is not there."""
        if not names:
            return []
        with self._calls():
            found = self._client.mget(index=index, body={"ids": list(names)})["docs"]
        if not all(one.get("found") for one in found):
            raise refused(self.url, "a document that was written is not there")
        return [one["_source"] for one in found]

    def put(self, index: str, name: str, document: Mapping[str, Any], over: Mapping[str, Any] | None) -> Any | None:
        """Write a document where none was, or over exactly the version `over` that `get` gave; None when it was
        another."""
        from opensearchpy.exceptions import ConflictError

        expected = {"if_seq_no": over["_seq_no"], "if_primary_term": over["_primary_term"]} if over else {}
        how = expected or {"op_type": "create"}
        with self._calls():
            try:
                return self._client.index(index=index, id=name, body=document, params=how)
            except ConflictError:
                return None

    def bulk(self, index: str, actions: Iterable[Action]) -> None:
        """Write many documents, in requests of some megabytes. Searchable after `refresh`."""
        lines: list[str] = []
        size = 0
        for action, document in actions:
            for part in (action,) if document is None else (action, document):
                lines.append(json.dumps(part))
                size += len(lines[-1])
            if size > _BULK_BYTES:
                self._bulk(index, lines)
                lines, size = [], 0
        if lines:
            self._bulk(index, lines)

    def _bulk(self, index: str, lines: Sequence[str]) -> None:
        with self._calls():
            done = self._client.bulk(index=index, body="\n".join(lines) + "\n")
        if done["errors"]:
            failed = next(one for item in done["items"] for one in item.values() if "error" in one)
            raise refused(self.url, str(failed["error"]["type"]))

    def refresh(self, *indexes: str) -> None:
        with self._calls():
            self._client.indices.refresh(index=",".join(indexes))

    def search(self, index: str, body: Mapping[str, Any]) -> list[dict[str, Any]]:
        """The hits. Raises Unavailable when a shard did not answer: fewer hits than there are is no answer."""
        with self._calls():
            found = self._client.search(
                index=index, body={"track_total_hits": False, **body}, params={"allow_partial_search_results": "false"}
            )
        if found["timed_out"] or found["_shards"]["failed"]:
            raise Unavailable(
                "index.partial",
                "a part of the cluster did not answer, so hits would be missing",
                where=self.url,
                remedy="check the cluster's health and try again; no restart is needed",
            )
        return list(found["hits"]["hits"])

    def find(self, index: str, filters: Sequence[Mapping[str, Any]], fields: Sequence[str]) -> Iterator[dict[str, Any]]:
        """Every document that passes the filters, in order of the field `row`, with these fields."""
        body: dict[str, Any] = {
            "query": {"bool": {"filter": list(filters)}},
            "sort": [{"row": "asc"}],
            "size": _PAGE,
            "_source": [*fields],
        }
        while True:
            page = self.search(index, body)
            yield from page
            if len(page) < _PAGE:
                return
            body["search_after"] = page[-1]["sort"]

    def delete_where(self, index: str, query: Mapping[str, Any]) -> None:
        with self._calls():
            done = self._client.delete_by_query(index=index, body={"query": query}, params={"refresh": "true"})
        if done["failures"] or done.get("version_conflicts"):
            raise refused(self.url, "not everything that was to be deleted is")

    def expunge(self, index: str) -> None:
        """Rewrite what holds deleted documents, so that nothing of them stays on the server's disk."""
        with self._calls():
            self._client.indices.forcemerge(index=index, params={"only_expunge_deletes": "true"})

    def delete_index(self, name: str) -> None:
        with self._calls():
            self._client.indices.delete(index=name, params={"ignore_unavailable": "true"})

    def close(self) -> None:
        self._client.close()

    @contextmanager
    def _calls(self) -> Iterator[None]:
        from opensearchpy.exceptions import ConnectionError as NotConnected
        from opensearchpy.exceptions import SerializationError, TransportError

        try:
            yield
        except NotConnected as error:
            raise unreachable(self.url) from error
        except TransportError as error:
            if error.status_code in (401, 403):
                raise ConfigError(
                    "index.credentials",
                    "OpenSearch does not accept the user, or the user may not do this",
                    where=_SETTINGS,
                    remedy="name variables with a user that may make, read and write indexes of this name",
                ) from error
            if error.status_code in (429, 502, 503, 504):
                raise unreachable(self.url) from error
            raise refused(self.url, f"HTTP {error.status_code}") from error
        except SerializationError as error:
            raise refused(self.url, "an answer that is no JSON") from error
