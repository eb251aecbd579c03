"""Inspect on the mock endpoint: one chat call a sample, scored by `includes`. Runs in Inspect's own environment."""

from __future__ import annotations

import sys
from importlib.metadata import version

from inspect_ai import Task, eval
from inspect_ai.dataset import MemoryDataset, Sample
from inspect_ai.scorer import includes
from inspect_ai.solver import generate
from usage import clocked, tell


def main(port: int, samples: int, in_flight: int, folder: str) -> None:
    questions = [Sample(input=f"How long is trial number {n}?", target="30 days", id=str(n)) for n in range(samples)]
    task = Task(dataset=MemoryDataset(questions), solver=generate(), scorer=includes())
    with clocked() as used:
        logs = eval(
            task, model="openai/mock-1", model_base_url=f"http://127.0.0.1:{port}/v1",
            model_args={"api_key": "none", "responses_api": False},
            max_connections=in_flight, max_samples=in_flight, log_dir=folder, display="none", score_display=False,
        )  # fmt: skip
    right = sum(score.value == "C" for one in logs[0].samples or [] for score in (one.scores or {}).values())
    tell(used, right, version("inspect-ai"))


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), sys.argv[4])
