"""Walking real folders: links, hidden files and limits."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from assay.adapters.source_files import FileTree
from assay.records.errors import AssayError


def walked(root: Path) -> dict[str, str]:
    return {entry.relative: entry.problem for entry in FileTree().walk(str(root))}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "docs"
    (root / "b" / "c").mkdir(parents=True)
    for name in ("z.md", "a.md", "b/x.md", "b/c/y.md"):
        (root / name).write_text(name)
    return root


def test_a_walk_meets_every_file_once_in_a_stable_order(root: Path) -> None:
    """Names alone decide the order; sizes and times are the file system's."""
    entries = list(FileTree().walk(str(root)))
    assert [entry.relative for entry in entries] == ["a.md", "z.md", "b/x.md", "b/c/y.md"]
    assert entries[0].size == 4
    assert entries[0].mtime_ns == (root / "a.md").stat().st_mtime_ns
    assert entries == list(FileTree().walk(str(root)))


def test_hidden_files_and_folders_are_left_out(root: Path) -> None:
    """So .git and .assay are never read."""
    (root / ".git").mkdir()
    (root / ".git" / "x.md").write_text("x")
    (root / ".secret.md").write_text("x")
    assert len(walked(root)) == 4


def test_a_loop_of_links_ends_and_is_told(root: Path) -> None:
    """Whether a link leads up the tree or to itself."""
    (root / "b" / "up").symlink_to(root)
    (root / "me").symlink_to(root / "me")
    found = walked(root)
    assert found["b/up"] == found["me"] == "ingest.symlink_loop"
    assert len(found) == 6


def test_links_out_of_the_root_are_told_and_not_followed(root: Path, tmp_path: Path) -> None:
    """A document never comes from outside unseen."""
    (tmp_path / "secret.md").write_text("secret")
    (root / "out.md").symlink_to(tmp_path / "secret.md")
    (root / "nothing.md").symlink_to(tmp_path / "none")
    found = walked(root)
    assert found["out.md"] == "ingest.symlink_outside"
    assert found["nothing.md"] == "ingest.broken_symlink"


def test_a_link_to_a_file_that_is_met_anyway_gives_no_second_document(root: Path) -> None:
    """But one into a hidden folder is read, as mounted volumes need it."""
    (root / "same.md").symlink_to(root / "a.md")
    (root / "..data").mkdir()
    (root / "..data" / "mounted.md").write_text("x")
    (root / "mounted.md").symlink_to(Path("..data") / "mounted.md")
    found = walked(root)
    assert "same.md" not in found
    assert found["mounted.md"] == ""


def test_a_root_may_be_a_file_or_a_link_to_a_folder(root: Path, tmp_path: Path) -> None:
    """A link that the user names is followed."""
    assert walked(root / "a.md") == {"a.md": ""}
    (tmp_path / "link").symlink_to(root)
    assert set(walked(tmp_path / "link")) == set(walked(root))
    assert FileTree().resolve(str(tmp_path / "link")) == str(root.resolve())


def test_a_pipe_is_told_and_not_read(root: Path) -> None:
    """Reading it would wait for ever."""
    os.mkfifo(root / "pipe.md")
    assert walked(root)["pipe.md"] == "ingest.not_a_file"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_what_may_not_be_read_is_told(root: Path) -> None:
    """A closed folder as a problem of the walk, a closed file when it is read."""
    (root / "b").chmod(0)
    (root / "a.md").chmod(0)
    assert walked(root)["b"] == "ingest.unreadable_folder"
    with pytest.raises(AssayError, match=r"ingest\.unreadable"):
        FileTree().read(str(root / "a.md"), 10)
    (root / "b").chmod(0o700)


def test_a_file_over_the_limit_is_not_read_whole(root: Path) -> None:
    """It may have grown since the walk."""
    assert FileTree().read(str(root / "a.md"), 4) == b"a.md"
    with pytest.raises(AssayError, match=r"ingest\.too_large"):
        FileTree().read(str(root / "a.md"), 3)


def test_what_is_not_there_is_told(root: Path) -> None:
    """A root and a file that went away."""
    with pytest.raises(AssayError, match=r"ingest\.no_source"):
        walked(root / "none")
    with pytest.raises(AssayError, match=r"ingest\.no_source"):
        FileTree().read(str(root / "none"), 3)
    assert not FileTree().exists(str(root / "none"))
    assert FileTree().exists(str(root / "a.md"))
