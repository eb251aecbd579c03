"""A workspace's canaries from planting to proof: decoys that nobody reads, prompts that nobody recites."""

import asyncio
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import cast

import pytest
import yaml
from typer.testing import CliRunner

from assay.adapters.disclosing_chat import DisclosingChat
from assay.cli.main import app as command
from assay.evaluate.redteam.obfuscations import OBFUSCATIONS, encode
from assay.ports.storage import Catalog
from assay.records.access import DECOY, Scope
from assay.records.dialogue import Outcome, Reply, Request, fold
from assay.records.errors import AccessDenied, CannotJudge, InputError, NotFound
from assay.records.retrieval import Query
from assay.records.safety import Standing
from assay.wiring import apps, canarying, forgetting, guarding, ingesting
from assay.wiring.access import apply as reapply
from assay.wiring.build import Workspace, create_workspace, open_workspace
from assay.wiring.canary_guard import check, known
from assay.wiring.canary_proof import Guarding, disclosed, prove, secrets_of, streamed, synthetic
from assay.wiring.drill_canaries import NoLists
from assay.wiring.drill_layers import LeakyReader
from assay.wiring.safety_store import measurements, subject_of

PAGE = "---\ntenant: {0}\n---\n# Leave of {0}\n\nEvery employee of {0} has 2{1} days of paid leave each year.\n"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("canaries") / "w"
    (root / "docs").mkdir(parents=True)
    for number, tenant in enumerate(("acme", "rival")):
        (root / f"docs/{tenant}.md").write_text(PAGE.format(tenant, number))
    create_workspace(root, "w")
    stated = yaml.safe_load((root / "assay.yaml").read_text())
    stated["index"] = {"embedder": "none"}
    stated["models"] = {"extractive": {"kind": "extractive"},
                        "chat": {"kind": "openai", "base_url": "http://127.0.0.1:9/v1", "model": "m"}}  # fmt: skip
    stated["apps"] = {
        "assistant": {"abstain": {"threshold": 0.0}},
        "writer": {"model": "chat", "abstain": {"threshold": 0.0}, "verify": {"on_failure": "mark"}},
    }
    stated["guards"] = {"plain": {"kind": "policy", "file": "policy.yaml"}} | stated.get("guards", {})
    stated["apps"]["assistant"]["guards"] = ["plain"]
    (root / "policy.yaml").write_text("version: 1\nrules:\n  - {id: a, find: [card], action: mask}\n")
    (root / "assay.yaml").write_text(yaml.safe_dump(stated))
    place = open_workspace(root)
    ingesting.ingest(place, [root / "docs"], lambda *_: None)
    place.close()
    return root


@pytest.fixture
def place(made: Path) -> Iterator[Workspace]:
    """The same workspace for every test, with nothing planted at the end."""
    place = open_workspace(made)
    yield place
    if list(place.stores.catalog.source_states(canarying.SOURCE)):
        canarying.remove(place)
    place.close()


def run(root: Path, *words: str, text: str | None = None, code: int = 0) -> str:
    done = CliRunner().invoke(command, [*words, "-w", str(root)], input=text)
    assert done.exit_code == code, done.output
    return done.output


def ask(place: Workspace, app: str = "assistant", seams: apps.Seams = apps.AS_IT_IS, tenant: str = "acme") -> Reply:
    running = apps.start_app(place, app, traced=False, seams=seams)

    async def events() -> Reply:
        request = Request(apps.new_request_id(), "How many days of paid leave?", Scope(tenant))
        return fold([event async for event in running.system.answer(request)])

    return asyncio.run(events())


def broken(place: Workspace) -> tuple[Workspace, apps.Seams]:
    """The workspace with both walls down: the engine finds everything for everybody, and nothing is checked after."""
    every = tuple(place.stores.catalog.current_chunk_ids())
    stores = replace(place.stores, catalog=cast(Catalog, NoLists(place.stores.catalog)))
    return replace(place, stores=stores), apps.Seams(reader=lambda one: LeakyReader(one.snapshot_id, every))


def test_a_decoy_is_found_by_nobody_until_isolation_fails_and_then_stops_the_answer(place: Workspace) -> None:
    before = ask(place)
    change = canarying.plant(place)
    assert [one.name for one in change.added] == ["acme", "rival"]
    assert canarying.plant(place).added == ()
    for tenant in ("acme", "rival", "nobody"):
        for groups in (frozenset[str](), frozenset({"hr", "canary"})):
            query = Query("private register confidential contracts prices salaries", Scope(tenant, groups))
            ids = [one.chunk.doc_id for one in apps.head_retriever(place).retrieve(query).ranked]
            assert not [doc_id for doc_id in ids if doc_id.startswith("canary/")]
    after = ask(place)
    assert (after.text, after.citations) == (before.text, before.citations)
    down, seams = broken(place)
    reply = ask(down, seams=seams)
    assert (reply.outcome, reply.reason, reply.text) == (Outcome.REFUSED, "guard.canary", "")
    with pytest.raises(AccessDenied):
        apps.start_app(down, "assistant", seams=seams).retriever.retrieve(Query("private register", Scope("acme")))
    place.auditor.record("test", "done")
    told = run(place.root, "audit", "show", "--action", "canary.seen", "--json")
    seen = [event["event"] for event in json.loads(told)]
    assert {(one["outcome"], one["subject"]["canary"]) for one in seen} == {("refused", "tenant")}
    tokens = [one.token for one in known(place, frozenset()).decoys.values()]
    assert not [token for token in tokens if token in told]
    assert {one.where for one in guarding.escalations(place)} == {"canary"}


def test_offsets_of_real_documents_stay_and_a_decoy_cites_itself_truly(place: Workspace) -> None:
    """The text copy of a document is not touched; what a decoy's chunk says stands in its own copy."""
    texts = {one.doc_id: one.text_sha256 for one in place.stores.catalog.documents()}
    canarying.plant(place, (), ("docs/acme.md",))
    now = {one.doc_id: one for one in place.stores.catalog.documents()}
    assert texts.items() <= {name: one.text_sha256 for name, one in now.items()}.items()
    (decoy,) = now.keys() - texts.keys()
    copy = place.stores.blobs.get(now[decoy].text_sha256).decode()
    (chunk,) = place.stores.catalog.chunks_of(decoy)
    assert copy[chunk.start : chunk.end] == chunk.text
    assert now[decoy].access.groups == (DECOY,)


def test_no_rule_of_access_opens_a_decoy(place: Workspace) -> None:
    canarying.plant(place)
    reapply(place, lambda *_: None)
    assert all(place.stores.catalog.document(one.doc_id).access.groups == (DECOY,) for one in canarying.decoys(place))


def test_what_forgets_a_document_or_removes_its_source_takes_the_decoy_beside_it(made: Path, place: Workspace) -> None:
    extra = made / "extra"
    extra.mkdir()
    for name in ("one", "two"):
        (extra / f"{name}.md").write_text(f"---\ntenant: acme\n---\n# Notes on {name}\n\nThe note says {name} times.\n")
    ingesting.ingest(place, [extra], lambda *_: None)
    canarying.plant(place, (), tuple(f"extra/{name}.md" for name in ("one", "two")))
    asked = forgetting.Asked(documents=("extra/one.md",))
    assert len(forgetting.plan(place, asked).doc_ids) == 2
    _, certificate = forgetting.forget(place, asked)
    assert certificate.passed
    assert {one.name for one in canarying.decoys(place)} == {"extra/two.md"}
    ingesting.remove_source(place, str(extra))
    assert canarying.decoys(place) == ()
    assert not [one for one in place.stores.catalog.gone() if one.doc_id.startswith("canary/")]


def test_a_decoy_goes_with_the_file_that_a_sync_no_longer_finds(made: Path, place: Workspace) -> None:
    gone = made / "gone.md"
    gone.write_text("---\ntenant: acme\n---\n# Gone\n\nThis note does not stay.\n")
    ingesting.ingest(place, [gone], lambda *_: None)
    (doc_id,) = (one.doc_id for one in place.stores.catalog.documents() if one.title == "Gone")
    canarying.plant(place, (), (doc_id,))
    for state in place.stores.catalog.source_states():
        if doc_id in state.doc_ids:
            place.stores.catalog.remove_source(state.source_uri)
    ingesting.ingest(place, [made / "docs"], lambda *_: None)
    assert canarying.decoys(place) == ()


def test_unknown_names_are_errors_and_change_nothing(place: Workspace) -> None:
    for wrong, error in (
        (lambda: canarying.plant(place, (), ("docs/none.md",)), NotFound),
        (lambda: canarying.plant(place, ("*",)), InputError),
        (lambda: canarying.plant(place, ("acme",), ("docs/none.md",)), NotFound),
        (lambda: canarying.remove(place, ("acme",)), NotFound),
    ):
        with pytest.raises(error):
            wrong()
    assert canarying.decoys(place) == ()


@pytest.mark.parametrize("name", ["plain", "rot13"])
def test_a_model_that_recites_its_prompt_is_stopped_and_the_prompt_still_works(place: Workspace, name: str) -> None:
    """Through the whole pipeline, where unsupported sentences are shown and marked."""
    reciting = apps.Seams(chat=DisclosingChat(OBFUSCATIONS[name], "Fine. ", " [1]."))
    reply = ask(place, "writer", reciting)
    assert (reply.outcome, reply.reason) == (Outcome.REFUSED, "guard.canary")
    harmless = apps.Seams(
        chat=DisclosingChat(lambda _: "Every employee of acme has 20 days of paid leave each year [1].")
    )
    reply = ask(place, "writer", harmless)
    assert (reply.outcome, reply.text) == (
        Outcome.ANSWERED,
        "Every employee of acme has 20 days of paid leave each year.",
    )


def test_settings_switch_the_canary_and_the_guard_off_and_old_bundles_have_none(place: Workspace) -> None:
    """What a bundle froze it keeps: the word that there is a canary, never the token."""
    parts = apps.components(place, "writer", apps.HEAD)["prompt"]
    assert parts["canary"] is True
    assert canarying.prompt_canary(place, "writer").token not in json.dumps(parts)
    without = place.with_overrides(["canaries.prompt=false"])
    assert "canary" not in apps.components(without, "writer", apps.HEAD)["prompt"]
    assert "canary" not in apps.components(place, "assistant", apps.HEAD)["prompt"]
    assert canarying.with_token(place, "writer", {"system": "Be short."}) == {"system": "Be short."}
    off = place.with_overrides(["canaries.enabled=false", "canaries.prompt=true"])
    canarying.plant(place)
    down, seams = broken(off)
    assert ask(down, seams=seams).outcome is Outcome.ANSWERED


def test_check_names_what_a_text_shows_and_nothing_else(made: Path, place: Workspace) -> None:
    canarying.plant(place, ("rival",), ("docs/acme.md",))
    secret = canarying.key(place)
    tokens = {one.kind: canarying.canary_of(secret, one).token for one in canarying.decoys(place)}
    log = made / "leak.log"
    log.write_text("line\n" * 50 + encode(tokens["document"], "hex") + "\n" + tokens["tenant"][::-1])
    told = json.loads(run(made, "canary", "check", str(log), "--json", code=1))
    assert {(one["kind"], one["name"]) for one in told["found"]} == {("document", "docs/acme.md"), ("tenant", "rival")}
    assert "no canary" in run(made, "canary", "check", "-", text="Nothing to see here.")
    token = canarying.prompt_canary(place, "writer").token
    shown = run(made, "canary", "check", "-", text=f"x {token}", code=1)
    assert "writer" in shown
    assert token not in shown
    assert run(made, "canary", "check", str(made / "none"), code=1) == ""


def test_a_stream_through_policy_filter_stops_at_a_canary(made: Path, place: Workspace) -> None:
    canarying.plant(place, ("rival",))
    (decoy,) = canarying.decoys(place)
    token = canarying.canary_of(canarying.key(place), decoy).token
    out = run(made, "policy", "filter", text=f"{'Fine. ' * 30}{token} and more", code=1)
    assert token not in out
    assert "guard.canary" in out
    assert "Fine." in run(made, "policy", "filter", text="Fine.")


def test_a_workspace_without_a_key_says_that_it_cannot_tell(tmp_path: Path) -> None:
    root = create_workspace(tmp_path / "w")
    place = open_workspace(root)
    with pytest.raises(CannotJudge, match=r"canary\.no_key"):
        check(place, "text")
    with pytest.raises(CannotJudge, match=r"canary\.no_tenants"):
        canarying.plant(place)
    assert not (place.store / canarying.KEY).exists()
    assert [one.standing for one in prove(place)] == [Standing.NOT_RUN] * 3
    place.close()


def test_a_proof_keeps_its_figures_and_fails_without_the_guard(
    place: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    few = {name: OBFUSCATIONS[name] for name in ("plain", "morse")}
    monkeypatch.setattr("assay.wiring.canary_proof.OBFUSCATIONS", few)
    canarying.plant(place, ("rival",))
    made = {one.check: one for one in prove(place, "writer", trials=4)}
    assert {name: one.standing for name, one in made.items()} == dict.fromkeys(made, Standing.PASSED)
    subject, _ = subject_of(place, "writer")
    assert [one.check for one in measurements(place, subject)] == sorted(made)
    off = place.with_overrides(["canaries.action=report"])
    found, _, leaked = prove(off, "writer", trials=4)
    assert (found.standing, leaked.standing) == (Standing.FAILED, Standing.FAILED)


def test_disclosures_are_stopped_in_few_notations_and_cuttings_let_none_out() -> None:
    secrets = synthetic(b"k" * 32)
    few = ("plain", "hex", "acrostic")
    assert disclosed(secrets, Guarding(), few) == dict.fromkeys(few, (2, 2))
    assert disclosed(secrets, Guarding(on=False), few) == dict.fromkeys(few, (0, 2))
    assert streamed(secrets, Guarding(), 6)["stream"] == (0, 3)
    assert streamed(secrets, Guarding(on=False), 6) == {"stream": (3, 3), "sentences": (3, 3)}


def test_a_decoy_of_another_key_is_told_and_planted_anew(place: Workspace) -> None:
    canarying.plant(place, ("rival",))
    (place.store / canarying.KEY).write_text("ab" * 32)
    assert [one.current for one in canarying.decoys(place)] == [False]
    assert secrets_of(place, "assistant", "assistant")
    canarying.plant(place, ("rival",))
    assert [one.current for one in canarying.decoys(place)] == [True]
