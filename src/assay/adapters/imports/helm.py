"""A run folder of HELM: `scenario_state.json` holds inputs and replies, `per_instance_stats.json` the scores."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from assay.adapters.imports.files import read_bytes, read_json
from assay.adapters.imports.inputs import positive, whole
from assay.adapters.imports.rows import ForeignRun, Header, Row, Wishes, build, number, text_of
from assay.records.dialogue import Usage
from assay.records.errors import InputError

STATE, STATS, SPEC = "scenario_state.json", "per_instance_stats.json", "run_spec.json"
_BOOKKEEPING = ("num_", "finish_reason", "inference_", "training_", "estimated_", "batch_size", "prompt_truncated",
                "max_prob", "predicted_index", "logprob")  # fmt: skip
"""What HELM counts of every request and that judges nothing. Tokens and run time are read under Assay's names."""


def read_helm(path: Path, name: str, wishes: Wishes) -> tuple[ForeignRun, ...]:
    """One run, of a run folder or of either file in it. A perturbed instance is a case of its own; a training trial is
    a repeat. Both files are needed: one has no scores and the other no inputs."""
    folder = path if path.is_dir() else path.parent
    state = read_json(read_bytes(folder / STATE), f"{name}: {STATE}")
    stats = read_json(read_bytes(folder / STATS), f"{name}: {STATS}")
    if not isinstance(state, dict) or not isinstance(state.get("request_states"), list) or not isinstance(stats, list):
        raise _unfit(name)
    rows = {(row.case_id, row.repeat): row for row in _rows(state["request_states"], name)}
    for entry in stats:
        _score(rows, entry, name)
    header = _header(folder, state, name)
    return (build(header, list(rows.values()), wishes, name),)


def _unfit(name: str) -> InputError:
    return InputError("import.wrong_format", "is no run of HELM", where=name)


def _header(folder: Path, state: Mapping[str, Any], name: str) -> Header:
    adapter = state["adapter_spec"] if isinstance(state.get("adapter_spec"), dict) else {}
    spec = read_json(read_bytes(folder / SPEC), f"{name}: {SPEC}") if (folder / SPEC).is_file() else {}
    run_name = spec.get("name", "") if isinstance(spec, dict) else ""
    scenario = str(run_name).split(":")[0] or folder.name.split(":")[0]
    return Header("helm", system=str(adapter.get("model_deployment") or adapter.get("model") or ""), dataset=scenario)


def _key(instance_id: Any, perturbation: Any) -> str:
    changed = perturbation.get("name", "perturbed") if isinstance(perturbation, Mapping) else ""
    return f"{instance_id}+{changed}" if changed else str(instance_id)


def _rows(states: list[Any], name: str) -> Iterator[Row]:
    """One row per instance and trial: where each reference was asked for apart, the first request stands for all."""
    seen: set[tuple[str, int]] = set()
    for at, state in enumerate(states, 1):
        instance = state.get("instance") if isinstance(state, dict) else None
        if not isinstance(instance, dict) or not isinstance(instance.get("input"), dict) or not instance.get("id"):
            raise InputError("import.wrong_format", "is no request of HELM", where=f"{name}: request {at}")
        if state.get("request_mode") == "calibration":
            continue
        case_id = _key(instance["id"], instance.get("perturbation"))
        trial = whole(state.get("train_trial_index"))
        if (case_id, trial) in seen and not state.get("reference_index"):
            raise InputError(
                "import.duplicate_id", "two requests have one instance and trial", where=f"{name}: request {at}"
            )
        if (case_id, trial) not in seen:
            seen.add((case_id, trial))
            yield _row(state, instance, case_id, trial, f"request {at}")


def _row(state: Mapping[str, Any], instance: Mapping[str, Any], case_id: str, trial: int, where: str) -> Row:
    result = state["result"] if isinstance(state.get("result"), dict) else None
    completions = result.get("completions") or [] if result else []
    first = completions[0] if completions and isinstance(completions[0], dict) else {}
    seconds = positive(result.get("request_time")) if result else None
    return Row(
        case_id,
        trial,
        question=text_of(instance["input"].get("text")),
        answers=tuple(_correct(instance.get("references"))),
        output=text_of(first.get("text")).strip(),
        failed=result is None or result.get("success") is False,
        metadata={key: instance.get(key) for key in ("split", "sub_split") if instance.get(key)},
        duration_ms=1000.0 * (seconds or 0.0),
        where=where,
    )


def _correct(references: Any) -> Iterator[str]:
    for reference in references if isinstance(references, list) else ():
        if isinstance(reference, dict) and "correct" in (reference.get("tags") or ()):
            output = reference.get("output")
            yield text_of(output.get("text") if isinstance(output, dict) else output)


def _score(rows: Mapping[tuple[str, int], Row], entry: Any, name: str) -> None:
    if not isinstance(entry, dict) or not isinstance(entry.get("stats"), list) or "instance_id" not in entry:
        raise _unfit(name)
    key = _key(entry["instance_id"], entry.get("perturbation")), whole(entry.get("train_trial_index"))
    if key not in rows:
        raise InputError(
            "import.case_differs", f"{STATS} scores an instance that {STATE} does not have", where=name,
            remedy="are both files of one run?",
        )  # fmt: skip
    row = rows[key]
    noted: dict[str, float | str] = {}
    for stat in entry["stats"]:
        inner = stat.get("name") if isinstance(stat, dict) else None
        metric = str(inner.get("name", "")) if isinstance(inner, dict) else ""
        if metric and whole(stat.get("count")) > 0:
            noted[metric] = number(stat.get("mean", stat.get("sum")))
    row.usage = Usage(_tokens(noted, "num_prompt_tokens"), _tokens(noted, "num_output_tokens", "num_completion_tokens"))
    if not row.duration_ms and isinstance(seconds := noted.get("inference_runtime"), float):
        row.duration_ms = 1000.0 * seconds
    row.scores.update({metric: value for metric, value in noted.items() if not metric.startswith(_BOOKKEEPING)})


def _tokens(noted: Mapping[str, float | str], *names: str) -> int | None:
    return next((int(value) for name in names if isinstance(value := noted.get(name), float)), None)
