"""What people hand in by mistake: each gets a clear error with a stable code and a remedy, and nothing is lost."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from journey import ASSAY, Done, assay, ok
from small_disk import fill, small_disk

MARK = "Quetzalmark"
"""Stands in every document, question and answer here, and never in an error."""


def refused(done: Done, code: str, exit_code: int = 64, *, remedy: bool = True) -> str:
    """Expect one clear error, and give it back."""
    assert done.code == exit_code, done.out + done.err
    assert f"[{code}]" in done.err
    assert ("→" in done.err) or not remedy, done.err
    assert "Traceback" not in done.out + done.err
    assert MARK not in done.err
    return done.err


def workspace(folder: Path) -> Path:
    ok("init", folder)
    config = folder / "assay.yaml"
    config.write_text(config.read_text().replace("embedder: minilm", "embedder: none"))
    return folder


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace with two documents, one golden case that fits and one whose evidence nobody wrote."""
    root = tmp_path_factory.mktemp("small")
    docs = root / "docs"
    docs.mkdir()
    (docs / "leave.md").write_text(f"# Leave\n\nEvery parent takes 16 weeks of paid leave, says {MARK}.\n")
    (docs / "tools.md").write_text(f"# Tools\n\nLaptops are ordered through Foxglove, says {MARK}.\n")
    lab = workspace(root / "lab")
    ok("ingest", docs, "-w", lab)
    cases = [
        {"id": "leave", "question": f"How long is leave, {MARK}?", "answers": ["16 weeks"],
         "evidence": [{"doc": "docs/leave.md", "quote": "16 weeks of paid leave"}]},
        {"id": "gone", "question": f"Who is {MARK}?", "answers": ["nobody"],
         "evidence": [{"doc": "docs/leave.md", "quote": f"{MARK} is nobody"}]},
        {"id": "lost", "question": f"Where is {MARK}?", "answers": ["nowhere"],
         "evidence": [{"doc": "docs/never.md", "quote": f"{MARK} is nowhere"}]},
    ]  # fmt: skip
    golden = root / "golden.jsonl"
    golden.write_text("\n".join(map(json.dumps, cases)))
    ok("golden", "import", "small", golden, "-w", lab)
    return lab


def bad_files(folder: Path) -> Path:
    """One good document among everything that is none."""
    from fpdf import FPDF

    (folder / "loop").mkdir(parents=True)
    (folder / "good.md").write_text(f"# Good\n\nThe good document tells of {MARK} and marmalade.\n")
    (folder / "loop" / "again").symlink_to("..")
    (folder / "itself.md").symlink_to("itself.md")
    (folder / "one.md").write_text(f"---\nid: twin\n---\n# One\n\nThe first twin, {MARK}.\n")
    (folder / "two.md").write_text(f"---\nid: twin\n---\n# Two\n\nThe second twin, {MARK}.\n")
    (folder / "picture.md").write_bytes(MARK.encode() + bytes(range(256)) * 40)
    (folder / "broken.pdf").write_bytes(b"%PDF-1.7\n" + MARK.encode() + b"\n" * 50)
    (folder / "broken.docx").write_bytes(b"PK\x03\x04" + MARK.encode())
    text = f"# Büro\n\nDas Büro von {MARK} öffnet um ".encode() + b"\xff\xfe" + b" acht Uhr.\n"
    (folder / "torn.md").write_bytes(text)
    pdf = FPDF()
    pdf.add_page()
    pdf.set_font("helvetica")
    pdf.cell(text=MARK)
    pdf.set_encryption(owner_password="owner", user_password="user")
    pdf.output(str(folder / "locked.pdf"))
    with (folder / "huge.txt").open("wb") as file:
        file.write(MARK.encode())
        file.truncate(200_000_000)
    return folder


EXPECTED = {
    "good.md": ("added", ""),
    "loop/again": ("skipped", "ingest.symlink_loop"),
    "itself.md": ("skipped", "ingest.symlink_loop"),
    "one.md": ("added", ""),
    "two.md": ("failed", "ingest.duplicate_id"),
    "picture.md": ("failed", "ingest.binary"),
    "broken.pdf": ("failed", "ingest.unreadable_pdf"),
    "broken.docx": ("failed", "ingest.unreadable_docx"),
    "torn.md": ("added", "ingest.broken_utf8"),
    "locked.pdf": ("failed", "ingest.encrypted_pdf"),
    "huge.txt": ("failed", "ingest.too_large"),
}
SAYS_WHAT_TO_DO = {
    "ingest.duplicate_id": "give one of the two another id",
    "ingest.binary": "suffix of its real format",
    "ingest.unreadable_pdf": "save it again",
    "ingest.unreadable_docx": "save it",
    "ingest.encrypted_pdf": "without a password",
    "ingest.too_large": "ingest.max_file_mb",
}


def test_bad_files_cost_themselves_and_nothing_else(tmp_path: Path) -> None:
    docs, lab = bad_files(tmp_path / "docs"), workspace(tmp_path / "lab")
    first, peak_mb = measured("ingest", docs, "-w", lab, "--json")
    assert first.code == 0, first.err
    assert MARK not in first.out + first.err
    told = {one["source_uri"].partition("/docs/")[2]: one for one in json.loads(first.out)["outcomes"]}
    assert {name: (one["status"], one["code"]) for name, one in told.items()} == EXPECTED
    for one in told.values():
        assert SAYS_WHAT_TO_DO.get(one["code"], "") in one["reason"]
    assert peak_mb < 350, "a large file must not be read into memory"
    assert "marmalade" in ok("search", "marmalade", "-w", lab)
    (docs / "two.md").write_text(f"---\nid: other\n---\n# Two\n\nThe second twin, {MARK}.\n")
    again = ok("ingest", docs, "-w", lab)
    assert "1 added, 3 unchanged" in again
    for code in ("ingest.encrypted_pdf", "ingest.too_large", "ingest.binary"):
        assert code in again


MEASURE = """
import resource, subprocess, sys
code = subprocess.run(sys.argv[1:], check=False).returncode
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss, file=sys.stderr)
sys.exit(code)
"""


def measured(*arguments: object) -> tuple[Done, float]:
    """A command and the most memory it held, in MB.

    A small process stands between: Linux counts the memory of the process that forks as the child's until it executes,
    and this one may be large.
    """
    done = subprocess.run(
        [sys.executable, "-c", MEASURE, str(ASSAY), *map(str, arguments)], capture_output=True, text=True, check=False
    )
    said, _, kilobytes = done.stderr.rstrip("\n").rpartition("\n")
    return Done(done.returncode, done.stdout, said), int(kilobytes) / 1024


def test_what_this_user_may_not_read_is_reported_and_not_forgotten(tmp_path: Path) -> None:
    """A document that can be read no more stays until it can, or until its file is gone."""
    docs, lab = tmp_path / "docs", workspace(tmp_path / "lab")
    shut = docs / "shut"
    shut.mkdir(parents=True)
    (docs / "closed.md").write_text(f"# Closed\n\nThe closed document tells of {MARK} and marmalade.\n")
    (shut / "inside.md").write_text(f"# Inside\n\nThe inner document tells of {MARK} and honey.\n")
    ok("ingest", docs, "-w", lab)
    (docs / "closed.md").write_text(f"# Closed\n\nNow {MARK} tells of nothing.\n")
    (docs / "closed.md").chmod(0)
    shut.chmod(0)
    try:
        said = without_privileges("ingest", docs, "-w", lab)
    finally:
        shut.chmod(0o755)
    assert "ingest.unreadable " in said
    assert "give this user the right to read it" in said
    assert "ingest.unreadable_folder" in said
    assert MARK not in said
    assert "deleted" not in said
    for word in ("marmalade", "honey"):
        assert word in ok("search", word, "-w", lab)


def without_privileges(*arguments: object) -> str:
    """Run the command as a user whom file modes concern; root gives up the right to pass over them."""
    command = [str(ASSAY), *map(str, arguments)]
    if os.geteuid() == 0:
        if shutil.which("setpriv") is None:
            pytest.skip("root may read everything, and setpriv is not here")
        command = ["setpriv", "--bounding-set=-dac_override,-dac_read_search", *command]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    if "setpriv:" in done.stderr:
        pytest.skip("root may read everything, and may not give that up here")
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_an_empty_folder_and_a_folder_that_is_not_there_are_told_apart(small: Path, tmp_path: Path) -> None:
    (tmp_path / "void").mkdir()
    empty = assay("ingest", tmp_path / "void", "-w", small)
    refused(empty, "ingest.nothing_read")
    assert "ingest.empty_folder" in empty.out
    assert "check the path" in empty.out
    refused(assay("ingest", tmp_path / "void", tmp_path / "nowhere", "-w", small), "ingest.no_source")
    assert "16 weeks" in ok("search", "paid leave", "-w", small)


def test_what_is_not_there_is_named_with_what_is(small: Path) -> None:
    asked: list[tuple[tuple[str, ...], str]] = [
        (("ask", MARK, "--app", "nope"), "app.unknown"),
        (("ask", MARK, "--bundle", "live"), "release.nothing_live"),
        (("ask", "how", "long", MARK), "usage"),
        (("bundles", "show", "0123456789"), "store.no_bundle"),
        (("eval", "assistant", "--golden", "nope"), "golden.unknown"),
        (("eval", "nope", "--golden", "small"), "evaluate.unknown_system"),
        (("eval", "assistant", "--golden", "small", "--split", "nope"), "golden.empty_split"),
        (("golden", "import", "new", "nowhere.jsonl"), "golden.unreadable"),
        (("release", "promote", "0123456789"), "bundle.unknown"),
        (("release", "rollback", "--app", "nope"), "app.unknown"),
        (("runs", "show", "nope"), "store.no_run"),
        (("key", "revoke", "nope"), "store.no_key"),
        (("source", "remove", "/nowhere"), "source.unknown"),
        (("nope",), "usage"),
    ]
    with ThreadPoolExecutor(4) as pool:
        done = pool.map(lambda one: assay(*one[0], *(() if one[0] == ("nope",) else ("-w", small))), asked)
        for (_, code), result in zip(asked, done, strict=True):
            refused(result, code)


MALFORMED = {
    "apps: [": "config.syntax",
    "- just\n- a list\n": "config.type",
    "indx: {embedder: none}\n": "config.unknown_key",
    "ingest: {max_file_mb: many}\n": "config.value",
    "name: one\nname: two\n": "config.duplicate_key",
    "apps: {assistant: {model: nope}}\n": "config.value",
    "access: {csv: nowhere.csv}\n": "config.missing_file",
    "name: \udcff\n": "config.encoding",
}


def test_a_malformed_assay_yaml_is_refused_with_the_line(tmp_path: Path) -> None:
    (tmp_path / "doc.md").write_text(MARK)

    def ingest(number: int, text: str) -> Done:
        lab = tmp_path / str(number)
        lab.mkdir()
        (lab / "assay.yaml").write_text(text, encoding="utf-8", errors="surrogateescape")
        return assay("ingest", tmp_path / "doc.md", "-w", lab)

    with ThreadPoolExecutor(4) as pool:
        results = pool.map(ingest, range(len(MALFORMED)), MALFORMED)
        for code, done in zip(MALFORMED.values(), results, strict=True):
            assert "assay.yaml" in refused(done, code, remedy=False)
    lab = tmp_path / "0"
    (lab / "assay.yaml").unlink()
    refused(assay("search", MARK, "-w", lab), "config.no_workspace")


def test_a_setting_on_the_command_line_is_checked_like_the_file(small: Path) -> None:
    for setting, code in (("apps.assistant.abstain", "config.override"), ("ingest.max_file_mb=-1", "config.value")):
        refused(assay("ask", MARK, "-w", small, "--set", setting), code, remedy=False)


def test_a_case_whose_evidence_nobody_wrote_is_found_before_it_is_counted(small: Path) -> None:
    done = assay("golden", "check", "small", "-w", small)
    assert done.code == 1
    assert "Traceback" not in done.out + done.err
    assert MARK not in done.err
    assert "golden.evidence" in done.out
    lines = [line.split()[:3] for line in done.out.splitlines() if line.startswith("error")]
    assert {case for _, _, case in lines} == {"gone", "lost"}


def test_one_wrong_line_keeps_a_whole_golden_set_out(small: Path, tmp_path: Path) -> None:
    path = tmp_path / "wrong.jsonl"
    path.write_text(json.dumps({"id": "a", "question": MARK, "answers": ["x"]}) + f'\n{{"id": "b", "question": "{MARK}')
    assert "2" in refused(assay("golden", "import", "wrong", path, "-w", small), "golden.invalid")
    refused(assay("golden", "show", "wrong", "-w", small), "golden.unknown")


def test_a_port_in_use_is_said_at_once(small: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert str(port) in refused(assay("serve", "-w", small, "--port", port), "serve.port_in_use")


def until(true: Callable[[], bool], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_of_two_writers_the_second_is_told_who_the_first_is(tmp_path: Path) -> None:
    docs, lab = tmp_path / "docs", workspace(tmp_path / "lab")
    docs.mkdir()
    for number in range(40):
        (docs / f"{number}.md").write_text(f"# Number {number}\n\nThe document number {number} is by {MARK}.\n")
    lock = lab / ".assay" / "write.lock"
    first = subprocess.Popen(
        [str(ASSAY), "ingest", str(docs), "-w", str(lab)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    until(lambda: lock.exists() and lock.read_text().startswith(f"process {first.pid}"))
    until((lab / ".assay" / "index" / "engine" / "meta.json").exists)
    time.sleep(0.1)  # else it may be stopped while it opens the index, which nobody else can do then
    first.send_signal(signal.SIGSTOP)
    try:
        said = refused(assay("ingest", docs, "-w", lab), "workspace.busy")
        assert f"process {first.pid}: assay ingest" in said
        assert "documents" in ok("index", "status", "-w", lab)
    finally:
        first.send_signal(signal.SIGCONT)
    out, _ = first.communicate(timeout=60)
    assert first.returncode == 0
    assert "40 added" in out
    assert "40 unchanged" in ok("ingest", docs, "-w", lab)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    with small_disk(tmp_path / "disk") as folder:
        yield folder


def test_a_full_disk_stops_writing_and_not_reading(disk: Path, small: Path, tmp_path: Path) -> None:
    lab, more, rest = workspace(disk / "lab"), tmp_path / "more", disk / "rest"
    ok("ingest", small.parent / "docs", "-w", lab)
    more.mkdir()
    for number in range(60):
        body = "\n\n".join(f"Line {line} of {number} is about topic {line * number} by {MARK}." for line in range(300))
        (more / f"{number}.md").write_text(f"# Document {number}\n\n{body}\n")

    fill(rest)
    assert "16 weeks" in ok("search", "paid leave", "-w", lab)
    assert "16 weeks" in ok("ask", "How long is paid leave?", "-w", lab, "--set", "apps.assistant.abstain.threshold=0")
    refused(assay("golden", "import", "small", small.parent / "golden.jsonl", "-w", lab), "store.disk_full", 70)
    refused(assay("ingest", more, "-w", lab), "store.disk_full", 70)

    rest.unlink()
    done = assay("ingest", more, "-w", lab)
    refused(done, "index.disk" if "index.disk" in done.err else "store.disk_full", 70)
    assert "16 weeks" in ok("search", "paid leave", "-w", lab)

    subprocess.run(["mount", "-o", "remount,size=64m", disk], check=True)
    ok("ingest", more, "-w", lab)
    assert "60 unchanged" in ok("ingest", more, "-w", lab)
    assert "documents 62" in ok("index", "status", "-w", lab)
