"""A policed system asks, answers, lowers rights, escalates and stops as its policy says, and tells no content."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from test_guard_guards import CARD, Scripted, sentence

from assay.detect.registry import chosen
from assay.detect.scanning import scan
from assay.guard.acting import Acting, Looking, Timed
from assay.guard.passages import PassageNotes, PolicedRetriever
from assay.guard.policed import LOWERED, Policed
from assay.guard.policy import Action, Policy, Rule, Where
from assay.records.access import AccessList, Scope
from assay.records.dialogue import (
    Finished,
    Outcome,
    Output,
    OutputReady,
    Passage,
    PassagesChosen,
    Request,
    ToolCall,
    Turn,
    fold,
)
from assay.records.documents import BlockKind, Chunk
from assay.records.retrieval import Query, Ranked, Retrieved

IDS = frozenset(chosen(["personal"]))


def acting(*rules: tuple[str, Action, str]) -> Acting:
    made = tuple(
        Rule(f"r{n}", action, frozenset(chosen([name])), frozenset({Where(where)}))
        for n, (name, action, where) in enumerate(rules)
    )
    return Acting(Policy(made, known=IDS), (Looking("rules", Timed("rules", "1", scan, 1e9), IDS),))


@dataclass
class Raised:
    kept: list[tuple[str, str, str, str, tuple[str, ...]]] = field(default_factory=list)

    def raise_to_person(self, request_id: str, tenant: str, app: str, where: str, rules: Sequence[str]) -> None:
        self.kept.append((request_id, tenant, app, where, tuple(rules)))


async def events(system: Policed, question: str = "How long?", *, history: str = "") -> list[object]:
    turns = (Turn("user", history),) if history else ()
    request = Request("r-1", question, Scope("acme", frozenset({"hr"})), turns)
    return [event async for event in system.answer(request)]


async def test_question_history_answer_quotes_and_titles_are_changed_and_counted_without_content() -> None:
    inner = Scripted([sentence(f"Use {CARD}.", f"q {CARD}", f"t {CARD}"), Finished(Outcome.ANSWERED)])
    guard = acting(("card", Action.MASK, "question"), ("card", Action.MASK, "history"), ("card", Action.MASK, "answer"))
    seen = await events(Policed(inner, guard), f"Is {CARD} mine?", history=f"It was {CARD}")
    assert inner.asked[0].question == "Is [card] mine?"
    assert inner.asked[0].history[0].content == "It was [card]"
    assert "4111" not in repr(seen)
    reply = fold(seen)  # type: ignore[arg-type]
    assert reply.text == "Use [card]."
    assert reply.stages[0].detail == {"guard": "policy", "question.card": 1, "history.card": 1, "answer.card": 3}


async def test_an_answer_that_is_refused_ends_at_once_and_nothing_follows() -> None:
    inner = Scripted([sentence("Fine."), sentence(CARD), sentence("More."), Finished(Outcome.ANSWERED)])
    seen = await events(Policed(inner, acting(("card", Action.REFUSE, "answer"))))
    reply = fold(seen)  # type: ignore[arg-type]
    assert (reply.text, reply.outcome, reply.reason) == ("Fine.", Outcome.REFUSED, "policy.refused")
    assert isinstance(seen[-1], Finished)
    assert inner.closed == 1


async def test_a_value_over_the_end_of_a_sentence_does_not_leave_whole() -> None:
    inner = Scripted([sentence("It is 4111 1111"), sentence("1111 1111 today."), Finished(Outcome.ANSWERED)])
    reply = fold(await events(Policed(inner, acting(("card", Action.MASK, "answer")))))  # type: ignore[arg-type]
    assert reply.text == "It is 4111 1111 [withheld] today."


async def test_escalation_refuses_and_keeps_the_rule_for_a_person() -> None:
    inner, raised = Scripted(), Raised()
    system = Policed(inner, acting(("card", Action.ESCALATE, "question")), "app", escalations=raised)
    reply = fold(await events(system, CARD))  # type: ignore[arg-type]
    assert (reply.outcome, reply.reason, inner.asked) == (Outcome.REFUSED, "policy.escalated", [])
    assert raised.kept == [("r-1", "acme", "app", "question", ("r0",))]


async def test_lowered_rights_take_groups_and_tools() -> None:
    output = OutputReady(Output(tools=(ToolCall("mail", {"to": CARD}),), fields={"card": [CARD, 4111111111111111]}))
    inner = Scripted([output, Finished(Outcome.ANSWERED)])
    guard = acting(("card", Action.LOWER_RIGHTS, "question"), ("card", Action.MASK, "answer"))
    reply = fold(await events(Policed(inner, guard), CARD))  # type: ignore[arg-type]
    assert inner.asked[0].scope == Scope("acme")
    assert inner.asked[0].metadata[LOWERED] == "1"
    assert reply.output == Output(fields={"card": ["[card]", "[card]"]})


async def test_limits_come_before_anything_reads_the_question() -> None:
    inner = Scripted()
    reply = fold(await events(Policed(inner, acting()), "x" * 10_000_000))  # type: ignore[arg-type]
    assert (reply.reason, inner.asked) == ("guard.too_long", [])


def chunk(name: str, text: str) -> Chunk:
    return Chunk(name, "d", "a" * 64, 0, 0, len(text), text, f"About {CARD}", (CARD,), BlockKind.PARAGRAPH, "en", AccessList("acme"))  # fmt: skip  # noqa: E501


@dataclass
class Found:
    chunks: tuple[Chunk, ...]
    recipe: str = "found"

    def retrieve(self, query: Query) -> Retrieved:
        return Retrieved(tuple(Ranked(one, 1.0) for one in self.chunks), {}, "s", query.mode)


async def test_passages_keep_their_length_are_dropped_or_cost_rights() -> None:
    passages = Found((chunk("one", f"Card {CARD}."), chunk("two", "Write to a@example.com")))
    query = Query("card?", Scope("acme", frozenset({"hr"})))
    masked = PolicedRetriever(passages, acting(("card", Action.MASK, "passages")), "", PassageNotes()).retrieve(query)
    assert masked.ranked[0].chunk.text == f"Card {'█' * len(CARD)}."
    assert "4111" not in repr(masked)
    dropped = PolicedRetriever(passages, acting(("email", Action.REFUSE, "passages")), "", PassageNotes())
    assert [one.chunk.chunk_id for one in dropped.retrieve(query).ranked] == ["one"]
    notes, guard = PassageNotes(), acting(("email", Action.LOWER_RIGHTS, "passages"))
    kept = PolicedRetriever(passages, guard, "", notes).retrieve(query)
    chosen_passages = PassagesChosen(tuple(Passage(1, r.chunk.chunk_id, r.chunk.span, 1.0) for r in kept.ranked))
    tools = OutputReady(Output(tools=(ToolCall("mail"),)))
    inner = Scripted([chosen_passages, tools, Finished(Outcome.ANSWERED)])
    reply = fold(await events(Policed(inner, guard, notes=notes)))  # type: ignore[arg-type]
    assert reply.output == Output()
    assert reply.stages[0].detail[LOWERED] == 1
