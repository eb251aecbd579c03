"""The access drill is clean when all filters stand, and goes red when any one of them is taken out: each in turn.

Tests of lists of traces come first: later probes leave traces that push the canaries' off the first page.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from assay.adapters.embedded_index.allowed import Allowance, AllowedRows
from assay.adapters.embedded_index.words import WordSearch
from assay.adapters.sql.catalog import SqlCatalog
from assay.adapters.sql.operations import SqlTraces
from assay.assist.assistant import Assistant
from assay.cli.drill import mint, open_door
from assay.console import judged
from assay.console.documents import Documents
from assay.govern.drill import Outcome
from assay.govern.drill_plan import Plan, Shape, make_plan, tokens
from assay.guard.canaries import Known
from assay.records.access import Caller, Scope
from assay.records.errors import AccessDenied, NotFound
from assay.retrieve.retriever import HybridRetriever
from assay.serve import documents as serve_documents
from assay.serve import house as serve_house
from assay.serve import traces as serve_traces
from assay.serve.doorman import Doorman, hash_key
from assay.wiring import build, drilling
from assay.wiring.drill_scratch import settings_of

APP = "assistant"
Patch = pytest.MonkeyPatch


def small_plan() -> Plan:
    """Two tenants, one with two groups: enough for every rule, few enough to be quick."""
    plan = make_plan((Shape("acme", ("hr", "board")), Shape("globex", ("hr",))), {}, tokens(secrets.choice))
    kept = ("t0-nobody", "t0-g0", "t0-g1", "t1-nobody", "t1-g0", "unlisted", "none", "wrong", "revoked", "expired")
    return replace(plan, identities=tuple(one for one in plan.identities if one.name in kept))


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[drilling.Ready]:
    """A drill's own workspace, words only, with everything planted: probing changes nothing but traces."""
    real = build.open_workspace(build.create_workspace(tmp_path_factory.mktemp("real")), ["index.embedder=none"])
    root = tmp_path_factory.mktemp("drill")
    (root / "assay.yaml").write_text(yaml.safe_dump(settings_of(real.settings, APP)), encoding="utf-8")
    real.close()
    lab = build.open_workspace(root)
    yield drilling.ready(lab, APP, small_plan(), open_door, mint)
    lab.close()


def drilled(planted: drilling.Ready, *paths: str) -> Outcome:
    """What the drill sees on these paths; readers are opened anew, because they remember what a scope may see."""
    outcome = Outcome()
    fresh = replace(planted, layers=replace(planted.layers))
    drilling.probe(fresh, open_door, outcome, lambda *_: None, lambda name: name in paths)
    return outcome


def red(planted: drilling.Ready, *paths: str) -> set[str]:
    """The drill goes red on every one of these paths; the rules that its findings name."""
    outcome = drilled(planted, *paths)
    assert outcome.exit_code == 1
    assert {name for name, tally in outcome.tallies.items() if tally.leaks} == set(paths)
    return {finding.rule for finding in outcome.findings if finding.kind == "leak"}


def test_a_list_of_traces_without_its_tenant_is_seen(planted: drilling.Ready, monkeypatch: Patch) -> None:
    whole = SqlTraces.list
    monkeypatch.setattr(SqlTraces, "list", lambda self, tenant, *more: whole(self, None, *more))
    assert "trace_of_another_tenant" in red(planted, "trace.list")


def test_with_every_filter_in_place_nothing_leaks_and_everything_is_found(planted: drilling.Ready) -> None:
    outcome = Outcome()
    drilling.probe(planted, open_door, outcome, lambda *_: None)
    assert (outcome.exit_code, outcome.findings) == (0, {})
    assert len(outcome.tallies) == 31
    assert all(tally.probes == 13 * 10 for tally in outcome.tallies.values())


class _Everything(frozenset[str]):
    def __contains__(self, _: object) -> bool:
        return True


def test_words_that_are_not_sifted_are_seen(planted: drilling.Ready, monkeypatch: Patch) -> None:
    """The engine asks without the scope where the scope sees much, and sifts."""
    of = AllowedRows.of
    monkeypatch.setattr(AllowedRows, "of", lambda self, scope: replace(of(self, scope), names=_Everything()))
    red(planted, "layer.lexical")


def test_words_searched_without_the_filter_are_seen(planted: drilling.Ready, monkeypatch: Patch) -> None:
    monkeypatch.setattr(WordSearch, "_inside", lambda self, words, allowance: words)
    red(planted, "layer.lexical")


def test_vectors_searched_without_the_filter_are_seen(planted: drilling.Ready, monkeypatch: Patch) -> None:
    monkeypatch.setattr(AllowedRows, "rows", lambda self, _: np.arange(len(self.access), dtype=np.int32))
    monkeypatch.setattr(AllowedRows, "of_lists", lambda self, _: np.ones(len(self._lists), dtype=np.bool_))
    red(planted, "layer.dense")


def test_an_engine_that_takes_every_scope_for_all_seeing_is_seen(planted: drilling.Ready, monkeypatch: Patch) -> None:
    look_up = AllowedRows._look_up

    def everything(self: AllowedRows, scope: Scope) -> Allowance:
        found = look_up(self, scope)
        lists = np.arange(len(self._names), dtype=np.int64)
        return replace(found, lists=lists, everything=True, chunks=len(self.access))

    monkeypatch.setattr(AllowedRows, "_look_up", everything)
    red(planted, "layer.lexical", "layer.dense")


def test_a_catalog_that_shows_everything_is_seen(planted: drilling.Ready, monkeypatch: Patch) -> None:
    monkeypatch.setattr(SqlCatalog, "visible", lambda self, chunk_ids, scope: frozenset(chunk_ids))
    assert {"closed_since", "removed_since"} <= red(planted, "layer.catalog", "layer.retriever", "search.lexical")


def test_a_catalog_that_forgets_groups_is_seen(planted: drilling.Ready, monkeypatch: Patch) -> None:
    monkeypatch.setattr(Scope, "allows", lambda self, access: access.tenant in (self.tenant, "*"))
    assert {"no_group", "other_group"} <= red(planted, "layer.catalog", "document")


def test_a_catalog_that_forgets_tenants_is_seen(planted: drilling.Ready, monkeypatch: Patch) -> None:
    """The group of another tenant has the same name."""
    monkeypatch.setattr(
        Scope, "allows", lambda self, access: not access.groups or not self.groups.isdisjoint(access.groups)
    )
    assert "other_tenant" in red(planted, "layer.catalog", "document")


class _AllVisible:
    def __init__(self, catalog: Any) -> None:
        self._catalog = catalog

    def __getattr__(self, name: str) -> Any:
        return getattr(self._catalog, name)

    def visible(self, chunk_ids: Any, _: Scope) -> frozenset[str]:
        return frozenset(chunk_ids)


def test_a_search_that_does_not_ask_the_catalog_is_seen(planted: drilling.Ready, monkeypatch: Patch) -> None:
    """The engine's own filter hides most of it: the layer alone, and what was closed since, do not. An answer stays
    clean even then, because citations are checked again."""
    made = HybridRetriever.__init__
    monkeypatch.setattr(
        HybridRetriever,
        "__init__",
        lambda self, reader, catalog, *more: made(self, reader, _AllVisible(catalog), *more),
    )
    assert {"closed_since", "removed_since"} <= red(planted, "layer.retriever", "search.lexical")


def test_an_earlier_moment_without_todays_lists_is_seen(planted: drilling.Ready, monkeypatch: Patch) -> None:
    monkeypatch.setattr(SqlCatalog, "visible_at", lambda self, chunk_ids, scope, at: frozenset(chunk_ids))
    assert "closed_since" in red(planted, "search.as_of", "answer.as_of")


def test_a_citation_that_is_not_checked_again_is_seen(planted: drilling.Ready, monkeypatch: Patch) -> None:
    async def readable(*_: object) -> bool:
        return True

    monkeypatch.setattr(Assistant, "_readable", readable)
    assert red(planted, "layer.citation") == {"closed_while_answering"}


def _unchecked(stores: Any, _: Scope, doc_id: str, sha: str = "", chunk_id: str = "") -> Any:
    document = stores.catalog.document(doc_id)
    return serve_documents.Copy(document, document.text_sha256, stores.blobs.get(document.text_sha256).decode())


def test_a_document_served_without_a_check_is_seen(planted: drilling.Ready, monkeypatch: Patch) -> None:
    monkeypatch.setattr(serve_house, "read_copy", _unchecked)
    red(planted, "document", "console.document", "document.existence")


def test_a_digest_that_opens_another_documents_text_is_seen(planted: drilling.Ready, monkeypatch: Patch) -> None:
    read = serve_documents.read_copy

    def careless(stores: Any, scope: Scope, doc_id: str, sha: str = "", chunk_id: str = "") -> Any:
        copy = read(stores, scope, doc_id)
        return replace(copy, text=stores.blobs.get(sha).decode()) if sha and stores.blobs.has(sha) else copy

    monkeypatch.setattr(serve_house, "read_copy", careless)
    red(planted, "document.version")


def test_an_error_that_tells_hidden_from_missing_is_seen(planted: drilling.Ready, monkeypatch: Patch) -> None:
    read = serve_documents.read_copy

    def telling(stores: Any, scope: Scope, doc_id: str, *more: str) -> Any:
        try:
            return read(stores, scope, doc_id, *more)
        except NotFound:
            if any(document.doc_id == doc_id for document in stores.catalog.documents()):
                raise AccessDenied("serve.forbidden", "you may not see this") from None
            raise

    monkeypatch.setattr(serve_house, "read_copy", telling)
    assert red(planted, "document.existence") == {"tells_that_it_exists"}


def test_a_trace_without_its_tenant_is_seen(planted: drilling.Ready, monkeypatch: Patch) -> None:
    monkeypatch.setattr(
        serve_house.House, "_kept_trace", lambda self, scope, trace_id: self.services.stores.traces.get(trace_id)
    )
    assert "trace_of_another_tenant" in red(planted, "trace")


def test_a_trace_with_passages_that_its_reader_may_not_see_is_seen(planted: drilling.Ready, monkeypatch: Patch) -> None:
    monkeypatch.setattr(
        serve_traces, "_shown", lambda trace, scope, visible: serve_traces.ShownTrace(trace, 0, content_withheld=False)
    )
    assert {"no_group", "closed_since", "removed_since"} <= red(planted, "trace", "trace.console")


def test_comments_and_ratings_on_others_answers_are_seen(planted: drilling.Ready, monkeypatch: Patch) -> None:
    monkeypatch.setattr(serve_traces, "opinions", None)
    monkeypatch.setattr(serve_house, "opinions", lambda scope, seen, given: given)
    monkeypatch.setattr(serve_house, "asked_inside", lambda scope, trace: trace.tenant == scope.tenant)
    assert "rating_taken" in red(planted, "trace", "feedback")


def test_a_listing_of_everything_is_seen(planted: drilling.Ready, monkeypatch: Patch) -> None:
    monkeypatch.setattr(
        Documents, "_visible", lambda self, *_: list(self.pages.house.services.stores.catalog.documents())
    )
    red(planted, "console.listing")


def test_reports_of_cases_beyond_the_readers_scope_are_seen(planted: drilling.Ready, monkeypatch: Patch) -> None:
    monkeypatch.setattr(Scope, "covers", lambda self, other: True)
    monkeypatch.setattr(judged, "_chunk_ids", lambda sample: set())
    assert "no_group" in red(planted, "export.report", "export.compare")


def test_reports_of_what_was_closed_since_are_seen(planted: drilling.Ready, monkeypatch: Patch) -> None:
    monkeypatch.setattr(judged, "_chunk_ids", lambda sample: set())
    assert {"closed_since", "removed_since"} <= red(planted, "export.report", "export.compare")


@pytest.mark.parametrize(("credential", "how"), [("revoked", "revoked_at"), ("expired", "expires_at")])
def test_a_key_that_is_over_and_still_works_is_seen(
    planted: drilling.Ready, monkeypatch: Patch, credential: str, how: str
) -> None:
    by_hash = type(planted.lab.stores.keys).by_hash

    def forgiving(self: Any, key_sha256: str) -> Any:
        key = by_hash(self, key_sha256)
        return replace(key, **{how: ""}) if key else None

    monkeypatch.setattr(type(planted.lab.stores.keys), "by_hash", forgiving)
    assert f"{credential}_credential" in red(planted, "document", "search.lexical")


def test_a_key_that_nobody_made_and_still_works_is_seen(planted: drilling.Ready, monkeypatch: Patch) -> None:
    known = type(planted.lab.stores.keys)
    by_hash = known.by_hash
    monkeypatch.setattr(known, "by_hash", lambda self, key: by_hash(self, key) or self.keys()[0])
    assert "wrong_credential" in red(planted, "document")


def test_a_server_that_needs_no_key_is_seen(planted: drilling.Ready, monkeypatch: Patch) -> None:
    identify = Doorman._identify

    async def welcoming(self: Doorman, connection: Any) -> Caller:
        if not connection.headers.get("authorization"):
            return Caller(Scope("acme", frozenset({"hr"})), frozenset({"ask", "operate"}))
        return await identify(self, connection)

    monkeypatch.setattr(Doorman, "_identify", welcoming)
    assert "none_credential" in red(planted, "document", "search.lexical")


def test_a_header_by_which_a_client_says_who_it_is_is_seen(planted: drilling.Ready, monkeypatch: Patch) -> None:
    identify = Doorman._identify

    async def believing(self: Doorman, connection: Any) -> Caller:
        caller = await identify(self, connection)
        tenant = connection.headers.get("x-assay-tenant", caller.scope.tenant)
        return replace(caller, scope=replace(caller.scope, tenant=tenant))

    monkeypatch.setattr(Doorman, "_identify", believing)
    assert "other_tenant" in red(planted, "widening")


def test_an_answer_kept_for_another_caller_is_seen(planted: drilling.Ready, monkeypatch: Patch) -> None:
    """A cache by question alone."""
    kept: dict[str, Any] = {}
    answer = Assistant.answer

    async def cached(self: Assistant, request: Any) -> Any:
        if request.question not in kept:
            kept[request.question] = [event async for event in answer(self, request)]
        for event in kept[request.question]:
            yield event

    monkeypatch.setattr(Assistant, "answer", cached)
    red(planted, "cache.answer")


@pytest.mark.parametrize(
    ("patched", "path"),
    [(lambda *_: (), "search.lexical"), (lambda *_: (), "layer.lexical")],
)
def test_a_search_that_finds_nothing_cannot_be_judged(
    planted: drilling.Ready, monkeypatch: Patch, patched: Callable[..., Any], path: str
) -> None:
    """Nothing leaks from a broken search, which proves nothing."""
    monkeypatch.setattr(WordSearch, "search", patched)
    outcome = drilled(planted, path)
    assert (outcome.exit_code, outcome.leaks) == (3, 0)
    assert outcome.blind > 0


def test_what_a_drill_left_behind_is_removed_by_the_next(tmp_path: Path) -> None:
    """A drill that was killed leaves its folder; nothing of it stays."""
    from assay.wiring.drill_scratch import FOLDER, scratch

    place = build.open_workspace(build.create_workspace(tmp_path / "lab"), ["index.embedder=none"])
    left = place.store / FOLDER / "workspace" / ".assay"
    left.mkdir(parents=True)
    (left.parent / "assay.yaml").write_text("version: 1\n", encoding="utf-8")
    (left / "half.db").write_bytes(b"x")
    with scratch(place, APP) as lab:
        assert not (lab.root / ".assay" / "half.db").exists()
        assert (place.store / FOLDER).exists()
    assert not (place.store / FOLDER).exists()
    place.close()


def test_a_key_is_kept_by_its_hash_in_the_drill_too() -> None:
    plaintext, key = mint("acme", ("hr",))
    assert key.key_sha256 == hash_key(plaintext)
    assert key.roles == {"ask", "operate", "label"}


def test_a_guard_that_does_not_know_the_decoys_is_seen(planted: drilling.Ready, monkeypatch: Patch) -> None:
    monkeypatch.setattr("assay.wiring.canary_guard.known", lambda *_: Known())
    assert red(planted, "layer.canary") == {"canary_not_stopped"}
