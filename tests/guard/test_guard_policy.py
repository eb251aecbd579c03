"""A policy forbids more and more by every rule that forbids, and acts on texts as its decisions say."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.detect.registry import chosen
from assay.detect.scanning import scan
from assay.guard.acting import WITHHELD, Acting, Looking, Timed
from assay.guard.policy import Action, Context, Decision, Policy, Rule, Where, contradictions
from assay.records.errors import CannotJudge, Unavailable
from assay.records.findings import Finding

CARD = "4111 1111 1111 1111"
KNOWN = frozenset(chosen(["personal", "secrets"]))
ANSWER = Context(Where.ANSWER)
some = st.frozensets(st.sampled_from(["a", "b"]), max_size=2)
rules = st.builds(
    Rule,
    rule_id=st.sampled_from(["one", "two", "three"]),
    action=st.sampled_from(list(Action)),
    find=some,
    where=st.frozensets(st.sampled_from(list(Where)), max_size=2),
    tenants=some,
    apps=some,
    purposes=some,
)
contexts = st.builds(Context, st.sampled_from(list(Where)), *[st.sampled_from(["a", "b", "c"])] * 3)


@settings(max_examples=150, deadline=None)
@given(st.lists(rules, max_size=5), rules, st.sampled_from(list(Action)), contexts)
def test_adding_a_rule_that_forbids_never_widens(before: list[Rule], added: Rule, default: Action, at: Context) -> None:
    known = frozenset("ab")
    if not added.forbids:
        return
    was = Policy(tuple(before), default, known).decisions(at)
    now = Policy((*before, added), default, known).decisions(at)
    for name in known:
        assert now.get(name, Decision()).covers(was.get(name, Decision()))


@settings(max_examples=80, deadline=None)
@given(st.lists(rules, max_size=5), st.randoms(), contexts)
def test_the_order_of_rules_does_not_matter(before: list[Rule], random: object, at: Context) -> None:
    shuffled = list(before)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    one = Policy(tuple(before), Action.MASK, frozenset("ab")).decisions(at)
    two = Policy(tuple(shuffled), Action.MASK, frozenset("ab")).decisions(at)
    assert {n: (d.change, d.lowers, d.escalates) for n, d in one.items()} == {
        n: (d.change, d.lowers, d.escalates) for n, d in two.items()
    }


def test_only_a_rule_that_could_never_do_anything_contradicts() -> None:
    allow = Rule("a", Action.ALLOW, frozenset({"card"}), tenants=frozenset({"acme"}))
    assert contradictions([allow, Rule("f", Action.MASK, frozenset({"card", "iban"}))])[0][2] == "card"
    assert contradictions([allow, Rule("f", Action.MASK, frozenset({"iban"}))]) == ()
    assert contradictions([allow, Rule("f", Action.MASK, frozenset({"card"}), where=frozenset({Where.ANSWER}))]) == ()


@dataclass
class MemoryVault:
    gone: bool = False
    names: dict[str, str] = field(default_factory=dict)

    def pseudonym(self, tenant: str, kind: str, value: str) -> str:
        if self.gone:
            raise CannotJudge("vault.key_gone", "gone")
        return f"[{kind}:{tenant}{self.names.setdefault(value, 'x' * (len(self.names) + 1))}]"

    def hashed(self, tenant: str, kind: str, value: str) -> str:
        return self.pseudonym(tenant, kind, value).replace(":", "#")

    def reveal(self, tenant: str, name: str) -> str:
        raise NotImplementedError(tenant + name)

    def destroy(self, tenant: str) -> bool:
        raise NotImplementedError(tenant)


def acting(
    *actions: tuple[str, Action], vault: MemoryVault | None = None, detector: object = None, **kept: object
) -> Acting:
    made = tuple(Rule(f"r{n}", action, frozenset(chosen([name]))) for n, (name, action) in enumerate(actions))
    found = detector or Timed("rules", "1", scan, 1e9)
    looking = Looking("rules", found, KNOWN, kept.pop("on_timeout", Action.REFUSE))  # type: ignore[arg-type]
    return Acting(Policy(made, known=KNOWN), (looking,), vault, **kept)  # type: ignore[arg-type]


def test_every_action_leaves_what_it_promises() -> None:
    text = f"card {CARD}"
    vault = MemoryVault()
    assert acting(("card", Action.ALLOW)).act(text, ANSWER).text == text
    assert acting(("card", Action.MASK)).act(text, ANSWER).text == "card [card]"
    assert acting(("card", Action.PSEUDONYMISE), vault=vault).act(text, ANSWER).text == "card [card:defaultx]"
    assert acting(("card", Action.HASH), vault=vault).act(text, ANSWER).text == "card [card#defaultx]"
    assert acting(("card", Action.REFUSE)).act(text, ANSWER).refused == "policy.refused"
    lowered = acting(("card", Action.LOWER_RIGHTS)).act(text, ANSWER)
    assert (lowered.text, lowered.lowered, lowered.refused) == (text, True, "")
    escalated = acting(("card", Action.ESCALATE)).act(text, ANSWER)
    assert (escalated.refused, escalated.escalates) == ("policy.escalated", ("r0",))
    assert acting(("card", Action.MASK)).act(text, Context(Where.PASSAGES)).text == "card " + "█" * len(CARD)


def test_a_finding_inside_another_that_is_treated_more_mildly_meets_its_own_end() -> None:
    text = f"see https://shop.example/pay?card={CARD.replace(' ', '')} now"
    assert acting(("url", Action.MASK)).act(text, ANSWER).text == "see [url] now"
    assert acting(("url", Action.MASK), ("card", Action.REFUSE)).act(text, ANSWER).refused == "policy.refused"
    assert CARD.replace(" ", "") not in acting(("url", Action.ALLOW), ("card", Action.MASK)).act(text, ANSWER).text


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from([CARD, "a@example.com", "x", " ", "1", "GB82 WEST 1234 5698 7654 32"]), max_size=8))
def test_acting_twice_is_acting_once_and_leaves_nothing_to_find(parts: list[str]) -> None:
    guard = acting(("personal", Action.MASK))
    once = guard.act("".join(parts), ANSWER).text
    assert guard.act(once, ANSWER).text == once
    assert scan(once, tuple(sorted(guard.policy.decisions(ANSWER)))) == ()


def test_a_vault_whose_key_is_gone_refuses_and_never_tells() -> None:
    acted = acting(("card", Action.PSEUDONYMISE), vault=MemoryVault(gone=True)).act(CARD, ANSWER)
    assert acted.refused == "vault.key_gone"


@dataclass
class Failing:
    recipe: str = "failing"

    def find(self, text: str, rule_ids: Sequence[str]) -> tuple[Finding, ...]:
        raise Unavailable("detector.timeout", "late")


def test_what_cannot_be_looked_at_is_held_back() -> None:
    refused = acting(("card", Action.MASK), detector=Failing()).act("hello", ANSWER)
    assert refused.refused == "detector.timeout"
    masked = acting(("card", Action.MASK), detector=Failing(), on_timeout=Action.MASK).act("hello", ANSWER)
    assert (masked.text, masked.refused) == (WITHHELD, "")
    ticks = iter([0.0, 1.0])
    late = Timed("rules", "1", scan, 250, clock=lambda: next(ticks))
    assert acting(("card", Action.MASK), detector=late).act("hello", ANSWER).refused == "detector.timeout"
    assert acting(("card", Action.MASK), most_chars=4).act("hello", ANSWER).refused == "guard.text_too_long"


@pytest.mark.parametrize("text", ["." * 20_000, ":" * 20_000, "[" * 20_000, "\ud800" + CARD, "QUJD" * 260_000])
def test_texts_made_to_hurt_pass_through_the_policy(text: str) -> None:
    acted = acting(("personal", Action.MASK), ("secrets", Action.MASK)).act(text, ANSWER)
    assert not acted.refused
    assert CARD not in acted.text
