"""Every figure says only what its data show, has its whole table, and stays text, in all four places it is shown."""

from __future__ import annotations

import csv
import io
import math
import re
from collections.abc import Callable
from dataclasses import replace
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.plot.distribution import Distribution, QuantileRow, Series, distribution_sentence, figure_distribution
from assay.plot.figure import Figure, markdown_address, markdown_text, text_table
from assay.plot.flips import FlippedCase, FlipRow, Flips, figure_flips, flips_sentence
from assay.plot.forest import ForestRow, figure_forest, takeaway
from assay.plot.intervals import IntervalRow, Slices, figure_slices
from assay.plot.judge_card import JudgeCard, figure_judge_card
from assay.plot.power import PowerCurve, PowerLine, figure_power
from assay.plot.reliability import Bin, Reliability, figure_reliability, reliability_sentence
from assay.plot.risk import RiskCoverage, RiskPoint, figure_risk_coverage
from assay.plot.svg import columns, decimals, digits_for, shortened, ticks
from assay.plot.variance import VariancePart, VarianceSplit, figure_variance, variance_sentence

EVIL = '<script>alert("1")</script>&]]>|`*_[x](http://evil.test)\x1b[31m\x00\u202e@team #1 \n=cmd()'
LONG = "language=" + "x" * 400


def forest(name: str = "correct", count: int = 1) -> Figure:
    rows = [ForestRow(name, f"s={n}" if n else "", -0.09, -0.14, -0.05, 150, 2, 16, 132, state="worse")
            for n in range(count)]  # fmt: skip
    return figure_forest(rows)


def flips(name: str = "correct", count: int = 1) -> Figure:
    rows = tuple(FlipRow(f"{name}{n or ''}", 3, 18, 129, "worse") for n in range(count))
    return figure_flips(Flips(rows, (FlippedCase(name, name, 1.0, 0.0, 1.0),)))


def reliable(name: str = "correct", count: int = 1) -> Figure:
    bins = tuple(Bin(n / count, (n + 1) / count, 20, (n + 0.5) / count, 0.4, 0.2, 0.6) for n in range(count))
    return figure_reliability(Reliability(name, bins, 0.8, 0.6, 0.1, 0.3, 0.2, 0.15, 0.1))


def risk(name: str = "x", count: int = 1) -> Figure:
    points = tuple(RiskPoint(1 - n / count, n / count, 0.1, 0.05, 0.2, n) for n in range(1, count + 1))
    return figure_risk_coverage(RiskCoverage(points, count, 0.05, points[-1], points[0], "with care", notes=(name,)))


def power(name: str = "correct", count: int = 1) -> Figure:
    line = PowerLine("no true difference", tuple((10 * n, min(1.0, n / 10)) for n in range(1, count + 1)))
    return figure_power(PowerCurve(f"{name}: not worse by more than 0.03", (line,), 10, 0.1, 80, price_per_case=0.01))


def slices(name: str = "kind=x", count: int = 1) -> Figure:
    rows = tuple(IntervalRow(f"{name}{n or ''}", 0.6, 0.5, 0.7, 80, "worse") for n in range(count))
    return figure_slices(Slices("correct", 0.8, rows, too_few=(name,)))


def card(name: str = "judge", count: int = 1) -> Figure:
    rows = tuple(IntervalRow(f"passes {n or ''}", 0.95, 0.9, 0.98, 120, note=name) for n in range(count))
    return figure_judge_card(JudgeCard(name, rows, (IntervalRow("kappa", 0.6, -0.1, 0.9, 9),), ((name, name),)))


def variance(name: str = "correct", _count: int = 1) -> Figure:
    parts = (VariancePart("case", 0.12, 0.0008), VariancePart("repeat", 0.04, 0.0001))
    return figure_variance(VarianceSplit(name, parts, 150, 3, 0.00085))


def spread(name: str = "latency", count: int = 1) -> Figure:
    values = tuple(float(n) for n in range(1, count + 1))
    rows = (QuantileRow(0.5, values[count // 2], 1.0, None), QuantileRow(0.95, values[-1], None, None))
    return figure_distribution(Distribution(name, "ms", (Series(name, values, rows, 2),)))


MAKERS: list[Callable[..., Figure]] = [forest, flips, reliable, risk, power, slices, card, variance, spread]


@pytest.mark.parametrize("make", MAKERS)
@pytest.mark.parametrize(("name", "count"), [("correct", 1), (EVIL, 200), (LONG, 1), ("言語=日本語", 1), ("", 1)])
def test_a_figure_is_whole_and_safe_wherever_it_is_shown(make: Callable[..., Figure], name: str, count: int) -> None:
    made = make(name, count)
    for markup in (made.standalone(), made._repr_html_()):
        root = ElementTree.fromstring(markup)
        assert not [e for e in root.iter() if e.tag.split("}")[-1] in ("script", "a", "image", "foreignObject")]
        assert "nan" not in markup.lower().replace(name.lower(), "")
    assert not re.search(r"\sstyle=|<style|href=|url\(|\son\w+=", made.html())
    assert made.rows, "the table is never lost"
    parsed = list(csv.reader(io.StringIO(made.csv())))
    assert len(parsed) == len(made.rows) + 1
    for width in (40, 100):
        text = made.text(width)
        assert "\x1b" not in text
        assert "\x00" not in text
        assert max(columns(line) for line in text.splitlines()) <= width
    assert made == make(name, count), "the same data give the same figure"


@pytest.mark.parametrize("make", MAKERS)
def test_a_figure_is_accessible(make: Callable[..., Figure]) -> None:
    made = make()
    root = ElementTree.fromstring(made.html())
    assert root.tag == "figure"
    caption = root.find("figcaption")
    assert caption is not None
    assert caption.text == made.takeaway
    svg = next(e for e in root.iter() if e.tag.endswith("}svg"))
    assert svg.attrib["role"] == "img"
    named = {e.attrib.get("id"): e.text for e in svg}
    assert [named[part] for part in svg.attrib["aria-labelledby"].split()] == [made.title, made.takeaway]
    table = root.find("./details//table")
    assert table is not None
    assert len(table.findall("./tbody/tr")) == len(made.rows)
    assert all(e.attrib.get("aria-label") for e in root.iter("div") if e.attrib.get("tabindex") == "0")


@pytest.mark.parametrize("make", MAKERS)
def test_colour_alone_tells_nothing_and_a_lone_picture_has_a_ground(make: Callable[..., Figure]) -> None:
    made = make()
    assert not re.search(r"(fill|stroke)=\"(?!none|currentColor)[^\"]", made.svg)
    assert "prefers-color-scheme: dark" in made.standalone().replace(":dark", ": dark")


def test_what_is_not_known_is_drawn_as_nothing() -> None:
    empty = [
        figure_forest([]),
        figure_flips(Flips(())),
        figure_reliability(Reliability("correct", ())),
        figure_risk_coverage(RiskCoverage((), 0)),
        figure_power(PowerCurve("correct", (), 0, 0.0, None)),
        figure_slices(Slices("correct", 0.5, ())),
        figure_judge_card(JudgeCard("j", (), ())),
        figure_variance(VarianceSplit("correct", (VariancePart("case", 0.0, 0.0),), 10, 2, 0.0)),
        figure_distribution(Distribution("cost", "USD", (Series("", (), (), 7),))),
    ]
    for made in empty:
        ElementTree.fromstring(made.html())
        assert made.takeaway
        assert made.text(60)
        assert made.markdown()
    assert "nothing varies" in empty[7].takeaway
    assert empty[8].takeaway == "cost: not known for any reply."


def test_equal_values_can_be_drawn() -> None:
    rows = (QuantileRow(0.5, 5.0, 5.0, 5.0),)
    for values in ((0.0,) * 30, (5.0,), (5.0,) * 30):
        made = figure_distribution(Distribution("latency", "ms", (Series("", values, rows),)))
        ElementTree.fromstring(made.svg)
        assert made.text(80)
    same = Slices("correct", 1.0, (IntervalRow("a", 1.0, 1.0, 1.0, 30), IntervalRow("b", 1.0, None, None, 1)))
    assert "no interval" in figure_slices(same).svg


shares = st.floats(0.0, 1.0)
numbers = st.floats(-1e3, 1e3)
states = st.sampled_from(["clears", "open", "worse"])


@given(st.lists(st.tuples(numbers, numbers, numbers, states), max_size=5), st.booleans())
def test_a_forest_never_claims_a_difference_whose_interval_holds_zero(
    drawn: list[tuple[float, float, float, str]], policy: bool
) -> None:
    rows = []
    for a, b, c, state in drawn:
        low, estimate, high = sorted((a, b, c))
        rows.append(ForestRow("m", "", estimate, low, high, 9, 1, 2, 6, margin=-0.1 if policy else None, state=state))
    found = re.search(r"Shown to be worse: (\d+)", takeaway(rows))
    assert found is not None or not rows
    holding = [row for row in rows if row.low <= 0.0 <= row.high]
    if found:
        assert int(found[1]) <= len(rows) - len(holding)
    better = re.search(r"Shown to be better: (\d+)", takeaway(rows))
    if better:
        assert int(better[1]) <= len(rows) - len(holding)


@given(shares, shares, shares, shares)
def test_a_reliability_diagram_claims_too_much_confidence_only_off_zero(a: float, b: float, c: float, d: float) -> None:
    low, high = sorted((a - b, c - d))
    said = reliability_sentence(Reliability("x", (Bin(0, 1, 30, a, b, 0, 1),), a, b, low, high))
    assert ("no difference is shown" in said) is (low <= 0.0 <= high)
    assert ("Too sure" in said) is (low > 0.0)
    assert ("Not sure enough" in said) is (high < 0.0)


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(0, 50), states), max_size=6))
def test_flips_claim_only_what_is_marked_as_shown(drawn: list[tuple[int, int, str]]) -> None:
    rows = tuple(FlipRow(f"m{n}", won, lost, 5, state) for n, (won, lost, state) in enumerate(drawn))
    said = flips_sentence(Flips(rows))
    claimed = said.partition("Shown beyond chance:")[2]
    assert {f"m{n}" for n in range(len(rows)) if f"m{n} (" in claimed} <= {r.metric for r in rows if r.state != "open"}


def test_the_takeaway_of_slices_names_those_shown_to_be_worse_and_no_other() -> None:
    rows = (IntervalRow("a", 0.5, 0.4, 0.6, 50, "worse"), IntervalRow("b", 0.6, 0.4, 0.9, 30))
    made = figure_slices(Slices("correct", 0.8, rows))
    assert made.takeaway == "correct is shown to be worse in 1 of 2 slices: a."
    assert figure_slices(Slices("correct", 0.8, rows[1:])).takeaway.startswith("correct: no slice of 1 is shown")


def test_a_power_curve_says_what_is_missing_and_what_it_costs() -> None:
    line = PowerLine("no true difference", ((100, 0.4), (400, 0.8)))
    curve = PowerCurve("correct: not worse by more than 0.03", (line,), 100, 0.4, 400, 0.8, 0.01)
    assert figure_power(curve).takeaway == (
        "correct: not worse by more than 0.03: with today's 100 cases and no true difference the chance to show it is "
        "40\u00a0%; 400 cases (300 more, about 3.00 USD) would make it 80\u00a0%."
    )
    assert "as much as is wanted" in figure_power(replace(curve, today=400, power_today=0.8)).takeaway
    assert "no number of cases" in figure_power(replace(curve, needed=None)).takeaway
    assert [row[-1] for row in figure_power(curve).rows] == ["none", "3.00 USD"]
    assert figure_power(replace(curve, price_per_case=None)).rows[1][-1] == "unknown"


def test_the_variance_split_says_what_to_buy() -> None:
    few = VarianceSplit(
        "m", (VariancePart("case", 0.2, 0.002), VariancePart("repeat", 0.05, 0.00025)), 100, 2, 0.002125
    )
    assert "asking again explains 11\u00a0%" in variance_sentence(few)
    assert "more cases help, more repeats hardly do" in variance_sentence(few)
    many = replace(
        few, parts=(VariancePart("case", 0.02, 0.0002), VariancePart("repeat", 0.2, 0.002)), more_repeats=0.0012
    )
    assert "more repeats help" in variance_sentence(many)
    assert math.isclose(sum(many.share(part) for part in many.parts), 1.0)


def test_a_judge_without_a_valid_card_is_said_to_be_unusable() -> None:
    rates = (IntervalRow("passes what people pass", 0.95, 0.9, 0.98, 120),)
    assert (
        "may be relied on until 2026-03-01" in figure_judge_card(JudgeCard("j", rates, (), (), "2026-03-01")).takeaway
    )
    assert (
        "may not be relied on: expired" in figure_judge_card(JudgeCard("j", rates, (), problems=("expired",))).takeaway
    )
    assert "no gate may rely on it" in figure_judge_card(JudgeCard("j", (), ())).takeaway


def test_a_quantile_without_an_upper_limit_is_said_to_be_open() -> None:
    series = Series(
        "", tuple(map(float, range(50))), (QuantileRow(0.5, 24.0, 17.0, 31.0), QuantileRow(0.95, 47.0, 43.0, None))
    )
    said = distribution_sentence(Distribution("latency", "ms", (series,)))
    assert "p95 47.0 ms (95\u00a0% interval from 43.0 up)" in said


def test_markdown_from_outside_stays_text() -> None:
    shown = markdown_text("[x](http://evil.test) @team fixes #12 *b* `c` <img> a|b www.evil.test\n# head")
    for harmful in ("](http", "@team", "#12", "http://", "www.", "<img"):
        assert harmful not in shown.replace("\\]", "").replace("\\<", "")
    assert "\n" not in shown
    assert (
        markdown_text("recall@10 answer_in_evidence −0.1 [−0.2, 0.1]")
        == "recall@10 answer_in_evidence −0.1 [−0.2, 0.1]"
    )
    assert markdown_address("a b)(c.svg") == "a%20b%29%28c.svg"
    assert markdown_address("javascript:alert(1)").count("(") == 0


def test_cells_that_a_spreadsheet_would_run_are_kept_from_it() -> None:
    made = Figure("x", "t", "s", ("name", "value"), (("=1+1", "−0.5"), ("+cmd", "+0.5")), "<svg></svg>")
    assert list(csv.reader(io.StringIO(made.csv())))[1:] == [["'=1+1", "−0.5"], ["'+cmd", "+0.5"]]


def test_a_table_gives_way_in_its_widest_column() -> None:
    lines = text_table(("name", "value"), [("x" * 100, "1.5"), ("日本語" * 20, "22.5")], 40)
    assert max(map(columns, lines)) <= 40
    assert lines[2].endswith(" 1.5")
    assert shortened("日本語", 4) == "日…"


def test_a_figure_with_a_name_that_is_no_name_or_ragged_rows_is_refused() -> None:
    with pytest.raises(ValueError, match="identity"):
        Figure('x" onload="', "t", "s", (), (), "")
    with pytest.raises(ValueError, match="one cell"):
        Figure("x", "t", "s", ("a",), (("1", "2"),), "")


def test_tick_marks_and_columns_keep_the_digits_that_tell_them_apart() -> None:
    assert [decimals(step) for step in (1.0, 0.5, 0.25, 0.1, 2.5, 0.025, 100.0)] == [0, 1, 2, 1, 1, 3, 0]
    assert len({f"{mark:.{decimals(0.25)}f}" for mark in ticks(0.0, 1.0, 4)}) == 5
    assert [digits_for([value]) for value in (0.0, 0.5, 0.0042, 0.00031, 5.0, 50.0, 5000.0)] == [3, 3, 4, 5, 2, 1, 0]
