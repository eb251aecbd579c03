"""Seconds from starting `assay ingest` on a real handbook of about 890 pages to the first cited answer.

The question is asked again and again by a second process, as a user would; the floor in the same run is the time that
reading the same bytes takes.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
HANDBOOK = ROOT.parent / "shared/data/documents/handbook-sourcegraph"
BIN = Path(sys.executable).parent
QUESTION = "How many weeks of paid parental leave does Sourcegraph offer?"


def ask(lab: Path) -> dict[str, object] | None:
    done = subprocess.run(
        [BIN / "assay", "ask", QUESTION, "-w", lab, "--json"], capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        return None
    reply = json.loads(done.stdout)["reply"]
    cited = [sentence for sentence in reply["sentences"] if sentence["citations"]]
    return reply if reply["outcome"] == "answered" and cited else None


def main() -> None:
    if not HANDBOOK.exists():
        print("skipped: ../shared/data/documents/handbook-sourcegraph is not here")
        print(json.dumps({"skipped": True}))
        return
    begun = time.monotonic()
    size = sum(len(path.read_bytes()) for path in HANDBOOK.rglob("*.md"))
    floor = time.monotonic() - begun
    with tempfile.TemporaryDirectory() as folder:
        lab = Path(folder) / "lab"
        subprocess.run([BIN / "assay", "init", lab], check=True, stdout=subprocess.DEVNULL)
        begun = time.monotonic()
        ingest = subprocess.Popen([BIN / "assay", "ingest", HANDBOOK, "-w", lab, "--no-vectors"],
                                  stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)  # fmt: skip
        reply = None
        while reply is None and time.monotonic() - begun < 120:
            reply = ask(lab)
        seconds = time.monotonic() - begun
        output, _ = ingest.communicate()
        whole = time.monotonic() - begun
        assert reply is not None, "no cited answer within two minutes"
    print(output)
    print(f"{'what':44}{'seconds':>9}{'limit':>7}")
    print(f"{f'reading {size / 1e6:.1f} MB of Markdown (floor)':44}{floor:9.2f}")
    print(f"{'first cited answer, from the start of ingest':44}{seconds:9.2f}{15:7}   ratio {seconds / 15:.2f}")
    print(f"{'whole ingest, lexical':44}{whole:9.2f}")
    print(json.dumps({"seconds": round(seconds, 2), "ingest_s": round(whole, 2), "floor_s": round(floor, 3)}))


if __name__ == "__main__":
    main()
