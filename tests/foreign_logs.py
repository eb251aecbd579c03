"""Logs as other tools write them, made here: small, in the real layouts (inspect_ai 0.3.285, promptfoo 0.121)."""

from __future__ import annotations

import io
import json
import struct
import zipfile
import zlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

ZSTD = 93


def inspect_header(samples: Sequence[Mapping[str, Any]], **changes: Any) -> dict[str, Any]:
    ids = list(dict.fromkeys(sample["id"] for sample in samples))
    return {
        "version": 2, "status": "success",
        "eval": {
            "created": "2026-05-04T03:02:01+00:00", "task": "sums", "model": "maker/model-1",
            "dataset": {"name": "sums", "samples": len(ids), "sample_ids": ids}, "config": {"epochs": 1},
            "packages": {"inspect_ai": "0.3.285"},
            "scorers": [
                {"name": "match", "options": {"location": "end"}, "metrics": [
                    {"name": "inspect_ai/accuracy", "options": {}},
                    {"name": "inspect_ai/stderr", "options": {"cluster": "document"}},
                ]},
            ],
        },
        "plan": {"name": "plan", "steps": []}, "results": {}, "stats": {},
    } | changes  # fmt: skip


def inspect_sample(case: str, epoch: int = 1, value: Any = "C", **changes: Any) -> dict[str, Any]:
    return {
        "id": case, "epoch": epoch, "input": f"What is {case}?", "target": f"it is {case}",
        "messages": [], "output": {"model": "maker/model-1", "choices": [], "completion": f"it is {case}"},
        "scores": {"match": {"value": value, "answer": "…", "history": []}},
        "metadata": {"document": case[0], "kind": "easy"}, "store": {"kept": [1, 2]}, "events": [{"event": "x"}],
        "model_usage": {"maker/model-1": {"input_tokens": 7, "output_tokens": 3, "total_tokens": 10}},
        "total_time": 0.5, "error_retries": [],
    } | changes  # fmt: skip


def inspect_json(samples: Sequence[Mapping[str, Any]], **changes: Any) -> bytes:
    """The JSON form, with Python's NaN as Inspect writes it."""
    return json.dumps(inspect_header(samples, **changes) | {"samples": list(samples)}).encode()


def inspect_eval(
    samples: Sequence[Mapping[str, Any]], *, pack: Callable[[bytes], bytes] | None = None, method: int = 8,
    **changes: Any,
) -> bytes:  # fmt: skip
    """The archive. `pack` compresses members under `method` as Inspect does with Zstandard; else they are deflated."""
    members = {f"samples/{one['id']}_epoch_{one['epoch']}.json": one for one in samples}
    members |= {"summaries.json": [], "header.json": inspect_header(samples, **changes)}  # type: ignore[dict-item]
    return archive({name: json.dumps(content).encode() for name, content in members.items()}, pack, method)


def archive(members: Mapping[str, bytes], pack: Callable[[bytes], bytes] | None = None, method: int = 8) -> bytes:
    if pack is None:
        box = io.BytesIO()
        with zipfile.ZipFile(box, "w", zipfile.ZIP_DEFLATED) as made:
            for name, content in members.items():
                made.writestr(name, content)
        return box.getvalue()
    body, directory = b"", b""
    for name, content in members.items():
        packed, coded = pack(content), name.encode()
        common = struct.pack(
            "<5H3I2H", 63, 0, method, 0, 0x5C21, zlib.crc32(content), len(packed), len(content), len(coded), 0
        )
        directory += (
            b"PK\x01\x02" + struct.pack("<H", 63) + common + struct.pack("<3H2I", 0, 0, 0, 0, len(body)) + coded
        )
        body += b"PK\x03\x04" + common + coded + packed
    count = len(members)
    return body + directory + b"PK\x05\x06" + struct.pack("<4H2IH", 0, 0, count, count, len(directory), len(body), 0)


def promptfoo(results: Sequence[Mapping[str, Any]], version: int = 3) -> bytes:
    return json.dumps({
        "evalId": "eval-x", "results": {"version": version, "timestamp": "2026-05-04T03:02:01Z", "prompts": [],
                                        "results": list(results), "stats": {}},
        "config": {"description": "capitals"}, "metadata": {"promptfooVersion": "0.121.20"},
    }).encode()  # fmt: skip


def promptfoo_result(question: str, success: bool, provider: str = "one", **changes: Any) -> dict[str, Any]:
    return {
        "vars": {"q": question}, "provider": {"id": provider, "label": ""},
        "prompt": {"raw": question, "label": "Q: {{q}}"}, "testIdx": 0, "promptIdx": 0, "success": success,
        "score": 1 if success else 0, "failureReason": 0 if success else 1,
        "namedScores": {"right": 1 if success else 0}, "latencyMs": 20, "cost": 0.002,
        "testCase": {
            "vars": {"q": question}, "assert": [{"type": "contains", "value": "Paris"}], "metadata": {"topic": "geo"},
        },
        "response": {"output": "Paris it is", "tokenUsage": {"prompt": 9, "completion": 3, "total": 12}},
        "gradingResult": {"pass": success, "score": 1 if success else 0, "componentResults": []},
    } | changes  # fmt: skip


def lm_eval_line(doc: int, value: float, filtered: str = "none", metric: str = "exact_match") -> dict[str, Any]:
    return {
        "doc_id": doc, "doc": {"question": f"{doc} + 1?", "answer": f"… #### {doc + 1}"}, "target": str(doc + 1),
        "arguments": {"gen_args_0": {"arg_0": "shots and the question", "arg_1": {"until": ["Q:"]}}},
        "resps": [[f"it is {doc + 1}"]], "filtered_resps": [str(doc + 1)], "filter": filtered, "metrics": [metric],
        "doc_hash": f"hash-{doc}", "prompt_hash": "p", "target_hash": "t", metric: value,
    }  # fmt: skip


def helm_run(folder: Path, scores: Mapping[str, float], *, failed: str = "") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    states = [
        {
            "instance": {
                "input": {"text": f"Who wrote {case}?"}, "split": "test", "id": case,
                "references": [
                    {"output": {"text": "Ann"}, "tags": ["correct"]}, {"output": {"text": "Bob"}, "tags": []},
                ],
            },
            "reference_index": None, "request_mode": "original", "train_trial_index": 0, "request": {"prompt": "…"},
            "result": {"success": case != failed, "completions": [{"text": " Ann"}], "request_time": 0.25},
        }
        for case in scores
    ]  # fmt: skip
    stats = [
        {
            "instance_id": case, "train_trial_index": 0,
            "stats": [_stat("exact_match", value), _stat("num_prompt_tokens", 40), _stat("num_output_tokens", 2),
                      _stat("finish_reason_stop", 1)],
        }
        for case, value in scores.items()
    ]  # fmt: skip
    state = {"adapter_spec": {"model": "maker/model-2", "method": "generation"}, "request_states": states}
    (folder / "scenario_state.json").write_text(json.dumps(state))
    (folder / "per_instance_stats.json").write_text(json.dumps(stats))
    (folder / "run_spec.json").write_text(json.dumps({"name": "books:subject=all,model=maker_model-2"}))
    return folder


def _stat(name: str, value: float) -> dict[str, Any]:
    return {"name": {"name": name, "split": "test"}, "count": 1, "sum": value, "mean": value}
