"""In a real browser no word of a figure covers another or is cut off, whatever its data, and a page does not scroll."""

from __future__ import annotations

import math
import random
from pathlib import Path

import pytest
from playwright.async_api import async_playwright

from assay.evaluate.page import page, section
from assay.plot.distribution import Distribution, QuantileRow, Series, figure_distribution
from assay.plot.figure import Figure
from assay.plot.flips import FlipRow, Flips, figure_flips
from assay.plot.forest import ForestRow, figure_forest
from assay.plot.intervals import IntervalRow, Slices, figure_slices
from assay.plot.judge_card import JudgeCard, figure_judge_card
from assay.plot.power import PowerCurve, PowerLine, figure_power
from assay.plot.reliability import Bin, Reliability, figure_reliability
from assay.plot.risk import RiskCoverage, RiskPoint, figure_risk_coverage
from assay.plot.variance import VariancePart, VarianceSplit, figure_variance

pytestmark = pytest.mark.browser

COLLISIONS = """() => {
  const found = [];
  for (const svg of document.querySelectorAll("svg.plot")) {
    const name = svg.querySelector("title").textContent, frame = svg.getBoundingClientRect();
    const texts = [...svg.querySelectorAll("text")].map((e) => [e.lastChild.textContent, e.getBoundingClientRect()]);
    texts.forEach(([words, a], i) => {
      if (a.left < frame.left - 1 || a.right > frame.right + 1 || a.top < frame.top - 1 || a.bottom > frame.bottom + 1)
        found.push(`${name}: cut off: ${words}`);
      for (const [other, b] of texts.slice(i + 1)) {
        const across = Math.min(a.right, b.right) - Math.max(a.left, b.left);
        const down = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
        if (across > 1 && down > 3) found.push(`${name}: ${words} over ${other}`);
      }
    });
  }
  return found;
}"""
LONG = "a_name_that_somebody_made_up=and-that-does-not-end"


def points(top: float) -> tuple[RiskPoint, ...]:
    return tuple(
        RiskPoint(1 - k / 99, k / 99, top * k / 99, 0.0, min(1.0, top * k / 99 + 0.1), k) for k in range(1, 100)
    )


def gallery() -> list[Figure]:
    draw = random.Random(2)
    rows = [
        ForestRow(f"{LONG}{n}"[: 12 + n], LONG if n % 3 else "", n / 10**scale, (n - 2) / 10**scale,
                  (n + 1) / 10**scale, 123456 if n == 3 else 150, 20 + n, 30000 if n == 3 else 7, 99,
                  unit, margin=0.01 if n % 2 else None, state="open")
        for unit, scale in (("", 2), ("USD", 5), ("ms", -3)) for n in range(1, 5)
    ]  # fmt: skip
    bins = tuple(Bin(0.9 + n / 100, 0.91 + n / 100, 123456, 0.905 + n / 100, 0.99, 0.98, 1.0) for n in range(10))
    values = {
        "wide": [1.3**n / 1e6 for n in range(60)], "far": [5e6 + n for n in range(90)], "odd": [0.0] * 30 + [1e9],
        "same": [3.0] * 9, "usual": sorted(draw.lognormvariate(5, 1) for _ in range(150)),
    }  # fmt: skip
    figures = [
        figure_forest(rows, "forest"),
        figure_flips(Flips(tuple(FlipRow(f"{LONG}{n}", n * 700, 9000 - n * 900, 123456) for n in range(9))), "flips"),
        figure_flips(Flips((FlipRow("correct", 3, 18, 129, "worse"), FlipRow("b", 0, 0, 150))), "few"),
        figure_reliability(Reliability("correct", bins, 0.95, 0.99, -0.05, -0.03), "reliability"),
        figure_slices(
            Slices("x", 0.5, tuple(IntervalRow(f"{LONG}{n}", 5e4 * n, 1.0, 1e6, 10**6) for n in range(9))), "s"
        ),
        figure_judge_card(
            JudgeCard("j", (IntervalRow(LONG, 0.9, 0.8, 1.0, 99),), (IntervalRow("k", -0.1, -0.4, 0.2, 9),))
        ),
        figure_variance(VarianceSplit("x", (VariancePart("case", 0, 0), VariancePart("repeat", 1, 1.0)), 2, 2, 0.5)),
    ]
    for number, (chosen, promised, top) in enumerate(((5, 3, 0.1), (97, 96, 0.03), (50, 49, 0.06), (99, 20, 0.9))):
        made = points(top)
        data = RiskCoverage(made, 99, 0.04, made[chosen - 1], made[promised - 1], "with care")
        figures.append(figure_risk_coverage(data, f"risk-{number}"))
    for number, (today, needed, price) in enumerate(
        ((10, 12, 1e6), (150, 160, 0.001), (5000, 400, 0.5), (400, 99000, None))
    ):
        sizes = sorted({today, needed, *(max(5, round(min(today, needed) / 4 * 1.6**k)) for k in range(12))})
        line = tuple((n, min(1.0, 0.8 * math.sqrt(n / needed))) for n in sizes)
        lines = (PowerLine("equal", line), PowerLine("worse", tuple((n, p / 2) for n, p in line)))
        curve = PowerCurve(LONG, lines, today, dict(line)[today], needed, 0.8, price)
        figures.append(figure_power(curve, f"power-{number}"))
    for name, found in values.items():
        quantiles = tuple(QuantileRow(q, found[int(q * len(found))], found[0], None) for q in (0.5, 0.9, 0.95, 0.99))
        one = Series("A", tuple(found), quantiles)
        figures.append(figure_distribution(Distribution("cost", "USD", (one, one)), f"spread-{name}"))
    return figures


async def test_no_words_collide_and_narrow_pages_do_not_scroll_sideways(tmp_path: Path) -> None:
    file = tmp_path / "gallery.html"
    file.write_text(page("Gallery", "test", [section(one.title, one.html()) for one in gallery()]), encoding="utf-8")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path="/usr/bin/chromium",
            args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
        )
        shown = await browser.new_page(viewport={"width": 1000, "height": 800})
        await shown.goto(file.as_uri())
        collisions = await shown.evaluate(COLLISIONS)
        await shown.set_viewport_size({"width": 400, "height": 800})
        width = await shown.evaluate("document.documentElement.scrollWidth")
        await browser.close()
    assert collisions == []
    assert width <= 400
