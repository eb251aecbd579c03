"""Our distribution functions agree with scipy's, which is installed for tests only."""

import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import special as reference
from scipy import stats as distributions

from assay.stats.special import betainc, betaincinv, normal_cdf, normal_ppf, t_cdf, t_ppf

shapes = st.floats(0.3, 3000.0)
shares = st.floats(1e-6, 1.0 - 1e-6)


@given(shapes, shapes, st.floats(0.0, 1.0))
def test_the_incomplete_beta_function_agrees_with_scipy(a: float, b: float, x: float) -> None:
    assert betainc(a, b, x) == pytest.approx(reference.betainc(a, b, x), rel=1e-9, abs=1e-13)


@given(st.floats(0.5, 500.0), st.floats(0.5, 500.0), shares)
def test_the_inverse_of_the_incomplete_beta_function_agrees_with_scipy(a: float, b: float, p: float) -> None:
    assert betaincinv(a, b, p) == pytest.approx(reference.betaincinv(a, b, p), rel=1e-8, abs=1e-14)


@given(st.floats(0.5, 500.0), st.floats(0.5, 500.0), shares)
def test_the_inverse_undoes_the_incomplete_beta_function(a: float, b: float, p: float) -> None:
    assert betainc(a, b, betaincinv(a, b, p)) == pytest.approx(p, rel=1e-7, abs=1e-11)


@given(st.floats(-60.0, 60.0), st.floats(1.0, 5000.0))
def test_student_probabilities_agree_with_scipy(t: float, df: float) -> None:
    assert t_cdf(t, df) == pytest.approx(distributions.t.cdf(t, df), rel=1e-8, abs=1e-13)


@given(st.floats(1e-5, 1.0 - 1e-5), st.floats(1.0, 5000.0))
def test_student_quantiles_agree_with_scipy(p: float, df: float) -> None:
    assert t_ppf(p, df) == pytest.approx(distributions.t.ppf(p, df), rel=1e-7, abs=1e-9)


@given(st.floats(-8.0, 8.0), shares)
def test_normal_functions_agree_with_scipy(x: float, p: float) -> None:
    assert normal_cdf(x) == pytest.approx(distributions.norm.cdf(x), rel=1e-11)
    assert normal_ppf(p) == pytest.approx(distributions.norm.ppf(p), rel=1e-9, abs=1e-12)


@pytest.mark.parametrize(("a", "b", "x"), [(0.0, 1.0, 0.5), (1.0, -1.0, 0.5), (1.0, 1.0, 1.5)])
def test_a_shape_or_point_outside_the_domain_is_an_error(a: float, b: float, x: float) -> None:
    with pytest.raises(ValueError, match="needs"):
        betainc(a, b, x)


def test_statistics_import_numpy_at_most() -> None:
    """Importing every statistics module loads no scipy: its import alone costs two CPU seconds."""
    code = (
        "import importlib, pkgutil, sys, assay.stats as room\n"
        "for module in pkgutil.iter_modules(room.__path__): importlib.import_module('assay.stats.' + module.name)\n"
        "print([name for name in ('scipy', 'statsmodels', 'pandas') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
