"""Writes docs/tutorial.md: runs the whole journey on real data with the installed command and keeps what it printed.

Needs ../shared/data. Takes some minutes: every page of a real handbook gets its vectors.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
DATA = ROOT.parent / "shared/data"
NOISE = re.compile(r"^(reading|embedding|calibrating|evaluating) [\d,]+/[\d,]+")


@dataclass
class Tutorial:
    """A page that grows by prose and by commands with their output."""

    home: Path
    names: dict[str, str] = field(default_factory=dict)
    lines: list[str] = field(default_factory=list)

    def say(self, text: str) -> None:
        self.lines += [text, ""]

    def run(self, command: str, folder: str, keep: str = "", most: int = 40) -> str:
        """Run one command as typed; with `keep`, its first word of output is remembered as `$KEEP`."""
        real = command
        for name, value in self.names.items():
            real = real.replace(f"${name}", value)
        real = real.replace("../data", str(DATA))
        env = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
        print("$", command, flush=True)
        done = subprocess.run(
            ["bash", "-c", real], cwd=self.home / folder, env=env, capture_output=True, text=True, check=False
        )
        kept = [line for line in (done.stdout + done.stderr).splitlines() if not NOISE.match(line)]
        shown = [self._tidy(line) for line in kept]
        if len(shown) > most:
            shown = [*shown[: most - 4], f"… {len(shown) - most + 2} lines left out here …", *shown[-2:]]
        code = [f"(exit code {done.returncode})"] if done.returncode else []
        self.lines += ["```", command, *shown, *code, "```", ""]
        if keep:
            self.names[keep] = kept[0].split()[0]
        return done.stdout

    def _tidy(self, line: str) -> str:
        return line.replace(str(self.home), "~").replace(str(DATA), "../data").rstrip()


def handbook(page: Tutorial) -> None:
    page.say("## A company handbook: 884 Markdown files")
    page.run("assay init handbook", ".")
    page.run("assay ingest ../data/documents/handbook-sourcegraph --wait", "handbook")
    page.say("Answers were possible while that ran; `--wait` stays until the vectors are done too. Questions the "
             "handbook answers, and one it cannot:")  # fmt: skip
    for question in ("What is the purpose of the MSEM framework?", "Who approves a security exception?",
                     "Who won the football world cup in 1990?"):  # fmt: skip
        page.run(f"assay ask {shlex.quote(question)}", "handbook")
    page.say("What was found for a question, with rank and score of every stage:")
    page.run('assay search "how do we handle a security incident" -n 3', "handbook")
    page.say("Running it again touches only what changed:")
    page.run("assay ingest ../data/documents/handbook-sourcegraph", "handbook", most=8)


def filings(page: Tutorial) -> None:
    page.say("## Five quarterly reports: PDF with page numbers")
    page.run("assay init filings", ".")
    page.run("assay ingest ../data/documents/sec-10q/*.pdf --wait", "filings")
    for question in ("What is Microsoft's revenue allocated to remaining performance obligations?",
                     "Who is the chief executive officer of Amazon?",
                     "How many employees does Tesla have?"):  # fmt: skip
        page.run(f"assay ask {shlex.quote(question)}", "filings")


def product_docs(page: Tutorial) -> None:
    page.say("## Product documentation with a golden set: prove a change")
    page.say("`claude-docs` comes with 100 questions, the sections that answer them, and gold answers in prose.")
    page.run("assay init docs", ".")
    page.run("assay ingest ../data/retrieval/claude-docs/corpus.jsonl --wait", "docs")
    page.run("assay golden import faq ../data/retrieval/claude-docs", "docs")
    page.run("assay golden check faq", "docs", most=12)
    page.say("Two parts: `dev` chooses the threshold, `test` is what is reported. No section stands on both sides.")
    page.run("assay golden split faq", "docs")
    page.run("assay calibrate assistant --golden faq --target-error 0.2", "docs")
    page.say("The app as it is becomes a bundle, is evaluated, and goes live. Nothing is live yet to compare it with, "
             "so the first release is an override with a reason that is kept:")  # fmt: skip
    page.run("assay bundle assistant", "docs", keep="BASELINE")
    page.run("assay eval $BASELINE --golden faq", "docs")
    page.run("assay release promote $BASELINE", "docs")
    page.run('assay release promote $BASELINE --override --reason "first release"', "docs")
    page.say("Somebody proposes to hand one passage to the generator instead of eight, because it is cheaper:")
    page.run("assay bundle assistant --set apps.assistant.retrieve.passages=1", "docs", keep="CANDIDATE")
    page.run("assay gate $CANDIDATE --against live --golden faq", "docs")
    page.run("assay compare live $CANDIDATE", "docs")
    page.run("assay release promote $CANDIDATE", "docs")
    page.say("It stays out. What is live, and how it came to be:")
    page.run("assay release history", "docs")
    page.run('assay ask "Which embeddings provider does Anthropic recommend?" --bundle live', "docs")
    page.run("assay trace list -n 3", "docs")


def main() -> None:
    if not DATA.exists():
        sys.exit("../shared/data is not here: the tutorial needs it")
    with tempfile.TemporaryDirectory() as home:
        page = Tutorial(Path(home))
        page.say("# Tutorial: three real collections, from documents to a gated release")
        page.say("A transcript, made by `python tools/tutorial.py`: every command was run as shown with the installed "
                 "`assay`, and what follows it is what it printed, progress lines left out. `../data` is the folder "
                 "of public data sets; use your own. Nothing here used a key or the network.")  # fmt: skip
        handbook(page)
        filings(page)
        product_docs(page)
        (ROOT / "docs/tutorial.md").write_text("\n".join(page.lines), encoding="utf-8")


if __name__ == "__main__":
    main()
