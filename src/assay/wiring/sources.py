"""The sources that `assay.yaml` names: their roots, and one tree over those that take part."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from assay.adapters.sources.fetching import Site, origin_of
from assay.adapters.sources.git_tree import GitTree, git_root
from assay.adapters.sources.guarded import GuardedTree
from assay.adapters.sources.routed import Connector, RoutedTree
from assay.adapters.sources.s3_tree import S3Tree, s3_root
from assay.adapters.sources.sitemap_tree import SitemapTree
from assay.ingest.roots import Root, remote, source_uri
from assay.records.errors import ConfigError, NotFound
from assay.wiring.build import Workspace
from assay.wiring.config import secret
from assay.wiring.plugins import load
from assay.wiring.settings_ingest import FolderSource, GitSource, PluginSource, S3Source, SitemapSource

GROUP = "assay.sources"


def named(place: Workspace, names: Sequence[str]) -> None:
    """Raises NotFound `source.unnamed` for a name that `assay.yaml` does not have under `sources`."""
    known = place.settings.sources
    for name in names:
        if name not in known:
            raise NotFound(
                "source.unnamed", f"assay.yaml has no source of this name (there are: {', '.join(known) or 'none'})",
                where=f"--from {name}", remedy="add it under sources, or correct the name",
            )  # fmt: skip


def only_remote(place: Workspace, names: Sequence[str]) -> bool:
    """True when none of these sources is a folder, whose changes the operating system tells."""
    return not any(isinstance(place.settings.sources[name], FolderSource) for name in names)


def folders(place: Workspace, names: Sequence[str]) -> list[Path]:
    """The folders among these sources."""
    found = (place.settings.sources[name] for name in names)
    return [_folder(place, one) for one in found if isinstance(one, FolderSource)]


@contextmanager
def source_tree(place: Workspace, names: Sequence[str]) -> Iterator[tuple[RoutedTree, tuple[str, ...]]]:
    """A tree over files and the named sources, and the roots of those that are no folders; closed in the end.

    Raises NotFound for a name that is none, ConfigError for a secret, extra or plug-in that is missing and for sources
    that stand in one another.
    """
    named(place, names)
    with ExitStack() as stack:
        made: list[Connector] = []
        for name in dict.fromkeys(names):
            connector = _connector(place, name)
            if connector is not None:
                made.append(connector)
                close = getattr(connector, "close", None)
                if callable(close):
                    stack.callback(close)
        elsewhere = [_root(place, name) for name in place.settings.sources if name not in names]
        _apart([*(one.root for one in made), *elsewhere])
        yield RoutedTree(tuple(made), elsewhere=elsewhere), tuple(one.root for one in made)


def _apart(roots: Sequence[str | None]) -> None:
    """Refuse a root inside another: a sync of the outer one would take the inner one's documents for gone."""
    known = [root for root in roots if root is not None and remote(root)]
    for at, root in enumerate(known):
        for other in known[at + 1 :]:
            if Root(root).holds(source_uri(other)) or Root(other).holds(source_uri(root)):
                raise ConfigError(
                    "source.overlap", "two sources have the same place, or one stands inside the other", where=root,
                    remedy="make one source of them, or give each its own folder, prefix or host",
                )  # fmt: skip


def _root(place: Workspace, name: str) -> str | None:
    """A source's root without reaching for it; None for a plug-in's, which only it knows."""
    match place.settings.sources[name]:
        case FolderSource() as one:
            return str(_folder(place, one))
        case GitSource() as one:
            return git_root(_repository(place, one), one.ref, one.below.strip("/"))
        case S3Source() as one:
            return s3_root(one.bucket, one.prefix.strip("/"))
        case SitemapSource() as one:
            return _origin(name, one)
        case PluginSource():
            return None


def _connector(place: Workspace, name: str) -> Connector | None:
    """The connector of a source; None for a folder."""
    match place.settings.sources[name]:
        case FolderSource():
            return None
        case GitSource() as one:
            return GitTree(_repository(place, one), one.ref, one.below.strip("/"))
        case S3Source() as one:
            return S3Tree(
                one.bucket, one.prefix.strip("/"), one.region, one.endpoint.rstrip("/"), _secret(one.access_key_env),
                _secret(one.secret_key_env), _secret(one.session_token_env), one.timeout_s,
            )  # fmt: skip
        case SitemapSource() as one:
            _origin(name, one)
            return SitemapTree(one.url, one.max_pages, Site("", one.delay_s, one.timeout_s))
        case PluginSource() as one:
            return _plugin(name, one)


def _plugin(name: str, setting: PluginSource) -> Connector:
    where = f"sources.{name}"
    make = load(GROUP, setting.name, f"{where}.name")
    try:
        made: Any = make(dict(setting.options))
        root = made.root
    except Exception as error:
        raise ConfigError(
            "plugin.broken", f"the plug-in cannot be started ({type(error).__name__})", where=where,
            remedy="it is called with options and returns a connector (docs/connectors.md)",
        ) from error  # fmt: skip
    shape = all(callable(getattr(made, method, None)) for method in ("walk", "read", "exists"))
    if not shape or not isinstance(root, str) or not remote(root) or root != root.rstrip("/"):
        raise ConfigError(
            "plugin.shape", "the plug-in gives no connector", where=where,
            remedy="it has walk, read and exists, and a root such as wiki://team (docs/connectors.md)",
        )  # fmt: skip
    return GuardedTree(made)


def _folder(place: Workspace, setting: FolderSource) -> Path:
    return (place.root / Path(setting.path).expanduser()).resolve()


def _repository(place: Workspace, setting: GitSource) -> Path:
    return (place.root / Path(setting.path).expanduser()).resolve()


def _origin(name: str, setting: SitemapSource) -> str:
    origin = origin_of(setting.url)
    if not origin:
        raise ConfigError(
            "source.bad_url", "it is no web address without a password", where=f"sources.{name}.url",
            remedy="write https://host/sitemap.xml",
        )  # fmt: skip
    return origin


def _secret(variable: str) -> str:
    return secret(variable) if variable else ""
