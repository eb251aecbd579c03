"""The worked example of docs/judges.md runs as it stands, against an endpoint on loopback."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

from typer.testing import CliRunner

from assay.cli.main import app
from assay.wiring.build import create_workspace
from judge_brains import right_when, says
from judge_server import judge_server

PAGE = Path(__file__).resolve().parents[2] / "docs" / "judges.md"
WEEKS = list(range(2, 18))


def example() -> list[list[str]]:
    section = PAGE.read_text(encoding="utf-8").split("## A worked example")[1].split("```")[1]
    return [shlex.split(line)[1:] for line in section.strip().splitlines()]


def declared(url: str) -> str:
    block = re.search(r"```yaml\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert block
    text = block[1].replace("http://127.0.0.1:8080/v1", url)
    return (
        "version: 1\nindex: {embedder: none}\napps: {assistant: {retrieve: {mode: lexical}, abstain: {threshold: 0}}}\n"
        + text.replace("models:\n", "models:\n  extractive: {kind: extractive}\n")
    )


def test_the_worked_example_runs_as_it_is_printed(tmp_path: Path) -> None:
    root = create_workspace(tmp_path / "lab")
    source = tmp_path / "rules.md"
    source.write_text("# Leave\n\n" + "\n\n".join(f"Team {n} takes {n} weeks of leave in summer." for n in WEEKS))
    rows = [
        {"id": f"c{n}", "question": f"How many weeks of leave does team {n} take?", "answers": [f"{n} weeks"]}
        for n in WEEKS
    ]
    cases = tmp_path / "cases.jsonl"
    cases.write_text("\n".join(map(json.dumps, rows)))
    labels = tmp_path / "labels.csv"
    labels.write_text("\n".join(["case_id,label", *(f"c{n},{'pass' if n % 3 else 'fail'}" for n in WEEKS)]))

    def run(*words: str) -> str:
        done = CliRunner().invoke(app, [*words, "-w", str(root)])
        assert done.exit_code == 0, f"{words}\n{done.output}\n{done.exception}"
        return done.output

    with judge_server(right_when("weeks")) as server:
        (root / "assay.yaml").write_text(declared(server.base_url))
        run("ingest", str(source))
        run("golden", "import", "faq", str(cases))
        said = [run(*(str(labels) if word == "labels.csv" else word for word in words)) for words in example()]
        server.brain = says(lambda _: {"why": "", "winner": "first"})
        pair = run("judge", "compare", "assistant", "assistant", "--judge", "better")
    assert "requests" in said[1]
    assert "judge:good" in said[2]
    assert "card" in said[5]
    assert "anchors" in said[6]
    assert "order flips                  1.000" in pair, "a judge that always takes the first reply flips every time"
