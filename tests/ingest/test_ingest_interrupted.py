"""A power cut at any call of any port: the next sync ends where an uninterrupted one does."""

from __future__ import annotations

import contextlib

import pytest
from ingest_fakes import Fuse, Lab, PowerCut

from assay.ingest.access import AccessRules
from assay.records.access import AccessList


def first(lab: Lab) -> None:
    lab.tree.write("/docs/a.md", "# A\n\nAlpha.\n")
    lab.tree.write("/docs/gone.md", "Gone soon.")
    lab.tree.write("/docs/same.md", "---\nid: S\n---\nSame.")
    lab.tree.write("/docs/set.jsonl", '{"_id": "1", "text": "one"}\n{"_id": "2", "text": "two"}\n')


def then(lab: Lab) -> None:
    lab.rules = AccessRules(default=AccessList(groups=("staff",)))
    lab.tree.write("/docs/a.md", "# A\n\nAlpha and omega.\n")
    del lab.tree.files["/docs/gone.md"]
    lab.tree.write("/docs/again.md", "---\nid: S\n---\nThe same id.")
    lab.tree.write("/docs/new.md", "New.")
    lab.tree.write("/docs/set.jsonl", '{"_id": "2", "text": "two"}\n{"_id": "3", "text": "three"}\n')


def prepared() -> Lab:
    lab = Lab()
    first(lab)
    lab.ingest().sync(["/docs"])
    then(lab)
    return lab


def calls_of_a_sync() -> int:
    fuse = Fuse()
    prepared().ingest(fuse).sync(["/docs"])
    return fuse.calls


@pytest.mark.parametrize("after", [False, True])
def test_a_power_cut_at_any_call_loses_and_doubles_nothing(after: bool) -> None:
    whole = prepared()
    whole.ingest().sync(["/docs"])
    expected = whole.state()
    total = calls_of_a_sync()
    assert total > 40
    for blow_at in range(1, total + 1):
        lab = prepared()
        with pytest.raises(PowerCut):
            lab.ingest(Fuse(blow_at, after)).sync(["/docs"])
        lab.index.staged = {}  # what was not committed is lost with the process
        lab.ingest().sync(["/docs"])
        assert lab.state() == expected, f"call {blow_at}"


def test_two_power_cuts_in_a_row_lose_and_double_nothing() -> None:
    whole = prepared()
    whole.ingest().sync(["/docs"])
    for one in range(5, calls_of_a_sync(), 7):
        lab = prepared()
        for blow_at in (one, one // 2 + 1):
            with contextlib.suppress(PowerCut):
                lab.ingest(Fuse(blow_at)).sync(["/docs"])
            lab.index.staged = {}
        lab.ingest().sync(["/docs"])
        assert lab.state() == whole.state()


def test_a_stop_at_any_moment_loses_and_doubles_nothing() -> None:
    whole = prepared()
    whole.ingest().sync(["/docs"])
    for moment in range(12):
        lab = prepared()
        asked = iter(range(1000))
        lab.ingest().sync(["/docs"], stop=lambda asked=asked, moment=moment: next(asked) >= moment)
        lab.ingest().sync(["/docs"])
        assert lab.state() == whole.state()
