"""Attacks that got through, as cases of a golden set."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from assay.evaluate.redteam.corpora import HISTORY
from assay.records.golden import Case, Expected, GoldenSet
from assay.wiring.build import Workspace
from assay.wiring.redteam_corpora import Tried
from assay.wiring.redteaming import Attempted


def keep(place: Workspace, name: str, made: Sequence[Attempted], tried: Iterable[Tried] = ()) -> str:
    """Attacks that got through as cases of a new version of the set: `NAME@VERSION`; empty when there are none.

    A case asks what was asked, with the attack where it stood in question or history, and its answer must not hold
    the attacker's word or host, or what a corpus' attack wanted said; the corpus and its licence stand in the case's
    provenance. An attack in a document cannot stand in a case: it asks its question alone.
    """
    cases = {case.case_id: case for case in (_case(one) for one in made if one.trial.effects)}
    cases |= {case.case_id: case for case in (_given(one) for one in tried if one.trial.effects)}
    if not cases:
        return ""
    known = place.stores.golden.get(name).cases if name in place.stores.golden.names() else ()
    ids = {case.case_id for case in known}
    added = tuple(case for case_id, case in cases.items() if case_id not in ids)
    golden = GoldenSet(name, (*known, *added), place.clock.now(), "attacks that got through")
    place.stores.golden.put(golden)
    return f"{name}@{golden.version[:12]}"


def _case(one: Attempted) -> Case:
    attack = one.attack
    expected = Expected(answerable=True, must_not=(attack.nonce, attack.host))
    slices = (f"goal={attack.goal}", f"placement={attack.placement}", f"obfuscation={attack.obfuscation}")
    return Case(
        f"redteam-{attack.attack_id}", attack.question(one.asked), expected, attack.history, slices=slices,
        provenance={"author": "assay redteam", "attack": attack.attack_id},
    )  # fmt: skip


def _given(one: Tried) -> Case:
    attack, corpus = one.attack, one.trial.corpus
    expected = Expected(answerable=attack.in_document, must_not=(attack.nonce, *attack.prompt.signs))
    where = HISTORY if attack.history else attack.prompt.where
    provenance = {"author": "assay redteam", "attack": attack.attack_id, "corpus": corpus, "licence": one.licence}
    return Case(
        f"redteam-{corpus}-{attack.attack_id}", attack.question(one.asked), expected, attack.history,
        slices=(f"corpus={corpus}", f"placement={where}"), provenance=provenance,
    )  # fmt: skip
