"""What `assay.yaml` may say about labels of texts, tools that models may ask for, and who decides. Unknown keys are
errors."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from assay.records.errors import ConfigError
from assay.records.shapes import bounded, check_schema

ClassificationName = Literal["public", "internal", "confidential", "restricted"]
ToolName = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_-]{0,63}$")]


class Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class LabelRule(Section):
    path: str = Field(description="glob over the path below the ingested folder's parent, such as corpus/hr/**")
    classification: ClassificationName | Literal[""] = Field(
        default="", description="of these documents; one that states a higher one keeps it, a lower one not"
    )
    trusted: bool = Field(
        default=False, description="nobody outside the house can write here: orders in these texts are the house's own"
    )


class ClearanceRule(Section):
    group: str = Field(min_length=1)
    classification: ClassificationName = Field(description="the highest that members of the group are shown")


class LabelSettings(Section):
    default: ClassificationName = Field(
        default="internal", description="of documents that neither a rule nor they themselves classify"
    )
    rules: tuple[LabelRule, ...] = Field(default=(), description="the last matching rule wins")
    clearance: ClassificationName = Field(
        default="restricted", description="the highest that callers are shown whose groups name none"
    )
    clearances: tuple[ClearanceRule, ...] = Field(
        default=(), description="by group, above clearance; of several groups the highest counts"
    )


class AllowSetting(Section):
    groups: tuple[str, ...] = Field(default=(), description="members of any of these; empty: everybody")
    apps: tuple[str, ...] = Field(default=(), description="apps and systems; empty: all")
    purposes: tuple[str, ...] = Field(default=(), description="of the caller's scope; empty: all")


class ToolSetting(Section):
    description: str = Field(default="", max_length=1000, description="told to a planner")
    arguments: dict[str, Any] = Field(
        default={"type": "object"}, description="JSON Schema of the arguments: a closed object; docs/tools-and-taint.md"
    )
    effect: Literal["none", "read", "write", "external"] = Field(
        description="external: something leaves the house; none: nothing is read or changed"
    )
    allow: AllowSetting = AllowSetting()
    confirm: Literal["never", "when_tainted", "always"] = Field(
        default="when_tainted", description="when a person is asked first: assay broker pending"
    )
    untrusted_ok: tuple[str, ...] = Field(
        default=(),
        description="arguments that may come from untrusted text; only numbers, booleans, dates and listed values",
    )
    max_classification: ClassificationName = Field(default="restricted", description="of what is passed to it")
    result_classification: ClassificationName = Field(default="internal", description="of what it gives back")
    max_result_bytes: int = Field(default=65_536, ge=1, le=16_777_216)
    on_long_result: Literal["cut", "refuse"] = "cut"
    timeout_s: float = Field(default=30, gt=0, le=3600, description="for whoever runs it")

    @model_validator(mode="after")
    def _sound(self) -> ToolSetting:
        try:
            check_schema(self.arguments, "arguments")
        except ConfigError as error:
            raise ValueError(f"{error.where}: {error.what}") from None
        if self.arguments.get("type") != "object":
            raise ValueError("arguments: the schema is of type object")
        properties = self.arguments.get("properties", {})
        for name in self.untrusted_ok:
            if name not in properties:
                raise ValueError(f"untrusted_ok: the schema has no argument {name}")
            if not bounded(properties[name]):
                raise ValueError(
                    f"untrusted_ok: {name} can hold free text; give it an enum, format: date, or a type of number"
                )
        return self


class BuiltInAuthorizer(Section):
    kind: Literal["declared"] = "declared"
    """Decides from what each tool declares."""


class CedarAuthorizer(Section):
    kind: Literal["cedar"]
    policies: str = Field(min_length=1, description="a file with Cedar policies; relative to assay.yaml")
    schema_file: str = Field(default="", alias="schema", description="a Cedar schema; empty: the packaged one")


Authorizer = Annotated[BuiltInAuthorizer | CedarAuthorizer, Field(discriminator="kind")]


class BrokerSettings(Section):
    authorizer: Authorizer = Field(default=BuiltInAuthorizer(), description="who decides who may call which tool")
    confirmation_minutes: float = Field(
        default=15, gt=0, le=1440, description="how long a call waits for a person, and an approval for its call"
    )
