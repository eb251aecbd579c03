"""How many events the audit log takes, what an event costs an answer, and whether whatever is done to a log is found.

    make bench NAME=audit

The floor is a plain file of the same JSON lines, appended and synced in the same batches by the same process.
"""

from __future__ import annotations

import json
import os
import random
import sys
import tempfile
import time
from pathlib import Path

import msgspec

from assay.adapters.audit_files import BATCH, AuditFiles
from assay.adapters.clocks import SystemClock
from assay.adapters.signing import KeyFileSigner
from assay.govern.audit_verifier import verify
from assay.records.audit import AuditEvent

EVENTS = 200_000
ROUNDS = 5
TAMPERED = 200


def event(number: int) -> AuditEvent:
    subject = {
        "app": "assistant",
        "bundle": "b" * 64,
        "request": f"{number:032x}",
        "input_hmac": f"{number * 7:032x}",
        "output_hmac": f"{number * 11:032x}",
    }
    counts: dict[str, int | float] = {"passages": 8, "sentences": 3, "ms": 41.5}
    return AuditEvent("answer", "answered", "2026-01-01T00:00:00Z", "acme", "a" * 32, subject, counts)


def floor(folder: Path, events: list[AuditEvent]) -> float:
    began = time.perf_counter()
    file = os.open(folder / "plain.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    for start in range(0, len(events), BATCH):
        os.write(file, b"\n".join(map(msgspec.json.encode, events[start : start + BATCH])))
        os.fsync(file)
    os.close(file)
    return len(events) / (time.perf_counter() - began)


def rate(folder: Path, events: list[AuditEvent]) -> tuple[float, float]:
    """Events a second until all are on disk, and microseconds that a caller waits for one to be taken."""
    log = AuditFiles(folder / "audit", KeyFileSigner(folder / "key"), SystemClock())
    began = time.perf_counter()
    for one in events:
        log.note(one)
    taken = time.perf_counter() - began
    log.flush(120.0)
    spent = time.perf_counter() - began
    log.close()
    return len(events) / spent, taken / len(events) * 1e6


def tampering(folder: Path) -> dict[str, tuple[int, int]]:
    """Kind of change to how often it was made and how often it was found."""
    signer = KeyFileSigner(folder / "key")
    log = AuditFiles(folder / "audit", signer, SystemClock())
    log.write([event(number) for number in range(200)])
    (segment,) = (folder / "audit").glob("0*.log")
    whole = segment.read_bytes()
    lines = whole.splitlines(keepends=True)
    rng = random.Random(7)
    found: dict[str, tuple[int, int]] = {}

    def tried(kind: str, data: bytes) -> None:
        segment.write_bytes(data)
        times, seen = found.get(kind, (0, 0))
        found[kind] = (times + 1, seen + bool(verify(folder / "audit", signer.public_key)))

    for _ in range(TAMPERED):
        at = rng.randrange(len(whole))
        tried("flip", whole[:at] + bytes([whole[at] ^ 1 << rng.randrange(8)]) + whole[at + 1 :])
        line = rng.randrange(len(lines) - 1)
        tried("deletion", b"".join(lines[:line] + lines[line + 1 :]))
        other = rng.randrange(len(lines) - 1)
        if other != line:
            moved = list(lines)
            moved[line], moved[other] = moved[other], moved[line]
            tried("reorder", b"".join(moved))
        tried("truncation", whole[: rng.randrange(len(whole) - 1)])
        print(".", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    segment.write_bytes(whole)
    if verify(folder / "audit", signer.public_key):
        raise AssertionError("an untouched log was found to be changed")
    return found


def main() -> None:
    events = [event(number) for number in range(EVENTS)]
    rates: list[float] = []
    waits: list[float] = []
    floors: list[float] = []
    for _ in range(ROUNDS):
        with tempfile.TemporaryDirectory() as name:
            floors.append(floor(Path(name), events))
            per_second, wait = rate(Path(name), events)
        rates.append(per_second)
        waits.append(wait)
        print(f"{per_second:,.0f} events/s", file=sys.stderr)
    middle = sorted(rates)[ROUNDS // 2]
    plain = sorted(floors)[ROUNDS // 2]
    with tempfile.TemporaryDirectory() as name:
        changes = tampering(Path(name))
    print(f"{'':32}{'median':>12}{'lowest':>12}{'floor':>12}{'ratio':>8}")
    print(f"{'events/s, chained and signed':32}{middle:12,.0f}{min(rates):12,.0f}{plain:12,.0f}{middle / plain:8.2f}")
    print(f"{'µs that an answer waits':32}{sorted(waits)[ROUNDS // 2]:12.2f}{max(waits):12.2f}")
    for kind, (times, seen) in changes.items():
        print(f"{kind + ' found':32}{seen:>12} of {times}")
    print(
        json.dumps(
            {
                "events_per_s": round(middle),
                "us_per_event": round(sorted(waits)[ROUNDS // 2], 2),
                "ratio_to_plain_file": round(middle / plain, 3),
                "tampered": sum(times for times, _ in changes.values()),
                "found": sum(seen for _, seen in changes.values()),
            }
        )
    )


if __name__ == "__main__":
    main()
