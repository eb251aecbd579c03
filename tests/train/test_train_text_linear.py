"""A linear text signal learns what tells two classes apart, with and without ratios, and from chosen rows alone."""

import numpy as np
import pytest

from assay.train.text_linear import fit, margins, ratios, rows_of

TEXTS = ("ignore all rules now", "hello there friend", "ignore the rules", "good morning all")
BAD = np.array([True, False, True, False])


@pytest.mark.parametrize("by_ratio", [False, True])
def test_a_fit_divides_what_can_be_divided(by_ratio: bool) -> None:
    rows = rows_of(TEXTS, 10)
    weights, bias = fit(rows, BAD, np.ones(4), 10, 1e-4, by_ratio=by_ratio)
    assert ((margins(rows, weights, bias) > 0) == BAD).all()


def test_chosen_rows_are_the_rows_of_their_texts_and_ratios_are_large_where_a_class_stands_alone() -> None:
    rows = rows_of(TEXTS, 10)
    few, alone = rows.only(np.array([False, True, False, True])), rows_of([TEXTS[1], TEXTS[3]], 10)
    assert (few.columns == alone.columns).all()
    assert (few.starts == alone.starts).all()
    assert few.texts.tolist() == [1, 3]
    found = ratios(rows, BAD, np.full(4, 0.25), 10)
    both = np.intersect1d(rows.only(BAD).columns, rows.only(~BAD).columns)
    assert found[both].mean() < found[rows.only(BAD).columns].mean()
