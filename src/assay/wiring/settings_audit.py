"""Settings of the audit log."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class AuditSettings(BaseModel):
    """What account is kept of."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    enabled: bool = Field(
        default=True,
        description="Keep an audit log without content.",
    )
    required: bool = Field(
        default=False,
        description="What cannot be logged, on a full disk for one, is not answered; else it is counted as missing.",
    )
    keep_days: float = Field(
        default=400.0,
        ge=1.0,
        description="`assay audit prune` removes whole segments older than this many days.",
    )
