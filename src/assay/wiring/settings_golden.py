"""What `assay.yaml` may say about golden sets: slices by rule, and how often held-out cases may be looked at."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

SliceName = Annotated[str, Field(pattern=r"^[^\s#,]+$", max_length=80)]


class Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class RangeSetting(Section):
    min: float | None = Field(default=None, description="at least this")
    max: float | None = Field(default=None, description="at most this")

    @model_validator(mode="after")
    def _in_order(self) -> RangeSetting:
        if self.min is None and self.max is None:
            raise ValueError("a range needs min, max or both")
        if self.min is not None and self.max is not None and self.min > self.max:
            raise ValueError("min is above max")
        return self


class SliceRuleSetting(Section):
    """All that is stated must hold."""

    question_words: RangeSetting | None = Field(default=None, description="length of the question")
    question_type: tuple[
        Literal["how", "how_many", "what", "when", "where", "which", "who", "why", "yes_no", "other"], ...
    ] = Field(default=(), description="by the word that asks; any of these")
    contains: tuple[str, ...] = Field(default=(), description="words or phrases, any of which stands in the question")
    has: tuple[Literal["number", "date", "name", "negation"], ...] = Field(
        default=(), description="all of these stand in the question"
    )
    language: tuple[str, ...] = Field(default=(), description="of the question, by its small words: en, de, fr, …")
    answerable: bool | None = None
    history_turns: RangeSetting | None = Field(default=None, description="turns before the question")
    evidence_documents: RangeSetting | None = Field(default=None, description="documents that hold the evidence")
    evidence_format: tuple[str, ...] = Field(default=(), description="media types, such as application/pdf or pdf")
    evidence_page: RangeSetting | None = Field(default=None, description="page on which a quote begins, from 1")
    document_age_days: RangeSetting | None = Field(
        default=None, description="age of a document with evidence on the day of slicing"
    )
    document_metadata: dict[str, tuple[str, ...]] = Field(default={}, description="key: values, any of which it has")
    provenance: dict[str, tuple[str, ...]] = Field(default={}, description="key of the case: values")

    @model_validator(mode="after")
    def _asks_something(self) -> SliceRuleSetting:
        if not any(value not in (None, (), {}) for value in self.model_dump().values()):
            raise ValueError("a rule needs a condition: without one every case would meet it")
        return self


class LooksSettings(Section):
    """How often results on one split may be seen before they decide less."""

    budget: int = Field(
        default=0, ge=0, description="runs whose results on a split may be seen at full strength; 0: no limit"
    )
    when_spent: Literal["widen", "refuse", "warn"] = Field(
        default="widen", description="look budget + j is judged at alpha / (j (j + 1)), or cannot be judged, or is told"
    )
