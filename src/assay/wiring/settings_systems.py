"""What `assay.yaml` may say about systems under test that Assay did not build."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
PATHS = (
    "answer", "citations", "passages", "label", "scores", "fields", "spans", "tools", "confidence", "outcome",
    "tokens_in", "tokens_out", "cost_usd",
)  # fmt: skip
"""Parts of an answer that a path may lead to."""


class Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class EndpointUnderTest(Section):
    kind: Literal["http"]
    url: str = Field(pattern=r"^https?://\S+$", description="takes a POST with JSON; for openai up to and with /v1")
    preset: Literal["", "openai"] = Field(
        default="", description="openai: body and paths of chat completions, which paths and body here add to"
    )
    model: str = Field(default="", description="for openai: the model's name at that endpoint")
    prompt: str = Field(default="", description="for openai: the system prompt")
    body: Any = Field(
        default=None,
        description="the request; {question} inside any text, {history} or {messages} as a whole value",
    )
    paths: dict[str, str] = Field(
        default={}, description=f"where in the answer what stands, like $.result.text; of {', '.join(PATHS)}"
    )
    declines: tuple[str, ...] = Field(
        default=(), description="texts that mean, standing in an answer, that the system declined"
    )
    headers: dict[str, str] = Field(default={}, description="sent with every request; no secrets")
    headers_env: dict[str, str] = Field(
        default={}, description="header to the name of the environment variable that holds it, for secrets"
    )
    api_key_env: str = Field(default="", description="name of the variable with a bearer token; empty: none")
    version: str = Field(
        default="", description="what stands behind the endpoint now; another version is another system"
    )
    timeout_s: float = Field(default=60, gt=0, description="one request")
    max_connections: int = Field(default=128, ge=1, le=1000)
    price_in_usd_per_million: float | None = Field(default=None, ge=0, description="unknown when absent, never free")
    price_out_usd_per_million: float | None = Field(default=None, ge=0)
    price_usd_per_call: float | None = Field(default=None, ge=0, description="instead of prices by tokens")
    cache: bool = Field(default=True, description="replies may be kept and used again (evaluate.cache)")

    @model_validator(mode="after")
    def _complete(self) -> EndpointUnderTest:
        unknown = sorted(self.paths.keys() - set(PATHS))
        if unknown:
            raise ValueError(f"paths: {', '.join(unknown)} is no part of an answer (there are: {', '.join(PATHS)})")
        if self.preset == "openai" and not self.model:
            raise ValueError("preset openai needs model")
        if self.preset == "" and (self.body is None or not self.paths):
            raise ValueError("an endpoint without a preset needs body and paths")
        return self


class FunctionUnderTest(Section):
    kind: Literal["python"]
    function: str = Field(
        pattern=r"^.+:[A-Za-z_]\w*$",
        description="module:function or file.py:function; runs in this process, so only code that you trust",
    )
    cache: bool = Field(default=False, description="replies may be kept; what the function imports is not looked at")


class RepliesUnderTest(Section):
    kind: Literal["replies"]
    path: str = Field(min_length=1, description="JSONL or CSV by case id; relative to assay.yaml")
    ignore_unknown: bool = Field(default=False, description="replies to cases that the golden set does not have")


UnderTest = Annotated[EndpointUnderTest | FunctionUnderTest | RepliesUnderTest, Field(discriminator="kind")]


def check_systems(systems: Iterable[str], apps: Iterable[str]) -> None:
    """Raise ValueError for a name that cannot be typed or that an app has."""
    taken = {*apps, "live"}
    for name in systems:
        if not _NAME.fullmatch(name):
            raise ValueError(f"systems.{name}: names have letters, digits, dots, dashes and underscores only")
        if name in taken:
            raise ValueError(f"systems.{name}: an app has this name, or it is `live`; use another")
