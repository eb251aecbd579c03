"""Every rule finds its own positive examples and passes its negative ones, alone and among all others."""

import random
from functools import cache

import pytest

from assay.detect.context import WORDS
from assay.detect.engine import WINDOW, Engine
from assay.detect.personal import check_rules
from assay.detect.registry import GROUPS, PERSONAL, PERSONAL_IDS, RULES, SECRET_IDS, chosen, engine_of, recipe_of
from assay.detect.rules import Rule, compacted, unmarked
from assay.detect.scanning import scan
from assay.records.errors import ConfigError
from assay.records.findings import Basis

EVERY = chosen(("secrets", "personal", "date"))
ROWS = [pytest.param(rule, id=f"{rule.rule_id}-{number}") for number, rule in enumerate(RULES)]


@cache
def alone(rule: Rule) -> Engine:
    return Engine([rule])


@pytest.mark.parametrize("rule", ROWS)
def test_a_rule_finds_its_positive_examples_and_passes_its_negative_ones(rule: Rule) -> None:
    assert rule.found
    for example in rule.found:
        text, spans = unmarked(example)
        found = engine_of((rule.rule_id,)).find(text)
        assert tuple((one.start, one.end) for one in found) == spans, example
        assert {(one.rule_id, one.version) for one in found} == {(rule.rule_id, rule.version)}
        among = [(one.start, one.end) for one in scan(text, EVERY)]
        assert all(any(a < end and b > start for a, b in among) for start, end in spans), example
    assert rule.passed
    for text in rule.passed:
        assert alone(rule).find(text) == (), text


def test_a_rule_is_sound_as_a_row_of_data() -> None:
    """Ids hold no digits, because a mask is made of them; forms of one rule share a kind and a version."""
    for rule in RULES:
        assert rule.rule_id.replace("_", "").isalpha(), rule.rule_id
        assert rule.rule_id.islower()
        assert 0 < rule.score <= 1
        assert set(rule.context) <= set(WORDS)
        assert rule.context or not rule.needs
        assert rule.check or rule.extent or rule.basis is not Basis.CHECKED, rule.rule_id
        assert rule.reach <= 4096
        assert rule.starts or rule.reach <= WINDOW, "a long shape is known by its head"
    kinds = {(rule.rule_id, rule.kind, rule.version) for rule in RULES}
    assert len(kinds) == len({rule.rule_id for rule in RULES})


def test_no_rule_finds_a_mask() -> None:
    masks = " ".join(f"[{rule_id}]" for rule_id in (*PERSONAL_IDS, *SECRET_IDS))
    assert scan(masks, EVERY) == ()
    assert scan(masks.replace(" ", ""), EVERY) == ()


STANDING_ALONE = [rule for rule in PERSONAL if rule.kind == "national_id" and not rule.needs and rule.check]


@pytest.mark.parametrize(
    "rule", [rule for rule in STANDING_ALONE if rule.basis is Basis.CHECKED], ids=lambda r: r.rule_id
)
def test_a_number_that_is_found_without_context_is_seldom_a_random_one(rule: Rule) -> None:
    """Of random digits in the shape of its example at most two in a hundred pass; one in nine where the shape has signs
    of its own: a letter, brackets, dots and a hyphen."""
    draw = random.Random(1)
    text, spans = unmarked(rule.found[0])
    sample = text[spans[0][0] : spans[0][1]]
    own = any(sign.isalpha() or sign == "(" for sign in sample) or {".", "-"} <= set(sample)
    passed = 0
    for _ in range(1500):
        drawn = "".join(str(draw.randrange(10)) if sign.isdigit() else sign for sign in sample)
        assert rule.check is not None
        passed += rule.check(compacted(drawn) if rule.compact else drawn)
    assert passed / 1500 <= (0.11 if own else 0.02)


def test_names_stand_for_rules_in_one_order_however_they_are_given() -> None:
    assert chosen(["email", "card"]) == chosen(["card", "email", "card"])
    assert "us_ssn" in chosen(["national_id"])
    assert set(chosen(["secrets"])) == set(SECRET_IDS)
    assert "date" not in GROUPS["personal"]
    assert check_rules(["national_id", "card"])[0] == "card"
    with pytest.raises(ConfigError) as error:
        check_rules(["github_token"])
    assert error.value.code == "detect.unknown_rule"


def test_a_recipe_names_the_version_of_each_rule() -> None:
    assert recipe_of(("iban", "card")) == "card@2,iban@2"


def test_there_are_national_numbers_of_many_countries_with_a_check() -> None:
    checked = {rule.rule_id for rule in PERSONAL if rule.kind == "national_id" and rule.basis is Basis.CHECKED}
    assert len(checked) >= 40
