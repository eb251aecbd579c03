"""Languages by py3langid: told when sure, empty otherwise."""

from __future__ import annotations

import pytest

from assay.adapters.language import Py3LangId

IDENTIFIER = Py3LangId()


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("Every employee is entitled to thirty days of paid leave in each calendar year.", "en"),
        ("Jede Mitarbeiterin hat in jedem Kalenderjahr Anspruch auf dreißig Tage Urlaub.", "de"),
        ("Chaque salarié a droit à trente jours de congés payés par année civile.", "fr"),
        ("每位员工每年都有三十天的带薪休假。", "zh"),
    ],
)
def test_a_sentence_is_enough(text: str, language: str) -> None:
    """Four languages, one sentence each."""
    assert IDENTIFIER.identify(text) == language


@pytest.mark.parametrize("text", ["", "OK", "1,200 3,400 5,600", "x = y + z", "漢字"])
def test_too_little_text_gets_no_language(text: str) -> None:
    """A wrong tag would choose a wrong analyser."""
    assert IDENTIFIER.identify(text) == ""
