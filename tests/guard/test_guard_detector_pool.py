"""A detector that hangs, crashes or tells nonsense is ended, told as such without content, and started anew."""

from pathlib import Path

import pytest

from assay.adapters.detector_pool import DetectorPool
from assay.records.errors import ConfigError, Unavailable

HERE = str(Path(__file__).parent)


def test_a_bad_detector_is_ended_rests_and_comes_back() -> None:
    now = [0.0]
    pool = DetectorPool(
        "detectors_for_tests:find", path=HERE, budget_ms=400, clock=lambda: now[0], start_s=60
    )  # fmt: skip
    try:
        assert [one.rule_id for one in pool.find("to Anna", ["name"])] == ["name"]
        assert pool.find("to Anna", ["other"]) == ()
        assert code(pool, "please raise 4111") == "detector.failed"
        assert code(pool, "nonsense") == "detector.failed"
        assert code(pool, "do hang 4111") == "detector.timeout"
        assert code(pool, "Anna") == "detector.resting"
        now[0] += 0.6
        assert code(pool, "do crash 4111") == "detector.crashed"
        now[0] += 0.6
        assert code(pool, "Anna") == "detector.resting", "each failure doubles the pause"
        now[0] += 0.6
        assert len(pool.find("Anna", ["name"])) == 1
    finally:
        pool.close()


def code(pool: DetectorPool, text: str) -> str:
    with pytest.raises(Unavailable) as error:
        pool.find(text, ["name"])
    assert text not in str(error.value)
    return error.value.code


def test_a_function_that_is_none_is_said_before_anything_starts() -> None:
    with pytest.raises(ConfigError):
        DetectorPool("no colon")
