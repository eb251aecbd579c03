"""A ranker in a workspace: named by an app, frozen by a bundle, refused when it is not there or proves nothing."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from assay.cli import main as command
from assay.records.access import Scope
from assay.records.certificates import TrainedModel
from assay.records.errors import CannotJudge, InputError, NotFound
from assay.records.golden import Case, Evidence, Expected, GoldenSet
from assay.records.retrieval import Query
from assay.retrieve.features import CandidateFeatures
from assay.retrieve.linear_ranker import LinearRanker
from assay.train.examples import Example
from assay.wiring import apps, build, ingesting, ranking, releasing

TEXTS = {
    "tart.md": "# Baking\n\nA lemon tart needs lemon and more lemon, says the lemon book.\n",
    "trees.md": "# Lemon\n\nTrees grow slowly and like the sun, with now and then a lemon.\n",
    "cars.md": "# Cars\n\nEngines and wheels are sold in the old garage.\n",
}
NAMED = "apps.assistant.retrieve.ranker={}"


@pytest.fixture(scope="module")
def ingested(tmp_path_factory: pytest.TempPathFactory) -> Path:
    corpus = tmp_path_factory.mktemp("corpus")
    for name, text in TEXTS.items():
        (corpus / name).write_text(text, encoding="utf-8")
    root = build.create_workspace(tmp_path_factory.mktemp("lab"))
    place = build.open_workspace(root)
    ingesting.ingest(place, [corpus], lambda *_: None)
    ingesting.embed(place, lambda *_: None)
    place.close()
    return root


@pytest.fixture
def place(ingested: Path) -> Iterator[build.Workspace]:
    opened = build.open_workspace(ingested)
    yield opened
    opened.close()


def keep(place: build.Workspace, name: str, weight: float) -> str:
    content = {**LinearRanker({"coverage_head": weight}).content(), "name": name}
    return place.stores.models.put(TrainedModel(ranking.KIND, name, content, place.clock.now()))


def first(running: apps.Running) -> str:
    return running.retriever.retrieve(Query("lemon", Scope())).ranked[0].chunk.title


def test_an_app_that_names_a_ranker_searches_with_it(place: build.Workspace) -> None:
    """The setting alone decides the order."""
    for name, weight, title in (("heads", 100.0, "Lemon"), ("no_heads", -100.0, "Baking")):
        keep(place, name, weight)
        ranked = place.with_overrides([NAMED.format(name)])
        assert first(apps.start_app(ranked, "assistant", traced=False)) == title


def test_a_bundle_keeps_the_ranker_that_it_was_frozen_with(place: build.Workspace) -> None:
    """It holds the digest of the content, so a name that is trained again changes no bundle."""
    model_id = keep(place, "changing", 100.0)
    bundle = releasing.freeze(place.with_overrides([NAMED.format("changing")]), "assistant")
    assert bundle.components["retrieve"]["ranker"] == model_id
    keep(place, "changing", -100.0)
    assert first(apps.start_bundle(place, bundle, traced=False)) == "Lemon"
    assert (
        first(apps.start_app(place.with_overrides([NAMED.format("changing")]), "assistant", traced=False)) == "Baking"
    )


def test_a_bundle_from_before_rankers_starts_as_it_was(place: build.Workspace) -> None:
    """Components without the setting mean no ranker."""
    bundle = releasing.freeze(place, "assistant")
    del bundle.components["retrieve"]["ranker"]
    found = apps.start_bundle(place, bundle, traced=False).retriever.retrieve(Query("lemon", Scope())).ranked
    assert found
    assert all("reranked" not in item.stages for item in found)


def test_a_ranker_that_is_not_there_or_cannot_be_read_is_an_error_not_plain_fusion(place: build.Workspace) -> None:
    """Silently leaving it out would serve something that nobody judged."""
    with pytest.raises(NotFound) as caught:
        apps.start_app(place.with_overrides([NAMED.format("nowhere")]), "assistant")
    assert caught.value.code == "ranker.unknown"
    place.stores.models.put(TrainedModel(ranking.KIND, "broken", {"recipe": "another.v9"}, place.clock.now()))
    with pytest.raises(CannotJudge):
        apps.start_app(place.with_overrides([NAMED.format("broken")]), "assistant")


def golden(place: build.Workspace, name: str, count: int, *, evidence: bool = True) -> None:
    found = (Evidence("corpus/tart.md"),) if evidence else ()
    cases = tuple(Case(f"c{n}", f"lemon {n}", Expected(evidence=found)) for n in range(count))
    place.stores.golden.put(GoldenSet(name, cases, place.clock.now()))


def test_what_cannot_be_trained_says_why(place: build.Workspace) -> None:
    """No source, a name that cannot stand in assay.yaml, no evidence, no vectors."""
    golden(place, "bare", 3, evidence=False)

    def code(name: str, *overrides: str, **more: object) -> str:
        with pytest.raises((InputError, CannotJudge)) as caught:
            ranking.train(place.with_overrides(overrides), name, **more)  # type: ignore[arg-type]
        return caught.value.code

    assert code("ok") == "ranker.no_source"
    assert code("none", golden="bare") == "ranker.name"
    assert code("Not A Name", golden="bare") == "ranker.name"
    assert code("ok", golden="bare") == "ranker.no_evidence"
    assert code("ok", "index.embedder=none", golden="bare") == "ranker.no_vectors"


def test_cases_about_one_document_are_too_few_however_many(place: build.Workspace) -> None:
    """Enough questions, one cluster: nothing can be held out, so nothing is kept."""
    golden(place, "narrow", 41)
    before = len(place.stores.models.models(ranking.KIND))
    assert ranking.train(place, "narrow", golden="narrow").verdict == "too_few"
    assert len(place.stores.models.models(ranking.KIND)) == before


def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str]:
    monkeypatch.setattr(sys, "argv", ["assay", *arguments])
    with pytest.raises(SystemExit) as ended:
        command.main()
    done = capsys.readouterr()
    return int(ended.value.code or 0), done.out + done.err


def test_the_command_tells_by_its_exit_code_what_became_of_the_training(
    ingested: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """0 kept, 1 refused, 2 too few; list and show tell of what was kept."""
    from train_examples import planted

    place = build.open_workspace(ingested)
    golden(place, "any", 50)
    place.close()
    found: list[tuple[Example, ...]] = [planted(60), planted(60, signal=None), planted(5)]
    monkeypatch.setattr("assay.train.examples.examples_of", lambda *_: found.pop(0))
    train = ("ranker", "train", "-w", str(ingested), "--golden", "any", "--split", "", "--name", "told")
    code, said = run(monkeypatch, capsys, *train)
    assert (code, "accepted" in said, "apps.APP.retrieve.ranker: told" in said) == (0, True, True)
    code, said = run(monkeypatch, capsys, *train)
    assert (code, "refused" in said) == (1, True)
    code, said = run(monkeypatch, capsys, *train)
    assert (code, "need more data" in said) == (2, True)
    code, said = run(monkeypatch, capsys, "ranker", "show", "told", "-w", str(ingested))
    assert (code, "coverage" in said, "any@" in said) == (0, True, True)
    code, said = run(monkeypatch, capsys, "ranker", "show", "nobody", "-w", str(ingested))
    assert (code, "ranker.unknown" in said) == (64, True)


def test_features_of_the_store_are_those_of_the_code() -> None:
    """The recipe in a kept model is the one that reads it back."""
    assert LinearRanker({}).content()["features"] == CandidateFeatures().recipe
