"""Repositories, buckets and plug-ins as sources: what is peculiar to each, and failures that cost no document."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.adapters.sources.git_tree import GitTree, git_root
from assay.adapters.sources.guarded import GuardedTree
from assay.adapters.sources.routed import RoutedTree
from assay.adapters.sources.s3_tree import S3Tree
from assay.ingest.roots import Root, remote, source_path, source_uri
from assay.ports.reading import SourceEntry
from assay.records.documents import public_source
from assay.records.errors import AssayError, ConfigError, InputError, NotFound, Unavailable
from git_repository import Repository, repository
from s3_store import KEYS, S3Store, s3_store
from site_server import Page, site_server

WORD = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="/\0"), min_size=1, max_size=8)
ROOTS = st.one_of(
    st.builds(lambda words: "s3://bucket/" + "/".join(words), st.lists(WORD, min_size=1, max_size=3)),
    st.builds(lambda place, ref: git_root(Path("/srv") / place.replace(".", "x"), ref, ""), WORD, WORD),
    st.builds(lambda place, ref, below: git_root(Path("/srv/p"), ref, f"{place}/{below}"), WORD, WORD, WORD),
    st.builds("dict://{}".format, WORD),
)


@given(ROOTS, st.lists(WORD, min_size=1, max_size=4))
def test_a_path_with_a_scheme_is_its_own_address_and_keeps_every_letter(root: str, words: list[str]) -> None:
    """Addresses give their path back, roots hold what is below them, and nothing of a name is collapsed."""
    below = "/".join(words)
    path = f"{root}/{below}"
    assert remote(path)
    assert source_path(source_uri(path)) == path
    assert source_uri(path).isascii()
    assert Root(root).holds(source_uri(path))
    assert Root(root).holds(source_uri(root))
    assert not Root(root).holds(source_uri(f"{root}x/{below}"))
    assert not Root(path).holds(source_uri(root))
    assert Root(root).named(path).endswith(f"/{below}")


@given(st.lists(WORD, min_size=1, max_size=4))
def test_the_path_of_a_file_comes_back_from_its_address(words: list[str]) -> None:
    path = "/" + "/".join(word.strip(".") or "x" for word in words)
    assert source_path(source_uri(path)) == path
    assert not remote(path)


@pytest.mark.parametrize(
    ("root", "path", "name"),
    [
        ("s3://bucket", "s3://bucket/a//b.md", "bucket/a//b.md"),
        ("s3://bucket/hr", "s3://bucket/hr/a.md", "hr/a.md"),
        ("git+file:///srv/book.git@main", "git+file:///srv/book.git@main/a@b.md", "book/a@b.md"),
        ("git+file:///srv/book/.git@v1", "git+file:///srv/book/.git@v1/a.md", "book/a.md"),
        ("git+file:///srv/book@main/docs@2", "git+file:///srv/book@main/docs@2/a.md", "docs@2/a.md"),
        ("https://host:8080", "https://host:8080/hr/x?y=1", "host:8080/hr/x?y=1"),
        ("https://host", "https://host//%68r%2Fpay", "host/hr/pay"),
    ],
)
def test_documents_are_named_by_the_last_folder_of_their_root(root: str, path: str, name: str) -> None:
    """A rule for host/hr is not evaded by another spelling of the same page."""
    assert Root(root).named(path) == name


def test_only_web_addresses_are_shown_to_readers() -> None:
    """Paths on the server, buckets and repositories stay with the operator."""
    assert public_source("https://host/a", "id") == "https://host/a"
    for hidden in ("file:///srv/a.md", "s3://bucket/a.md", "git+file:///srv/r@main/a.md", "dict://a", ""):
        assert public_source(hidden, "id") == "id"


@pytest.fixture
def book(tmp_path: Path) -> Repository:
    made = repository(tmp_path / "book")
    made.write("a.md", b"# A")
    made.write("docs/b.md", b"# B")
    made.write(".github/hidden.md", b"# Hidden")
    made.commit(second=0)
    made.write("docs/b.md", b"# B2")
    made.commit(second=100)
    return made


def listed(tree: GitTree) -> dict[str, SourceEntry]:
    found = {entry.relative: entry for entry in tree.walk(tree.root)}
    tree.close()
    return found


def test_a_file_has_the_second_of_its_last_commit(book: Repository) -> None:
    found = listed(GitTree(book.place))
    seconds = {name: entry.mtime_ns // 10**9 for name, entry in found.items()}
    assert seconds == {"a.md": 1_700_000_000, "docs/b.md": 1_700_000_100}


def test_a_branch_a_tag_a_commit_and_a_folder_can_be_named(book: Repository) -> None:
    """Without a working copy, and also of a bare repository."""
    first = book.git("rev-parse", "HEAD~1")
    book.git("tag", "v1", first)
    book.git("branch", "feature/x")
    bare = book.place.parent / "bare.git"
    book.git("clone", "-q", "--bare", str(book.place), str(bare))
    for ref in ("v1", first, "HEAD~1"):
        tree = GitTree(bare, ref)
        assert tree.read(f"{tree.root}/docs/b.md", 100) == b"# B"
        tree.close()
    assert set(listed(GitTree(bare, "feature/x", "docs"))) == {"b.md"}


def test_a_changed_file_of_the_same_second_and_size_looks_changed(book: Repository) -> None:
    before = listed(GitTree(book.place))["a.md"]
    book.write("a.md", b"# Z")
    book.commit(second=0)
    after = listed(GitTree(book.place))["a.md"]
    assert (before.size, before.mtime_ns // 10**9) == (after.size, after.mtime_ns // 10**9)
    assert before.mtime_ns != after.mtime_ns


def test_links_and_submodules_are_told_and_pointers_refused(book: Repository) -> None:
    (book.place / "link.md").symlink_to("/etc/passwd")
    book.git("update-index", "--add", "--cacheinfo", f"160000,{book.git('rev-parse', 'HEAD')},other")
    book.git("add", "link.md")
    book.write("big.pdf", b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n")
    book.git("add", "big.pdf")
    book.git("commit", "-q", "-m", "x")
    tree = GitTree(book.place)
    problems = {name: entry.problem for name, entry in listed(tree).items() if entry.problem}
    assert problems == {"link.md": "ingest.symlink", "other": "ingest.submodule"}
    with pytest.raises(InputError) as caught:
        tree.read(f"{tree.root}/big.pdf", 1000)
    tree.close()
    assert caught.value.code == "ingest.git_lfs"


def test_nothing_that_the_repository_configures_is_run(book: Repository) -> None:
    """Not a signature program, a hook, a file system monitor or a remote helper."""
    ran = book.place.parent / "ran"
    script = book.place.parent / "evil.sh"
    script.write_text(f"#!/bin/sh\ntouch {ran}\n")
    script.chmod(0o755)
    settings = {
        "log.showSignature": "true", "gpg.program": str(script), "core.fsmonitor": str(script),
        "core.pager": str(script), "core.sshCommand": str(script), "diff.external": str(script),
        "protocol.ext.allow": "always", "extensions.partialClone": "origin", "remote.origin.promisor": "true",
        "remote.origin.url": f"ext::{script}", "core.repositoryFormatVersion": "1",
    }  # fmt: skip
    signed = book.git("cat-file", "commit", "HEAD").replace(
        "\n\n", "\ngpgsig -----BEGIN PGP SIGNATURE-----\n \n x\n -----END PGP SIGNATURE-----\n\n", 1
    )
    book.write("signed", f"{signed}\n".encode())
    book.git("reset", "-q", "--soft", book.git("hash-object", "-t", "commit", "-w", "signed"))
    for key, value in settings.items():
        book.git("config", key, value)
    tree = GitTree(book.place)
    listed(tree)
    blob = book.git("rev-parse", "HEAD:a.md")
    (book.place / ".git/objects" / blob[:2] / blob[2:]).unlink()
    tree = GitTree(book.place)
    assert tree.exists(f"{tree.root}/a.md")
    with pytest.raises(Unavailable):
        tree.read(f"{tree.root}/a.md", 100)
    tree.close()
    assert not ran.exists()


@pytest.mark.parametrize(
    ("ref", "below", "expected"),
    [
        ("none", "", "source.no_ref"), ("--output=x", "", "source.no_ref"), ("HEAD", "none", "ingest.no_source"),
        ("HEAD:a.md", "", "source.no_ref"),
    ],
)  # fmt: skip
def test_a_ref_or_folder_that_is_not_there_is_a_clear_error(
    book: Repository, ref: str, below: str, expected: str
) -> None:
    with pytest.raises(AssayError) as caught:
        listed(GitTree(book.place, ref, below))
    assert caught.value.code == expected


def test_a_folder_inside_a_repository_is_none(book: Repository) -> None:
    with pytest.raises(ConfigError) as caught:
        listed(GitTree(book.place / "docs"))
    assert caught.value.code == "source.not_a_repository"


def test_without_git_the_error_says_so(book: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(book.place))
    with pytest.raises(ConfigError) as caught:
        listed(GitTree(book.place))
    assert caught.value.code == "source.no_git"


@pytest.fixture(scope="module")
def store() -> Iterator[S3Store]:
    with s3_store() as made:
        made.bucket("books")
        client = boto3.client("s3", endpoint_url=made.url, region_name="us-east-1", **KEYS)
        for number in range(12):
            client.put_object(Bucket="books", Key=f"many/{number:02}.md", Body=b"x")
        for key in ("odd/ü ?#%41.md", "odd/.hidden.md", "odd/sub/", "bad/a//b.md"):
            client.put_object(Bucket="books", Key=key, Body=b"" if key.endswith("/") else b"x")
        yield made


def bucket(store: S3Store, prefix: str = "", name: str = "books") -> S3Tree:
    return S3Tree(name, prefix, endpoint=store.url, access_key="test", secret_key="test", timeout_s=5)


def test_a_bucket_is_listed_page_by_page_to_its_end(store: S3Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """The store gives five keys at a time."""
    monkeypatch.setenv("MOTO_S3_DEFAULT_MAX_KEYS", "5")
    tree = bucket(store, "many")
    assert [entry.relative for entry in tree.walk(tree.root)] == [f"{number:02}.md" for number in range(12)]


def test_keys_keep_their_letters_and_markers_of_folders_are_left_out(store: S3Store) -> None:
    tree = bucket(store, "odd")
    (entry,) = tree.walk(tree.root)
    assert entry.path == "s3://books/odd/ü ?#%41.md"
    assert tree.read(source_path(source_uri(entry.path)), 10) == b"x"


@pytest.mark.parametrize(
    ("prefix", "name", "expected"), [("bad", "books", "source.bad_key"), ("", "nobody", "ingest.no_source")]
)
def test_a_key_without_a_path_and_a_bucket_that_is_none_are_clear_errors(
    store: S3Store, prefix: str, name: str, expected: str
) -> None:
    tree = bucket(store, prefix, name)
    with pytest.raises(AssayError) as caught:
        list(tree.walk(tree.root))
    assert caught.value.code == expected


@pytest.mark.parametrize(
    ("status", "expected"), [(403, "source.denied"), (401, "source.denied"), (500, "source.unreachable")]
)
def test_refused_keys_and_an_outage_are_told_apart_and_tell_no_secret(status: int, expected: str) -> None:
    with site_server() as site:
        site.answer = lambda _target: Page(b"<Error><Code>X</Code></Error>", status=status)  # type: ignore[method-assign]
        tree = S3Tree("books", endpoint=site.url, access_key="AKIAX", secret_key="geheim", timeout_s=2)
        with pytest.raises(AssayError) as caught:
            list(tree.walk(tree.root))
    assert caught.value.code == expected
    assert "AKIAX" not in str(caught.value) + repr(tree)
    assert "geheim" not in str(caught.value) + repr(tree)


def test_without_the_extra_the_error_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "obstore.store", None)
    with pytest.raises(ConfigError) as caught:
        S3Tree("books")
    assert caught.value.code == "source.no_extra"
    assert "assay[s3]" in caught.value.remedy


@dataclass
class Foreign:
    """A plug-in that does what a test says."""

    entries: Any = ()
    data: Any = b""
    root: str = "wiki://team"

    def resolve(self, root: str) -> str:
        return root

    def exists(self, path: str) -> bool:
        raise TimeoutError

    def walk(self, root: str) -> Any:
        if isinstance(self.entries, Exception):
            raise self.entries
        return iter(self.entries)

    def read(self, path: str, limit: int) -> Any:
        if isinstance(self.data, Exception):
            raise self.data
        return self.data


@pytest.mark.parametrize(
    ("entries", "expected"),
    [
        (KeyError("x"), "source.plugin_failed"),
        (NotFound("ingest.no_source", "x"), "ingest.no_source"),
        (["wiki://team/a.md"], "source.plugin_shape"),
        ([SourceEntry("file:///etc/passwd", "passwd")], "source.plugin_shape"),
        ([SourceEntry("wiki://teams/a.md", "a.md")], "source.plugin_shape"),
        ([SourceEntry("wiki://team/", "a.md")], "source.plugin_shape"),
        ([SourceEntry("wiki://team/a.md", "")], "source.plugin_shape"),
        ([SourceEntry("wiki://team/a.md", "a.md", 1, 1.5)], "source.plugin_shape"),  # type: ignore[arg-type]
    ],
)
def test_a_plugin_that_fails_or_reaches_out_of_its_root_ends_the_listing(entries: Any, expected: str) -> None:
    """So that nothing of it is taken for gone, and nothing of others is touched."""
    tree = GuardedTree(Foreign(entries))
    with pytest.raises(AssayError) as caught:
        list(tree.walk(tree.root))
    assert caught.value.code == expected


@pytest.mark.parametrize(
    ("data", "expected"),
    [(OSError("secret"), "ingest.plugin_failed"), ("text", "source.plugin_shape"), (b"12345", "ingest.too_large")],
)
def test_a_document_that_a_plugin_cannot_give_fails_alone(data: Any, expected: str) -> None:
    with pytest.raises(AssayError) as caught:
        GuardedTree(Foreign(data=data)).read("wiki://team/a.md", 4)
    assert caught.value.code == expected
    assert "secret" not in str(caught.value)


def test_a_document_of_a_source_that_takes_no_part_still_exists() -> None:
    """Nobody else takes over its name; one of a source that assay.yaml has no more is gone."""
    tree = RoutedTree(elsewhere=("s3://books/hr",))
    assert tree.exists("s3://books/hr/a.md")
    assert not tree.exists("s3://books/other/a.md")
    assert RoutedTree(elsewhere=(None,)).exists("wiki://team/a.md")
    with pytest.raises(NotFound):
        tree.read("s3://books/hr/a.md", 10)
