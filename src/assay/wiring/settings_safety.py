"""What `assay.yaml` may ask of measurements of safeguards before a bundle ships."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field, model_validator


class Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class RequirementSetting(Section):
    """Just one of `at_most` and `at_least`."""

    check: str = Field(
        min_length=1, description="the name of a check, or a pattern with *, such as redteam.*: assay safety checks"
    )
    at_most: float | None = Field(default=None, description="the value may be so high")
    at_least: float | None = Field(default=None, description="the value must be so high")
    by_limit: bool = Field(default=False, description="the limit of the interval on the bad side is held to it instead")
    min_n: int = Field(default=1, ge=1, description="fewer trials count as not run")

    @model_validator(mode="after")
    def _one_line(self) -> RequirementSetting:
        if (self.at_most is None) == (self.at_least is None):
            raise ValueError("state one of at_most and at_least")
        return self


class SafetySettings(Section):
    require: tuple[RequirementSetting, ...] = Field(
        default=(), description="a bundle ships only when each holds, or somebody waives it by name and date"
    )
    max_age_days: float = Field(default=30, gt=0, description="an older measurement counts as not run")
