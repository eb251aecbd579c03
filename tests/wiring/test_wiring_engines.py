"""From one line of `assay.yaml` to an engine, and the move from one to another."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from assay.records.errors import AssayError, ConfigError, InputError, NotFound
from assay.wiring import apps, build, engines, ingesting, migrating, releasing
from assay.wiring.engine_line import with_engine, write_engine
from assay.wiring.settings_index import IndexSettings
from postgres_server import fresh_name, shared_dsn

QUIET = lambda *_: None  # noqa: E731
TOPICS = ("lemons", "harbours", "violins", "glaciers", "bicycles", "volcanoes")
INDEX = "index: {{engine: {engine}, embedder: none, qdrant: {{path: .assay/q}}, postgres: {{schema: {schema}}}}}\n"


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A workspace with six documents in the embedded engine, and addresses for two others."""
    monkeypatch.setenv("ASSAY_POSTGRES_DSN", shared_dsn())
    build.create_workspace(tmp_path / "w", "moving")
    path = tmp_path / "w" / "assay.yaml"
    settings = yaml.safe_load(path.read_text())
    rest = {key: value for key, value in settings.items() if key != "index"}
    path.write_text(INDEX.format(engine="embedded", schema=fresh_name()) + "# kept\n" + yaml.safe_dump(rest))
    corpus = tmp_path / "corpus"
    corpus.mkdir()
    for topic in TOPICS:
        (corpus / f"{topic}.md").write_text(f"# All about {topic}\n\nThere are many {topic} in the world of {topic}.\n")
    place = build.open_workspace(tmp_path / "w")
    ingesting.ingest(place, [corpus], QUIET)
    place.close()
    return tmp_path / "w"


@pytest.fixture
def place(root: Path) -> Iterator[build.Workspace]:
    opened = build.open_workspace(root)
    yield opened
    opened.close()


@pytest.mark.parametrize("target", ["qdrant", "postgres", "lancedb"])
def test_a_move_holds_everything_and_answers_alike(place: build.Workspace, target: str) -> None:
    """Every chunk stands in the new engine, the same questions find the same documents, and the old one stays."""
    made = migrating.migrate(place, target, progress=QUIET)
    assert (made.source, made.target, made.documents) == ("embedded", target, len(TOPICS))
    assert made.chunks == place.index.head().chunks
    assert made.searched.questions == len(TOPICS)
    assert made.searched.ndcg_before == made.searched.ndcg_after == 1.0
    assert made.searched.overlap == 1.0
    assert made.answered is not None
    assert not made.worse
    assert place.settings.index.engine == "embedded", "nothing is written into assay.yaml"


def test_an_interrupted_move_goes_on_and_a_second_one_is_refused(
    place: build.Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After an interruption only --resume goes on; what was there already is not put in again."""
    monkeypatch.setattr(migrating, "_DOCUMENTS_AT_ONCE", 2)

    def interrupted(done: int, total: int, what: str) -> None:
        if what == "documents" and done == 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        migrating.migrate(place, "postgres", progress=interrupted)
    with pytest.raises(InputError) as refused:
        migrating.migrate(place, "postgres", progress=QUIET)
    assert refused.value.code == "migrate.not_empty"
    before = place.engine("postgres").head().state.version  # type: ignore[attr-defined]
    made = migrating.migrate(place, "postgres", resume=True, progress=QUIET)
    assert made.documents == len(TOPICS)
    assert place.engine("postgres").head().state.version == before + 1, "one batch was missing"  # type: ignore[attr-defined]
    with pytest.raises(InputError):
        migrating.migrate(place, "postgres", progress=QUIET)
    with pytest.raises(InputError) as same:
        migrating.migrate(place, "embedded", progress=QUIET)
    assert same.value.code == "migrate.same_engine"


def test_a_bundle_answers_from_the_engine_it_was_frozen_in(root: Path, place: build.Workspace) -> None:
    """After the line was changed the old bundle answers as before, and a new one pins the new engine."""
    old = releasing.freeze(place, "assistant")
    migrating.migrate(place, "postgres", answers=False, progress=QUIET)
    write_engine(root / "assay.yaml", "postgres")
    moved = build.open_workspace(root)
    assert moved.settings.index.engine == "postgres"
    assert ingesting.status(moved).engine == "postgres"
    assert apps.start_bundle(moved, moved.stores.bundles.get(old.bundle_id), traced=False).bundle_id == old.bundle_id
    new = releasing.freeze(moved, "assistant")
    assert new.components["snapshot"]["engine"] == "postgres"
    assert apps.start_bundle(moved, new, traced=False).bundle_id == new.bundle_id
    moved.index.drop_snapshot(new.snapshot_id)
    with pytest.raises(NotFound) as gone:
        apps.start_bundle(moved, new, traced=False)
    assert gone.value.code == "bundle.no_snapshot"
    moved.close()


@pytest.mark.parametrize(
    ("settings", "code"),
    [
        ({"engine": "qdrant"}, "index.settings"),
        ({"engine": "qdrant", "qdrant": {"url": "http://127.0.0.1:1", "path": "q"}}, "index.settings"),
        (
            {"engine": "qdrant", "qdrant": {"url": "http://127.0.0.1:1", "api_key_env": "NOBODY_SET"}},
            "config.no_secret",
        ),
        ({"engine": "postgres", "postgres": {"dsn_env": "NOBODY_SET"}}, "config.no_secret"),
        ({"engine": "opensearch"}, "index.settings"),
    ],
)
def test_what_is_missing_is_said_before_anything_is_reached(tmp_path: Path, settings: object, code: str) -> None:
    """A setting or secret that is not there is an error of assay.yaml, with what to write."""
    with pytest.raises(AssayError) as caught:
        engines.open_engine(tmp_path, IndexSettings.model_validate(settings), "")
    assert caught.value.code == code
    assert caught.value.remedy


@pytest.mark.parametrize("engine", ["lancedb", "qdrant", "postgres", "opensearch"])
def test_an_extra_that_is_not_installed_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, engine: str) -> None:
    """Without the engine's package the error says which extra to install."""
    monkeypatch.setattr(engines.importlib.util, "find_spec", lambda _name: None)
    with pytest.raises(ConfigError) as caught:
        engines.open_engine(tmp_path, IndexSettings.model_validate({"engine": engine}), "")
    assert caught.value.code == "index.missing_extra"
    assert f"assay[{engine}]" in caught.value.remedy


@pytest.mark.parametrize(
    "text",
    [
        "index:\n  engine: embedded   # here\n  embedder: none\nname: a\n",
        "# top\nindex: {engine: embedded, embedder: none}\n",
        "name: a # no index\n",
        "name: a",
        "index:\n    # first\n    embedder: none\n",
        "index: {embedder: none}\n",
        'index:\n  "engine": "embedded"\n',
        "",
    ],
)
def test_the_engine_s_line_is_changed_and_nothing_else(text: str) -> None:
    """Whatever the file's style, the engine is the new one, every other key and every comment stay."""
    changed = with_engine(text, "postgres")
    before, after = yaml.safe_load(text) or {}, yaml.safe_load(changed)
    assert after.pop("index")["engine"] == "postgres"
    before.pop("index", None)
    assert before == after
    assert [line.partition("#")[2] for line in text.splitlines() if "#" in line] == [
        line.partition("#")[2] for line in changed.splitlines() if "#" in line
    ]


@given(st.dictionaries(st.text(max_size=8), st.one_of(st.integers(), st.text(max_size=9)), max_size=4), st.booleans())
def test_any_mapping_keeps_its_other_keys(others: dict[str, object], flow: bool) -> None:
    """Changing the engine back gives the file that was there."""
    text = yaml.safe_dump({**others, "index": {"engine": "embedded", "x": 1}}, default_flow_style=flow)
    assert with_engine(with_engine(text, "qdrant"), "embedded") == text


def test_a_file_that_cannot_be_changed_safely_stays(tmp_path: Path) -> None:
    """An anchor that is shared would change elsewhere too, or an index that is no mapping: the file stays as it is."""
    path = tmp_path / "assay.yaml"
    path.write_text("index:\nname: a\n")
    with pytest.raises(ConfigError) as caught:
        write_engine(path, "postgres")
    assert caught.value.code == "config.engine_line"
    assert path.read_text() == "index:\nname: a\n"
