"""What `assay.yaml` says about the index and the encoders of its vectors."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from assay.wiring.settings_section import Section


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
