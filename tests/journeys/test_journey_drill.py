"""Who may read what, from a rule in assay.yaml to the certificate without which nothing ships, by the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from test_journey_newcomer import CASES

from journey import assay, ok

PLUGIN = """
from assay.records.access import AccessList

class Directory:
    def __init__(self, workspace):
        self.lists = workspace / "directory.txt"
    def resolve(self, doc_id, path, stated):
        if "tools" in doc_id:
            return AccessList("default", tuple(self.lists.read_text().split()))
        return None
"""


def rule(lab: Path, access: str) -> None:
    """Replace the access section's folder rules."""
    config = lab / "assay.yaml"
    config.write_text(config.read_text().replace("  folders: []", access), encoding="utf-8")


def test_a_changed_rule_takes_effect_without_the_files(lab: Path, handbook: Path) -> None:
    """For a search that runs next, and with the reason shown."""
    for path in handbook.rglob("*"):
        if path.is_file():
            path.unlink()
    assert "16 weeks" in ok("search", "parental leave", "-w", lab)
    rule(lab, '  folders:\n    - {path: "handbook/leave.md", groups: [parents]}')
    before = ok("access", "show", "handbook/leave.md", "-w", lab)
    assert "the rules say otherwise today" in before
    assert "5 documents: 1 changed (1 closed to somebody, 0 only opened)" in ok("access", "apply", "-w", lab)
    assert "16 weeks" not in ok("search", "parental leave", "-w", lab)
    assert "16 weeks" in ok("search", "parental leave", "-w", lab, "--group", "parents")
    assert "decided by the folder rule handbook/leave.md" in ok("access", "show", "handbook/leave.md", "-w", lab)
    assert assay("access", "who", "handbook/leave.md", "-w", lab).code == 1
    assert "member of parents" in ok("access", "who", "handbook/leave.md", "-w", lab, "--group", "parents")
    assert "parents" in ok("access", "list", "-w", lab)
    assert assay("access", "show", "no-such", "-w", lab).code == 64


@pytest.fixture
def plugin(tmp_path: Path) -> dict[str, str]:
    """An installed package with an access plug-in: a module, and the metadata that names it."""
    folder = tmp_path / "site"
    about = folder / "acl_demo-1.0.dist-info"
    about.mkdir(parents=True)
    (folder / "acl_demo.py").write_text(PLUGIN)
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: acl-demo\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text("[assay.access]\ndirectory = acl_demo:Directory\n")
    return {"PYTHONPATH": str(folder)}


def test_a_plugin_decides_and_closes_when_it_fails(lab: Path, plugin: dict[str, str]) -> None:
    find = ("search", "laptops ticket tool Foxglove", "-w", lab)
    assert "Foxglove" in ok(*find)
    rule(lab, "  folders: []\n  plugin: directory")
    unknown = assay("access", "apply", "-w", lab)
    assert (unknown.code, "plugin.unknown" in unknown.err) == (64, True)
    (lab / "directory.txt").write_text("it")
    assert "1 changed" in ok("access", "apply", "-w", lab, env=plugin)
    assert "Foxglove" not in ok(*find)
    assert "Foxglove" in ok(*find, "--group", "it")
    (lab / "directory.txt").unlink()
    failed = assay("access", "apply", "-w", lab, env=plugin)
    assert failed.code == 3
    assert "closed: the access plug-in failed (FileNotFoundError) on handbook/tools.txt" in failed.out
    assert "Foxglove" not in ok(*find, "--group", "it")
    assert "nobody" in ok("access", "show", "handbook/tools.txt", "-w", lab, env=plugin)


def test_nothing_ships_without_a_certificate_of_a_drill_that_found_no_leak(lab: Path, tmp_path: Path) -> None:
    """The drill leaves the workspace's documents, index, keys and traces as they were."""
    cases = tmp_path / "golden.jsonl"
    cases.write_text("\n".join(json.dumps(case) for case in CASES))
    ok("golden", "import", "small", cases, "-w", lab)
    config = lab / "assay.yaml"
    config.write_text(config.read_text().replace("gate:\n", "gate:\n  certificates: [access]\n"))
    assert "certificates" in config.read_text()
    bundles = [
        ok("bundle", "assistant", "-w", lab, "--set", f"apps.assistant.abstain.threshold={t}").splitlines()[0]
        for t in (0.1, 0.11)
    ]
    gate = ("gate", bundles[1], "--against", bundles[0], "--golden", "small", "-w", lab)
    without = assay(*gate)
    assert without.code == 3
    assert "certificate access: there is none: assay drill access" in without.out
    before = [ok(*command, "-w", lab) for command in UNTOUCHED]
    drilled = ok("drill", "access", "-w", lab, "--out", tmp_path / "access.json")
    assert "✓ nothing leaked" in drilled
    assert [ok(*command, "-w", lab) for command in UNTOUCHED] == before
    assert not (lab / ".assay" / "drill").exists()
    written = json.loads((tmp_path / "access.json").read_text())
    assert (written["passed"], written["facts"]["leaks"], written["findings"]) == (True, 0, [])
    assert "the signature holds" in ok("certificate", "verify", tmp_path / "access.json", "-w", lab)
    judged = assay(*gate)
    assert judged.code in (0, 2), judged.out + judged.err
    assert "✓ certificate access" in judged.out


UNTOUCHED = (("index", "status"), ("access", "list"), ("key", "list"), ("trace", "list"), ("runs", "list"))
