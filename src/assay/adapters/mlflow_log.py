"""Runs to an MLflow tracking server, over its REST API (2.0) and the transport that everything else uses.

Source: https://mlflow.org/docs/latest/rest-api.html. Every call is a POST; a batch holds at most 1,000 metrics, 100
parameters and 100 tags.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from assay.adapters.http import Transport
from assay.evaluate.exports.figures import Tracked
from assay.records.errors import Unavailable

API = "/api/2.0/mlflow"
MOST_METRICS, MOST_PARAMS = 1000, 100
MOST_TAG = 5000
MOST_PARAM = 500
"""Bytes of a tag and of a parameter that every backend of MLflow keeps."""
_MOST_ANSWER = 4 << 20


@dataclass(frozen=True)
class MlflowServer:
    """One tracking server. `headers` may hold an authorization, which never appears in an error."""

    tracking_uri: str
    transport: Transport
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    timeout_s: float = 30.0

    async def log(self, run: Tracked, experiment: str, at_ms: int) -> tuple[str, bool]:
        """The run's id on the server, and whether it was there already: a run is logged once. Raises Unavailable."""
        experiment_id = await self._experiment(experiment)
        known = await self._known(experiment_id, run.tags["assay.run_id"])
        if known:
            return known, True
        began = _milliseconds(run.started_at, at_ms)
        made = await self._call(
            "runs/create",
            {"experiment_id": experiment_id, "run_name": run.name, "start_time": began, "tags": _tags(run.tags)},
        )
        run_id = _text(made, "run", "info", "run_id")
        metrics = [
            {"key": key, "value": value, "timestamp": at_ms, "step": 0} for key, value in sorted(run.metrics.items())
        ]
        params = [{"key": key, "value": _cut(value, MOST_PARAM)} for key, value in sorted(run.params.items())]
        for at in range(0, len(metrics), MOST_METRICS - MOST_PARAMS):
            batch = {"run_id": run_id, "metrics": metrics[at : at + MOST_METRICS - MOST_PARAMS]}
            await self._call("runs/log-batch", batch | ({} if at else {"params": params[:MOST_PARAMS]}))
        await self._call("runs/update", {"run_id": run_id, "status": "FINISHED", "end_time": at_ms})
        return run_id, False

    async def _experiment(self, name: str) -> str:
        found = await self._call("experiments/search", {"filter": f"name = '{name}'", "max_results": 1})
        listed = found.get("experiments") or []
        if listed:
            return _text(listed[0], "experiment_id")
        return _text(await self._call("experiments/create", {"name": name}), "experiment_id")

    async def _known(self, experiment_id: str, run_id: str) -> str:
        """Only a run that was finished: one that was cut off half-way is logged anew."""
        wanted = f"tags.`assay.run_id` = '{run_id}' and attributes.status = 'FINISHED'"
        body = {"experiment_ids": [experiment_id], "filter": wanted, "max_results": 1}
        listed = (await self._call("runs/search", body)).get("runs") or []
        return _text(listed[0], "info", "run_id") if listed else ""

    async def _call(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        try:
            async with asyncio.timeout(self.timeout_s):
                return await self._exchange(path, json.dumps(body).encode())
        except TimeoutError:
            raise self._failed(path, f"did not answer within {self.timeout_s:g} s") from None
        except ConnectionError as error:
            raise self._failed(path, "cannot be reached") from error

    async def _exchange(self, path: str, body: bytes) -> dict[str, Any]:
        headers = {"content-type": "application/json", "accept": "application/json", **self.headers}
        answer = await self.transport.post(f"{self.tracking_uri.rstrip('/')}{API}/{path}", headers, body)
        try:
            parts: list[bytes] = []
            while part := await answer.read_some():
                parts.append(part)
                if sum(map(len, parts)) > _MOST_ANSWER:
                    raise self._failed(path, "answered more than a tracking server does")
        finally:
            answer.close()
        if answer.status != 200:
            raise self._failed(path, f"answered status {answer.status}{_code(b''.join(parts))}")
        found = _json(b"".join(parts))
        if found is None:
            raise self._failed(path, "answered something that is no JSON object")
        return found

    def _failed(self, path: str, what: str) -> Unavailable:
        return Unavailable(
            "mlflow.failed", f"the MLflow server {what}", where=path,
            remedy="check mlflow.tracking_uri in assay.yaml, and the variables with its credentials",
        )  # fmt: skip


def _json(data: bytes) -> dict[str, Any] | None:
    try:
        found = json.loads(data or b"{}")
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _code(data: bytes) -> str:
    """The server's stable code, such as PERMISSION_DENIED; its message may repeat what was sent."""
    code = (_json(data) or {}).get("error_code")
    return f" ({code})" if isinstance(code, str) and code.replace("_", "").isalnum() and len(code) < 60 else ""


def _text(value: Any, *path: str) -> str:
    for key in path:
        value = value.get(key) if isinstance(value, dict) else None
    if not isinstance(value, str) or not value:
        raise Unavailable("mlflow.failed", "the MLflow server left out what its API promises", where=".".join(path))
    return value


def _tags(tags: Mapping[str, str]) -> Sequence[dict[str, str]]:
    return [{"key": key, "value": _cut(value, MOST_TAG)} for key, value in sorted(tags.items()) if value]


def _cut(text: str, most: int) -> str:
    """At most so many bytes of UTF-8, ending with an ellipsis where something was left out."""
    data = text.encode()
    return text if len(data) <= most else data[: most - 3].decode(errors="ignore") + "…"


def _milliseconds(at: str, default: int) -> int:
    try:
        return int(datetime.fromisoformat(at).timestamp() * 1000)
    except ValueError:
        return default
