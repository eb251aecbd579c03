"""What a policy costs in and out for requests of a kilobyte, and whether a text stream leaks what was planted in it.

The request: a question of 1 KB with three turns before it and an answer of 1 KB in sentences with quotes; in a second
measurement also eight passages of 1 KB each, none seen before. Times are wall milliseconds in the guards alone: the
system inside does nothing. The floor is the same request through the guards of an empty policy. The peer of the stream
is the whole text at once: every cutting must give the same. A leak is a planted value of which eight signs or more in a
row leave, blanks aside. Nothing was tuned on these texts.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import statistics
import sys
import time
from collections.abc import AsyncIterator

from assay.detect.registry import chosen
from assay.detect.scanning import scan
from assay.guard.acting import Acting, Looking, Timed
from assay.guard.passages import PassageNotes, PolicedRetriever
from assay.guard.policed import Policed
from assay.guard.policy import Action, Context, Policy, Rule, Where
from assay.guard.stream_text import TextStream
from assay.ports.answering import Retriever, System
from assay.records.access import AccessList
from assay.records.dialogue import (
    AnswerSentence,
    Check,
    CheckStatus,
    Citation,
    Finished,
    Outcome,
    ReplyEvent,
    Request,
    SentenceReady,
    Turn,
)
from assay.records.documents import BlockKind, Chunk
from assay.records.retrieval import Query, Ranked, Retrieved

IDS = frozenset(chosen(["personal", "secrets"]))
LONGEST_RUN = 8
PROSE = (
    "the report of the office in March says that every employee may ask for leave and that costs are paid by the "
    "department which holds the budget unless a manager decides otherwise before the end of the quarter"
)
WORDS = PROSE.split()


def card(draw: random.Random) -> str:
    digits = [4] + [draw.randrange(10) for _ in range(14)]
    total = sum(d if n % 2 else sum(divmod(2 * d, 10)) for n, d in enumerate(digits))
    number = "".join(map(str, [*digits, -total % 10]))
    return draw.choice((number, " ".join(number[n : n + 4] for n in range(0, 16, 4))))


def iban(draw: random.Random) -> str:
    account = "".join(draw.choice("0123456789") for _ in range(18))
    number = f"DE{98 - int(account + '131400') % 97:02}{account}"
    return draw.choice((number, " ".join(number[n : n + 4] for n in range(0, 22, 4))))


def email(draw: random.Random) -> str:
    name = "".join(draw.choice("abcdefghijklmnopqrstuvwxyz") for _ in range(9))
    return f"{name}@{draw.choice(('example.com', 'mail.example.org'))}"


def token(draw: random.Random) -> str:
    signs = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
    return "ghp_" + "".join(draw.choice(signs) for _ in range(36))


PLANTED = (card, iban, email, token)


def prose(draw: random.Random, size: int, planted: list[str]) -> str:
    words: list[str] = []
    while sum(map(len, words)) + len(words) < size:
        words.append(draw.choice(WORDS) + draw.choice(("", "", "", "", ",", ".", "\n")))
    for value in planted:
        words.insert(draw.randrange(len(words) + 1), value)
    return " ".join(words)


def acting(*, empty: bool = False) -> Acting:
    rules = (
        Rule("secrets", Action.REFUSE, frozenset(chosen(["secrets"])), frozenset({Where.QUESTION, Where.HISTORY})),
        Rule("personal", Action.MASK, frozenset(chosen(["personal"]))),
        Rule("out", Action.MASK, frozenset(chosen(["secrets"])), frozenset({Where.PASSAGES, Where.ANSWER})),
    )
    looking = Looking("rules", Timed("rules", "1", scan, 10_000), IDS)
    return Acting(Policy(() if empty else rules, known=IDS), (looking,))


class Inside:
    """Says a kilobyte, having been given passages."""

    def __init__(self, text: str, retriever: Retriever) -> None:
        self._text, self._retriever = text, retriever
        self.recipe = "inside"

    async def answer(self, request: Request) -> AsyncIterator[ReplyEvent]:
        found = self._retriever.retrieve(Query(request.question, request.scope, 8))
        for number, text in enumerate(part for part in self._text.split(".") if part.strip()):
            chunk = found.ranked[number % len(found.ranked)].chunk
            cited = Citation(chunk.span, chunk.text[:160], chunk.title, "docs/a.md", chunk.chunk_id)
            yield SentenceReady(AnswerSentence(text + ".", (cited,), Check(CheckStatus.SUPPORTED)))
        yield Finished(Outcome.ANSWERED)


class Shelf:
    recipe = "shelf"

    def __init__(self, texts: list[str]) -> None:
        access = AccessList()
        self._found = tuple(
            Ranked(
                Chunk(f"c{n}", "d", "a" * 64, n, 0, len(t), t, "A title", (), BlockKind.PARAGRAPH, "en", access), 1.0
            )
            for n, t in enumerate(texts)
        )

    def retrieve(self, query: Query) -> Retrieved:
        return Retrieved(self._found, {}, "s", query.mode)


async def timed(requests: int, seed: int, *, empty: bool, passages: bool = True) -> list[float]:
    draw = random.Random(seed)
    spent: list[float] = []
    guard = acting(empty=empty)
    for number in range(requests):
        planted = [draw.choice(PLANTED[:3])(draw) for _ in range(3)]
        shelf = Shelf([prose(draw, 1024, planted[:1]) for _ in range(8)])
        notes = PassageNotes()
        inner: System = Inside(
            prose(draw, 1024, planted), PolicedRetriever(shelf, guard, "", notes) if passages else shelf
        )
        turns = tuple(Turn("user", prose(draw, 200, [])) for _ in range(3))
        request = Request(f"r{number}", prose(draw, 1024, planted[:1]), history=turns)
        system = Policed(inner, guard, notes=notes)
        began = time.perf_counter()
        async for event in system.answer(request):
            del event
        spent.append((time.perf_counter() - began) * 1000)
    return spent[requests // 20 :]


def p(values: list[float], percent: int) -> float:
    return statistics.quantiles(values, n=100)[percent - 1]


def leaked(value: str, shown: str) -> bool:
    bare, out = value.replace(" ", ""), shown.replace(" ", "").replace("\n", "")
    return any(bare[n : n + LONGEST_RUN] in out for n in range(len(bare) - LONGEST_RUN + 1))


def streamed(trials: int, seed: int) -> tuple[int, int, int]:
    """Leaks, cuttings that differ from the whole, and planted values."""
    draw, guard = random.Random(seed), acting()
    leaks = differing = values = 0
    for trial in range(trials):
        planted = [draw.choice(PLANTED)(draw) for _ in range(draw.randint(1, 4))]
        text = prose(draw, draw.randint(50, 1500), planted)
        whole = TextStream(guard, Context(Where.ANSWER))
        expected = whole.feed(text) + whole.close()
        one, at = TextStream(guard, Context(Where.ANSWER)), 0
        out: list[str] = []
        longest = draw.choice((1, 4, 20, 200, 2000))
        while at < len(text):
            size = draw.randint(1, longest)
            out.append(one.feed(text[at : at + size]))
            at += size
        shown = "".join(out) + one.close()
        differing += shown != expected
        leaks += sum(leaked(value, shown) for value in planted)
        values += len(planted)
        if trial % 500 == 499:
            print(f"{trial + 1:,} of {trials:,} streams", file=sys.stderr)
    return leaks, differing, values


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=400)
    parser.add_argument("--trials", type=int, default=3000)
    parser.add_argument("--seed", type=int, default=20)
    stated = parser.parse_args()
    n, seed = stated.requests, stated.seed
    floor = asyncio.run(timed(n, seed, empty=True, passages=False))
    both = asyncio.run(timed(n, seed, empty=False, passages=False))
    full = asyncio.run(timed(n, seed, empty=False))
    print("guards, without names          p50 ms   p95 ms   p99 ms")
    for name, times in (("an empty policy (floor)", floor), ("in and out", both), ("and eight new passages", full)):
        print(f"{name:<28} {p(times, 50):8.2f} {p(times, 95):8.2f} {p(times, 99):8.2f}")
    print(f"p95 in and out: {p(both, 95) / p(floor, 95):.1f} times the floor\n")
    leaks, differing, values = streamed(stated.trials, stated.seed)
    print(f"streams: {stated.trials:,} random cuttings with {values:,} planted values")
    print(f"  leaks {leaks}, cuttings that give another text than the whole {differing}")
    figures = {
        "p95_ms": round(p(both, 95), 2),
        "p95_with_passages_ms": round(p(full, 95), 2),
        "floor_p95_ms": round(p(floor, 95), 2),
        "stream_trials": stated.trials,
        "stream_leaks": leaks,
        "stream_differing": differing,
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
