"""From `index:` in `assay.yaml` to the engine that it names; secrets are read here, from the variables it names."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from assay.ports.index import Engine
from assay.records.errors import ConfigError
from assay.wiring.config import secret
from assay.wiring.settings import StoreSettings
from assay.wiring.settings_index import IndexSettings

EXTRAS: Mapping[str, tuple[str, ...]] = {
    "embedded": (),
    "lancedb": ("lancedb", "pyarrow"),
    "qdrant": ("qdrant_client",),
    "postgres": ("psycopg", "pgvector"),
    "opensearch": ("opensearchpy",),
}
"""Which modules an engine's extra brings; the extra is named as the engine is."""


def open_engine(root: Path, settings: IndexSettings, chunker: str) -> Engine:
    """The engine of the workspace in `root`.

    Raises ConfigError (`index.missing_extra`, `index.settings`, `config.no_secret`) and what the engine raises.
    """
    _must_have(settings.engine, "index.engine")
    return _MAKERS[settings.engine](_Place(root, settings, chunker))


def store_address(settings: StoreSettings, path: Path) -> str | Path:
    """Where the workspace's records stand: the SQLite file, or the database that an environment variable names.

    Raises ConfigError (`index.missing_extra`, `index.dsn`, `config.no_secret`).
    """
    if settings.engine == "sqlite":
        return path
    _must_have("postgres", "store.engine")
    from assay.adapters.pgvector_index.connection import driver_url

    return driver_url(secret(settings.dsn_env), "store.dsn_env").render_as_string(hide_password=False)


def _must_have(extra: str, where: str) -> None:
    missing = [name for name in EXTRAS[extra] if importlib.util.find_spec(name) is None]
    if missing:
        raise ConfigError(
            "index.missing_extra", f"{extra} needs {' and '.join(missing)}", where=where,
            remedy=f"pip install 'assay[{extra}]'",
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Place:
    """What an engine is made from."""

    root: Path
    settings: IndexSettings
    chunker: str


def _embedded(at: _Place) -> Engine:
    from assay.adapters.embedded_index.index import EmbeddedIndex

    return EmbeddedIndex(at.root / ".assay" / "index", chunker=at.chunker)


def _lancedb(at: _Place) -> Engine:
    from assay.adapters.lance_index.index import LanceIndex

    stated = at.settings.lancedb
    uri = stated.uri if "://" in stated.uri else str(at.root / stated.uri)
    secrets = {option: secret(name) for option, name in stated.storage_options_env.items()}
    return LanceIndex(uri, chunker=at.chunker, storage_options={**stated.storage_options, **secrets})


def _qdrant(at: _Place) -> Engine:
    from assay.adapters.qdrant_index.client import qdrant_client
    from assay.adapters.qdrant_index.index import QdrantIndex

    stated = at.settings.qdrant
    if bool(stated.url) == bool(stated.path):
        raise _settings("index.qdrant", "either url or path is needed", "index: {qdrant: {url: http://127.0.0.1:6333}}")
    key = secret(stated.api_key_env) if stated.api_key_env else ""
    client = qdrant_client(stated.url, key) if stated.url else qdrant_client(str(at.root / stated.path))
    return QdrantIndex(client, stated.collection, chunker=at.chunker)


def _postgres(at: _Place) -> Engine:
    from assay.adapters.pgvector_index.index import PgvectorIndex

    return PgvectorIndex(secret(at.settings.postgres.dsn_env), at.settings.postgres.schema_name, chunker=at.chunker)


def _opensearch(at: _Place) -> Engine:
    from assay.adapters.clocks import SystemClock
    from assay.adapters.opensearch_index.index import OpenSearchIndex
    from assay.retrieve.analysis import Analyzer

    stated = at.settings.opensearch
    if not stated.url:
        raise _settings("index.opensearch", "url is needed", "index: {opensearch: {url: https://search.example.org}}")
    return OpenSearchIndex(
        stated.url,
        stated.name,
        analyzer=Analyzer(),
        chunker=at.chunker,
        clock=SystemClock(),
        user=secret(stated.user_env) if stated.user_env else "",
        password=secret(stated.password_env) if stated.password_env else "",
        verify=stated.verify,
    )


def _settings(where: str, what: str, example: str) -> ConfigError:
    return ConfigError("index.settings", what, where=where, remedy=f"in assay.yaml, such as {example}")


_MAKERS: Mapping[str, Callable[[_Place], Engine]] = {
    "embedded": _embedded,
    "lancedb": _lancedb,
    "qdrant": _qdrant,
    "postgres": _postgres,
    "opensearch": _opensearch,
}
