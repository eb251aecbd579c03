"""What `assay.yaml` may say about judges, and about gating with them."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")


class Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class Asking(Section):
    """What every judge with a model of its own has."""

    model: str = Field(description="a chat model under models")
    labels: tuple[str, ...] = Field(
        default=(), description="labelling tasks whose question is this judge's criterion: for its card and for gates"
    )
    family: str = Field(default="", description="who made the model, such as gpt; empty: guessed from the model's name")
    votes: int = Field(default=1, ge=1, le=25, description="asked so often; majority where verdicts are 0 or 1")
    temperature: float = Field(default=0.0, ge=0, le=2)
    max_tokens: int = Field(default=800, ge=16, description="of one answer")
    probe: Literal["suspicious", "always", "never"] = Field(
        default="suspicious",
        description="when a second request checks that the judge does not obey the text: where it seems to address one",
    )


class Scaled(Asking):
    """A judge with one criterion on a scale."""

    criterion: str = Field(default="", description="one criterion; empty: right, or as a gold answer, nothing made up")
    scale: dict[int, str] = Field(
        default={0: "no", 1: "yes"}, description="value to what it means; two values are binary, more are ordinal"
    )
    pass_at: int | None = Field(default=None, description="the lowest value that passes; empty: the highest one")

    @model_validator(mode="after")
    def _a_scale(self) -> Scaled:
        if not 2 <= len(self.scale) <= 11:
            raise ValueError("scale needs 2 to 11 values, each with what it means")
        if not all(text.strip() for text in self.scale.values()):
            raise ValueError("every value of the scale needs a meaning")
        if self.pass_at is not None and (self.pass_at not in self.scale or self.pass_at == min(self.scale)):
            raise ValueError("pass_at must be a value of the scale, above the lowest")
        return self


class RubricJudge(Scaled):
    kind: Literal["rubric"]


class ReferenceJudge(Scaled):
    kind: Literal["reference"]


class PairwiseJudge(Asking):
    kind: Literal["pairwise"]
    criterion: str = Field(default="", description="what better means; both orders are always asked")


class ClaimsJudge(Asking):
    kind: Literal["claims"]
    max_tokens: int = Field(default=2000, ge=16, description="of one answer")
    pass_at: float = Field(default=1.0, gt=0, le=1, description="share of supported claims from which a reply passes")


class NuggetsJudge(Asking):
    kind: Literal["nuggets"]
    max_tokens: int = Field(default=2000, ge=16, description="of one answer")
    score: Literal["vital_strict", "vital", "all_strict", "all", "weighted_strict", "weighted"] = Field(
        default="vital_strict", description="which nuggets count; strict: partial support counts nothing"
    )
    pass_at: float = Field(default=1.0, gt=0, le=1, description="the score from which a reply passes")


class JuryJudge(Section):
    kind: Literal["jury"]
    members: tuple[str, ...] = Field(min_length=2, description="judges of this section; no juries")
    labels: tuple[str, ...] = Field(default=(), description="labelling tasks whose question is the jury's")
    rule: Literal["majority", "mean"] = Field(default="majority", description="of passes, or of values")
    quorum: int = Field(default=0, ge=0, description="so many members must give a verdict; 0: more than half")
    pass_at: float = Field(default=0.5, gt=0, le=1, description="for mean: the value from which a reply passes")


JudgeSetting = Annotated[
    RubricJudge | ReferenceJudge | PairwiseJudge | ClaimsJudge | NuggetsJudge | JuryJudge, Field(discriminator="kind")
]


def check_judges(judges: dict[str, JudgeSetting], chat_models: set[str]) -> None:
    """Raises ValueError when a judge names what is not there."""
    for name, judge in judges.items():
        if not _NAME.fullmatch(name):
            raise ValueError("judges: a name is of letters, digits, dots, dashes and underscores, at most 64")
        if isinstance(judge, JuryJudge):
            _check_jury(name, judge, judges)
        elif judge.model not in chat_models:
            known = ", ".join(sorted(chat_models)) or "none"
            raise ValueError(f"judges.{name}.model must name a chat model under models (there are: {known})")


def _check_jury(name: str, jury: JuryJudge, judges: dict[str, JudgeSetting]) -> None:
    members = [judges.get(member) for member in jury.members]
    if any(member is None or isinstance(member, JuryJudge) for member in members):
        raise ValueError(f"judges.{name}.members must name judges of this section that are no juries")
    if len({isinstance(member, PairwiseJudge) for member in members}) > 1:
        raise ValueError(f"judges.{name}.members mix pairwise judges with judges of one reply")
    if len(set(jury.members)) != len(jury.members):
        raise ValueError(f"judges.{name}.members names one judge twice; give that judge votes instead")
    if jury.quorum > len(jury.members):
        raise ValueError(f"judges.{name}.quorum is larger than the jury")


class JudgeRulesSetting(Section):
    """What a judge must have shown before a clause on `judge:NAME` may decide anything."""

    min_labels: int = Field(default=50, ge=2, description="a card measured on fewer labelled replies does not count")
    min_class: int = Field(default=5, ge=1, description="so many of them passed, and so many failed, by people")
    min_informedness: float = Field(
        default=0.2, ge=0, le=1, description="TPR + TNR - 1 of the card; 0 is a judge that says nothing of the truth"
    )
    min_pairs: int = Field(
        default=30, ge=2, description="cases with people's labels on both runs' replies, for the judge's error"
    )
    min_anchors: int = Field(
        default=100, ge=0, description="frozen anchors that were judged again with each run; 0: none are asked for"
    )
    card_days: float = Field(default=90, gt=0, description="a card expires after so many days")
    drift_margin: float = Field(default=0.05, gt=0, lt=1, description="change of the pass rate on the anchors")
