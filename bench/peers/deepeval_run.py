"""DeepEval on the mock endpoint: a metric that asks the endpoint once a case and looks for the answer in its text."""

from __future__ import annotations

import asyncio
import sys
from importlib.metadata import version
from typing import Any

from deepeval import evaluate
from deepeval.evaluate import AsyncConfig, CacheConfig, DisplayConfig
from deepeval.metrics import BaseMetric
from deepeval.test_case import LLMTestCase
from openai import AsyncOpenAI
from usage import clocked, tell


class Includes(BaseMetric):  # type: ignore[misc]  # it is installed in its own environment only
    """1 when the endpoint's answer holds what is expected."""

    def __init__(self, client: AsyncOpenAI) -> None:
        self.client, self.threshold, self.async_mode = client, 0.5, True
        self.score, self.success, self.error, self.reason = 0.0, False, None, ""

    async def a_measure(self, test_case: LLMTestCase, *_args: Any, **_more: Any) -> float:
        message: Any = {"role": "user", "content": test_case.input}
        made = await self.client.chat.completions.create(model="mock-1", messages=[message])
        self.score = float(str(test_case.expected_output) in (made.choices[0].message.content or ""))
        self.success = self.score >= self.threshold
        return self.score

    def measure(self, test_case: LLMTestCase, *_args: Any, **_more: Any) -> float:
        return asyncio.run(self.a_measure(test_case))

    def is_successful(self) -> bool:
        return self.success

    @property
    def __name__(self) -> str:
        return "Includes"


def main(port: int, samples: int, in_flight: int, _folder: str) -> None:
    client = AsyncOpenAI(base_url=f"http://127.0.0.1:{port}/v1", api_key="none")
    cases = [
        LLMTestCase(input=f"How long is trial number {n}?", actual_output="", expected_output="30 days")
        for n in range(samples)
    ]
    with clocked() as used:
        made = evaluate(
            cases, [Includes(client)], async_config=AsyncConfig(max_concurrent=in_flight),
            display_config=DisplayConfig(show_indicator=False, print_results=False, inspect_after_run=False),
            cache_config=CacheConfig(write_cache=False),
        )  # fmt: skip
    tell(used, sum(bool(one.success) for one in made.test_results), version("deepeval"))


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), sys.argv[4])
