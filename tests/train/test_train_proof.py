"""The proof: folds that keep clusters whole, and the rule that accepts or refuses."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from train_examples import planted

from assay.records.golden import Case, Evidence, Expected
from assay.retrieve.features import CandidateFeatures
from assay.retrieve.linear_ranker import read_ranker
from assay.train.examples import together
from assay.train.proof import cross_validated, folds, held_out, proof_of
from assay.train.ranker import Outcome, train_ranker


def outcome(examples, **more) -> Outcome:
    return train_ranker(
        "r", examples, CandidateFeatures(), trained_on="set@1", now="2026-01-01T00:00:00.000000Z", **more
    )


@given(st.lists(st.sampled_from("abcdefgh"), min_size=5, max_size=60), st.integers(0, 5))
def test_a_cluster_never_stands_in_two_folds(clusters: list[str], seed: int) -> None:
    """Whatever the sizes, cases of one cluster are held out together."""
    fold = folds(clusters, 3, seed)
    assert all(len({at for at, own in zip(fold, clusters, strict=True) if own == name}) == 1 for name in set(clusters))


def case(case_id: str, *documents: str, cluster: str = "") -> Case:
    return Case(case_id, "q", Expected(evidence=tuple(Evidence(d) for d in documents)), cluster=cluster)


def test_cases_that_share_a_document_or_a_conversation_belong_together_even_through_others() -> None:
    """a and c share nothing but b; d stands alone."""
    found = together([case("a", "x"), case("b", "x", "y"), case("c", "z", cluster="talk"), case("d", "w"),
                      case("e", "y", cluster="talk")])  # fmt: skip
    assert found["a"] == found["b"] == found["c"] == found["e"] != found["d"]


def test_what_helps_is_accepted_with_its_proof_in_the_content() -> None:
    """A planted signal is better on held-out cases; the stored model says so, can be read, and names its sources."""
    done = outcome(planted(66))
    assert done.verdict == "accepted"
    assert done.model is not None
    content = done.model.content
    assert content["proof"]["overall"]["difference"][1] > 0
    assert content["trained_on"] == "set@1"
    assert read_ranker(content).weights == content["weights"]


def test_noise_is_refused_and_leaves_no_model() -> None:
    """Features that tell nothing give an interval that reaches 0."""
    done = outcome(planted(66, signal=None))
    assert (done.verdict, done.model) == ("not_better", None)


def test_what_is_worse_on_a_slice_is_refused_though_it_is_better_over_all() -> None:
    """The signal points the other way in a third of the cases, which are one slice."""
    most = planted(150, slices=("kind=a",))
    other = [
        replace(one, case_id=f"x{one.case_id}", cluster=f"x{one.cluster}", slices=("kind=b",))
        for one in planted(60, signal=None, seed=5)
    ]
    clean = []
    for one in other:  # the right candidate is first, and carries what elsewhere marks the wrong one
        rows = np.zeros(10, dtype=bool)
        rows[0] = True
        features = one.features.copy()
        features[0, :] -= 0.3
        features[0, 0] = 1.0
        clean.append(replace(one, features=features, evidence=((1, rows),), grades={one.documents[0]: 1}))
    held = held_out([*most, *clean], {"coverage": 60.0})
    proof = proof_of(held, "fixed weights")
    assert proof.overall.better
    assert [one.slice for one in proof.slices if one.worse] == ["kind=b"]
    assert proof.verdict == "worse_on_a_slice"


def test_too_few_cases_or_clusters_decide_nothing() -> None:
    """Below 40 cases or 20 clusters nothing is fitted, however clear it looks."""
    assert outcome(planted(39)).verdict == "too_few"
    one_cluster = [replace(one, cluster="same") for one in planted(100)]
    assert outcome(one_cluster).verdict == "too_few"


def test_questions_made_from_the_corpus_prove_nothing_alone() -> None:
    """The same signal is kept only when a set that somebody asked shows it too."""
    made = planted(66)
    alone = outcome(made, asked=False)
    assert (alone.verdict, alone.model) == ("made_up_only", None)
    proved = outcome(made, asked=False, kept_apart=planted(60, seed=4), proved_on="golden@1")
    assert proved.verdict == "accepted"
    assert proved.model is not None
    assert proved.model.content["proved_on"] == "golden@1"
    assert outcome(made, asked=False, kept_apart=planted(60, signal=None, seed=4)).verdict == "not_better"


def test_training_twice_gives_the_same_model() -> None:
    """Same examples, same seed: same digest."""
    first, second = outcome(planted(60)).model, outcome(planted(60)).model
    assert first is not None
    assert second is not None
    assert first.model_id == second.model_id


def test_held_out_cases_are_never_trained_on() -> None:
    """Labels that only memory could know give no gain: each question's right answer is marked by a feature whose
    direction is its own cluster's."""
    rng = np.random.default_rng(2)
    sign = {f"c{n}": rng.choice([-1.0, 1.0]) for n in range(22)}
    made = []
    for one in planted(66):
        features = one.features.copy()
        features[:, 20] = 0.0
        features[one.evidence[0][1], 20] = sign[one.cluster]
        features[:, 13] = rng.normal(size=10)
        made.append(replace(one, features=features))
    proof = proof_of(cross_validated(made), "cv")
    assert not proof.overall.better


def test_a_case_that_one_engine_answered_counts_as_unchanged() -> None:
    """It is no gain and no loss, and it is not left out of the count."""
    made = [replace(one, reranked=False) for one in planted(5)]
    assert all(held.learned == held.plain for held in held_out(made, {"coverage": 50.0}))


def test_ndcg_agrees_with_a_worked_example() -> None:
    """The right document third of three: 1 / log2(4)."""
    (one,) = planted(1)
    scores = np.zeros(10)
    right = int(np.flatnonzero(one.evidence[0][1])[0])
    others = [row for row in range(10) if row != right]
    scores[others[0]], scores[others[1]], scores[right] = 3, 2, 1
    assert one.ndcg(scores) == pytest.approx(0.5)
