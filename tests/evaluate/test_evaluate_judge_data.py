"""What real comparisons say of judges comes out of our numbers: LLMBar pairs in both orders, and debias verdicts."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from assay.adapters.clocks import FakeClock
from assay.adapters.memory_ledger import MemoryLedger
from assay.evaluate.judges.agreement import agreement
from assay.evaluate.judges.estimate import Unit, corrected
from assay.evaluate.judges.judge import Judge
from assay.evaluate.judges.pairs import PairStats, pair_stats
from assay.evaluate.judges.running import Keeping, Piece, run_judge
from assay.records.judging import JudgeKind, JudgeSpec, Material
from judge_brains import chat, says

DATA = Path(__file__).resolve().parents[2] / ".." / "shared" / "data" / "judge"
pytestmark = [pytest.mark.data, pytest.mark.skipif(not DATA.is_dir(), reason="../shared/data/judge is not here")]
SETS = ("Natural", "Adversarial/Neighbor", "Adversarial/GPTInst", "Adversarial/GPTOut", "Adversarial/Manual")


def llmbar() -> list[dict[str, Any]]:
    return [row for name in SETS for row in json.loads((DATA / "llmbar/LLMBar" / name / "dataset.json").read_text())]


async def judged(wrong: int, flipping: int) -> tuple[PairStats, int]:
    """LLMBar's 419 pairs before a judge that is wrong in both orders on the first `wrong` and says "first" on the next
    `flipping`; the second reply of every pair is the one that people prefer. Also the answers it gave rightly."""
    rows = llmbar()
    assert len(rows) == 419
    materials = []
    for row in rows:
        good, bad = row[f"output_{row['label']}"], row[f"output_{3 - row['label']}"]
        materials.append(Material(row["input"], bad, other=good))
    number = {digest(one.question, one.reply, one.other): n for n, one in enumerate(materials)}
    right = 0

    def answer(blocks: dict[str, str]) -> dict[str, Any]:
        nonlocal right
        first, second = blocks["first reply"], blocks["second reply"]
        n = number.get(digest(blocks["question"], first, second))
        gold = "second" if n is not None else "first"
        n = number[digest(blocks["question"], second, first)] if n is None else n
        said = "first" if wrong <= n < wrong + flipping else gold
        said = {"first": "second", "second": "first"}[said] if n < wrong else said
        right += said == gold
        return {"why": "", "winner": said}

    spec = JudgeSpec("better", JudgeKind.PAIRWISE, criterion="better", probe="never")
    pieces = [Piece(f"p-{n}", 0, material) for n, material in enumerate(materials)]
    done = await run_judge(
        Judge(spec, chat(says(answer))), pieces, Keeping(MemoryLedger(), "judge.pair", "x", FakeClock())
    )
    return pair_stats(done.verdicts, {}), right


def digest(*texts: str) -> str:
    """By what is left of texts inside a frame: lines and visible characters."""
    return hashlib.sha256(repr([text.split() for text in texts]).encode()).hexdigest()


@pytest.mark.parametrize(("flipping", "wrong"), [(143, 100)], ids=["65.9 % agree"])
async def test_flip_rate_and_accuracy_are_what_the_answers_say(flipping: int, wrong: int) -> None:
    stats, right = await judged(wrong, flipping)
    assert (stats.pairs, stats.flips, stats.unscored) == (419, flipping, {})
    assert stats.flip_rate is not None
    assert stats.win_rate is not None
    assert stats.flip_rate.estimate == pytest.approx(flipping / 419)
    assert stats.flip_rate.low < flipping / 419 < stats.flip_rate.high
    assert stats.win_rate.estimate == pytest.approx(right / (2 * 419))
    assert stats.consistent_won == 419 - flipping - wrong
    assert stats.consistent_win_rate is not None
    assert stats.consistent_win_rate.estimate == pytest.approx((419 - flipping - wrong) / (419 - flipping))


def debias(name: str, judge: str) -> list[tuple[bool, bool]]:
    """Whether claude-opus-4 won, by people and by the judge; rows without a pick are left out."""
    rows = json.loads((DATA / "debias" / f"claude-opus-4-20250514_vs_{name}_{judge}.json").read_text())
    found = []
    for row in rows:
        if row["judge_pick"]:
            claude = "model_a" if row["model_a"].startswith("claude") else "model_b"
            found.append((row["human_winner"] == claude, f"model_{row['judge_pick'].lower()}" == claude))
    return found


KNOWN = [
    ("gemini-2.5-pro", "gpt-4o-mini", 276, 0.236, 0.159, 0.014, 0.169, 0.844),
    ("qwen3-235b-a22b-no-thinking", "gpt-5.2", 275, 0.400, 0.705, 0.005, None, None),
]


@pytest.mark.parametrize(("name", "judge", "n", "human", "judge_rate", "kappa", "tpr", "tnr"), KNOWN)
def test_a_card_has_the_figures_that_are_known_of_these_judges(
    name: str, judge: str, n: int, human: float, judge_rate: float, kappa: float, tpr: float | None, tnr: float | None
) -> None:
    rows = debias(name, judge)
    found = agreement([j for _, j in rows], [h for h, _ in rows], [str(i) for i in range(len(rows))])
    assert found.n == n
    assert found.human_rate == pytest.approx(human, abs=5e-4)
    assert found.judged_rate == pytest.approx(judge_rate, abs=5e-4)
    assert found.kappa is not None
    assert found.kappa.estimate == pytest.approx(kappa, abs=5e-4)
    if tpr is not None and tnr is not None:
        assert found.tpr is not None
        assert found.tnr is not None
        assert found.tpr.estimate == pytest.approx(tpr, abs=5e-4)
        assert found.tnr.estimate == pytest.approx(tnr, abs=5e-4)


@pytest.mark.parametrize(("name", "judge"), [row[:2] for row in KNOWN])
def test_with_labels_on_some_the_interval_holds_what_people_say_of_all(name: str, judge: str) -> None:
    rows = debias(name, judge)
    truth = sum(human for human, _ in rows) / len(rows)
    units = [Unit(str(n), str(int(j)), float(h) if n % 4 == 0 else None) for n, (h, j) in enumerate(rows)]
    found = corrected(units)
    assert found is not None
    assert found.low < truth < found.high
    naive = sum(j for _, j in rows) / len(rows)
    assert abs(found.estimate - truth) < abs(naive - truth)
