"""A run goes to MLflow once, within the API's limits; what the server refuses is told without secrets."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from assay.adapters.mlflow_log import MOST_TAG, MlflowServer
from assay.evaluate.exports.figures import Tracked
from assay.records.errors import Unavailable
from mlflow_server import Answer, FakeMlflow

RUN = Tracked(
    "app abc", "2026-05-04T03:02:01Z", True, {"right": 0.5}, {"app": "app"},
    {"assay.run_id": "abc", "mlflow.note.content": "ü" * 9_000},
)  # fmt: skip


async def test_a_run_is_logged_once_with_its_numbers_and_its_note() -> None:
    fake = FakeMlflow()
    server = MlflowServer("http://host/", fake, {"authorization": "Bearer hidden"})
    assert await server.log(RUN, "ours", 1_777_777_777_000) == ("run-0", False)
    run = fake.runs["run-0"]
    assert (run["metrics"], run["params"], run["status"]) == ({"right": 0.5}, {"app": "app"}, "FINISHED")
    assert run["start_time"] == 1_777_863_721_000
    assert len(run["tags"]["mlflow.note.content"].encode()) <= MOST_TAG
    assert fake.headers["authorization"] == "Bearer hidden"
    assert await server.log(RUN, "ours", 1_777_777_777_000) == ("run-0", True)
    assert len(fake.runs) == 1


async def test_thousands_of_metrics_go_in_batches_that_the_server_takes() -> None:
    fake = FakeMlflow()
    many = {f"m{n}": float(n) for n in range(2_500)}
    await MlflowServer("http://host", fake).log(
        Tracked("n", "", True, many, {"a": "b"}, {"assay.run_id": "x"}), "ours", 1
    )
    assert fake.runs["run-0"]["metrics"] == many


async def test_a_log_that_was_cut_off_is_made_anew() -> None:
    fake = FakeMlflow(broken="runs/log-batch")
    with pytest.raises(Unavailable):
        await MlflowServer("http://host", fake).log(RUN, "ours", 1)
    fake.broken = ""
    assert await MlflowServer("http://host", fake).log(RUN, "ours", 1) == ("run-1", False)


async def test_a_refusal_names_status_and_code_and_nothing_that_is_secret() -> None:
    fake = FakeMlflow(broken="experiments/search")
    with pytest.raises(Unavailable) as caught:
        await MlflowServer("http://host", fake, {"authorization": "Bearer hidden"}).log(RUN, "ours", 1)
    assert "403 (PERMISSION_DENIED)" in str(caught.value)
    assert "hidden" not in str(caught.value)
    assert "secret things" not in str(caught.value)


async def test_an_answer_that_is_not_the_apis_is_a_failure() -> None:
    class Odd(FakeMlflow):
        async def post(self, url: str, headers: Mapping[str, str], body: bytes) -> Answer:
            return Answer(200, b"<html>")

    with pytest.raises(Unavailable, match="no JSON object"):
        await MlflowServer("http://host", Odd()).log(RUN, "ours", 1)
