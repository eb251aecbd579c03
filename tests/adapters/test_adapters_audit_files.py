"""The audit log on disk: what is acknowledged is there, and whatever is done to it afterwards is found."""

from __future__ import annotations

import multiprocessing
import random
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from assay.adapters.audit_files import AuditFiles
from assay.adapters.clocks import FakeClock
from assay.adapters.signing import KeyFileSigner
from assay.govern import audit_verifier
from assay.govern.audit_verifier import verify
from assay.records.audit import AuditEvent
from assay.records.errors import CannotJudge, Unavailable

AT = "2026-01-01T00:00:00Z"


def event(number: int) -> AuditEvent:
    return AuditEvent("answer", "answered", AT, "acme", "a1", {"request": f"r{number}"}, {"passages": number})


def opened(folder: Path, **more: int) -> AuditFiles:
    return AuditFiles(folder / "audit", KeyFileSigner(folder / "signing.key"), FakeClock(), **more)  # type: ignore[arg-type]


def key(folder: Path) -> str:
    return KeyFileSigner(folder / "signing.key").public_key


def kept(folder: Path, numbers: int = 30, **more: int) -> Path:
    """A closed log of so many events; the folder it is in."""
    log = opened(folder, **more)
    for number in range(numbers):
        log.write([event(number)])
    log.checkpoint()
    return folder / "audit"


def test_what_was_taken_comes_back_in_order_and_is_whole(tmp_path: Path) -> None:
    log = opened(tmp_path)
    for number in range(500):
        log.note(event(number))
    log.close()
    found = [one for _, one in opened(tmp_path).events()]
    assert found[0].action == "audit.begin"
    assert found[1:] == [event(number) for number in range(500)]
    assert verify(tmp_path / "audit", key(tmp_path)) == []


def test_a_second_process_goes_on_where_the_first_stopped(tmp_path: Path) -> None:
    """Two logs open at once take turns, and segments follow each other."""
    one, other = opened(tmp_path, segment_bytes=600), opened(tmp_path, segment_bytes=600)
    for number in range(20):
        (one, other)[number % 2].write([event(number)])
    assert len(list((tmp_path / "audit").glob("0*.log"))) > 3
    assert [e.counts.get("passages") for _, e in opened(tmp_path).events()][1:] == list(range(20))
    assert verify(tmp_path / "audit", key(tmp_path)) == []


def _write_some(folder: Path) -> None:
    log = opened(folder)
    for number in range(50):
        log.write([event(number)])


def test_processes_that_write_at_once_make_one_chain(tmp_path: Path) -> None:
    workers = [multiprocessing.get_context("fork").Process(target=_write_some, args=(tmp_path,)) for _ in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert sum(1 for _ in opened(tmp_path).events()) == 151
    assert verify(tmp_path / "audit", key(tmp_path)) == []


def _flip(data: bytes, at: int) -> bytes:
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]


def _without_line(data: bytes, at: int) -> bytes:
    found = data.splitlines(keepends=True)
    return b"".join(found[:at] + found[at + 1 :])


def _swapped(data: bytes, at: int) -> bytes:
    found = data.splitlines(keepends=True)
    found[at], found[at + 1] = found[at + 1], found[at]
    return b"".join(found)


def _doubled(data: bytes, at: int) -> bytes:
    found = data.splitlines(keepends=True)
    return b"".join([*found[: at + 1], *found[at:]])


@pytest.mark.parametrize("by_line", [_without_line, _swapped, _doubled])
def test_every_line_taken_out_moved_or_doubled_is_found(tmp_path: Path, by_line: Callable[[bytes, int], bytes]) -> None:
    (segment,) = kept(tmp_path).glob("0*.log")
    whole = segment.read_bytes()
    public = key(tmp_path)
    for at in range(0, len(whole.splitlines()) - 1, 3):
        segment.write_bytes(by_line(whole, at))
        assert verify(tmp_path / "audit", public) != [], at
    segment.write_bytes(whole)
    assert verify(tmp_path / "audit", public) == []


def test_every_flipped_bit_and_every_cut_is_found(tmp_path: Path) -> None:
    """One bit of bytes all over the log, and the log cut off all over; the benchmark tries more."""
    (segment,) = kept(tmp_path, 2).glob("0*.log")
    whole = segment.read_bytes()
    public = key(tmp_path)
    for at in range(60, len(whole), 3):
        segment.write_bytes(_flip(whole, at))
        assert verify(tmp_path / "audit", public) != [], at
    for at in range(0, len(whole) - 1, 29):
        segment.write_bytes(whole[:at])
        assert verify(tmp_path / "audit", public) != [], at


def test_a_log_written_anew_by_somebody_without_the_key_is_found(tmp_path: Path) -> None:
    """Even a whole and consistent chain of other events under another key."""
    kept(tmp_path)
    public = key(tmp_path)
    (tmp_path / "signing.key").unlink()
    forged = tmp_path / "forged"
    forged.mkdir()
    folder = kept(forged)
    assert verify(folder, key(forged)) == []
    assert verify(folder, public) != []


def test_a_whole_segment_taken_away_is_found_and_a_pruned_one_is_told(tmp_path: Path) -> None:
    log = opened(tmp_path, segment_bytes=1500)
    for number in range(40):
        log.write([AuditEvent("answer", "answered", f"2026-01-{number // 2 + 1:02}T00:00:00Z", "acme")])
    folder = tmp_path / "audit"
    segments = sorted(folder.glob("0*.log"))
    assert len(segments) > 4
    moved = segments[0].rename(tmp_path / "away")
    assert any("missing" in line for line in verify(folder, key(tmp_path)))
    moved.rename(segments[0])
    last_line = segments[-1].read_bytes()
    segments[-1].unlink()
    assert any("cut off" in line for line in verify(folder, key(tmp_path)))
    segments[-1].write_bytes(last_line)
    removed = log.prune("2026-01-10T00:00:00Z")
    assert removed > 5
    assert not segments[0].exists()
    assert verify(folder, key(tmp_path)) == []
    log.write([event(1)])
    assert verify(folder, key(tmp_path)) == []


def test_nothing_is_written_behind_a_log_that_was_cut_off(tmp_path: Path) -> None:
    """Else the next head would cover it up."""
    (segment,) = kept(tmp_path).glob("0*.log")
    segment.write_bytes(_without_line(segment.read_bytes(), 30))
    with pytest.raises(CannotJudge) as error:
        opened(tmp_path).write([event(1)])
    assert error.value.code == "audit.cut_off"
    log = opened(tmp_path)
    log.note(event(1))
    with pytest.raises(CannotJudge):
        log.flush()
    with pytest.raises(CannotJudge):
        log.note(event(2))


def test_an_unfinished_line_of_a_crash_is_taken_off(tmp_path: Path) -> None:
    (segment,) = kept(tmp_path, 3).glob("0*.log")
    with segment.open("ab") as file:
        file.write(b"0123456789abcdef half a li")
    opened(tmp_path).write([event(3)])
    assert [e.counts.get("passages") for _, e in opened(tmp_path).events()][1:] == [0, 1, 2, 3]
    assert verify(tmp_path / "audit", key(tmp_path)) == []


def test_a_log_that_cannot_be_written_stops_what_must_be_logged(tmp_path: Path) -> None:
    (tmp_path / "audit").write_text("a file where the folder should be")
    log = opened(tmp_path)
    log.note(event(1))
    with pytest.raises(Unavailable) as error:
        log.flush()
    assert error.value.code == "audit.disk"


def test_the_verifier_needs_nothing_but_python(tmp_path: Path) -> None:
    """Run alone, isolated from installed packages; its signature check agrees with the library's."""
    folder = kept(tmp_path)
    alone = [sys.executable, "-I", "-S", audit_verifier.__file__, str(folder), key(tmp_path)]
    done = subprocess.run(alone, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "the audit log is whole\n")
    (segment,) = folder.glob("0*.log")
    segment.write_bytes(_flip(segment.read_bytes(), 200))
    done = subprocess.run(alone, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    signer = KeyFileSigner(tmp_path / "signing.key")
    rng = random.Random(1)
    for _ in range(5):
        data = rng.randbytes(40)
        made = signer.sign(data)
        assert audit_verifier.signed(signer.public_key, made, data)
        assert not audit_verifier.signed(signer.public_key, made, data + b"x")
        other = "01" if made.endswith("00") else "00"  # the last byte of one signature in sixteen is zero
        assert not audit_verifier.signed(signer.public_key, made[:-2] + other, data)
    assert not audit_verifier.signed("zz", "00", b"")


def test_a_checkpoint_kept_elsewhere_finds_a_log_that_was_rolled_back(tmp_path: Path) -> None:
    """A copy of the whole folder from earlier is consistent in itself: only what was kept outside tells."""
    folder = kept(tmp_path, 5)
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    opened(tmp_path).write([event(9)])
    outside = (folder / "head").read_text()
    for path in folder.iterdir():
        path.unlink()
    for name, data in before.items():
        (folder / name).write_bytes(data)
    assert verify(folder, key(tmp_path)) == []
    assert any("cut off" in line for line in verify(folder, key(tmp_path), outside))
