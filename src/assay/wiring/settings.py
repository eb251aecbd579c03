"""What `assay.yaml` may say: every setting with its type, default and meaning. Unknown keys are errors."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from assay.wiring.settings_audit import AuditSettings
from assay.wiring.settings_canaries import CanarySettings
from assay.wiring.settings_fairness import FairnessSetting
from assay.wiring.settings_golden import LooksSettings, SliceName, SliceRuleSetting
from assay.wiring.settings_guards import PolicyGuard
from assay.wiring.settings_judges import JudgeRulesSetting, JudgeSetting, check_judges
from assay.wiring.settings_mlflow import MlflowSettings
from assay.wiring.settings_poison import ChecksSettings
from assay.wiring.settings_privacy import PrivacySettings
from assay.wiring.settings_safety import SafetySettings
from assay.wiring.settings_signals import OnnxSignalSetting
from assay.wiring.settings_systems import UnderTest, check_systems
from assay.wiring.settings_tools import BrokerSettings, ClassificationName, LabelSettings, ToolName, ToolSetting


class Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class AccessSetting(Section):
    tenant: str = Field(default="default", description="tenant that owns the document; * is shared by all tenants")
    groups: tuple[str, ...] = Field(
        default=(), description="groups that may read it; none means everybody of the tenant"
    )


class FolderRule(AccessSetting):
    path: str = Field(description="glob over the path below the ingested folder's parent, such as corpus/hr/**")


class AccessSettings(Section):
    default: AccessSetting = Field(default=AccessSetting(), description="for documents that no rule names")
    folders: tuple[FolderRule, ...] = Field(default=(), description="the last matching rule wins")
    csv: str = Field(default="", description="sidecar file with columns path,tenant,groups; relative to assay.yaml")
    known_groups: tuple[str, ...] = Field(
        default=(), description="all groups there are; a document that names another is reported; empty: no check"
    )
    trust_stated: bool = Field(default=True, description="front matter and JSONL fields may state tenant and groups")
    plugin: str = Field(
        default="", description="an installed entry point of the group assay.access; it decides before every other rule"
    )


class ChunkSettings(Section):
    target_words: int = Field(default=200, ge=20, le=2000, description="small blocks are packed up to this size")
    max_words: int = Field(default=300, ge=30, le=4000, description="no chunk of prose is larger")

    @model_validator(mode="after")
    def _ordered(self) -> ChunkSettings:
        if self.max_words < self.target_words:
            raise ValueError("max_words must be at least target_words")
        return self


class ScanSettings(Section):
    rules: tuple[str, ...] = Field(
        default=("card", "iban", "us_ssn", "email", "phone", "secrets"),
        description="what documents are scanned for; secrets stands for all kinds of credential; empty: no scan",
    )
    on_finding: Literal["report", "hold"] = Field(
        default="report", description="hold keeps a document with any finding out of the index"
    )
    names_model: str = Field(
        default="", description="a spaCy model, package or folder, for names of persons; needs the extra `names`"
    )
    corpus: bool = Field(default=False, description="assay corpus scan after every ingestion; only new texts are read")


class FreshnessRule(Section):
    path: str = Field(description="glob over the path below the ingested folder's parent, such as corpus/prices/**")
    max_age: str = Field(
        default="", pattern=r"^([1-9]\d{0,5}[mhdw])?$", description="since the document was modified: 30d, 12h, 2w, 45m"
    )
    max_unseen: str = Field(
        default="", pattern=r"^([1-9]\d{0,5}[mhdw])?$", description="since a sync compared it with its source"
    )

    @model_validator(mode="after")
    def _says_something(self) -> FreshnessRule:
        if not self.max_age and not self.max_unseen:
            raise ValueError("a freshness rule sets max_age, max_unseen or both")
        return self


class IngestSettings(Section):
    max_file_mb: float = Field(default=50, gt=0, description="larger files are skipped and reported")
    workers: int = Field(
        default=0, ge=0, le=256, description="processes that read files; 0: one a core when there are many files"
    )
    chunk: ChunkSettings = ChunkSettings()
    freshness: tuple[FreshnessRule, ...] = Field(
        default=(), description="objectives by path; the last matching rule wins; assay source check tells who misses"
    )
    min_quality: float = Field(
        default=0.5, ge=0, le=1, description="documents whose parse quality is lower are held back and reported"
    )
    scan: ScanSettings = ScanSettings()
    checks: ChecksSettings = Field(
        default=ChecksSettings(), description="what may have been planted; docs/poisoned-documents.md"
    )
    ocr: Literal["none", "tesseract"] = Field(
        default="none", description="reads scanned PDF pages with the installed tesseract program"
    )
    ocr_languages: tuple[str, ...] = Field(default=("eng",), description="tesseract's names, such as eng, deu, chi_sim")


class LanceSettings(Section):
    uri: str = Field(default=".assay/lancedb", description="a folder, relative to assay.yaml, or s3://bucket/prefix")
    storage_options: dict[str, str] = Field(default={}, description="such as region or endpoint; no secrets")
    storage_options_env: dict[str, str] = Field(
        default={}, description="option to the name of the environment variable that holds it, for secrets"
    )


class QdrantSettings(Section):
    url: str = Field(default="", description="a server, such as http://127.0.0.1:6333")
    path: str = Field(default="", description="instead of url: a folder for the client's local mode, one process only")
    collection: str = Field(
        default="assay", pattern=r"^[A-Za-z0-9_-]{1,100}$", description="the names of the collections begin with it"
    )
    api_key_env: str = Field(default="", description="name of the environment variable with the key; empty: no key")


class PostgresSettings(Section):
    dsn_env: str = Field(
        default="ASSAY_POSTGRES_DSN",
        description="name of the environment variable with the address, postgresql://user:password@host/database",
    )
    schema_name: str = Field(
        default="assay_index",
        alias="schema",
        pattern=r"^[a-z_][a-z0-9_]{0,40}$",
        description="the database schema that holds the index; made when it is not there",
    )


class OpenSearchSettings(Section):
    url: str = Field(default="", description="such as https://search.example.org:9200")
    name: str = Field(
        default="assay", pattern=r"^[a-z0-9][a-z0-9_-]{0,100}$", description="the names of the indexes begin with it"
    )
    user_env: str = Field(default="", description="name of the environment variable with the user; empty: none")
    password_env: str = Field(default="", description="name of the environment variable with the password")
    verify: bool = Field(default=True, description="check the server's certificate")


class IndexSettings(Section):
    engine: Literal["embedded", "lancedb", "qdrant", "postgres", "opensearch"] = Field(
        default="embedded", description="embedded: tantivy and an exact dense scan in .assay/index"
    )
    lancedb: LanceSettings = LanceSettings()
    qdrant: QdrantSettings = QdrantSettings()
    postgres: PostgresSettings = PostgresSettings()
    opensearch: OpenSearchSettings = OpenSearchSettings()
    embedder: str = Field(
        default="minilm", description="minilm (packaged), a name under embedders, or none: lexical search only"
    )
    embed_threads: int = Field(default=0, ge=0, description="threads for embedding; 0 means one per core")


class PrefixedEncoder(Section):
    query_prefix: str = Field(default="", description="put before every question, as some encoders were trained")
    passage_prefix: str = Field(default="", description="put before every passage")


class OnnxEncoder(PrefixedEncoder):
    kind: Literal["onnx"]
    path: str = Field(description="the .onnx file; relative to assay.yaml")
    tokenizer: str = Field(default="", description="its tokenizer.json; empty: beside the model")
    pooling: Literal["mean", "cls", "last", "model"] = Field(
        default="mean", description="how token vectors become one; model: the model gives one vector per text itself"
    )
    max_tokens: int = Field(default=512, ge=8, le=32768, description="longer texts are cut")
    sha256: str = Field(default="", pattern=r"^([0-9a-fA-F]{64})?$", description="pins the model file when given")


class EndpointEncoder(PrefixedEncoder):
    kind: Literal["openai"]
    base_url: str = Field(description="up to and including /v1")
    model: str = Field(description="the model's name at that endpoint")
    dimensions: int = Field(ge=2, le=16384, description="length of its vectors; an answer of another length is refused")
    api_key_env: str = Field(default="", description="name of the environment variable with the key; empty: no key")
    ask_dimensions: bool = Field(default=False, description="send dimensions, for models that can shorten vectors")
    batch: int = Field(default=64, ge=1, le=2048, description="texts in one request")
    timeout_s: float = Field(default=60, gt=0, description="one batch, retries included")
    max_retries: int = Field(default=3, ge=0, le=10)


Encoder = Annotated[OnnxEncoder | EndpointEncoder, Field(discriminator="kind")]


class ExtractiveModel(Section):
    kind: Literal["extractive"] = "extractive"
    max_sentences: int = Field(default=2, ge=1, le=10, description="evidence sentences in one answer")


class OpenAIModel(Section):
    kind: Literal["openai"]
    base_url: str = Field(description="up to and including /v1")
    model: str = Field(description="the model's name at that endpoint")
    api_key_env: str = Field(default="", description="name of the environment variable with the key; empty: no key")
    output: Literal["text", "json"] = Field(default="text", description="json asks for JSON-schema output")
    temperature: float = Field(default=0.0, ge=0, le=2)
    max_tokens: int = Field(default=800, ge=1)
    timeout_s: float = Field(default=60, gt=0, description="whole answer, retries included")
    first_token_timeout_s: float = Field(default=20, gt=0)
    max_retries: int = Field(default=3, ge=0, le=10, description="only before the first token")
    price_in_usd_per_million: float | None = Field(default=None, ge=0, description="unknown when absent, never free")
    price_out_usd_per_million: float | None = Field(default=None, ge=0)


Model = Annotated[ExtractiveModel | OpenAIModel, Field(discriminator="kind")]


class RetrieveSettings(Section):
    mode: Literal["hybrid", "lexical", "dense"] = "hybrid"
    passages: int = Field(default=8, ge=1, le=50, description="passages handed to the generator")
    candidates: int = Field(default=100, ge=10, le=1000, description="candidates per engine before fusion")
    rrf_k: int = Field(default=60, ge=1, description="constant of reciprocal rank fusion")
    ranker: str = Field(
        default="none", min_length=1, description="a ranker that assay ranker train accepted, by name or id; or none"
    )
    fold_duplicates: bool = Field(
        default=True, description="passages that say the same in the same words are shown once, with where else"
    )
    rewrite: str = Field(
        default="",
        description="a chat model under models that makes follow-up questions stand alone; empty: no model is asked",
    )


class VerifySettings(Section):
    on_failure: Literal["withhold", "mark"] = Field(
        default="withhold", description="what happens to an unsupported sentence"
    )
    min_alignment: float = Field(default=0.6, ge=0, le=1, description="share of content words found in the cited text")


class AbstainSettings(Section):
    threshold: float | Literal["calibrated"] = Field(
        default="calibrated", description="confidence below which the app says that it does not know"
    )
    target_error: float = Field(
        default=0.05, gt=0, lt=1, description="error among answered questions that calibration aims at"
    )


class App(Section):
    kind: Literal["assistant", "planner"] = Field(
        default="assistant", description="planner: calls tools as the user asks; docs/tools-and-taint.md"
    )
    model: str = Field(default="extractive", description="a name under models")
    reader: str = Field(
        default="", description="the model that reads documents in quarantine; empty: the same as model"
    )
    prompt: str = Field(default="", description="system prompt for chat models; empty: the packaged one")
    retrieve: RetrieveSettings = RetrieveSettings()
    verify: VerifySettings = VerifySettings()
    abstain: AbstainSettings = AbstainSettings()
    guards: tuple[str, ...] = Field(
        default=("limits", "visible", "personal_data"), description="names under guards, outermost first"
    )
    max_classification: ClassificationName = Field(
        default="restricted", description="passages of a higher one are never found, shown or cited by this app"
    )


class LimitsGuard(Section):
    kind: Literal["limits"] = "limits"
    max_question_chars: int = Field(default=4000, ge=1, description="longer questions are refused")


class MaskGuard(Section):
    kind: Literal["mask"] = "mask"
    rules: tuple[str, ...] = Field(
        default=("card", "iban", "us_ssn"),
        description="personal data masked in answers: card, iban, us_ssn, email, phone",
    )


class VisibleGuard(Section):
    kind: Literal["visible"] = "visible"
    """Takes hidden characters (zero width, bidirectional, tags) out of questions."""


Guard = Annotated[LimitsGuard | MaskGuard | VisibleGuard | PolicyGuard, Field(discriminator="kind")]


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


class FolderSource(Section):
    kind: Literal["folder"]
    path: str = Field(min_length=1, description="a folder or file on this machine; relative to assay.yaml")


class GitSource(Section):
    kind: Literal["git"]
    path: str = Field(min_length=1, description="a repository on this machine, bare or not; relative to assay.yaml")
    ref: str = Field(default="HEAD", pattern=r"^[^-\s\x00][^\s\x00]*$", description="branch, tag or commit")
    below: str = Field(default="", description="only this folder of the repository")

    @model_validator(mode="after")
    def _inside(self) -> GitSource:
        if {".", ".."} & set(self.below.split("/")) or "\x00" in self.below:
            raise ValueError("below is a folder of the repository, without . and ..")
        return self


class S3Source(Section):
    kind: Literal["s3"]
    bucket: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", description="the bucket's name")
    prefix: str = Field(default="", description="only the objects below this folder")
    region: str = Field(default="us-east-1", min_length=1)
    endpoint: str = Field(
        default="", pattern=r"^(https?://[^\s@]+)?$", description="https://host of another store than AWS"
    )
    access_key_env: str = Field(default="", description="name of the variable with the access key; empty: not signed")
    secret_key_env: str = Field(default="", description="name of the variable with the secret key")
    session_token_env: str = Field(default="", description="name of the variable with the token of a temporary key")
    timeout_s: float = Field(default=30, gt=0, description="one request, retries included")

    @model_validator(mode="after")
    def _both_keys(self) -> S3Source:
        if bool(self.access_key_env) != bool(self.secret_key_env):
            raise ValueError("access_key_env and secret_key_env belong together")
        return self


class SitemapSource(Section):
    kind: Literal["sitemap"]
    url: str = Field(pattern=r"^https?://\S+$", description="the sitemap or sitemap index; only its host is read")
    max_pages: int = Field(default=5000, ge=1, le=1_000_000, description="a sitemap with more is refused")
    delay_s: float = Field(default=0.2, ge=0, le=60, description="between two requests; robots.txt may ask for more")
    timeout_s: float = Field(default=30, gt=0, description="one page, redirects included")


class PluginSource(Section):
    kind: Literal["plugin"]
    name: str = Field(min_length=1, description="an installed entry point of the group assay.sources")
    options: dict[str, str] = Field(default={}, description="handed to the plug-in as it stands here")


Source = Annotated[FolderSource | GitSource | S3Source | SitemapSource | PluginSource, Field(discriminator="kind")]


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
    models: dict[str, Model] = {"extractive": ExtractiveModel()}
    guards: dict[str, Guard] = {"limits": LimitsGuard(), "visible": VisibleGuard(), "personal_data": MaskGuard()}
    apps: dict[str, App] = {"assistant": App()}
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
