"""Safety on a real workspace: waivers are kept and audited, a gate asks what its policy says, reports are signed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from assay.cli.main import app
from assay.records.comparison import Verdict
from assay.records.errors import CannotJudge, InputError, NotFound
from assay.records.safety import Measurement
from assay.wiring import auditing, safety
from assay.wiring.build import Workspace, create_workspace, open_workspace
from assay.wiring.releasing import policy
from assay.wiring.safety_store import record, subject_of

CHECK = "redteam.call_a_tool"
ASK = ["gate.safety.require=[{check: redteam.*, at_most: 0}]"]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    create_workspace(tmp_path / "w", "w")
    return tmp_path / "w"


@pytest.fixture
def place(root: Path) -> Iterator[Workspace]:
    place = open_workspace(root, ASK)
    yield place
    place.close()


def measured(place: Workspace, events: int) -> None:
    subject, _ = subject_of(place, "")
    record(
        place,
        [Measurement(CHECK, subject, "no tool is called", n=300, events=events, value=events / 300, threshold=0.0)],
    )


def test_a_gate_waits_then_stops_then_ships_by_a_waiver(place: Workspace) -> None:
    subject, asked = subject_of(place, "")[0], policy(place)

    def verdicts() -> list[Verdict]:
        return [one.verdict for one in safety.conditions(place, asked, subject)]

    assert verdicts() == [Verdict.NEED_MORE_DATA]
    measured(place, 2)
    assert verdicts() == [Verdict.DO_NOT_SHIP]
    made = safety.waive(place, CHECK, "Ada", "a pilot among ourselves", place.clock.now()[:10])
    assert verdicts() == [Verdict.SHIP]
    safety.revoke(place, made.waiver_id)
    assert verdicts() == [Verdict.DO_NOT_SHIP]
    actions = [event.action for _, event in auditing.events(place, action="safety")]
    assert actions == ["safety.waived", "safety.waiver_revoked"]


def test_a_changed_setting_leaves_nothing_measured(place: Workspace, root: Path) -> None:
    measured(place, 0)
    changed = open_workspace(root, ["apps.assistant.retrieve.passages=3"])
    assert subject_of(changed, "") != subject_of(place, "")
    assert safety.report(changed, "").checks == ()
    changed.close()


def test_a_policy_that_asks_for_nothing_keeps_its_digest(place: Workspace, root: Path) -> None:
    plain = open_workspace(root)
    older = replace(policy(place), safety=(), safety_max_age_days=1.0)
    assert policy(plain).digest == older.digest != policy(place).digest
    plain.close()


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"check": "redteam.*"}, "safety.check"),
        ({"owner": " "}, "safety.no_owner"),
        ({"expires": "soon"}, "safety.expires"),
        ({"expires": "2001-01-01"}, "safety.expires"),
        ({"expires": "2999-01-01"}, "safety.expires"),
    ],
)
def test_a_waiver_without_name_reason_or_end_is_none(place: Workspace, change: dict[str, str], code: str) -> None:
    stated = {"check": CHECK, "owner": "Ada", "reason": "why", "expires": place.clock.now()[:10]} | change
    with pytest.raises(InputError) as refused:
        safety.waive(place, **stated)
    assert refused.value.code == code
    assert safety.waivers(place) == ()


def test_only_a_waiver_that_there_is_can_be_ended(place: Workspace) -> None:
    with pytest.raises(NotFound):
        safety.revoke(place, "")


def test_the_report_comes_as_files_that_can_be_verified(place: Workspace, root: Path, tmp_path: Path) -> None:
    measured(place, 0)
    out = {name: tmp_path / f"safety.{name}" for name in ("html", "junit", "markdown", "json")}
    asked = [f"--{name if name != 'json' else 'out'}={path}" for name, path in out.items()]
    done = CliRunner().invoke(app, ["safety", "report", "-w", str(root), *asked])
    assert done.exit_code == 0, done.output
    assert "1 checks passed" in done.output
    assert all(path.stat().st_size for path in out.values())
    holds = CliRunner().invoke(app, ["certificate", "verify", str(out["json"]), "-w", str(root)])
    assert holds.exit_code == 0, holds.output
    out["json"].write_text(out["json"].read_text().replace('"events": 0', '"events": 1'))
    changed = CliRunner().invoke(app, ["certificate", "verify", str(out["json"]), "-w", str(root)])
    assert isinstance(changed.exception, CannotJudge)
