"""Settings of privacy: what is redacted in everything that is kept, and for how long it is kept."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

PERIOD = r"^([1-9]\d{0,5}[mhdw])?$"
RULES = ("personal", "secrets")


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class RedactSettings(_Section):
    """What is taken out of texts before they are kept."""

    rules: tuple[str, ...] = Field(
        default=RULES,
        description="rules, kinds or groups (assay scan --rules) taken out of kept questions, answers, comments and "
        "notes; empty: only what an app's policy changes",
    )
    how: Literal["mask", "hash", "pseudonymise"] = Field(
        default="mask",
        alias="with",
        description="mask: [email]; hash: a keyed hash; pseudonymise: a name that the tenant's vault turns back",
    )


class RetentionSettings(_Section):
    """How long each kind of data is kept: 30d, 12h, 2w, 45m; empty: until somebody removes it."""

    traces: str = Field(default="", pattern=PERIOD, description="traces with the opinions on them; empty: traces.days")
    feedback: str = Field(default="", pattern=PERIOD, description="opinions, where they shall go before their traces")
    caches: str = Field(
        default="", pattern=PERIOD, description="kept replies, judgements and vectors; they are emptied as a whole"
    )
    runs: str = Field(default="", pattern=PERIOD, description="runs that no decision, card or label rests on")
    vault: str = Field(default="", pattern=PERIOD, description="values behind pseudonyms; the names stay, unreadable")
    escalations: str = Field(default="", pattern=PERIOD, description="escalations that a person has decided")
    drafts: str = Field(default="", pattern=PERIOD, description="drafted cases and what reviewers said of them")
    logs: str = Field(default="", pattern=PERIOD, description="log files in .assay; the audit log has audit.keep_days")


class PrivacySettings(_Section):
    """What is kept of what people write, in which form and for how long."""

    redact: RedactSettings = RedactSettings()
    retention: RetentionSettings = RetentionSettings()
