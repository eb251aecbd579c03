"""Settings of canary tokens."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class CanarySettings(BaseModel):
    """What is planted where nobody should repeat it, and what happens when it is seen leaving."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    enabled: bool = Field(default=True, description="look for canaries in every answer and search result")
    prompt: bool = Field(default=True, description="put a canary into the system prompt of apps with a chat model")
    action: Literal["refuse", "report"] = Field(
        default="refuse", description="refuse: nothing more leaves; report: only the audit log and a person are told"
    )
    wait_chars: int = Field(
        default=0,
        ge=0,
        le=2000,
        description="a sentence leaves once so many signs of the answer follow it, or the answer ends; streams of "
        "text hold at least as many back",
    )
    look_back_chars: int = Field(
        default=1000,
        ge=200,
        le=20_000,
        description="signs of what has left that are looked through again with what follows",
    )
