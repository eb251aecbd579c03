"""What `assay.yaml` may say: every setting with its type, default and meaning. Unknown keys are errors."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from assay.wiring.settings_apps import (
    App,
    ExtractiveModel,
    Guard,
    LimitsGuard,
    MaskGuard,
    Model,
    OpenAIModel,
    VisibleGuard,
)
from assay.wiring.settings_audit import AuditSettings
from assay.wiring.settings_canaries import CanarySettings
from assay.wiring.settings_fairness import FairnessSetting
from assay.wiring.settings_golden import LooksSettings, SliceName, SliceRuleSetting
from assay.wiring.settings_index import Encoder, IndexSettings
from assay.wiring.settings_ingest import AccessSettings, IngestSettings, Source
from assay.wiring.settings_judges import JudgeRulesSetting, JudgeSetting, check_judges
from assay.wiring.settings_mlflow import MlflowSettings
from assay.wiring.settings_privacy import PrivacySettings
from assay.wiring.settings_safety import SafetySettings
from assay.wiring.settings_section import Section
from assay.wiring.settings_signals import OnnxSignalSetting
from assay.wiring.settings_systems import UnderTest, check_systems
from assay.wiring.settings_tools import BrokerSettings, LabelSettings, ToolName, ToolSetting


class ClauseSetting(Section):
    metric: str
    kind: Literal["non_inferiority", "superiority", "no_loss"] = Field(
        default="non_inferiority", description="no_loss: one case that gets worse blocks"
    )
    margin: float = Field(default=0.0, ge=0, description="in the metric's unit: how much worse is tolerated")
    alpha: float = Field(default=0.05, gt=0, lt=0.5, description="one-sided")
    slice: str = Field(default="", description="a slice such as language=de; empty: all cases")
    min_n: int = Field(default=30, ge=1, description="fewer paired cases cannot decide the clause")


class GateSettings(Section):
    clauses: tuple[ClauseSetting, ...] = (
        ClauseSetting(metric="correct", margin=0.03),
        ClauseSetting(metric="groundedness", margin=0.02),
        ClauseSetting(metric="abstention_right", margin=0.05),
    )
    max_failed_share: float = Field(
        default=0.02, ge=0, le=1, description="more failed samples than this cannot be judged"
    )
    power: float = Field(default=0.8, gt=0, lt=1, description="for the n that need_more_data names")
    multiplicity: Literal["holm", "max_t"] = Field(
        default="holm", description="correction for many clauses; max_t knows how slices and metrics move together"
    )
    certificates: tuple[Literal["access"], ...] = Field(
        default=(), description="a bundle ships only with a passing, fresh certificate of each kind for its snapshot"
    )
    certificate_max_age_days: float = Field(default=7, gt=0, description="an older certificate does not count")
    looks: LooksSettings = LooksSettings()
    judges: JudgeRulesSetting = JudgeRulesSetting()
    safety: SafetySettings = SafetySettings()


class EvaluateSettings(Section):
    concurrency: Annotated[int, Field(ge=1, le=1000)] | Literal["auto"] = Field(
        default=8, description="samples in flight; auto: as many as the system bears, up to max_concurrency"
    )
    max_concurrency: int = Field(default=100, ge=1, le=1000, description="the most for auto")
    metrics: tuple[str, ...] = Field(
        default=(), description="measured besides what the golden set asks for, such as rougeL, P@5, faithfulness"
    )
    max_cost_usd: float | None = Field(default=None, gt=0, description="the most one run may cost; it stops in order")
    max_tokens: int | None = Field(default=None, gt=0, description="the most tokens one run may read and write")
    cache: bool = Field(
        default=True, description="keep replies of systems that call a model, and ask for none of them twice"
    )
    cache_days: float = Field(default=7, gt=0, description="an older reply is asked for anew")
    repeats: int = Field(default=1, ge=1, le=100)
    deadline_s: float = Field(default=120, gt=0, description="per sample, retries included")
    retry_budget: int = Field(default=20, ge=0, description="retries for the whole run")
    seed: int = 0


class BatchSettings(Section):
    engine: Literal["local", "ray"] = Field(
        default="local", description="where files are read, texts embedded and cases answered: here, or a Ray cluster"
    )
    address: str = Field(default="", description="the Ray cluster, such as ray-head:6379; empty: one on this machine")
    workers: int = Field(
        default=0, ge=0, le=1024, description="processes of a cluster on this machine; 0: one per core"
    )


class ServeSettings(Section):
    host: str = "127.0.0.1"
    port: int = Field(default=8321, ge=0, le=65535, description="0: any free port")
    demo_open: bool = Field(default=False, description="on loopback, answer without a key; for demonstrations only")
    demo_tenant: str = Field(default="default", description="tenant of callers without a key")
    demo_groups: tuple[str, ...] = Field(default=(), description="groups of callers without a key")


class TraceSettings(Section):
    keep_content: bool = Field(default=False, description="keep question and answer texts in traces")
    days: int = Field(default=30, ge=1, description="older traces are removed")


class StoreSettings(Section):
    engine: Literal["sqlite", "postgres"] = Field(
        default="sqlite", description="where catalog, runs, releases and traces stand; sqlite: .assay/assay.db"
    )
    dsn_env: str = Field(
        default="ASSAY_STORE_DSN",
        description="for postgres: name of the variable with postgresql://user:password@host/database, a database "
        "that holds nothing else",
    )


class Settings(Section):
    """The whole of `assay.yaml`."""

    version: Literal[1] = 1
    name: str = "assay"
    label: str = Field(default="", description="a notice shown on every page")
    access: AccessSettings = AccessSettings()
    ingest: IngestSettings = IngestSettings()
    sources: dict[str, Source] = Field(
        default={}, description="where assay ingest --from NAME reads; docs/connectors.md"
    )
    index: IndexSettings = IndexSettings()
    store: StoreSettings = StoreSettings()
    embedders: dict[str, Encoder] = Field(default={}, description="encoders of one's own, for index.embedder")
    models: dict[str, Model] = Field(default={"extractive": ExtractiveModel()})
    guards: dict[str, Guard] = Field(
        default={"limits": LimitsGuard(), "visible": VisibleGuard(), "personal_data": MaskGuard()}
    )
    apps: dict[str, App] = Field(default={"assistant": App()})
    systems: dict[str, UnderTest] = Field(
        default={}, description="systems under test that Assay did not build; docs/evaluating.md"
    )
    gate: GateSettings = GateSettings()
    judges: dict[str, JudgeSetting] = Field(
        default={}, description="language models that judge replies; docs/judges.md"
    )
    evaluate: EvaluateSettings = EvaluateSettings()
    batch: BatchSettings = BatchSettings()
    serve: ServeSettings = ServeSettings()
    traces: TraceSettings = TraceSettings()
    mlflow: MlflowSettings = MlflowSettings()
    slices: dict[SliceName, SliceRuleSetting] = Field(
        default={}, description="slices of golden sets by rule: assay golden slice; docs/golden-sets.md"
    )
    audit: AuditSettings = AuditSettings()
    canaries: CanarySettings = CanarySettings()
    privacy: PrivacySettings = PrivacySettings()
    fairness: tuple[FairnessSetting, ...] = Field(
        default=(), description="how far a measure may differ between groups, for the gate; docs/fairness.md"
    )
    signals: dict[str, OnnxSignalSetting] = Field(
        default={}, description="classifiers of your own in local ONNX files; docs/signals.md"
    )
    labels: LabelSettings = LabelSettings()
    tools: dict[ToolName, ToolSetting] = Field(
        default={}, description="what models may ask to have run, and when; docs/tools-and-taint.md"
    )
    broker: BrokerSettings = BrokerSettings()

    @model_validator(mode="after")
    def _names_exist(self) -> Settings:
        if not self.apps:
            raise ValueError("apps: declare at least one app")
        check_systems(self.systems, self.apps)
        if {"minilm", "none"} & self.embedders.keys():
            raise ValueError("embedders: minilm and none are taken; use another name")
        if self.index.embedder not in {"minilm", "none", *self.embedders}:
            known = ", ".join(["minilm", "none", *sorted(self.embedders)])
            raise ValueError(f"index.embedder names no entry of embedders ({known})")
        for name, app in self.apps.items():
            if app.model not in self.models:
                raise ValueError(f"apps.{name}.model names no entry of models ({', '.join(sorted(self.models))})")
            if app.reader and app.reader not in self.models:
                raise ValueError(f"apps.{name}.reader names no entry of models ({', '.join(sorted(self.models))})")
            if app.retrieve.rewrite and not isinstance(self.models.get(app.retrieve.rewrite), OpenAIModel):
                raise ValueError(f"apps.{name}.retrieve.rewrite must name a chat model under models")
            for guard in app.guards:
                if guard not in self.guards:
                    raise ValueError(f"apps.{name}.guards names no entry of guards ({', '.join(sorted(self.guards))})")
        check_judges(self.judges, {name for name, one in self.models.items() if isinstance(one, OpenAIModel)})
        return self
