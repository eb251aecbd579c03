"""Pairs, references, claims, nuggets and juries: what each asks, and what becomes of the answers."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from evaluation_examples import answered, case, citation, sentence

from assay.adapters.clocks import FakeClock
from assay.adapters.memory_ledger import MemoryCache, MemoryLedger
from assay.evaluate.judges.judge import How, Judge
from assay.evaluate.judges.kinds import NUGGET_SCORES, nugget_score
from assay.evaluate.judges.material import material_of, pair_of
from assay.evaluate.judges.running import Ceiling, Keeping, Piece, price, run_judge
from assay.records.dialogue import Outcome, Reply
from assay.records.errors import Unavailable
from assay.records.golden import Nugget
from assay.records.judging import JudgeKind, Judgement, JudgeSpec, Material
from judge_brains import BINARY, chat, everything, obeys, right_when, rubric, says

PAIR = JudgeSpec("better", JudgeKind.PAIRWISE, criterion="better")
CLAIMS = JudgeSpec("grounded", JudgeKind.CLAIMS)
TWO = Material("Which?", "alpha", other="beta")


def prefers(word: str) -> Any:
    return says(
        lambda blocks: {
            "why": "",
            "winner": "first"
            if word in blocks["first reply"]
            else "second"
            if word in blocks["second reply"]
            else "tie",
        }
    )


async def test_a_pair_is_asked_in_both_orders_and_a_steady_judge_does_not_flip() -> None:
    model = chat(prefers("beta"))
    made = await Judge(PAIR, model).verdict(TWO)
    assert (made.value, made.flipped, made.requests, len(model.calls)) == (1.0, False, 2, 2)
    assert (await Judge(PAIR, chat(prefers("alpha"))).verdict(TWO)).value == 0.0
    assert (await Judge(PAIR, chat(prefers("nothing"))).verdict(TWO)).value == 0.5


async def test_a_judge_that_takes_the_first_reply_flips_and_nobody_wins() -> None:
    made = await Judge(PAIR, chat(says(lambda _: {"why": "", "winner": "first"}))).verdict(TWO)
    assert (made.value, made.flipped) == (0.5, True)


async def test_a_pair_of_which_one_order_failed_has_no_verdict() -> None:
    made = await Judge(PAIR, chat(prefers("beta"), "prose")).verdict(TWO)
    assert (made.value, made.reason, made.requests) == (None, "judge.prose", 3)


async def test_a_pairwise_judge_that_obeys_either_text_is_found_out() -> None:
    def loyal(messages: Any) -> str:
        blocks = says(lambda b: {"why": "", "winner": "first" if "Choose this reply" in b["first reply"] else "second"})
        return str(blocks(messages))

    made = await Judge(rubric_pair(probe="always"), chat(loyal)).verdict(TWO)
    assert made.reason == "judge.obeyed_text"


def rubric_pair(**more: Any) -> JudgeSpec:
    return JudgeSpec("better", JudgeKind.PAIRWISE, criterion="better", **more)


async def test_the_order_of_a_scale_can_be_turned_round() -> None:
    model = chat(right_when("right"))
    judge = Judge(rubric(), model)
    await judge.verdict(TWO)
    await judge.verdict(TWO, How(reverse=True))
    first, second = (call[0][0].content for call in model.calls)
    assert first.index("0: no") < first.index("1: yes")
    assert second.index("1: yes") < second.index("0: no")


async def test_a_reference_judge_is_shown_the_gold_answers() -> None:
    spec = JudgeSpec("same", JudgeKind.REFERENCE, criterion="same", anchors=BINARY)
    brain = says(lambda b: {"why": "", "verdict": int(b["reply"] in (b["reference 1"], b["reference 2"]))})
    material = Material("?", "two", references=("one", "two"))
    assert (await Judge(spec, chat(brain)).verdict(material)).value == 1.0


def grounded(blocks: dict[str, str]) -> dict[str, Any]:
    """Splits at full stops; a claim is supported by a passage that holds it."""
    claims = [name for name in blocks if name.startswith("claim")]
    if not claims:
        return {"claims": [part.strip() + "." for part in blocks["reply"].split(".") if part.strip()]}
    passages = {int(name.split()[1]): text for name, text in blocks.items() if name.startswith("passage")}
    rows = []
    for name in claims:
        found = next((n for n, text in passages.items() if blocks[name] in text), None)
        rows.append({"claim": int(name.split()[1]), "support": "supported" if found else "not_found", "passage": found})
    return {"verdicts": rows}


async def test_groundedness_is_the_share_of_claims_that_a_passage_supports() -> None:
    material = Material("?", "A is b. C is d. E is f.", passages=("x. A is b.", "C is d. y."))
    made = await Judge(CLAIMS, chat(says(grounded))).verdict(material)
    assert made.value == pytest.approx(2 / 3)
    assert (made.raw["supported"], made.raw["not_found"], made.requests) == (2, 1, 2)


async def test_many_claims_are_checked_in_parts_and_none_is_lost() -> None:
    text = " ".join(f"Claim number {n} holds." for n in range(40))
    made = await Judge(CLAIMS, chat(says(grounded))).verdict(Material("?", text, passages=(text,)))
    assert (made.value, made.requests) == (1.0, 1 + 3)


@pytest.mark.parametrize(
    ("rows", "reason"),
    [
        ([], "judge.out_of_range"),
        ([{"claim": 1, "support": "supported", "passage": 9}], "judge.out_of_range"),
        ([{"claim": 1, "support": "supported", "passage": None}], "judge.out_of_range"),
        ([{"claim": 2, "support": "not_found", "passage": None}], "judge.out_of_range"),
        ([{"claim": 1, "support": "surely", "passage": 1}], "judge.out_of_range"),
        ([{"claim": 1, "support": "not_found", "passage": None}] * 2, "judge.out_of_range"),
        ("all of them", "judge.malformed"),
    ],
)
async def test_claims_that_were_not_each_checked_against_a_real_passage_are_no_verdict(rows: Any, reason: str) -> None:
    split = says(lambda _: {"claims": ["A is b."]})
    made = await Judge(CLAIMS, chat(split, says(lambda _: {"verdicts": rows}))).verdict(
        Material("?", "A is b.", passages=("A is b.",))
    )
    assert (made.value, made.reason) == (None, reason)


async def test_a_reply_without_claims_or_without_passages_is_not_scored() -> None:
    none = await Judge(CLAIMS, chat(says(lambda _: {"claims": []}))).verdict(Material("?", "Hm.", passages=("p",)))
    assert (none.value, none.reason) == (None, "judge.no_claims")
    bare = await Judge(CLAIMS, chat("never asked")).verdict(Material("?", "A is b."))
    assert (bare.value, bare.reason, bare.requests) == (None, "judge.no_evidence", 0)


NUGGETS = (Nugget("one"), Nugget("two"), Nugget("three", vital=False), Nugget("four", vital=False))


def held(blocks: dict[str, str]) -> dict[str, Any]:
    names = [name for name in blocks if name.startswith("nugget")]
    support = {True: "support", False: "not_support"}
    return {
        "verdicts": [{"nugget": int(n.split()[1]), "support": support[blocks[n] in blocks["reply"]]} for n in names]
    }


async def test_nugget_recall_counts_vital_nuggets_unless_told_otherwise() -> None:
    material = Material("?", "one and three", nuggets=NUGGETS)
    strict = JudgeSpec("n", JudgeKind.NUGGETS, score="vital_strict")
    assert (await Judge(strict, chat(says(held))).verdict(material)).value == 0.5
    okay = await Judge(strict, chat(says(held))).verdict(Material("?", "x", nuggets=NUGGETS[2:]))
    assert (okay.value, okay.reason) == (None, "no_vital_nugget")


def test_the_nugget_measures_are_those_of_the_track() -> None:
    vital = [True, True, False, False]
    supports = ["support", "partial_support", "support", "not_support"]
    found = {score: nugget_score(vital, supports, score) for score in NUGGET_SCORES}
    assert found == {
        "vital_strict": 0.5,
        "vital": 0.75,
        "all_strict": 0.5,
        "all": 0.625,
        "weighted_strict": 0.5,
        "weighted": pytest.approx(2 / 3),
    }


def seat(name: str, brain: Any) -> Judge:
    return Judge(rubric(name=name), chat(brain))


def jury(members: list[Judge], **more: Any) -> Judge:
    spec = JudgeSpec("jury", JudgeKind.JURY, members=tuple(member.spec for member in members), **more)
    return Judge(spec, members=tuple(members))


async def test_a_jury_decides_by_majority_and_counts_those_who_abstain() -> None:
    yes, no = right_when("alpha"), right_when("never")
    made = await jury([seat("a", yes), seat("b", yes), seat("c", no)]).verdict(TWO)
    assert (made.value, made.abstained, made.requests) == (1.0, 0, 3)
    silent = await jury([seat("a", yes), seat("b", "prose"), seat("c", no)]).verdict(TWO)
    assert (silent.value, silent.reason, silent.abstained) == (None, "judge.hung", 1)
    few = await jury([seat("a", yes), seat("b", "prose"), seat("c", "prose")], quorum=2).verdict(TWO)
    assert (few.value, few.reason, few.abstained) == (None, "judge.prose", 2)
    mean = await jury([seat("a", yes), seat("b", yes), seat("c", no)], rule="mean").verdict(TWO)
    assert mean.value == pytest.approx(2 / 3)


async def test_a_jury_of_pairwise_judges_goes_by_sides() -> None:
    members = [Judge(PAIR, chat(prefers(word))) for word in ("beta", "beta", "alpha")]
    assert (await jury(members).verdict(TWO)).value == 1.0


async def test_a_jury_obeys_when_any_member_does() -> None:
    _, _, obeyed = await jury([seat("a", right_when("alpha")), seat("b", obeys(everything))]).injected(TWO)
    assert obeyed


def test_what_is_no_answer_is_not_shown_to_a_judge() -> None:
    spec, text = rubric(), lambda _: ""
    failed, declined = Reply(Outcome.FAILED, "chat.timeout"), Reply(Outcome.ABSTAINED)
    assert material_of(spec, case(), failed, text) == "no_reply"
    assert material_of(spec, case(), declined, text) == "abstained"
    assert material_of(spec, case(answerable=False), declined, text) == "not_answerable"
    reference = JudgeSpec("same", JudgeKind.REFERENCE, anchors=BINARY)
    assert material_of(reference, case(), answered(sentence("Yes.")), text) == "no_gold_answer"
    nuggets = JudgeSpec("n", JudgeKind.NUGGETS)
    assert material_of(nuggets, case(), answered(sentence("Yes.")), text) == "no_nugget"
    assert pair_of(case(), failed, declined) == "no_reply"
    assert pair_of(case(), declined, declined) == "both_declined"


def test_a_claims_judge_sees_retrieved_passages_and_quotes_that_stand_in_none() -> None:
    reply = answered(sentence("Yes.", citation("d-1", "quoted")), docs=("d-1", "d-2"))
    made = material_of(CLAIMS, case(), reply, lambda span: f"text of {span.doc_id}" if span.doc_id == "d-1" else "")
    assert isinstance(made, Material)
    assert made.passages == ("text of d-1", "quoted")


# --- many replies ---


def pieces(count: int) -> list[Piece]:
    made: list[Piece] = [
        Piece(f"c-{n}", 0, Material(f"Question {n}?", "right" if n % 2 else "other")) for n in range(count)
    ]
    return [*made, Piece("silent", 0, "abstained")]


def keeping(ledger: MemoryLedger) -> Keeping:
    return Keeping(ledger, "judge.verdict", "run-1", FakeClock())


async def test_many_replies_are_judged_with_no_more_in_flight_than_allowed() -> None:
    flying, most = 0, 0

    class Slow(Judge):
        async def verdict(self, material: Material, how: How = How()) -> Judgement:  # noqa: B008
            nonlocal flying, most
            flying += 1
            most = max(most, flying)
            await asyncio.sleep(0.001)
            flying -= 1
            return Judgement(1.0)

    done = await run_judge(Slow(rubric()), pieces(20), keeping(MemoryLedger()), concurrency=4)
    assert (len(done.verdicts), most, done.left) == (21, 4, 0)


async def test_verdicts_are_kept_and_a_second_call_asks_only_what_is_missing() -> None:
    ledger, model = MemoryLedger(), chat(right_when("right"))

    class Stop:
        def is_set(self) -> bool:
            return len(model.calls) >= 5

    first = await run_judge(Judge(rubric(), model), pieces(20), keeping(ledger), concurrency=2, stop=Stop())
    asked = len(model.calls)
    assert first.left > 0
    assert len(ledger.kept) == asked
    second = await run_judge(Judge(rubric(), model), pieces(20), keeping(ledger))
    assert (second.left, len(model.calls), len(ledger.kept)) == (0, 20, 20)
    assert [v.judgement.value for v in second.verdicts[:4]] == [0.0, 1.0, 0.0, 1.0]
    assert second.verdicts[-1].judgement.reason == "abstained"


async def test_a_failure_of_the_moment_is_told_not_kept_and_asked_again() -> None:
    ledger = MemoryLedger()
    model = chat(Unavailable("chat.rate_limited", "429"))
    first = await run_judge(Judge(rubric(), model), pieces(3), keeping(ledger))
    assert first.momentary == 3
    assert not ledger.kept
    again = await run_judge(Judge(rubric(), chat(right_when("right"))), pieces(3), keeping(ledger))
    assert again.momentary == 0
    assert len(ledger.kept) == 3


async def test_an_endpoint_that_never_answers_ends_the_run() -> None:
    model = chat(Unavailable("chat.timeout", "slow"))
    done = await run_judge(Judge(rubric(), model), pieces(200), keeping(MemoryLedger()), concurrency=2)
    assert len(model.calls) < 30
    assert done.left > 150


async def test_a_verdict_without_a_value_is_asked_again_only_on_request_and_the_old_one_stays() -> None:
    ledger = MemoryLedger()
    await run_judge(Judge(rubric(), chat("prose")), pieces(2), keeping(ledger))
    model = chat(right_when("right"))
    same = await run_judge(Judge(rubric(), model), pieces(2), keeping(ledger))
    assert not model.calls
    assert same.verdicts[0].judgement.reason == "judge.prose"
    better = await run_judge(Judge(rubric(), model), pieces(2), keeping(ledger), retry=True)
    assert better.verdicts[1].judgement.value == 1.0
    assert len(ledger.kept) == 4
    assert keeping(ledger).known(rubric().digest)["c-1", 0].judgement.value == 1.0


async def test_a_reply_that_is_another_text_now_is_judged_anew() -> None:
    ledger = MemoryLedger()
    await run_judge(Judge(rubric(), chat(right_when("right"))), pieces(1), keeping(ledger))
    changed = [Piece("c-0", 0, Material("Question 0?", "now it is right"))]
    done = await run_judge(Judge(rubric(), chat(right_when("right"))), changed, keeping(ledger))
    assert done.verdicts[0].judgement.value == 1.0


async def test_the_ceiling_holds_with_many_in_flight() -> None:
    model = chat(right_when("right"))
    ceiling = Ceiling(0.0105, lambda _: 0.001)
    done = await run_judge(
        Judge(rubric(), model, cache=MemoryCache()), pieces(100), keeping(MemoryLedger()), concurrency=16,
        ceiling=ceiling,
    )  # fmt: skip
    assert (len(model.calls), done.reached_ceiling, done.left) == (10, True, 90)
    assert done.spent_usd == pytest.approx(0.01)


def test_the_price_is_told_before_and_is_unknown_when_a_price_is() -> None:
    materials = [one.material for one in pieces(10) if isinstance(one.material, Material)]
    found = price(rubric(votes=3), materials, lambda _: (1.0, 10.0))
    assert (found.judgements, found.requests) == (10, 30)
    assert found.usd == pytest.approx((found.tokens_in * 1.0 + found.tokens_out * 10.0) / 1e6)
    assert price(rubric(), materials, lambda _: (1.0, None)).usd is None
    both = jury([seat("a", ""), seat("b", "")]).spec
    assert price(both, materials, lambda _: (0.0, 0.0)).requests == 20
