"""`assay.yaml`: what is wrong is named with file, line, key and remedy; what holds is explained with its origin."""

from pathlib import Path

import pytest

from assay.records.errors import ConfigError, UsageError
from assay.wiring.config import explain, find_workspace, load, secret
from assay.wiring.init_template import rendered


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    (tmp_path / "assay.yaml").write_text(rendered("lab"), encoding="utf-8")
    return tmp_path


def write(folder: Path, text: str) -> Path:
    (folder / "assay.yaml").write_text(text, encoding="utf-8")
    return folder


def test_the_file_that_init_writes_is_valid_and_says_what_the_defaults_say(workspace: Path) -> None:
    written = load(workspace)
    assert written.settings.apps["assistant"].model == "extractive"
    assert written.settings.model_copy(update={"name": "assay"}) == load(write(workspace, "version: 1\n")).settings


def test_every_setting_is_explained_with_the_line_it_stands_on(workspace: Path) -> None:
    rows = {row.key: row for row in explain(load(workspace, ["apps.assistant.abstain.threshold=0.5"]))}
    assert rows["name"].origin == "assay.yaml:3"
    assert rows["evaluate.concurrency"].origin == "default"
    assert rows["apps.assistant.abstain.threshold"].origin == "--set"
    assert rows["apps.assistant.abstain.threshold"].value == 0.5
    assert rows["ingest.max_file_mb"].meaning


@pytest.mark.parametrize(
    ("text", "code", "said"),
    [
        ("indx: {}\n", "config.unknown_key", "assay.yaml:1: indx: unknown key (did you mean index?)"),
        ("ingest:\n  max_file_mb: many\n", "config.value", "assay.yaml:2: ingest.max_file_mb"),
        ("models:\n  gpt:\n    kind: openai\n", "config.value", "models.gpt.base_url: this key is missing"),
        ("apps:\n  a: {model: nothing}\n", "config.value", "apps.a.model names no entry of models"),
        ("apps: [\n", "config.syntax", "assay.yaml"),
        ("name: a\nname: b\n", "config.duplicate_key", "assay.yaml:2"),
        ("- 1\n", "config.type", "keys and values"),
    ],
)
def test_a_mistake_is_named_with_its_place(tmp_path: Path, text: str, code: str, said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load(write(tmp_path, text))
    assert caught.value.code == code
    assert said in str(caught.value)
    assert caught.value.exit_code == 64


def test_all_problems_are_named_at_once(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        load(write(tmp_path, "version: 2\nindx: 1\nserve: {port: 99999}\n"))
    assert all(f"assay.yaml:{line}" in str(caught.value) for line in (1, 2, 3))


def test_an_override_must_be_written_as_key_equals_value(workspace: Path) -> None:
    with pytest.raises(UsageError, match="KEY=VALUE"):
        load(workspace, ["apps.assistant"])


def test_a_workspace_is_found_upwards_and_by_variable(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    inner = workspace / "a/b"
    inner.mkdir(parents=True)
    monkeypatch.chdir(inner)
    assert find_workspace(None) == workspace
    monkeypatch.setenv("ASSAY_WORKSPACE", str(inner))
    with pytest.raises(ConfigError, match=r"assay\.yaml"):
        find_workspace(None)


def test_a_secret_that_is_not_set_is_an_error_that_names_the_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CHAT_API_KEY", raising=False)
    with pytest.raises(ConfigError, match="CHAT_API_KEY"):
        secret("CHAT_API_KEY")
