"""Access rules: which of them decides, and lists that are not read unless every line is right."""

from __future__ import annotations

import pytest

from assay.ingest.access import AccessRules, matches, read_access_csv
from assay.records.access import AccessList
from assay.records.errors import InputError

HR, ALL, ACME = AccessList(groups=("hr",)), AccessList("*"), AccessList("acme")


def test_the_strongest_rule_decides_alone() -> None:
    """Stated, then listed, then the last matching folder, then the default."""
    rules = AccessRules(ACME, (("docs/**", ALL), ("docs/hr/**", HR)), {"docs/hr/open.md": ALL, "ID": ACME})
    assert rules.resolve("x", "other/a.md") == ACME
    assert rules.resolve("x", "docs/a.md") == ALL
    assert rules.resolve("x", "docs/hr/a.md") == HR
    assert rules.resolve("x", "docs/hr/open.md") == ALL
    assert rules.resolve("ID", "docs/hr/a.md") == ACME
    assert rules.resolve("x", "docs/hr/a.md", ALL) == ALL


def test_what_documents_state_counts_only_when_trusted() -> None:
    """Whoever may write a file must not thereby publish it."""
    assert AccessRules(HR, trust_stated=False).resolve("x", "docs/a.md", ALL) == HR


@pytest.mark.parametrize(
    ("pattern", "path", "expected"),
    [
        ("docs/hr/**", "docs/hr/a.md", True),
        ("docs/hr/*", "docs/hr/pay/a.md", True),
        ("docs/hr", "docs/hr/a.md", True),
        ("docs/hr/", "docs/hr/a.md", True),
        ("docs/hr", "docs/hrx/a.md", False),
        ("docs/**/secret.md", "docs/secret.md", True),
        ("docs/**/secret.md", "docs/a/b/secret.md", True),
        ("**/*.pdf", "docs/a.pdf", True),
        ("docs/a?.md", "docs/ab.md", True),
        ("docs/[x].md", "docs/[x].md", True),
        ("docs/A.md", "docs/a.md", False),
    ],
)
def test_globs_cover_what_stands_below(pattern: str, path: str, expected: bool) -> None:
    """A star crosses folders, so that a restriction has no hole below it."""
    assert matches(pattern, path) is expected


def test_a_list_is_read_by_path_or_document_id() -> None:
    """Groups are separated by ; or |, and an empty cell means everybody of the tenant."""
    data = b"\xef\xbb\xbfpath,tenant,groups\n./docs/a.md,acme,hr;board\ndocs/b.md,acme,x|y\n\ndocs/c.md,*,\n"
    assert read_access_csv(data) == {
        "docs/a.md": AccessList("acme", ("hr", "board")),
        "docs/b.md": AccessList("acme", ("x", "y")),
        "docs/c.md": AccessList("*"),
    }
    assert read_access_csv(b"groups,doc_id,tenant\nhr,ID 1,acme\n") == {"ID 1": AccessList("acme", ("hr",))}


@pytest.mark.parametrize(
    ("data", "code", "line"),
    [
        (b"", "access.columns", ":1"),
        (b"file,tenant,groups\n", "access.columns", ":1"),
        (b"path,tenant,groups\na,b\n", "access.row", ":2"),
        (b"path,tenant,groups\na,t,g\n,t,g\n", "access.row", ":3"),
        (b"path,tenant,groups\na,,g\n", "access.row", ":2"),
        (b"path,tenant,groups\na,t,g\na,t,h\n", "access.duplicate", ":3"),
        (b'path,tenant,groups\n"a,t,g\n', "access.row", ":2"),
        (b"path,tenant,groups\n\xff,t,g\n", "access.not_utf8", ""),
    ],
)
def test_a_wrong_list_is_refused_with_its_line(data: bytes, code: str, line: str) -> None:
    """Half a list would open the documents of the other half."""
    with pytest.raises(InputError) as caught:
        read_access_csv(data, "acl.csv")
    assert caught.value.code == code
    assert caught.value.where == f"acl.csv{line}"
