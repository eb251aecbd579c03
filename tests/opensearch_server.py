"""A stand-in for an OpenSearch 3 server on loopback, for the requests that the adapter makes and no others.

It follows the REST reference and the mapping, query and k-NN pages of OpenSearch's documentation: a document is
readable by its id at once and searchable after a refresh; a mapping that is strict refuses other fields; a value must
be of its field's type; writes can be made conditional on `_seq_no`; a rank feature keeps nine significant bits; a query
may have 1,024 clauses; a page ends at `index.max_result_window`. What it does not know it refuses with HTTP 400, as a
server refuses what it cannot parse, so that a request which passes here has the shape that is documented.
"""

from __future__ import annotations

import base64
import json
import math
import socket
import struct
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import numpy as np


class Refusal(Exception):
    def __init__(self, status: int, kind: str, reason: str = "") -> None:
        self.status, self.kind, self.reason = status, kind, reason
        super().__init__(f"{status} {kind} {reason}")


def need(condition: object, reason: str, kind: str = "parsing_exception") -> None:
    if not condition:
        raise Refusal(400, kind, reason)


def known(given: Mapping[str, Any], allowed: set[str], where: str) -> None:
    need(set(given) <= allowed, f"unknown key [{sorted(set(given) - allowed)}] in {where}")


# ---- mappings -------------------------------------------------------------------------------------------------------

_PARAMETERS = {
    "keyword": {"index", "doc_values"},
    "long": {"index"},
    "integer": {"index"},
    "double": {"index"},
    "binary": set(),
    "rank_features": set(),
    "object": {"enabled"},
    "knn_vector": {"dimension", "method"},
}
_SETTINGS = {
    "number_of_shards", "refresh_interval", "max_result_window", "merge.policy.expunge_deletes_allowed", "knn",
}  # fmt: skip


def check_mapping(properties: Mapping[str, Any], settings: Mapping[str, Any]) -> None:
    for name, stated in properties.items():
        kind = stated.get("type")
        need(
            kind in _PARAMETERS, f"No handler for type [{kind}] declared on field [{name}]", "mapper_parsing_exception"
        )
        known(stated, _PARAMETERS[kind] | {"type"}, f"mapping of {name}")
        if kind == "knn_vector":
            need(settings.get("knn"), "index.knn is not true", "mapper_parsing_exception")
            need(1 <= stated["dimension"] <= 16_000, "dimension", "mapper_parsing_exception")
            method = stated["method"]
            known(method, {"name", "engine", "space_type", "parameters"}, "method")
            need(method["name"] == "hnsw" and method["engine"] == "lucene", "method", "mapper_parsing_exception")
            need(method["space_type"] in ("l2", "cosinesimil", "innerproduct"), "space", "mapper_parsing_exception")


def check_value(name: str, stated: Mapping[str, Any], value: Any) -> None:
    kind = stated["type"]
    wrong = f"failed to parse field [{name}] of type [{kind}]"

    def must(condition: object) -> None:
        need(condition, wrong, "mapper_parsing_exception")

    if kind == "keyword":
        for one in value if isinstance(value, list) else [value]:
            must(isinstance(one, str))
            indexed = stated.get("index", True) or stated.get("doc_values", True)
            must(not indexed or len(one.encode()) <= 32_766)
    elif kind in ("long", "integer"):
        bits = 63 if kind == "long" else 31
        must(isinstance(value, int) and not isinstance(value, bool) and -(1 << bits) <= value < 1 << bits)
    elif kind == "double":
        must(isinstance(value, (int, float)) and math.isfinite(value))
    elif kind == "binary":
        must(isinstance(value, str))
        base64.b64decode(value, validate=True)
    elif kind == "rank_features":
        must(isinstance(value, dict) and all("." not in feature and feature for feature in value))
        must(all(isinstance(w, (int, float)) and 1.1754944e-38 <= w < 3.4e38 for w in value.values()))
    elif kind == "object":
        must(isinstance(value, dict))
    elif kind == "knn_vector":
        must(isinstance(value, list) and len(value) == stated["dimension"])
        must(all(isinstance(number, (int, float)) and math.isfinite(number) for number in value))


def nine_bits(value: float) -> float:
    """Lucene's FeatureField keeps a float's sign, exponent and first eight bits after the point."""
    (bits,) = struct.unpack(">I", struct.pack(">f", value))
    return float(struct.unpack(">f", struct.pack(">I", bits >> 15 << 15))[0])


# ---- an index -------------------------------------------------------------------------------------------------------


@dataclass
class Document:
    source: dict[str, Any]
    seq_no: int


@dataclass
class Index:
    properties: dict[str, Any]
    settings: dict[str, Any]
    documents: dict[str, Document] = field(default_factory=dict)
    searchable: dict[str, dict[str, Any]] = field(default_factory=dict)
    prepared: dict[str, dict[str, Any]] = field(default_factory=dict)
    seq_no: int = -1

    def put(self, name: str, source: Any, expected: int | None = None, *, create: bool = False) -> int:
        need(0 < len(name.encode()) <= 512, "id", "illegal_argument_exception")
        present = self.documents.get(name)
        another = expected is not None and (present is None or present.seq_no != expected)
        if another or (create and present is not None):
            raise Refusal(409, "version_conflict_engine_exception")
        need(isinstance(source, dict), "a document is an object", "mapper_parsing_exception")
        for key, value in source.items():
            need(key in self.properties, f"[{key}] is not allowed", "strict_dynamic_mapping_exception")
            check_value(key, self.properties[key], value)
        self.seq_no += 1
        self.documents[name] = Document(json.loads(json.dumps(source)), self.seq_no)
        return self.seq_no

    def refresh(self) -> None:
        for name, document in self.documents.items():
            if self.searchable.get(name) is not document.source:
                self.searchable[name] = document.source
                self.prepared[name] = self._prepared(document.source)
        for name in set(self.searchable) - set(self.documents):
            del self.searchable[name], self.prepared[name]

    def _prepared(self, source: Mapping[str, Any]) -> dict[str, Any]:
        """The values as a search compares them."""
        made: dict[str, Any] = {}
        for name, value in source.items():
            kind = self.properties[name]["type"]
            if kind == "rank_features":
                made[name] = {feature: nine_bits(weight) for feature, weight in value.items()}
            elif kind == "knn_vector":
                made[name] = np.asarray(value, dtype=np.float32)
            else:
                made[name] = frozenset(value) if isinstance(value, list) else value
        return made


# ---- queries --------------------------------------------------------------------------------------------------------

Scores = dict[str, float]


class Search:
    """Matches with their scores, in memory and exact; `k` of a knn query bounds what it finds, as on one shard."""

    def __init__(self, index: Index) -> None:
        self.index = index
        self.clauses = 0

    def run(self, query: Mapping[str, Any]) -> Scores:
        need(len(query) == 1, "a query is an object with one key")
        ((kind, body),) = query.items()
        method: Callable[[Any], Scores] | None = getattr(self, f"_{kind}", None)
        need(method is not None, f"unknown query [{kind}]")
        assert method is not None
        self.clauses += 1
        need(self.clauses <= 1_024, "maxClauseCount is set to 1024", "too_many_clauses")
        return method(body)

    def _field(self, name: str, kinds: tuple[str, ...]) -> str:
        need(name in self.index.properties, f"field [{name}] is not mapped", "query_shard_exception")
        stated = self.index.properties[name]
        need(stated["type"] in kinds, f"field [{name}] is of type [{stated['type']}]", "query_shard_exception")
        need(stated.get("index", True), f"field [{name}] is not indexed", "query_shard_exception")
        return name

    def _terms(self, body: Mapping[str, Any]) -> Scores:
        need(len(body) == 1, "terms takes one field")
        ((name, values),) = body.items()
        self._field(name, ("keyword", "long", "integer"))
        need(isinstance(values, list) and len(values) <= 65_536, "terms takes a list of at most 65,536")
        wanted = set(values)
        found: Scores = {}
        for row, prepared in self.index.prepared.items():
            value = prepared.get(name)
            if (not wanted.isdisjoint(value)) if isinstance(value, frozenset) else value in wanted:
                found[row] = 1.0
        return found

    def _range(self, body: Mapping[str, Any]) -> Scores:
        need(len(body) == 1, "range takes one field")
        ((name, bounds),) = body.items()
        self._field(name, ("long", "integer", "double"))
        known(bounds, {"gt", "gte", "lt", "lte"}, "range")
        tests = {
            "gt": lambda value, bound: value > bound, "gte": lambda value, bound: value >= bound,
            "lt": lambda value, bound: value < bound, "lte": lambda value, bound: value <= bound,
        }  # fmt: skip
        rows = ((row, prepared[name]) for row, prepared in self.index.prepared.items() if name in prepared)
        return {row: 1.0 for row, value in rows if all(tests[op](value, bound) for op, bound in bounds.items())}

    def _bool(self, body: Mapping[str, Any]) -> Scores:
        known(body, {"filter", "must_not", "should", "minimum_should_match"}, "bool")
        found: Scores | None = None
        for part in body.get("filter", ()):
            passed = self.run(part)
            found = {row: 0.0 for row in passed if found is None or row in found}
        should = [self.run(part) for part in body.get("should", ())]
        least = body.get("minimum_should_match", 0 if found is not None or not should else 1)
        if found is None:
            found = dict.fromkeys(self.index.prepared, 0.0)
        hits = dict.fromkeys(found, 0)
        for part in should:
            for row, score in part.items():
                if row in found:
                    found[row] = float(np.float32(found[row]) + np.float32(score))
                    hits[row] += 1
        for part in body.get("must_not", ()):
            for row in self.run(part):
                found.pop(row, None)
        return {row: score for row, score in found.items() if hits[row] >= least}

    def _rank_feature(self, body: Mapping[str, Any]) -> Scores:
        known(body, {"field", "boost", "linear"}, "rank_feature")
        need(body.get("linear") == {} and body["boost"] >= 0, "rank_feature")
        name, feature = body["field"].rsplit(".", 1)
        self._field(name, ("rank_features",))
        boost = np.float32(body["boost"])
        return {
            row: float(boost * np.float32(prepared[name][feature]))
            for row, prepared in self.index.prepared.items()
            if feature in prepared.get(name, ())
        }

    def _similar(self, name: str, query: Any, among: Scores) -> Scores:
        self._field(name, ("knn_vector",))
        need(len(query) == self.index.properties[name]["dimension"], "Query vector has invalid dimension")
        asked = np.asarray(query, dtype=np.float32)
        products = {row: float(self.index.prepared[row][name] @ asked) for row in among}
        return {row: p + 1 if p > 0 else 1 / (1 - p) for row, p in products.items()}

    def _knn(self, body: Mapping[str, Any]) -> Scores:
        need(len(body) == 1, "knn takes one field")
        ((name, stated),) = body.items()
        known(stated, {"vector", "k", "filter"}, "knn")
        need(0 < stated["k"] <= 10_000, "[knn] requires k to be in the range (0, 10000]")
        need(self.index.settings.get("knn"), "index.knn is not true", "query_shard_exception")
        among = self.run(stated["filter"]) if "filter" in stated else dict.fromkeys(self.index.prepared, 0.0)
        scores = self._similar(name, stated["vector"], among)
        return dict(sorted(scores.items(), key=lambda item: -item[1])[: stated["k"]])

    def _script_score(self, body: Mapping[str, Any]) -> Scores:
        known(body, {"query", "script"}, "script_score")
        script = body["script"]
        known(script, {"source", "lang", "params"}, "script")
        need((script["source"], script["lang"]) == ("knn_score", "knn"), "unknown script", "script_exception")
        params = script["params"]
        known(params, {"field", "query_value", "space_type"}, "params")
        need(params["space_type"] == "innerproduct", "space_type", "script_exception")
        return self._similar(params["field"], params["query_value"], self.run(body["query"]))


# ---- the server -----------------------------------------------------------------------------------------------------


class Cluster:
    """The indexes; they outlive the server that answers for them."""

    def __init__(self, user: str = "", password: str = "") -> None:
        self.indexes: dict[str, Index] = {}
        self.lock = threading.Lock()
        self.credentials = base64.b64encode(f"{user}:{password}".encode()).decode() if user else ""
        self.fail_bulk_after: int | None = None
        """After so many more documents the cluster refuses to write, as when its disks are full."""
        self.shards_failed = 0

    def index(self, name: str) -> Index:
        if name not in self.indexes:
            raise Refusal(404, "index_not_found_exception", f"no such index [{name}]")
        return self.indexes[name]

    def answer(self, method: str, path: str, params: dict[str, str], body: str) -> Any:
        parts = [part for part in path.split("/") if part]
        need(parts, "no path")
        name, rest = parts[0], parts[1:]
        verb = rest[0] if rest else ""
        handler = getattr(self, f"{method.lower()}{verb}", None)
        if handler is None:
            raise Refusal(405, "method_not_allowed", f"{method} {path}")
        with self.lock:
            return handler(name, rest[1:], params, body)

    def head(self, name: str, rest: list[str], params: dict[str, str], body: str) -> Any:
        self.index(name)
        return {}

    def put(self, name: str, rest: list[str], params: dict[str, str], body: str) -> Any:
        known(params, set(), "parameters")
        need(name == name.lower() and not set(name) & set('\\/*?"<>| ,#:') and name[0] not in "_-+", "name",
             "invalid_index_name_exception")  # fmt: skip
        if name in self.indexes:
            raise Refusal(400, "resource_already_exists_exception")
        stated = json.loads(body)
        known(stated, {"settings", "mappings"}, "index")
        known(stated["settings"], {"index"}, "settings")
        settings = stated["settings"]["index"]
        known(settings, _SETTINGS, "settings")
        mappings = stated["mappings"]
        known(mappings, {"dynamic", "properties"}, "mappings")
        need(mappings["dynamic"] == "strict", "dynamic")
        check_mapping(mappings["properties"], settings)
        self.indexes[name] = Index(mappings["properties"], settings)
        return {"acknowledged": True, "shards_acknowledged": True, "index": name}

    def delete(self, name: str, rest: list[str], params: dict[str, str], body: str) -> Any:
        known(params, {"ignore_unavailable"}, "parameters")
        if params.get("ignore_unavailable") != "true":
            self.index(name)
        self.indexes.pop(name, None)
        return {"acknowledged": True}

    def get_doc(self, name: str, rest: list[str], params: dict[str, str], body: str) -> Any:
        known(params, set(), "parameters")
        (row,) = rest
        found = self.index(name).documents.get(row)
        if found is None:
            raise Refusal(404, "", "")
        return self._told(name, row, found)

    def _told(self, name: str, row: str, found: Document) -> dict[str, Any]:
        where = {"_index": name, "_id": row, "found": True}
        return {**where, "_version": 1, "_seq_no": found.seq_no, "_primary_term": 1, "_source": found.source}

    def put_doc(self, name: str, rest: list[str], params: dict[str, str], body: str) -> Any:
        known(params, {"if_seq_no", "if_primary_term", "op_type"}, "parameters")
        need(("if_seq_no" in params) == ("if_primary_term" in params), "ifSeqNo is set, but primary term is [0]",
             "action_request_validation_exception")  # fmt: skip
        (row,) = rest
        if "if_primary_term" in params and params["if_primary_term"] != "1":
            raise Refusal(409, "version_conflict_engine_exception")
        expected = int(params["if_seq_no"]) if "if_seq_no" in params else None
        seq_no = self.index(name).put(row, json.loads(body), expected, create=params.get("op_type") == "create")
        return {"_index": name, "_id": row, "result": "updated", "_seq_no": seq_no, "_primary_term": 1}

    def get_mget(self, name: str, rest: list[str], params: dict[str, str], body: str) -> Any:
        known(params, set(), "parameters")
        stated = json.loads(body)
        known(stated, {"ids"}, "mget")
        need(stated["ids"], "no documents to get", "action_request_validation_exception")
        documents = self.index(name).documents
        return {
            "docs": [
                self._told(name, row, documents[row]) if row in documents else
                {"_index": name, "_id": row, "found": False}
                for row in stated["ids"]
            ]
        }  # fmt: skip

    post_mget = get_mget

    def post_refresh(self, name: str, rest: list[str], params: dict[str, str], body: str) -> Any:
        known(params, set(), "parameters")
        for one in name.split(","):
            self.index(one)
        for one in name.split(","):
            self.index(one).refresh()
        return {"_shards": {"total": 1, "successful": 1, "failed": 0}}

    def post_forcemerge(self, name: str, rest: list[str], params: dict[str, str], body: str) -> Any:
        need(params == {"only_expunge_deletes": "true"}, "parameters")
        self.index(name)
        return {"_shards": {"total": 1, "successful": 1, "failed": 0}}

    def post_bulk(self, name: str, rest: list[str], params: dict[str, str], body: str) -> Any:
        known(params, set(), "parameters")
        need(body.endswith("\n"), "The bulk request must be terminated by a newline", "illegal_argument_exception")
        need(len(body) < 100_000_000, "too large")
        index, lines, items = self.index(name), iter(body.splitlines()), []
        for line in lines:
            ((verb, stated),) = json.loads(line).items()
            need(verb in ("index", "create", "update", "delete"), f"Malformed action [{verb}]",
                 "illegal_argument_exception")  # fmt: skip
            known(stated, {"_id"}, "action")
            document = json.loads(next(lines)) if verb != "delete" else None
            items.append({verb: self._done(index, verb, stated["_id"], document)})
        return {"took": 1, "errors": any("error" in one for item in items for one in item.values()), "items": items}

    def _done(self, index: Index, verb: str, row: str, document: Any) -> dict[str, Any]:
        try:
            if self.fail_bulk_after is not None:
                if self.fail_bulk_after == 0:
                    raise Refusal(403, "cluster_block_exception")
                self.fail_bulk_after -= 1
            if verb == "delete":
                return {"_id": row, "status": 200 if index.documents.pop(row, None) else 404}
            if verb == "update":
                if row not in index.documents:
                    raise Refusal(404, "document_missing_exception")
                known(document, {"doc"}, "update")
                document = {**index.documents[row].source, **document["doc"]}
            index.put(row, document, create=verb == "create")
        except Refusal as refusal:
            return {"_id": row, "status": refusal.status, "error": {"type": refusal.kind, "reason": refusal.reason}}
        return {"_id": row, "status": 200}

    def post_search(self, name: str, rest: list[str], params: dict[str, str], body: str) -> Any:
        known(params, {"allow_partial_search_results"}, "parameters")
        stated, index = json.loads(body), self.index(name)
        known(stated, {"query", "size", "sort", "search_after", "_source", "track_total_hits"}, "search")
        window = index.settings.get("max_result_window", 10_000)
        need(0 <= stated["size"] <= window, "Result window is too large", "illegal_argument_exception")
        scores = Search(index).run(stated["query"])
        rows = self._ordered(index, scores, stated)
        hits = [self._hit(name, index, row, scores, stated) for row in rows[: stated["size"]]]
        shards = {"total": 1, "successful": 1 - self.shards_failed, "skipped": 0, "failed": self.shards_failed}
        return {"took": 1, "timed_out": False, "_shards": shards, "hits": {"hits": hits}}

    get_search = post_search

    def _ordered(self, index: Index, scores: Scores, stated: Mapping[str, Any]) -> list[str]:
        if "sort" not in stated:
            need("search_after" not in stated, "Sort must contain at least one field when using search_after.")
            order = list(index.searchable)
            place = {row: number for number, row in enumerate(order)}
            return sorted(scores, key=lambda row: (-scores[row], place[row]))
        need(stated["sort"] == [{"row": "asc"}], "sort")
        rows = sorted(scores, key=lambda row: index.searchable[row]["row"])
        if "search_after" in stated:
            (after,) = stated["search_after"]
            rows = [row for row in rows if index.searchable[row]["row"] > after]
        return rows

    def _hit(self, name: str, index: Index, row: str, scores: Scores, stated: Mapping[str, Any]) -> dict[str, Any]:
        source = {key: value for key, value in index.searchable[row].items() if key in stated["_source"]}
        hit = {"_index": name, "_id": row, "_score": scores[row], "_source": source}
        return {**hit, "_score": None, "sort": [index.searchable[row]["row"]]} if "sort" in stated else hit

    def post_delete_by_query(self, name: str, rest: list[str], params: dict[str, str], body: str) -> Any:
        known(params, {"refresh"}, "parameters")
        stated, index = json.loads(body), self.index(name)
        known(stated, {"query"}, "delete_by_query")
        found = Search(index).run(stated["query"])
        for row in found:
            need(index.documents[row].source is index.searchable[row], "conflict", "version_conflict_engine_exception")
            del index.documents[row]
        if params.get("refresh") == "true":
            index.refresh()
        return {"deleted": len(found), "version_conflicts": 0, "failures": []}


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Http

    def _serve(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(length).decode()
        url, cluster = urlsplit(self.path), self.server.cluster
        try:
            if cluster.credentials and self.headers.get("Authorization") != f"Basic {cluster.credentials}":
                raise Refusal(401, "security_exception")
            kind = self.headers.get("Content-Type", "").split(";")[0]
            need(not body or kind in ("application/json", "application/x-ndjson"), "content type")
            status, answer = 200, cluster.answer(self.command, url.path, dict(parse_qsl(url.query)), body)
        except Refusal as refusal:
            error = {"type": refusal.kind, "reason": refusal.reason}
            status = refusal.status
            answer = {"error": {**error, "root_cause": [error]}, "status": status} if refusal.kind else {"found": False}
        self._answer(status, answer)

    def _answer(self, status: int, answer: Any) -> None:
        data = b"" if self.command == "HEAD" else json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json; charset=UTF-8")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = _serve

    def log_message(self, format: str, *args: Any) -> None:
        """Quiet."""


class _Http(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, address: tuple[str, int], cluster: Cluster) -> None:
        super().__init__(address, _Handler)
        self.cluster = cluster
        self.open: set[socket.socket] = set()

    def process_request(self, request: Any, client_address: Any) -> None:
        self.open.add(request)
        super().process_request(request, client_address)

    def close_request(self, request: Any) -> None:
        self.open.discard(request)
        super().close_request(request)

    def hang_up(self) -> None:
        """End the connections that clients keep."""
        for connection in list(self.open):
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)


class OpenSearchServer:
    """A cluster that can go away and come back with everything it held."""

    def __init__(self, user: str = "", password: str = "") -> None:
        self.cluster = Cluster(user, password)
        self.port = 0
        self.come_back()
        self.url = f"http://127.0.0.1:{self.port}"

    def come_back(self) -> None:
        self._http = _Http(("127.0.0.1", self.port), self.cluster)
        self.port = self._http.server_address[1]
        self._thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self._thread.start()

    def go_away(self) -> None:
        self._http.shutdown()
        self._thread.join()
        self._http.hang_up()
        self._http.server_close()


@contextmanager
def opensearch_server(user: str = "", password: str = "") -> Iterator[OpenSearchServer]:
    server = OpenSearchServer(user, password)
    try:
        yield server
    finally:
        server.go_away()
