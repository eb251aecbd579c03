"""Plots are deterministic, readable without colour, escaped, and keep to a strict content security policy."""

import re
from dataclasses import replace
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.plot.forest import ForestRow, forest_svg, forest_table, forest_text, rows_from_deltas, takeaway
from assay.plot.risk import dial_sentence, risk_coverage_svg, risk_coverage_table
from assay.plot.svg import figure_html, signed, ticks
from assay.records.bundles import Calibration
from assay.records.comparison import Delta
from assay.records.evaluation import Direction, Interval, Metric, MetricKind

GOOD = ForestRow("recall@10", "", 0.01, -0.01, 0.03, 150, 9, 6, 135, margin=-0.03, state="clears")
BAD = ForestRow("correct", "language=de", -0.09, -0.14, -0.05, 150, 2, 16, 132, margin=-0.03, state="worse")
SLOW = ForestRow("latency", "", 3.0, -2.0, 8.0, 150, 70, 80, 0, "ms", False, 50.0, "clears")
ROWS = (GOOD, BAD, SLOW)
CURVE = ((0.9, 0.2, 0.01, 0.0, 0.05, 30), (0.5, 0.6, 0.03, 0.01, 0.06, 90), (0.1, 1.0, 0.12, 0.08, 0.18, 150))
DIAL = Calibration("help", "demo", "v", 0.5, 0.05, 0.95, 0.6, 0.03, 0.01, 0.06, 90, 150, "correct", CURVE)


def test_a_forest_plot_is_well_formed_named_and_the_same_every_time() -> None:
    svg = forest_svg(ROWS)
    root = ElementTree.fromstring(svg)
    assert root.attrib["role"] == "img"
    labels = root.attrib["aria-labelledby"].split()
    assert {child.attrib.get("id") for child in root} >= set(labels)
    assert svg == forest_svg(ROWS)


@pytest.mark.parametrize("svg", [forest_svg(ROWS), risk_coverage_svg(DIAL)])
def test_a_plot_holds_no_inline_style_script_or_address_to_fetch(svg: str) -> None:
    assert not re.search(r"\sstyle=|<style|<script|href=|url\(|\son\w+=", svg)
    assert re.findall(r"https?://[^\"]+", svg) == ["http://www.w3.org/2000/svg"]


def test_states_differ_in_shape_and_the_margin_is_dashed() -> None:
    svg = forest_svg(ROWS)
    assert svg.count('fill="currentColor"') == 2
    assert svg.count("<path") == 1
    assert svg.count("stroke-dasharray") == 3
    assert 'fill="none"' in forest_svg([replace(GOOD, state="open")])


def test_each_unit_has_its_own_panel_and_says_which_way_is_better() -> None:
    svg = forest_svg(ROWS)
    assert "score, higher is better" in svg
    assert "ms, lower is better" in svg
    assert "better →" in svg
    assert "← better" in svg


def test_names_from_a_golden_set_stay_text() -> None:
    wild = replace(BAD, slice='<script>alert("1")</script>&')
    for made in (forest_svg([wild]), forest_table([wild])):
        assert "<script" not in made
        ElementTree.fromstring(made)


def test_the_takeaway_names_what_got_worse() -> None:
    words = "Clear their line: 2 of 3. Shown to be worse: 1 (correct · language=de). Not decided: 0."
    assert takeaway(ROWS) == words
    assert takeaway(()) == "There is nothing to compare."


def test_the_terminal_plot_shows_zero_margin_marker_and_counts() -> None:
    lines = forest_text(ROWS, 110)
    assert lines[0] == "score, higher is better →"
    assert "●" in lines[1]
    assert "┊" in lines[1]
    assert "✕" in lines[2]
    assert "−0.090 [−0.140, −0.050]  n 150, 2 won, 16 lost" in lines[2]
    assert lines[3] == "ms, ← lower is better"
    assert all(len(line) <= 110 for line in lines)


numbers = st.floats(-1e6, 1e6)


@given(
    numbers, numbers, numbers, st.none() | numbers, st.sampled_from(["clears", "open", "worse"]), st.integers(60, 200)
)
def test_any_finite_row_can_be_drawn(
    a: float, b: float, c: float, margin: float | None, state: str, width: int
) -> None:
    low, estimate, high = sorted((a, b, c))
    row = ForestRow("m", "s", estimate, low, high, 10, 1, 2, 7, margin=margin, state=state)
    svg = forest_svg([row])
    ElementTree.fromstring(svg)
    assert "nan" not in svg
    assert forest_text([row], width)


def test_without_a_policy_the_marker_is_filled_only_when_the_interval_leaves_zero_on_the_better_side() -> None:
    up = Metric("correct", MetricKind.BINARY, Direction.HIGHER)
    down = Metric("latency", MetricKind.SKEWED, Direction.LOWER, "ms")

    def delta(metric: Metric, low: float, high: float) -> Delta:
        return Delta(metric, "", 0.5, 0.5, Interval((low + high) / 2, low, high, 0.95, "m", 50), 50, 1, 1, 48, 0.1)

    made = rows_from_deltas(
        [delta(up, 0.01, 0.1), delta(up, -0.1, 0.1), delta(down, 1.0, 9.0), delta(down, -9.0, -1.0)]
    )
    assert [row.state for row in made] == ["clears", "open", "worse", "clears"]


def test_a_figure_has_its_takeaway_and_its_table_behind_a_disclosure() -> None:
    figure = figure_html(forest_svg(ROWS), takeaway(ROWS), forest_table(ROWS))
    root = ElementTree.fromstring(figure)
    assert [child.tag.split("}")[-1] for child in root] == ["figcaption", "svg", "details"]
    assert root.find("./details/table/caption") is not None
    assert {cell.attrib["scope"] for cell in root.iter("th")} == {"col", "row"}


def test_the_risk_coverage_curve_says_what_the_chosen_threshold_means() -> None:
    sentence = "answers 60 % of questions at 3.0 % error, 95 % interval 1.0 % to 6.0 % (90 of 150 cases answered)"
    assert dial_sentence(DIAL) == sentence
    assert sentence[1:] in risk_coverage_svg(DIAL)
    ElementTree.fromstring(risk_coverage_table(DIAL))
    ElementTree.fromstring(risk_coverage_svg(replace(DIAL, curve=())))


@given(st.floats(-1e5, 1e5), st.floats(1e-6, 1e5))
def test_tick_marks_are_round_few_and_inside(low: float, span: float) -> None:
    marks = ticks(low, low + span)
    assert len(marks) <= 12
    assert all(low - span * 1e-6 <= mark <= low + span * (1 + 1e-6) for mark in marks)


def test_numbers_carry_a_real_minus_and_zero_no_sign() -> None:
    assert [signed(value, 2) for value in (-0.5, 0.5, 0.0, -0.001)] == ["−0.50", "+0.50", "0.00", "0.00"]
