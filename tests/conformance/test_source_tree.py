"""Every SourceTree keeps the same promises: files, a repository, a bucket, a website, a plug-in, and all by route."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import boto3
import pytest

from assay.adapters.source_files import FileTree
from assay.adapters.sources.fetching import Site
from assay.adapters.sources.git_tree import GitTree
from assay.adapters.sources.guarded import GuardedTree
from assay.adapters.sources.routed import RoutedTree
from assay.adapters.sources.s3_tree import S3Tree
from assay.adapters.sources.sitemap_tree import SitemapTree
from assay.ingest.roots import Root, source_path, source_uri
from assay.ports.reading import SourceEntry, SourceTree
from assay.records.errors import AssayError, NotFound
from git_repository import repository
from s3_store import KEYS, S3Store, s3_store
from site_server import Page, site_server


@dataclass
class Shelf:
    """A connector as a plug-in would bring it: documents in memory."""

    root: str = "shelf://one"
    kept: dict[str, bytes] = field(default_factory=dict)

    def resolve(self, root: str) -> str:
        return root

    def exists(self, path: str) -> bool:
        return path.removeprefix(self.root + "/") in self.kept

    def walk(self, root: str) -> Iterator[SourceEntry]:
        for name, data in self.kept.items():
            yield SourceEntry(f"{self.root}/{name}", name, len(data), sum(data))

    def read(self, path: str, limit: int) -> bytes:
        name = path.removeprefix(self.root + "/")
        if name not in self.kept:
            raise NotFound("ingest.no_source", "it is gone", where=path)
        return self.kept[name]


@dataclass(frozen=True)
class Place:
    """Somewhere to write, and a new tree that looks at it."""

    root: str
    write: Callable[[dict[str, bytes]], None]
    remove: Callable[[str], None]
    tree: Callable[[], SourceTree]


def _files(folder: Path, _: ExitStack) -> Place:
    root = folder / "docs"
    root.mkdir()

    def write(files: dict[str, bytes]) -> None:
        for name, data in files.items():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_bytes(data)

    return Place(str(root), write, lambda name: (root / name).unlink(), FileTree)


def _git(folder: Path, stack: ExitStack) -> Place:
    made = repository(folder / "book")

    def write(files: dict[str, bytes]) -> None:
        for name, data in files.items():
            made.write(name, data)
        made.commit()

    def remove(name: str) -> None:
        made.git("rm", "-q", name)
        made.commit()

    def tree() -> GitTree:
        opened = GitTree(made.place)
        stack.callback(opened.close)
        return opened

    return Place(GitTree(made.place).root, write, remove, tree)


def _s3(store: S3Store, bucket: str) -> Place:
    store.bucket(bucket)
    client = boto3.client("s3", endpoint_url=store.url, region_name="us-east-1", **KEYS)

    def write(files: dict[str, bytes]) -> None:
        for name, data in files.items():
            client.put_object(Bucket=bucket, Key=f"docs/{name}", Body=data)
        client.put_object(Bucket=bucket, Key="docs-of-others/x.md", Body=b"x")

    def tree() -> S3Tree:
        return S3Tree(bucket, "docs", endpoint=store.url, access_key="test", secret_key="test")

    return Place(
        f"s3://{bucket}/docs", write, lambda name: client.delete_object(Bucket=bucket, Key=f"docs/{name}"), tree
    )


def _site(_: Path, stack: ExitStack) -> Place:
    site = stack.enter_context(site_server())

    def write(files: dict[str, bytes]) -> None:
        site.pages |= {f"/{name}".replace(" ", "%20"): Page(data, "text/plain") for name, data in files.items()}

    def tree() -> SitemapTree:
        opened = SitemapTree(site.sitemap, site=Site("", delay_s=0))
        stack.callback(opened.close)
        return opened

    return Place(site.url, write, lambda name: site.pages.pop(f"/{name}") and None, tree)


def _shelf(_: Path, __: ExitStack) -> Place:
    shelf = Shelf()
    return Place(shelf.root, shelf.kept.update, lambda name: shelf.kept.pop(name) and None, lambda: GuardedTree(shelf))


def _routed(_: Path, __: ExitStack) -> Place:
    shelf, other = Shelf(), Shelf("shelf://other", {"theirs.md": b"x"})
    tree = RoutedTree((GuardedTree(other), GuardedTree(shelf)))
    return Place(shelf.root, shelf.kept.update, lambda name: shelf.kept.pop(name) and None, lambda: tree)


KINDS = {"files": _files, "git": _git, "sitemap": _site, "plugin": _shelf, "routed": _routed}
FILES = {"z.md": b"# Last", "a.md": b"# First", "b/x y.md": b"# Inner\n\nText.", "b/c/y.md": b"# Innermost"}


@pytest.fixture(scope="module")
def store() -> Iterator[S3Store]:
    with s3_store() as made:
        yield made


@pytest.fixture(params=[*KINDS, "s3"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    with ExitStack() as stack:
        if request.param == "s3":
            yield _s3(request.getfixturevalue("store"), f"b{abs(hash(request.node.name)):x}")
        else:
            yield KINDS[request.param](tmp_path, stack)


def walked(place: Place) -> dict[str, SourceEntry]:
    return {entry.relative: entry for entry in place.tree().walk(place.root)}


def test_a_walk_meets_everything_below_the_root_once_and_nothing_else(place: Place) -> None:
    place.write(FILES)
    entries = list(place.tree().walk(place.root))
    assert sorted(entry.relative for entry in entries) == sorted(FILES)
    assert not [entry.problem for entry in entries if entry.problem]


def test_names_alone_decide_the_order(place: Place) -> None:
    """Not the order in which they were written."""
    place.write({name: FILES[name] for name in reversed(FILES)})
    first = [entry.path for entry in place.tree().walk(place.root)]
    place.write(dict.fromkeys(FILES, b"# Other text, written in another order"))
    assert [entry.path for entry in place.tree().walk(place.root)] == first


def test_reading_gives_the_bytes(place: Place) -> None:
    place.write(FILES)
    tree = place.tree()
    assert {entry.relative: tree.read(entry.path, 100) for entry in tree.walk(place.root)} == FILES


def test_no_more_than_the_limit_is_read(place: Place) -> None:
    place.write({"a.md": b"# 123456"})
    tree = place.tree()
    (entry,) = tree.walk(place.root)
    assert tree.read(entry.path, 8) == b"# 123456"
    with pytest.raises(AssayError) as caught:
        tree.read(entry.path, 7)
    assert caught.value.code == "ingest.too_large"


def test_what_is_missing_is_not_found(place: Place) -> None:
    place.write(FILES)
    tree = place.tree()
    known = {entry.path for entry in tree.walk(place.root)}
    assert all(tree.exists(path) for path in known)
    assert not tree.exists(f"{place.root}/none.md")
    with pytest.raises(NotFound) as caught:
        tree.read(f"{place.root}/none.md", 100)
    assert caught.value.code == "ingest.no_source"


def test_resolving_twice_is_resolving_once(place: Place) -> None:
    place.write(FILES)
    tree = place.tree()
    once = tree.resolve(place.root)
    assert tree.resolve(once) == once == tree.resolve(f"{place.root}/")


def test_a_change_shows_in_size_or_time_and_a_removal_in_the_walk(place: Place) -> None:
    """Also a change within the second in which it was written before, with as many bytes."""
    place.write(FILES)
    before = walked(place)
    place.write({"a.md": b"# Fresh"})
    place.remove("z.md")
    after = walked(place)
    stamps = [(one["a.md"].size, one["a.md"].mtime_ns) for one in (before, after)]
    assert stamps[0] != stamps[1]
    assert set(after) == set(FILES) - {"z.md"}


def test_paths_stand_below_the_root_and_come_back_from_their_addresses(place: Place) -> None:
    place.write(FILES)
    root = Root(place.tree().resolve(place.root))
    for entry in place.tree().walk(place.root):
        assert root.holds(source_uri(entry.path))
        assert source_path(source_uri(entry.path)) == entry.path
        assert root.named(entry.path).partition("/")[2] == entry.relative
