"""Measurements of safeguards come back as they were kept, the newest of each check."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from assay.records.safety import Measurement, Slice, Standing
from assay.wiring.build import create_workspace, open_workspace
from assay.wiring.safety_store import measurements, record

ONE = Measurement(
    "redteam.call_a_tool", "bundle", "no tool is called", ("LLM06:2025",), 300, 0, 0.0, None, 0.01,
    threshold=0.0, slices=(Slice("language=de", 40, 0.0),), digests=(("seed", "7"),),
)  # fmt: skip


def test_what_was_not_run_never_passes() -> None:
    assert replace(ONE, value=None).standing is Standing.NOT_RUN
    assert replace(ONE, n=0).standing is Standing.NOT_RUN
    assert replace(ONE, by_limit=True, high=None).standing is Standing.NOT_RUN


@given(value=st.floats(0, 1), line=st.floats(0, 1), higher=st.booleans())
def test_a_check_fails_exactly_beyond_its_threshold(value: float, line: float, higher: bool) -> None:
    found = replace(ONE, value=value, threshold=line, higher_is_better=higher).standing
    assert (found is Standing.PASSED) == (value >= line if higher else value <= line)


def test_the_limit_decides_where_it_is_asked() -> None:
    assert replace(ONE, by_limit=True, threshold=0.005).standing is Standing.FAILED
    assert replace(ONE, by_limit=True, threshold=0.01).standing is Standing.PASSED


def test_the_newest_measurement_of_a_check_speaks_for_its_subject(tmp_path: Path) -> None:
    create_workspace(tmp_path / "w", "w")
    with closing(open_workspace(tmp_path / "w")) as place:
        (older,) = record(place, [replace(ONE, at="2026-01-01T00:00:00Z")])
        newer, other = record(place, [replace(ONE, events=2, value=0.1), replace(ONE, check="stream.leak")])
        record(place, [newer])
        assert measurements(place, "bundle") == (newer, other)
        assert measurements(place, "elsewhere") == ()
        assert older != newer
