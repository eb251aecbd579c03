"""What is older than its period goes from the disk, what evidence rests on stays, and looking removes nothing."""

from __future__ import annotations

import os
import sqlite3
import threading
from contextlib import closing
from pathlib import Path

import pytest
from test_wiring_privacy import lab, on_disk, template  # noqa: F401 - fixtures

from assay.adapters.clocks import FakeClock
from assay.adapters.vault_files import FileVault
from assay.golden.review import DRAFTED
from assay.records.dialogue import Outcome, Reply, Usage
from assay.records.errors import ConfigError, NotFound
from assay.records.evaluation import Run, RunStatus, Sample
from assay.records.golden import Case, Expected, GoldenSet
from assay.records.ledger import Entry
from assay.records.operations import Feedback, Trace
from assay.wiring import privacy_sweeping
from assay.wiring.build import Workspace, open_workspace
from assay.wiring.guarding import DECIDED, ESCALATION, vault

OLD, NEW = "2020-01-01T00:00:00.000000Z", "2999-01-01T00:00:00.000000Z"
EVERY = ("caches", "runs", "vault", "escalations", "drafts", "logs")
WORD = "quokkaword"


def trace(name: str, at: str) -> Trace:
    return Trace(name, "assistant", "", "", "default", (), at, Outcome.ANSWERED, "", None, 1.0, (), (), (), Usage(),
                 f"Who is {WORD} {at}?", "")  # fmt: skip


def run(place: Workspace, name: str, at: str) -> None:
    place.stores.runs.create(Run(name, "a", "s", "", "g", "0" * 64, 1, 1, 0, (), at))
    place.stores.runs.append(name, [Sample("c", 0, Reply(Outcome.ANSWERED), {}, {})])
    place.stores.runs.finish(name, RunStatus.COMPLETE)


def filled(place: Workspace) -> None:
    """Something old and something new of every kind."""
    stores = place.stores
    for name, at in (("old", OLD), ("new", NEW)):
        stores.traces.append([trace(name, at)])
        stores.traces.add_feedback(Feedback(f"f-{name}", name, "default", "down", f"no, {WORD} {at}", at))
        run(place, f"run-{name}", at)
        stores.ledger.append([
            Entry(DRAFTED, "set", name, {"question": f"{WORD} {at}"}, at),
            Entry(ESCALATION, "app", name, {"tenant": "default"}, OLD),
            Entry(DECIDED, "app", name, {"decision": "upheld"}, at),
        ])  # fmt: skip
    run(place, "run-held", OLD)
    stores.ledger.append([Entry("judge.card", "j", "1", {"runs": ["run-held"]}, OLD)])
    stores.cache.put("k", f"{WORD} {OLD}")
    case = Case("c", f"Is {WORD} in the set?", Expected(), provenance={"trace": "old"})
    stores.golden.put(GoldenSet("small", (case,), OLD))
    FileVault(place.store / "vault", FakeClock()).pseudonym("default", "email", "old@example.org")
    vault(place).pseudonym("default", "email", "new@example.org")
    for name, at in (("old.log", 1), ("new.log", 4_000_000_000)):
        path = place.store / name
        path.write_text(f"{WORD} {OLD}" if name == "old.log" else "new")
        os.utime(path, (at, at))


def test_each_kind_loses_what_is_too_old_and_nothing_else(lab: Path) -> None:  # noqa: F811
    place = open_workspace(lab, [f"privacy.retention.{kind}=30d" for kind in EVERY])
    filled(place)
    before = on_disk(place.store, f"{WORD} {OLD}")
    looked = {one.kind: one.removed for one in privacy_sweeping.sweep(place, dry_run=True)}
    assert before == on_disk(place.store, f"{WORD} {OLD}") != []
    done = {one.kind: one for one in privacy_sweeping.sweep(place)}
    wanted = {"traces": 1, "caches": 1, "runs": 1, "vault": 1, "escalations": 2, "drafts": 1, "logs": 1, "audit": 0}
    assert looked == {kind: one.removed for kind, one in done.items()} == wanted
    assert "rest on them" in done["runs"].note
    assert on_disk(place.store, f"{WORD} {OLD}") == [], "not even in free pages or the log of the database"
    assert place.stores.traces.get("new").question
    with pytest.raises(NotFound):
        place.stores.traces.get("old")
    assert {one.run_id for one in place.stores.runs.runs()} == {"run-new", "run-held"}
    assert place.stores.golden.get("small").cases[0].provenance == {"trace": "old"}, "the case stays"
    assert list(vault(place).values("default").values()) == ["new@example.org"]
    assert [one.key for one in place.stores.ledger.entries(ESCALATION)] == ["new"]
    assert sorted(path.name for path in place.store.glob("*.log")) == ["new.log"]
    assert [one.removed for one in privacy_sweeping.sweep(place)] == [0] * 8
    place.close()


def test_traces_go_after_traces_days_when_nothing_else_is_said_and_comments_may_go_sooner(lab: Path) -> None:  # noqa: F811
    place = open_workspace(lab, ["privacy.retention.feedback=1w", "traces.days=20000"])
    filled(place)
    done = {one.kind: one.removed for one in privacy_sweeping.sweep(place)}
    assert done == {"traces": 0, "feedback": 1, "audit": 0}
    assert place.stores.traces.feedback("old") == ()
    place.close()


def test_a_vault_in_use_seals_a_value_anew_after_it_was_dropped(tmp_path: Path) -> None:
    held = FileVault(tmp_path)
    name = held.pseudonym("acme", "email", "ann@example.org")
    other = FileVault(tmp_path)
    assert other.drop("acme", other.values("acme")) == 1
    with pytest.raises(NotFound):
        held.reveal("acme", name)
    assert held.pseudonym("acme", "email", "ann@example.org") == name
    assert other.reveal("acme", name) == "ann@example.org"
    assert other.tenants() == ("acme",)
    assert not list(tmp_path.glob("*.values-old"))


def test_a_server_sweeps_while_it_runs_and_survives_a_store_that_fails(
    lab: Path,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    place = open_workspace(lab)
    filled(place)
    again = threading.Event()
    whole = privacy_sweeping.sweep
    calls: list[int] = []

    def once_broken(place: Workspace) -> object:
        calls.append(1)
        if len(calls) == 1:
            raise sqlite3.OperationalError(WORD)
        found = whole(place)
        again.set()
        return found

    monkeypatch.setattr(privacy_sweeping, "sweep", once_broken)
    with privacy_sweeping.daily(place, 0.001, 0.001):
        assert again.wait(20)
    with pytest.raises(NotFound):
        place.stores.traces.get("old")
    assert "OperationalError" in caplog.text
    assert WORD not in caplog.text
    place.close()


def test_a_reader_that_stays_delays_only_the_compacting(lab: Path, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: F811
    monkeypatch.setattr("assay.adapters.erasing_files.PATIENCE_S", 0.05)
    place = open_workspace(lab)
    filled(place)
    with closing(sqlite3.connect(place.store / "assay.db", isolation_level=None)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM traces").fetchone()
        assert sum(one.removed for one in privacy_sweeping.sweep(place)) == 1
        assert on_disk(place.store, f"{WORD} {OLD}?"), "the reader's state of the log must still be there"
    privacy_sweeping.sweep(place)
    assert on_disk(place.store, f"Who is {WORD} {OLD}?") == []
    place.close()


@pytest.mark.parametrize("period", ["0d", "30", "-1d", "1y", "d"])
def test_a_period_that_is_none_is_refused(lab: Path, period: str) -> None:  # noqa: F811
    with pytest.raises(ConfigError):
        open_workspace(lab, [f"privacy.retention.traces={period}"])
