"""Two processes on one workspace, and one that is killed."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from textwrap import dedent

import pytest

from assay.adapters.files import FileBlobs, WorkspaceLock
from assay.adapters.sql.database import open_database
from assay.adapters.sql.release import SqlReleases
from assay.adapters.sql.runs import SqlRuns
from assay.records.errors import Busy, CannotJudge, NotFound, Unavailable

EXAMPLES = Path(__file__).parent.parent / "conformance"


def start(code: str, *arguments: object) -> subprocess.Popen[str]:
    """A second process that runs `code` with the examples of records at hand."""
    return subprocess.Popen(
        [sys.executable, "-c", dedent(code), *map(str, arguments)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(EXAMPLES), *sys.path])},
    )


JOURNAL = """
    import sys
    from store_examples import run, sample
    from assay.adapters.sql.database import open_database
    from assay.adapters.sql.runs import SqlRuns
    runs = SqlRuns(open_database(sys.argv[1]))
    runs.create(run())
    number = 0
    while True:
        names = [f"c-{number + step}" for step in range(7)]
        runs.append("run-1", [sample(name) for name in names])
        print(" ".join(names), flush=True)
        number += 7
"""


def test_a_killed_process_loses_no_sample_that_it_was_told_is_kept(tmp_path: Path) -> None:
    with start(JOURNAL, tmp_path / "assay.db") as process:
        assert process.stdout is not None
        told = {name for _ in range(20) for name in process.stdout.readline().split()}
        process.send_signal(signal.SIGKILL)
        told.update(
            name
            for line in process.stdout.read().splitlines(keepends=True)
            if line[-1] == "\n"
            for name in line.split()
        )
    runs = SqlRuns(open_database(tmp_path / "assay.db"))
    kept = [sample.case_id for sample in runs.samples("run-1")]
    assert len(told) >= 140
    assert told <= set(kept)
    assert len(kept) == len(set(kept))
    assert len(kept) % 7 == 0


SWAP = """
    import sys
    from store_examples import event
    from assay.adapters.sql.database import open_database
    from assay.adapters.sql.release import SqlReleases
    from assay.records.errors import Busy
    releases = SqlReleases(open_database(sys.argv[1]))
    print("ready", flush=True)
    sys.stdin.readline()
    won = 0
    for _ in range(60):
        pointer = releases.pointer("helpdesk")
        try:
            releases.swap(event(sys.argv[2] * 64), pointer.revision if pointer else 0)
            won += 1
        except Busy as busy:
            assert busy.code == "release.moved", busy.code
    print(won, flush=True)
"""


def test_two_processes_that_swap_the_pointer_never_both_win_a_revision(tmp_path: Path) -> None:
    with start(SWAP, tmp_path / "assay.db", "1") as one, start(SWAP, tmp_path / "assay.db", "2") as two:
        for process in (one, two):
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
        won = sum(int(process.communicate("go\n")[0]) for process in (one, two))
    releases = SqlReleases(open_database(tmp_path / "assay.db"))
    history = releases.history("helpdesk")
    pointer = releases.pointer("helpdesk")
    assert [event.revision for event in history] == list(range(won, 0, -1))
    assert pointer is not None
    assert (pointer.revision, pointer.bundle_id) == (won, history[0].bundle_id)


HOLD = """
    import sys
    from pathlib import Path
    from assay.adapters.files import WorkspaceLock
    with WorkspaceLock(Path(sys.argv[1]), "ingest"):
        print("held", flush=True)
        sys.stdin.readline()
"""


def test_a_second_process_is_told_who_holds_the_workspace_and_why(tmp_path: Path) -> None:
    lock = tmp_path / "work" / "lock"
    with start(HOLD, lock) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(Busy) as busy, WorkspaceLock(lock, "eval"):
            pass
        assert busy.value.code == "workspace.busy"
        assert f"process {holder.pid}: ingest" in str(busy.value)
        holder.communicate("end\n")
    with WorkspaceLock(lock, "eval"):
        pass


def test_a_killed_holder_leaves_the_workspace_free(tmp_path: Path) -> None:
    with start(HOLD, tmp_path / "lock") as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        holder.kill()
        holder.wait()
        with WorkspaceLock(tmp_path / "lock", "eval"):
            pass


def test_two_holders_in_one_process_exclude_each_other(tmp_path: Path) -> None:
    with WorkspaceLock(tmp_path / "lock", "ingest"), pytest.raises(Busy, match=f"process {os.getpid()}: ingest"):
        WorkspaceLock(tmp_path / "lock", "eval").__enter__()


def test_two_processes_may_make_one_database_at_once(tmp_path: Path) -> None:
    code = "import sys; from assay.adapters.sql.database import open_database; open_database(sys.argv[1]); print('{}')"
    processes = [start(code, tmp_path / "assay.db") for _ in range(3)]
    assert [json.loads(process.communicate()[0]) for process in processes] == [{}] * 3


def test_a_blob_whose_bytes_changed_is_not_handed_out_and_putting_it_again_mends_it(tmp_path: Path) -> None:
    blobs = FileBlobs(tmp_path)
    digest = blobs.put(b"the text of a document")
    place = tmp_path / digest[:2] / digest
    place.chmod(0o644)
    place.write_bytes(b"another text of a document")
    with pytest.raises(CannotJudge) as damaged:
        blobs.get(digest)
    assert damaged.value.code == "blob.digest_mismatch"
    assert "another text" not in str(damaged.value)
    blobs.put(b"the text of a document")
    assert blobs.get(digest) == b"the text of a document"


@pytest.mark.parametrize("name", ["../../etc/passwd", "", "g" * 64, "A" * 64, "a" * 63, "a" * 64 + "\n"])
def test_a_name_that_is_no_digest_never_reaches_the_file_system(tmp_path: Path, name: str) -> None:
    with pytest.raises(NotFound):
        FileBlobs(tmp_path).get(name)


def test_a_blob_that_cannot_be_written_whole_is_not_there_at_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(Unavailable) as failed:
        FileBlobs(tmp_path).put(b"data")
    assert failed.value.code == "store.disk_full"
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []
