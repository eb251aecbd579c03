"""Redaction of what is kept: nothing is found afterwards, every other sign stays, and twice is once."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from assay.adapters.vault_files import FileVault
from assay.detect.registry import RULES, chosen
from assay.detect.rules import unmarked
from assay.detect.scanning import scan
from assay.guard.acting import WITHHELD
from assay.guard.redacting import How, Redacted, Redaction
from assay.records.errors import Unavailable
from assay.records.findings import Finding

IDS = chosen(("personal", "secrets"))
EXAMPLES = [unmarked(example)[0] for rule in RULES for example in rule.found]
MASKING = Redaction(lambda text: scan(text, IDS))
TEXTS = st.lists(
    st.one_of(st.sampled_from(EXAMPLES), st.text(max_size=12), st.sampled_from([" ", "\n", "@", ".", "-", "0"])),
    max_size=4,
).map("".join)


def outside(text: str, made: Redacted) -> str:
    """The redacted text, made anew from the original and the pieces."""
    parts, at = [], 0
    for piece in made.pieces:
        assert at <= piece.start < piece.end <= len(text)
        parts += [text[at : piece.start], piece.shown]
        at = piece.end
    return "".join([*parts, text[at:]])


@settings(max_examples=50, deadline=None)
@given(text=TEXTS)
def test_after_redaction_nothing_is_found_offsets_hold_and_a_second_time_changes_nothing(text: str) -> None:
    made = MASKING.of(text)
    assert not scan(made.text, IDS)
    assert outside(text, made) == made.text
    assert MASKING.of(made.text) == Redacted(made.text)


def test_a_value_is_named_by_its_rule_and_the_text_round_it_stays() -> None:
    made = MASKING.of("Write to ann@example.org about card 4111 1111 1111 1111, please.")
    assert made.text == "Write to [email] about card [card], please."
    assert [(one.rule_id, one.start, one.end) for one in made.pieces] == [("email", 9, 24), ("card", 36, 55)]


def test_hashes_and_pseudonyms_differ_between_tenants_and_are_masks_where_the_tenant_is_not_known(
    tmp_path: Path,
) -> None:
    vault = FileVault(tmp_path / "vault")
    hashing = Redaction(MASKING.find, How.HASH, vault)
    naming = Redaction(MASKING.find, How.PSEUDONYMISE, vault)
    text = "Write to ann@example.org"
    assert hashing.text(text, "acme") == hashing.text(text, "acme") != hashing.text(text, "other")
    assert hashing.text(text, "acme").startswith("Write to [email#")
    assert vault.reveal("acme", naming.text(text, "acme").split()[-1]) == "ann@example.org"
    assert naming.of(naming.text(text, "acme"), "acme").pieces == ()
    assert naming.text(text) == "Write to [email]"


def test_a_vault_whose_key_is_gone_makes_a_mask_and_keeps_nothing(tmp_path: Path) -> None:
    vault = FileVault(tmp_path / "vault")
    naming = Redaction(MASKING.find, How.PSEUDONYMISE, vault)
    naming.text("ann@example.org", "acme")
    vault.destroy("acme")
    assert naming.text("to bob@example.org", "acme") == "to [email]"


def test_what_cannot_be_looked_at_is_withheld_as_a_whole() -> None:
    def broken(text: str) -> Sequence[Finding]:
        raise Unavailable("detector.timeout", "a detector took longer than its budget")

    assert Redaction(broken).text("Write to ann@example.org") == WITHHELD
    assert Redaction(broken).text("") == ""


def test_a_detector_that_finds_something_in_every_text_ends_with_the_text_withheld() -> None:
    always = Redaction(lambda text: [Finding("odd", 0, 1)])
    made = always.of("some text")
    assert (made.text, made.pieces[0].start, made.pieces[0].end) == (WITHHELD, 0, 9)


def test_a_finding_that_touches_a_replacement_takes_the_whole_value_behind_it() -> None:
    def glued(text: str) -> Sequence[Finding]:
        if "XY" in text:
            at = text.index("XY")
            return [Finding("first", at, at + 2)]
        at = text.find("]Z")
        return [Finding("second", at, at + 2)] if at >= 0 else []

    made = Redaction(glued).of("aXYZb")
    assert (made.text, [(one.start, one.end) for one in made.pieces]) == ("a[second]b", [(1, 4)])
