"""The tracking server's REST API of MLflow, as its documentation states it: in memory, and on loopback."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from assay.adapters.mlflow_log import API


@dataclass
class Answer:
    status: int
    body: bytes

    def header(self, name: str) -> str:
        return ""

    async def read_some(self) -> bytes:
        part, self.body = self.body[:64], self.body[64:]
        return part

    def close(self) -> None:
        return None


@dataclass
class FakeMlflow:
    """The tracking server's REST API as its documentation states it, as a Transport."""

    experiments: dict[str, str] = field(default_factory=dict)
    runs: dict[str, dict[str, Any]] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)
    headers: Mapping[str, str] = field(default_factory=dict)
    broken: str = ""

    async def post(self, url: str, headers: Mapping[str, str], body: bytes) -> Answer:
        path = url.split(API + "/")[1]
        self.calls.append(path)
        self.headers = headers
        if path == self.broken:
            said = {"error_code": "PERMISSION_DENIED", "message": "secret things"}
            return Answer(403, json.dumps(said).encode())
        return Answer(200, json.dumps(self.answer(path, json.loads(body))).encode())

    async def aclose(self) -> None:
        return None

    def answer(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        match path:
            case "experiments/search":
                return {"experiments": [{"experiment_id": one, "name": name} for name, one in self.experiments.items()
                                        if body["filter"] == f"name = '{name}'"]}  # fmt: skip
            case "experiments/create":
                self.experiments[body["name"]] = str(len(self.experiments) + 1)
                return {"experiment_id": self.experiments[body["name"]]}
            case "runs/search":
                found = [
                    {"info": {"run_id": run_id}} for run_id, run in self.runs.items()
                    if f"'{run['tags']['assay.run_id']}'" in body["filter"] and run["status"] == "FINISHED"
                ]  # fmt: skip
                return {"runs": found} if found else {}
            case "runs/create":
                run_id = f"run-{len(self.runs)}"
                tags = {tag["key"]: tag["value"] for tag in body["tags"]}
                self.runs[run_id] = {**body, "status": "RUNNING", "metrics": {}, "params": {}, "tags": tags}
                return {"run": {"info": {"run_id": run_id}}}
            case "runs/log-batch":
                metrics, params = body.get("metrics", []), body.get("params", [])
                assert len(metrics) + len(params) <= 1000
                assert len(params) <= 100
                run = self.runs[body["run_id"]]
                run["metrics"] |= {one["key"]: one["value"] for one in metrics}
                run["params"] |= {one["key"]: one["value"] for one in params}
                return {}
            case "runs/update":
                self.runs[body["run_id"]]["status"] = body["status"]
                return {"run_info": {}}
        raise AssertionError(path)


@contextmanager
def on_loopback(fake: FakeMlflow) -> Iterator[str]:
    """The address under which `fake` answers."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            fake.headers = {key.lower(): value for key, value in self.headers.items()}
            answer = json.dumps(fake.answer(self.path.removeprefix(f"{API}/"), body)).encode()
            self.send_response(200)
            self.send_header("content-length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_arguments: Any) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
