"""Reports in the forms that other tools read, written as whole files or sent to a tracking server."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from assay.evaluate.exports import junit, markdown
from assay.records.comparison import Comparison, Decision
from assay.records.digest import plain
from assay.records.errors import AssayError, ConfigError, InputError
from assay.records.evaluation import Run
from assay.wiring import judging
from assay.wiring.build import Workspace
from assay.wiring.config import secret

FORMATS = ("json", "junit", "markdown", "inspect", "mlflow")


@dataclass(frozen=True)
class Files:
    """Where reports go; None: not asked for. `undecided` says what JUnit makes of a clause without enough data."""

    junit: Path | None = None
    markdown: Path | None = None
    json: Path | None = None
    undecided: str = "skipped"

    def __post_init__(self) -> None:
        if self.undecided not in ("skipped", "failure"):
            raise InputError("export.undecided", "must be skipped or failure", where="--junit-undecided")

    @property
    def asked(self) -> bool:
        return bool(self.junit or self.markdown or self.json)


def write_decision(place: Workspace, decision: Decision, files: Files) -> None:
    """A gate's decision. Written whatever the verdict is: a report matters most when the gate says no."""
    if files.junit:
        write(files.junit, junit.decision_junit(decision, undecided=files.undecided))
    if files.markdown:
        write(files.markdown, markdown.decision_markdown(decision, _flips_of(place, decision)).encode())
    if files.json:
        write(files.json, json_of(decision))


def write_comparison(made: judging.Compared, files: Files) -> None:
    """A comparison, as the decision on these very runs where there is one."""
    if files.junit:
        content = junit.comparison_junit(made.comparison, made.decision, undecided=files.undecided)
        write(files.junit, content)
    if files.markdown:
        write(files.markdown, markdown.comparison_markdown(made.comparison, made.decision).encode())
    if files.json:
        write(files.json, json_of({"comparison": made.comparison, "decision": made.decision}))


def _flips_of(place: Workspace, decision: Decision) -> Comparison | None:
    """The comparison behind a decision; None where the runs cannot be compared, which the decision says itself."""
    try:
        return judging.compare(place, decision.baseline_run, decision.candidate_run).comparison
    except AssayError:
        return None


def export_run(place: Workspace, reference: str, format_name: str) -> bytes:
    """A run as `json`, `junit`, `markdown` or `inspect`. Raises InputError for another format."""
    run = judging.run_named(place, reference)
    match format_name:
        case "json":
            samples = judging.samples_of(place, run)
            return json_of({"report": judging.report(place, run.run_id), "samples": samples})
        case "junit":
            return junit.run_junit(run, judging.samples_of(place, run))
        case "markdown":
            return markdown.run_markdown(judging.report(place, run.run_id)).encode()
        case "inspect":
            from assay.evaluate.exports.inspect_eval import inspect_log

            samples = judging.samples_of(place, run)
            return inspect_log(judging.report(place, run.run_id), samples, judging.golden_of(place, run))
    raise InputError(
        "export.unknown_format", f"there is no format of this name (there are: {', '.join(FORMATS)})", where=format_name
    )


def log_to_mlflow(place: Workspace, reference: str) -> tuple[Run, str, bool]:
    """Log a run to the server of `mlflow`: the run, its id there, and whether it was there already.

    Raises ConfigError while no server is configured, Unavailable when it does not take the run.
    """
    from assay.adapters.http import AiohttpTransport
    from assay.adapters.mlflow_log import MlflowServer
    from assay.evaluate.exports.figures import tracked

    settings = place.settings.mlflow
    if not settings.tracking_uri:
        raise ConfigError(
            "mlflow.not_configured", "no MLflow server is configured", where="mlflow.tracking_uri",
            remedy="set mlflow.tracking_uri in assay.yaml, such as http://127.0.0.1:5000",
        )  # fmt: skip
    run = judging.run_named(place, reference)
    report = judging.report(place, run.run_id)
    record = tracked(report, markdown.run_markdown(report))
    now = int(datetime.fromisoformat(place.clock.now()).timestamp() * 1000)

    async def log() -> tuple[str, bool]:
        transport = AiohttpTransport(max_connections=2)
        server = MlflowServer(settings.tracking_uri, transport, _authorization(place), settings.timeout_s)
        try:
            return await server.log(record, settings.experiment, now)
        finally:
            await transport.aclose()

    run_id, known = asyncio.run(log())
    return run, run_id, known


def _authorization(place: Workspace) -> Mapping[str, str]:
    settings = place.settings.mlflow
    if settings.token_env:
        return {"authorization": f"Bearer {secret(settings.token_env)}"}
    if settings.user_env:
        pair = f"{secret(settings.user_env)}:{secret(settings.password_env)}"
        return {"authorization": f"Basic {base64.b64encode(pair.encode()).decode()}"}
    return {}


def json_of(value: object) -> bytes:
    return json.dumps(plain(value), ensure_ascii=False, indent=2, allow_nan=False).encode() + b"\n"


def write(path: Path, content: bytes) -> None:
    """The whole file or none of it. Raises InputError where it cannot be written."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", delete=False) as made:
            made.write(content)
        os.chmod(made.name, 0o644)
        os.replace(made.name, path)
    except OSError as error:
        reason = (error.strerror or "unknown reason").lower()
        raise InputError("export.unwritable", f"cannot be written ({reason})", where=str(path)) from error
