"""A run as flat numbers and labels, for trackers that keep `name: value`."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field

from assay.records.evaluation import Report

_UNFIT = re.compile(r"[^\w\-. /]", re.ASCII)


@dataclass(frozen=True, slots=True)
class Tracked:
    """What a tracker keeps of a run. Metric names hold letters, digits and `_ - . /` only; all numbers are finite."""

    name: str
    started_at: str
    finished: bool
    metrics: dict[str, float] = field(default_factory=dict)
    params: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)


def tracked(report: Report, note: str) -> Tracked:
    """Per metric the estimate, its interval as `NAME/low` and `NAME/high`, and `NAME/scored` and `NAME/unscored`; the
    number of failed samples; parameters that specify the run. `note` is Markdown for people."""
    run = report.run
    metrics: dict[str, float] = {"samples/failed": float(sum(report.failures.values()))}
    for summary in report.summaries:
        name = _key(summary.metric.name, metrics)
        counts = {"scored": summary.scored, "unscored": sum(summary.unscored.values())}
        metrics |= {f"{name}/{key}": float(count) for key, count in counts.items()}
        if summary.interval is not None:
            found = summary.interval
            values = {name: found.estimate, f"{name}/low": found.low, f"{name}/high": found.high}
            metrics |= {key: float(value) for key, value in values.items() if math.isfinite(value)}
    params = {
        "app": run.app, "system": run.system, "bundle": run.bundle_id, "golden": run.golden_name,
        "golden_version": run.golden_version, "split": run.split, "cases": str(run.cases),
        "repeats": str(run.repeats), "seed": str(run.seed),
    }  # fmt: skip
    tags = {"assay.run_id": run.run_id, "assay.samples_digest": run.samples_digest, "mlflow.note.content": note}
    kept = {key: value for key, value in params.items() if value}
    return Tracked(f"{run.app} {run.run_id}", run.created_at, True, metrics, kept, tags)


def _key(name: str, taken: dict[str, float]) -> str:
    """`recall@5` becomes `recall_at_5`; two names that become one are told apart by a number."""
    made = _UNFIT.sub("_", name.replace("@", "_at_"))[:200] or "metric"
    found, number = made, 2
    while any(key == found or key.startswith(f"{found}/") for key in taken):
        found, number = f"{made}_{number}", number + 1
    return found
