"""How a policy uses a signal: which model, from which score, in which time."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

SignalName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,31}$")]
Language = Annotated[str, Field(pattern=r"^[a-z]{2}$")]


class SignalUse(BaseModel):
    """One signal of a policy; its findings have the id `signal.` and its name."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    model: str = Field(
        default="", description="injection, toxicity, or a name under signals in assay.yaml; empty: its own"
    )
    threshold: Annotated[float, Field(ge=0, le=1)] | Annotated[str, Field(pattern="^[a-z_]*$")] = Field(
        default="", description="a score, or a point of the model's card; empty: the model's"
    )
    unit: Literal["", "window", "sentence"] = Field(
        default="", description="what is scored at a time; empty: the card's"
    )
    budget_ms: float = Field(default=250, gt=0, description="for one text; a longer look ends as on_timeout says")
    on_timeout: Literal["found", "refuse", "mask"] = Field(
        default="found", description="found: as if the signal had spoken; mask withholds the text; refuse the request"
    )
    may_refuse: bool | None = Field(
        default=None, description="whether rules may refuse texts for it; unset: only for toxicity"
    )
    pin: str = Field(default="", description="set in a bundle: model, digest, threshold and unit that were judged")
