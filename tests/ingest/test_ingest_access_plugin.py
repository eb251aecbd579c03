"""An access plug-in decides first and fails closed; changed rules reach known documents without reading a file."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ingest_fakes import Lab

from assay.ingest.access import AccessRules, read_access_csv
from assay.ingest.reaccess import reapply, ruling, wider
from assay.records.access import CLOSED, AccessList, Scope
from assay.records.errors import InputError, NotFound

HR, ALL = AccessList(groups=("hr",)), AccessList("*")


@dataclass
class Directory:
    """A plug-in that says what a function says."""

    says: Callable[[str], Any]

    def resolve(self, doc_id: str, path: str, stated: AccessList | None) -> Any:
        return self.says(doc_id)


def failing(_: str) -> Any:
    raise TimeoutError("the directory does not answer")


def test_a_plugin_decides_before_every_other_rule_and_may_say_nothing() -> None:
    rules = AccessRules(ALL, rows={"a": ALL}, resolver=Directory(lambda doc_id: HR if doc_id == "a" else None))
    assert rules.ruling("a", "docs/a", ALL).rule == "plugin"
    assert rules.resolve("a", "docs/a", ALL) == HR
    assert rules.ruling("b", "docs/b", ALL).rule == "stated"
    assert rules.ruling("b", "docs/b").rule == "default"


@pytest.mark.parametrize(
    "says",
    [
        failing,
        lambda _: "hr",
        lambda _: AccessList("acme", "hr"),  # type: ignore[arg-type]
        lambda _: AccessList("acme", ("",)),
        lambda _: AccessList(""),
        lambda _: (),
    ],
    ids=["raises", "text", "groups-as-text", "empty-group", "no-tenant", "tuple"],
)
def test_a_plugin_that_fails_closes_the_document_and_is_reported(says: Callable[[str], Any]) -> None:
    """Whatever weaker rules would say: nobody knows who may read it."""
    rules = AccessRules(ALL, rows={"a": ALL}, resolver=Directory(says))
    said = rules.ruling("a", "docs/a", ALL)
    assert (said.access, said.rule) == (CLOSED, "plugin_failed")
    assert rules.failed == {"a": said.detail}
    assert not Scope("default", frozenset({"hr"})).allows(said.access)


def test_a_plugin_that_recovers_is_no_longer_reported() -> None:
    answers = iter([failing, lambda _: HR])
    rules = AccessRules(resolver=Directory(lambda doc_id: next(answers)(doc_id)))
    assert rules.resolve("a", "a") == CLOSED
    assert rules.resolve("a", "a") == HR
    assert rules.failed == {}


def test_a_cell_that_holds_only_separators_is_refused() -> None:
    """Whoever took the last group out of a cell did not mean to open the document to everybody."""
    with pytest.raises(InputError) as caught:
        read_access_csv(b"path,tenant,groups\na,acme,;\n", "acl.csv")
    assert (caught.value.code, caught.value.where) == ("access.row", "acl.csv:2")


@pytest.fixture
def lab() -> Lab:
    lab = Lab()
    lab.tree.write("/docs/hr/pay.txt", "The pay of the board is secret.")
    lab.tree.write("/docs/plan.txt", "The plan is to grow.")
    lab.ingest().sync(["/docs"])
    return lab


def test_changed_rules_are_applied_without_reading_a_file(lab: Lab) -> None:
    """The files are not even there any more."""
    lab.tree.files.clear()
    rules = AccessRules(folders=(("docs/hr/**", HR),))
    done = reapply(lab.catalog, rules)
    assert (done.documents, done.changed, done.narrowed) == (2, {"docs/hr/pay.txt": HR}, 1)
    assert lab.catalog.document("docs/hr/pay.txt").access == HR
    assert lab.catalog.pending() == ("docs/hr/pay.txt",)
    assert reapply(lab.catalog, rules).changed == {}


def test_closing_takes_effect_before_the_index_knows(lab: Lab) -> None:
    everybody = Scope()
    chunk_ids = [chunk.chunk_id for chunk in lab.catalog.chunks_of("docs/hr/pay.txt")]
    assert lab.catalog.visible(chunk_ids, everybody) == set(chunk_ids)
    reapply(lab.catalog, AccessRules(folders=(("docs/hr/**", HR),)))
    assert lab.catalog.visible(chunk_ids, everybody) == frozenset()


def test_a_failing_plugin_closes_what_was_open(lab: Lab) -> None:
    done = reapply(lab.catalog, AccessRules(resolver=Directory(failing)))
    assert (len(done.changed), done.narrowed, set(done.failed.values())) == (2, 2, {"TimeoutError"})
    assert {document.access for document in lab.catalog.documents()} == {CLOSED}


def test_which_rule_decided_is_told(lab: Lab) -> None:
    rules = AccessRules(folders=(("docs/hr/**", HR),), rows={"plan.txt": ALL})
    assert [
        (said.rule, said.detail)
        for _, said in (ruling(lab.catalog, rules, f"docs/{n}") for n in ("hr/pay.txt", "plan.txt"))
    ] == [
        ("folder", "docs/hr/**"),
        ("row", "plan.txt"),
    ]
    with pytest.raises(NotFound, match=r"access\.no_document"):
        ruling(lab.catalog, rules, "docs/none.txt")


names = st.sampled_from(("a", "b", "c"))
lists = st.builds(AccessList, st.sampled_from(("t", "u", "*")), st.frozensets(names).map(lambda n: tuple(sorted(n))))


@given(lists, lists)
def test_wider_means_that_no_reader_is_lost(one: AccessList, other: AccessList) -> None:
    """Against every caller there is."""
    every = [Scope(tenant, frozenset(g)) for tenant in ("t", "u", "v") for g in ((), "a", "b", "c", "ab", "bc", "abc")]
    lost = any(scope.allows(other) and not scope.allows(one) for scope in every)
    assert wider(one, other) is not lost
