"""How long a real Inspect log of 2,000 samples takes to read, against Inspect's own reader on the same file.

The log is written by Inspect itself: a task of 2,000 questions with its mock model and three scorers, run in an
environment of its own under bench/.cache (made on the first run, with pip). Read means: from the bytes on disk to
cases, samples with replies, scores and metrics in memory. Import means: that, the golden set's version and everything
durable in a workspace's SQLite.

    python bench/inspect_log.py [--samples 2000] [--passes 5]
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
import venv
from pathlib import Path
from statistics import median

from assay.adapters.imports.inspect_log import read_inspect
from assay.adapters.imports.rows import Wishes
from assay.wiring.build import create_workspace, open_workspace
from assay.wiring.importing import import_runs

CACHE = Path(__file__).parent / ".cache" / "inspect"
BAR_S = 0.5
TASK = """
import random, sys
from inspect_ai import Task, eval, task
from inspect_ai.dataset import MemoryDataset, Sample
from inspect_ai.model import ModelOutput, ModelUsage, get_model
from inspect_ai.scorer import Score, includes, match, mean, scorer, stderr
from inspect_ai.solver import generate, system_message

WORDS = "the policy of the house says that a claim is paid when its receipt arrives within thirty days".split()
chance = random.Random(7)

def passage(words):
    return " ".join(chance.choice(WORDS) for _ in range(words))

@scorer(metrics=[mean(), stderr(cluster="document")])
def overlap():
    async def score(state, target):
        said, asked = set(state.output.completion.split()), set(state.input_text.split())
        share = len(said & asked) / max(1, len(asked))
        return Score(value=share, answer=state.output.completion, explanation=passage(20))
    return score

@task
def handbook(samples):
    cases = [Sample(id=f"case-{i:04}", input=f"{passage(60)}. What is {i} + {i % 7}?", target=str(i + i % 7),
                    metadata={"document": f"doc-{i // 10}", "kind": "sum"}) for i in range(samples)]
    return Task(dataset=MemoryDataset(cases, name="handbook"), scorer=[match(), includes(), overlap()],
                solver=[system_message("Answer from the handbook. " + passage(80)), generate()])

def answer():
    said = ModelOutput.from_content("mockllm/model", passage(40) + f" so it is {chance.randrange(2000)}")
    said.usage = ModelUsage(input_tokens=180, output_tokens=50, total_tokens=230)
    return said

if __name__ == "__main__":
    count = int(sys.argv[1])
    model = get_model("mockllm/model", custom_outputs=[answer() for _ in range(count)])
    log = eval(handbook(count), model=model, log_dir=sys.argv[2], display="none", max_samples=50, log_realtime=False)[0]
    print(log.location)
"""
PEER = """
import sys, time
from inspect_ai.log import read_eval_log
for _ in range(int(sys.argv[2])):
    began = time.perf_counter(); cpu = time.process_time()
    log = read_eval_log(sys.argv[1])
    print(len(log.samples), time.perf_counter() - began, time.process_time() - cpu)
"""


def environment() -> Path:
    """Inspect in an environment of its own."""
    python = CACHE / "bin" / "python"
    if not python.exists():
        print("making bench/.cache/inspect …", file=sys.stderr)
        venv.create(CACHE, with_pip=True)
    found = subprocess.run([python, "-c", "import inspect_ai"], capture_output=True)
    if found.returncode:
        subprocess.run([python, "-m", "pip", "install", "--quiet", "inspect-ai"], check=True, stdout=sys.stderr)
    return python


def real_log(python: Path, samples: int) -> Path:
    """The log, written once by Inspect and kept."""
    folder = CACHE / f"logs-{samples}"
    known = sorted(folder.glob("*.eval"))
    if known:
        return known[-1]
    print(f"Inspect evaluates {samples} samples …", file=sys.stderr)
    with tempfile.TemporaryDirectory() as place:
        (Path(place) / "task.py").write_text(TASK)
        command = [str(python), "task.py", str(samples), str(folder.resolve())]
        subprocess.run(command, cwd=place, check=True, stdout=sys.stderr)
    return sorted(folder.glob("*.eval"))[-1]


def ours(path: Path, passes: int) -> tuple[float, float, int]:
    """Median wall and CPU seconds of a read, and samples."""
    wall, cpu, count = [], [], 0
    for _ in range(passes):
        began, used = time.perf_counter(), time.process_time()
        (run,) = read_inspect(path.read_bytes(), path.name, Wishes())
        wall.append(time.perf_counter() - began)
        cpu.append(time.process_time() - used)
        count = len(run.samples)
    return median(wall), median(cpu), count


def imported(path: Path) -> float:
    """Seconds of one import into a new workspace."""
    with tempfile.TemporaryDirectory() as folder:
        place = open_workspace(create_workspace(Path(folder) / "work"))
        began = time.perf_counter()
        import_runs(place, path, name="bench")
        took = time.perf_counter() - began
        place.close()
    return took


def peer(python: Path, path: Path, passes: int) -> tuple[float, float]:
    out = subprocess.run([python, "-c", PEER, path, str(passes)], check=True, capture_output=True, text=True).stdout
    rows = [[float(cell) for cell in line.split()] for line in out.splitlines() if line[:1].isdigit()]
    return median(row[1] for row in rows), median(row[2] for row in rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--samples", type=int, default=2000)
    parser.add_argument("--passes", type=int, default=5)
    stated = parser.parse_args()
    python = environment()
    path = real_log(python, stated.samples)
    theirs_s, theirs_cpu = peer(python, path, min(3, stated.passes))
    ours_s, ours_cpu, count = ours(path, stated.passes)
    stored_s = imported(path)
    print(f"{path.name}: {count} samples, {path.stat().st_size / 1e6:.1f} MB, median of {stated.passes} passes\n")
    print(f"{'reader':<38}{'wall s':>9}{'CPU s':>9}{'ratio':>8}")
    print(f"{'inspect_ai read_eval_log (3 passes)':<38}{theirs_s:>9.3f}{theirs_cpu:>9.3f}{1.0:>8.2f}")
    print(f"{'Assay, read':<38}{ours_s:>9.3f}{ours_cpu:>9.3f}{ours_s / theirs_s:>8.2f}")
    print(f"{'Assay, imported into a workspace':<38}{stored_s:>9.3f}{'':>9}{stored_s / theirs_s:>8.2f}")
    print(f"\nbar: {BAR_S} s to read {stated.samples} samples: {'met' if ours_s <= BAR_S else 'missed'}")
    figures = {"seconds": round(ours_s, 3), "cpu_seconds": round(ours_cpu, 3), "import_seconds": round(stored_s, 3),
               "inspect_seconds": round(theirs_s, 3), "ratio": round(ours_s / theirs_s, 3),
               "samples": count}  # fmt: skip
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
