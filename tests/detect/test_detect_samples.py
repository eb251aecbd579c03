"""What redaction marked can be found again by the same rule."""

from __future__ import annotations

import pytest

from assay.detect.registry import PERSONAL_IDS, SECRET_IDS
from assay.detect.samples import restored
from assay.detect.scanning import scan


@pytest.mark.parametrize("rule", sorted({*PERSONAL_IDS, *SECRET_IDS}))
def test_a_mark_is_found_as_what_it_stands_for(rule: str) -> None:
    assert rule in {one.rule_id for one in scan(restored(f"It is [{rule}]."), (rule,))}


def test_what_is_no_mark_stays() -> None:
    assert restored("see [1], [card and [nothing_of_ours] [x](y)") == "see [1], [card and [nothing_of_ours] [x](y)"
