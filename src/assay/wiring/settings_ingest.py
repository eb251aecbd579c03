"""What `assay.yaml` says about sources, how they are read, and who may read them."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from assay.wiring.settings_poison import ChecksSettings
from assay.wiring.settings_section import Section


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
