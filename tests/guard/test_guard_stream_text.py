"""What leaves a stream does not depend on how its text was cut, holds nothing that the policy keeps back, and ends
with a tombstone."""

import random
from collections.abc import AsyncIterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.detect.registry import chosen
from assay.detect.scanning import scan
from assay.guard.acting import Acting, Looking, Timed
from assay.guard.policy import Action, Context, Policy, Rule, Where
from assay.guard.stream_text import TOMBSTONE, TextStream, guarded

IDS = frozenset(chosen(["personal", "secrets"]))
PLANTED = (
    "4111 1111 1111 1111", "GB82 WEST 1234 5698 7654 32", "anna.meyer@example.com", "+44 20 7946 0958",
    "ghp_" + "aB3dE5fG7hJ9kL1mN3pQ5rS7tU9vW1xY3zA5", "192.168.17.23",
)  # fmt: skip
PIECES = (
    *PLANTED, "The report is due. ", "word ", "\n", "[a link](https://x.example/a) ", "![", "[", "](", "<b>", "<",
    "```\n", "| a | b |\n", "http://", "é", "漢字。", "\ud800", "a" * 300, "-----BEGIN PRIVATE KEY-----\n", "MIIB/+=\n",
    "-----END PRIVATE KEY-----", "x" * 60 + " ", "\\", "\u200b",
)  # fmt: skip


def stream(action: Action = Action.MASK) -> TextStream:
    looking = Looking("rules", Timed("rules", "1", scan, 1e9), IDS)
    return TextStream(Acting(Policy((Rule("r", action, IDS),), known=IDS), (looking,)), Context(Where.ANSWER))


def whole(text: str, action: Action = Action.MASK) -> str:
    one = stream(action)
    return one.feed(text) + one.close()


def cut(text: str, places: list[int], action: Action = Action.MASK) -> str:
    one = stream(action)
    out, at = [], 0
    for place in [*sorted(place % (len(text) + 1) for place in places), len(text)]:
        out.append(one.feed(text[at:place]))
        at = place
    return "".join(out) + one.close()


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from(PIECES), max_size=40), st.lists(st.integers(0, 10_000), max_size=30))
def test_any_cutting_gives_what_the_whole_gives(parts: list[str], places: list[int]) -> None:
    text = "".join(parts)
    assert cut(text, places) == whole(text)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.sampled_from(PIECES), max_size=30), st.lists(st.integers(0, 10_000), max_size=20))
def test_any_cutting_is_stopped_at_the_same_place(parts: list[str], places: list[int]) -> None:
    text = "".join(parts)
    assert cut(text, places, Action.REFUSE) == whole(text, Action.REFUSE)


def test_no_planted_value_leaves_in_a_hundred_random_cuttings() -> None:
    draw = random.Random(5)
    for _ in range(100):
        words = [draw.choice(("the", "office", "report", "of", "March", "says", "that")) for _ in range(60)]
        for value in draw.sample(PLANTED, 3):
            words.insert(draw.randrange(len(words)), value)
        text = " ".join(words)
        shown = cut(text, [draw.randrange(len(text)) for _ in range(40)])
        bare = shown.replace(" ", "")
        for value in (one.replace(" ", "") for one in PLANTED if one in text):
            assert not [at for at in range(len(value) - 7) if value[at : at + 8] in bare]


def test_nothing_leaves_after_a_tombstone() -> None:
    one = stream(Action.REFUSE)
    out = one.feed(f"Hello {PLANTED[0]}. " + "more " * 200)
    assert out.endswith(TOMBSTONE)
    assert one.stopped == "policy.refused"
    assert one.feed("and more " * 500) == one.close() == ""


def test_a_construct_that_does_not_end_is_escaped_and_one_that_does_is_told() -> None:
    told: list[tuple[str, str]] = []

    def closed(kind: str, text: str) -> str:
        told.append((kind, text))
        return "<gone>"

    looking = Looking("rules", Timed("rules", "1", scan, 1e9), IDS)
    one = TextStream(Acting(Policy(), (looking,)), Context(Where.ANSWER), closed)
    out = one.feed("See ![x](http://e.example/?q=1) and [y ") + one.close()
    assert told == [("image", "![x](http://e.example/?q=1)")]
    assert out == "See <gone> and \\[y "
    held = stream()
    assert "[" not in held.feed("[" + "word " * 300)
    assert held.feed("word " * 600).startswith("\\[word")


def test_an_open_private_key_is_swallowed_up_to_its_end() -> None:
    body = "-----BEGIN PRIVATE KEY-----\n" + "MIIEvQIBADANBgkqhkiG9w0BAQEFAASC\n" * 200
    assert whole(f"key: {body}-----END PRIVATE KEY-----\nThe end.") == "key: [private_key]\nThe end."
    assert "MIIE" not in whole(body)


@pytest.mark.parametrize(
    "text", ["a" * 300_000, "[" * 20_000, "." * 20_000, "[![a](b)" * 800, "http://" * 2_000, "<a" * 4000]
)
def test_texts_made_to_hurt_come_to_an_end(text: str) -> None:
    out = whole(text)
    assert out
    assert len(out) <= 2 * len(text)


async def test_a_reader_who_leaves_closes_the_source_and_drops_what_was_held() -> None:
    closed = []

    async def pieces() -> AsyncIterator[str]:
        try:
            for _ in range(1000):
                yield "some words and more "
        finally:
            closed.append(True)

    one = stream()
    running = guarded(pieces(), one)
    assert await anext(running)
    await running.aclose()
    assert (closed, one.stopped) == ([True], "stream.cancelled")
    assert one.feed("late") == one.close() == ""


async def test_a_source_that_fails_lets_nothing_more_out() -> None:
    async def pieces() -> AsyncIterator[str]:
        yield "held words"
        raise TimeoutError

    with pytest.raises(TimeoutError):
        await anext(guarded(pieces(), stream()))
