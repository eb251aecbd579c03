"""Labels only rise: the join of two is above both, in whatever order and how often it is taken."""

from hypothesis import given
from hypothesis import strategies as st

from assay.records.taint import (
    NOTHING,
    Classification,
    Integrity,
    Label,
    Labelled,
    Origin,
    highest,
    joined,
    lowest,
    of_document,
    of_tool,
    of_turn,
    of_user,
    stated,
)

labels = st.builds(
    Label,
    st.frozensets(st.sampled_from(Origin)),
    st.frozensets(st.sampled_from(["acme", "rival", "*"])),
    st.sampled_from(Classification),
    st.sampled_from(Integrity),
)


@given(labels, labels, labels)
def test_a_join_is_associative_commutative_and_idempotent(one: Label, two: Label, three: Label) -> None:
    assert one.join(two).join(three) == one.join(two.join(three))
    assert one.join(two) == two.join(one)
    assert one.join(one) == one
    assert one.join(NOTHING) == one


@given(labels, labels, labels)
def test_a_join_is_above_both_and_monotone(one: Label, two: Label, more: Label) -> None:
    both = one.join(two)
    assert one.flows_to(both)
    assert two.flows_to(both)
    assert both.classification.level >= max(one.classification.level, two.classification.level)
    assert both.trusted == (one.trusted and two.trusted)
    assert both.tenants == one.tenants | two.tenants
    assert one.join(more).flows_to(both.join(more))


@given(st.lists(labels, max_size=5), labels)
def test_what_is_derived_carries_every_label_it_was_made_from(many: list[Label], own: Label) -> None:
    made = Labelled("a", own).derive("b", *(Labelled("c", one) for one in many))
    assert made.label == joined([own, *many])
    assert all(one.flows_to(made.label) for one in many)


def test_an_order_of_classifications() -> None:
    assert [one.level for one in Classification] == [0, 1, 2, 3]
    assert highest(Classification.PUBLIC, Classification.CONFIDENTIAL) is Classification.CONFIDENTIAL
    assert lowest(Classification.PUBLIC, Classification.CONFIDENTIAL) is Classification.PUBLIC
    assert not Classification.RESTRICTED.within(Classification.CONFIDENTIAL)


def test_a_classification_that_nobody_knows_is_the_highest() -> None:
    assert stated(" Internal ") is Classification.INTERNAL
    assert stated("top secret") is Classification.RESTRICTED


def test_users_are_trusted_and_documents_tools_and_earlier_answers_are_not() -> None:
    assert of_user("acme").trusted
    assert of_turn("user", "acme", Classification.INTERNAL).trusted
    for label in (
        of_document("acme", Classification.PUBLIC),
        of_tool("acme", Classification.PUBLIC),
        of_turn("assistant", "acme", Classification.INTERNAL),
    ):
        assert not label.trusted
    assert of_document("acme", Classification.PUBLIC, trusted=True).trusted
