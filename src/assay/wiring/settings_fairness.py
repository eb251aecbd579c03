"""What `assay.yaml` may declare about fairness: how far a measure may differ between groups."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, model_validator

Dimension = Annotated[str, Field(pattern=r"^[^\s=,*]+(\*[^\s=,*]+)*$", max_length=120)]


class FairnessSetting(BaseModel):
    """One tolerance. The gate asks for it to be shown: too few cases need more data, they do not pass."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    metric: str = Field(
        min_length=1,
        description="a metric of the run; answered, abstained, refused, failed, false_block or miss; or a rate of a "
        "class: selected:LABEL, tpr:LABEL, fnr:LABEL, fpr:LABEL, tnr:LABEL; or safeguard.NAME.false_block and "
        "safeguard.NAME.miss, as assay fairness safeguards last measured them",
    )
    by: Dimension = Field(description="slices such as language (of language=de), or language*gender for both at once")
    difference: float | None = Field(
        default=None, gt=0, description="a group may lie so far from its reference, either way; this or ratio"
    )
    ratio: float | None = Field(
        default=None, gt=1, description="a group may have so many times the value of its reference, or its inverse"
    )
    reference: str = Field(
        default="overall", min_length=1, description="overall: all cases; best: every other group; or a group's name"
    )
    min_n: int = Field(default=30, ge=2, description="a group with fewer cases is not judged and needs more data")
    alpha: float = Field(default=0.05, gt=0, lt=0.5, description="of each one-sided test")
    groups: tuple[str, ...] = Field(default=(), description="look at these groups alone; empty: at all")

    @model_validator(mode="after")
    def _one_tolerance(self) -> FairnessSetting:
        if (self.difference is None) == (self.ratio is None):
            raise ValueError("declare a difference or a ratio, one of them")
        if len(self.groups) == 1:
            raise ValueError("groups: name at least two, or none for all")
        if self.groups and self.reference not in ("overall", "best", *self.groups):
            raise ValueError("reference: overall, best, or one of groups")
        return self
