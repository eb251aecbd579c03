"""Verify an Assay audit log with nothing but Python: `python audit_verifier.py FOLDER PUBLIC_KEY`.

Give the public key from a place of your own (`assay audit key` prints it), and, if you kept one, a checkpoint line from
outside the machine as third argument. Prints what holds and what does not; exit code 0 or 1. Standard library only.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

P = 2**255 - 19  # the field, order and constants of edwards25519 (RFC 8032, section 5.1)
ORDER = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P
Point = tuple[int, int, int, int]


def _add(p: Point, q: Point) -> Point:
    a, b = (p[1] - p[0]) * (q[1] - q[0]) % P, (p[1] + p[0]) * (q[1] + q[0]) % P
    c, d = 2 * p[3] * q[3] * D % P, 2 * p[2] * q[2] % P
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % P, g * h % P, f * g % P, e * h % P


def _times(number: int, point: Point) -> Point:
    total: Point = (0, 1, 1, 0)
    while number:
        total = _add(total, point) if number & 1 else total
        point, number = _add(point, point), number >> 1
    return total


def _point(data: bytes) -> Point | None:
    y = int.from_bytes(data, "little")
    sign, y = y >> 255, y & (2**255 - 1)
    square = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P:
        x = x * pow(2, (P - 1) // 4, P) % P
    if y >= P or (x * x - square) % P or (x == 0 and sign):
        return None
    x = P - x if x & 1 != sign else x
    return x, y, 1, x * y % P


BASE = _point((4 * pow(5, P - 2, P) % P).to_bytes(32, "little"))


def signed(key: str, signature: str, data: bytes) -> bool:
    """True when `signature` over `data` was made with the key (Ed25519 verification of RFC 8032, section 5.1.7)."""
    try:
        public, made = bytes.fromhex(key), bytes.fromhex(signature)
    except ValueError:
        return False
    if len(public) != 32 or len(made) != 64:
        return False
    a, r, s = _point(public), _point(made[:32]), int.from_bytes(made[32:], "little")
    if a is None or r is None or BASE is None or s >= ORDER:
        return False
    h = int.from_bytes(hashlib.sha512(made[:32] + public + data).digest(), "little") % ORDER
    left, right = _times(s, BASE), _add(r, _times(h, a))
    return (left[0] * right[2] - right[0] * left[2]) % P == (left[1] * right[2] - right[1] * left[2]) % P == 0


def checkpoints(folder: Path, kept: str) -> Iterator[dict[str, Any]]:
    """Every checkpoint beside the log, the head, and the one that was kept elsewhere."""
    for name in ("checkpoints.log", "head"):
        path = folder / name
        for line in path.read_text().splitlines() if path.exists() else ():
            yield json.loads(line)
    if kept:
        yield json.loads(kept)


def number_of(body: bytes) -> int:
    """The number of a log's first line, 1 when that is no line."""
    try:
        return int(json.loads(body)["seq"])
    except (ValueError, KeyError, TypeError):
        return 1


def verify(folder: Path, key: str, kept: str = "") -> list[str]:
    """What is wrong, empty when nothing is."""
    stated: dict[int, str] = {}
    wrong: list[str] = []
    for point in checkpoints(folder, kept):
        text = f"assay-audit-checkpoint\n{point['chain']}\n{point['seq']}\n{point['hash']}\n{point['at']}"
        if point["public_key"] != key or not signed(key, point["signature"], text.encode()):
            wrong.append(f"checkpoint {point['seq']}: not signed with this key")
        elif stated.setdefault(point["seq"], point["hash"]) != point["hash"]:
            wrong.append(f"checkpoint {point['seq']}: two of this number differ")
    seq, last, first, pruned = None, "0" * 64, 1, 0
    for segment in sorted(folder.glob("[0-9]*.log")):
        for line in segment.read_bytes().removesuffix(b"\n").split(b"\n"):
            shown, body = line[:64].decode("ascii", "replace"), line[65:]
            if seq is None:  # older segments may be gone by the rules of retention: a checkpoint vouches for the start
                first = number_of(body)
                seq, last = first - 1, stated.get(first - 1, "0" * 64)
            if line[64:65] != b" " or hashlib.sha256(last.encode() + body).hexdigest() != shown:
                return [*wrong, f"line {seq + 1}: changed, missing, moved or torn"]
            event = json.loads(body)
            if event["seq"] != seq + 1:
                return [*wrong, f"line {seq + 1}: numbered {event['seq']}"]
            seq, last = seq + 1, shown
            if stated.get(seq, last) != last:
                wrong.append(f"line {seq}: another hash than its checkpoint")
            if event["action"] == "audit.pruned":
                pruned = max(pruned, event["counts"]["through"])
    if first - 1 > pruned:
        wrong.append(f"lines before {first} are missing, and no line says that they were removed")
    if not stated:
        wrong.append("no checkpoint: a log that was cut off would look whole")
    elif max(stated) > (seq or 0):
        wrong.append(f"cut off: checkpoints reach to line {max(stated)}, the log to {seq or 0}")
    return wrong


if __name__ == "__main__":
    problems = verify(Path(sys.argv[1]), sys.argv[2], sys.argv[3] if len(sys.argv) > 3 else "")
    print("\n".join(problems) or "the audit log is whole")
    sys.exit(1 if problems else 0)
