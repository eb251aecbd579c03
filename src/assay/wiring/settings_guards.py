"""What a policy file may say, and how `assay.yaml` names one. Unknown keys are errors."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from assay.wiring.settings_policy_signals import Language, SignalName, SignalUse

Where = Literal["question", "history", "passages", "answer"]
ActionName = Literal["allow", "pseudonymise", "hash", "mask", "lower_rights", "refuse", "escalate"]
FailClosed = Literal["refuse", "mask"]


class Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class PolicyGuard(Section):
    kind: Literal["policy"]
    file: str = Field(default="policy.yaml", min_length=1, description="the policy; relative to assay.yaml")
    content: dict[str, Any] = Field(default={}, description="set in a bundle only: the policy as it was frozen")
    digest: str = Field(default="", description="set in a bundle only: SHA-256 of the policy")


class PolicyLimits(Section):
    question_chars: int = Field(default=4000, ge=1, description="longer questions are refused")
    history_chars: int = Field(default=40_000, ge=0, description="longer histories are refused")
    word_chars: int = Field(default=1000, ge=1, description="a question with a longer word is refused")
    run_chars: int = Field(default=256, ge=1, description="a question with a longer run of one sign is refused")
    text_chars: int = Field(
        default=2_000_000, ge=1, description="a longer passage, sentence or output is not looked at and not shown"
    )


class PolicyRuleSetting(Section):
    id: str = Field(pattern=r"^[a-z][a-z0-9_-]{0,63}$", description="told in traces, cases and escalations")
    find: tuple[str, ...] = Field(
        min_length=1, description="rules, kinds or groups: assay scan --rules; or a detector's"
    )
    action: ActionName
    where: tuple[Where, ...] = Field(default=(), description="question, history, passages, answer; empty: all")
    tenants: tuple[str, ...] = Field(default=(), description="empty: all")
    apps: tuple[str, ...] = Field(default=(), description="empty: all")
    purposes: tuple[str, ...] = Field(default=(), description="the purpose of the caller's scope; empty: all")


class BuiltInSetting(Section):
    budget_ms: float = Field(default=250, gt=0, description="for one text; an overrun ends as on_timeout says")
    on_timeout: FailClosed = Field(default="refuse", description="mask withholds the text, refuse the whole request")
    workers: int = Field(
        default=0, ge=0, le=64, description="processes that can be ended; 0: here, as the rules take linear time"
    )


class DetectorSetting(Section):
    function: str = Field(
        pattern=r"^[A-Za-z_][\w.]*:[A-Za-z_]\w*$",
        description="module:function, on the path or beside assay.yaml: text and rule ids to (rule id, start, end)",
    )
    options: dict[str, str] = Field(
        default={}, description="given to the function once, by name; what it gives back is what finds"
    )
    reports: tuple[str, ...] = Field(min_length=1, description="ids of what it finds, for rules to name")
    version: str = Field(min_length=1, description="of its code and models; part of the policy's digest")
    budget_ms: float = Field(default=500, gt=0, description="for one text; then its process is killed")
    start_s: float = Field(default=30, gt=0, description="until its process must be ready")
    on_timeout: FailClosed = Field(default="refuse", description="also when it crashes or tells nonsense")
    workers: int = Field(default=1, ge=1, le=64)


class PolicyFile(Section):
    """The whole of a policy."""

    version: Literal[1]
    name: str = Field(default="policy", pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$")
    default: ActionName = Field(default="allow", description="for findings that no rule names; not for detectors'")
    limits: PolicyLimits = PolicyLimits()
    rules_detector: BuiltInSetting = BuiltInSetting()
    detectors: dict[str, DetectorSetting] = {}
    signals: dict[SignalName, SignalUse] = Field(
        default={}, description="scores that rules may name as signal.NAME; they lower rights and decide nothing alone"
    )
    languages: tuple[Language, ...] = Field(
        default=(), description="welcome ones; a text in another one is text.language.other"
    )
    rules: tuple[PolicyRuleSetting, ...] = ()
    reveal_purposes: tuple[str, ...] = Field(
        default=(), description="who may turn a pseudonym back: assay policy reveal --purpose; empty: nobody"
    )

    @model_validator(mode="after")
    def _sound(self) -> PolicyFile:
        seen: set[str] = set()
        for rule in self.rules:
            if rule.id in seen:
                raise ValueError(f"rules: two have the id {rule.id}")
            seen.add(rule.id)
            if rule.where == ("passages",) and rule.action in ("hash", "pseudonymise"):
                raise ValueError(
                    f"rules.{rule.id}: passages keep their length for the sake of citations; use mask, refuse or "
                    "lower_rights there"
                )
        return self
