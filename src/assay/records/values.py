"""Values that pass from documents to tools without any planning model seeing them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from assay.records.taint import Label


@dataclass(frozen=True, slots=True)
class Handle:
    """A value known by a name such as `$value1`, with the label of the text that it came from.

    Only the broker turns the name into the value. The `repr` does not show it, so that no log does.
    """

    name: str
    value: Any = field(repr=False)
    label: Label
