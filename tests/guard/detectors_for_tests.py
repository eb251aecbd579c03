"""Detectors that behave badly, for processes that must be ended."""

import os
import time
from collections.abc import Sequence


def find(text: str, rule_ids: Sequence[str]) -> list[tuple[str, int, int]]:
    if "hang" in text:
        time.sleep(60)
    if "crash" in text:
        os._exit(3)
    if "raise" in text:
        raise ValueError(text)
    if "nonsense" in text:
        return [("name", 0, len(text) + 7)]
    at = text.find("Anna")
    return [("name", at, at + 4)] if at >= 0 and "name" in rule_ids else []
