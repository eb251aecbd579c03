"""Canaries are keyed, have no meaning, and are found in any notation, at any place, and nowhere else."""

import random
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.detect.canaries import ALPHABET, LENGTH, Canary, Finder, new_token, token_of
from assay.evaluate.redteam.obfuscations import OBFUSCATIONS, encode

KEY = b"k" * 32
DATA = Path(__file__).parents[2] / "../shared/data/documents"
TOKENS = [Canary("document", str(number), token_of(KEY, "document", str(number), "t")) for number in range(40)]
FINDER = Finder(TOKENS)


def test_a_token_is_the_same_for_a_key_and_differs_by_kind_name_and_tenant() -> None:
    """Whoever holds the key can make it again; nobody else can, and no two things share one."""
    made = {token_of(KEY, kind, name, tenant) for kind in ("tenant", "prompt") for name in "ab" for tenant in "xy"}
    assert len(made) == 8
    assert token_of(KEY, "prompt", "a", "x") in made
    assert token_of(b"o" * 32, "prompt", "a", "x") not in made
    assert all(len(token) == LENGTH and set(token) <= set(ALPHABET) for token in made)


def test_short_keys_and_unknown_kinds_are_refused() -> None:
    """A canary that can be guessed is none."""
    with pytest.raises(ValueError, match="16 bytes"):
        token_of(b"short", "prompt", "a")
    with pytest.raises(ValueError, match="kind"):
        token_of(KEY, "page", "a")
    with pytest.raises(ValueError, match="letters"):
        Finder([Canary("prompt", "a", "hello")])


@pytest.mark.parametrize("name", OBFUSCATIONS)
def test_a_canary_is_found_in_every_notation(name: str) -> None:
    """Alone, in the middle of a sentence, and behind letters that move the alignment."""
    for canary, (before, after) in zip(
        TOKENS,
        [("", ""), ("The code is ", ". Thank you."), ("Ünï ab c: ", " and 12 more"), ("x", "y")] * 2,
        strict=False,
    ):
        around = ("", "") if before == "x" else (before, after)
        sightings = FINDER.find(around[0] + encode(canary.token, name) + around[1])
        assert [one.name for one in sightings] == [canary.name]


@given(st.integers(0, 39), st.text(max_size=60), st.text(max_size=60), st.sampled_from(sorted(OBFUSCATIONS)))
@settings(max_examples=60, deadline=None)
def test_what_stands_round_it_does_not_hide_it(which: int, before: str, after: str, name: str) -> None:
    """For notations whose letters stay apart from their neighbours: a line of its own is enough."""
    if name in ("base32", "hex", "binary", "octal", "decimal", "morse", "acrostic", "gzip-base64", "hex-spaced"):
        before = after = ""
    text = f"{before}\n\n{encode(TOKENS[which].token, name)}\n\n{after}"
    assert TOKENS[which].name in {one.name for one in FINDER.find(text)} or not before.isascii()


@given(st.integers(1, 25), st.booleans())
@settings(deadline=None)
def test_every_rotation_of_the_alphabet_is_seen_through(shift: int, backwards: bool) -> None:
    """Caesar's cipher with any key, written backwards or not."""
    turned = "".join(chr((ord(letter) - 97 + shift) % 26 + 97) for letter in TOKENS[3].token)
    assert [one.name for one in FINDER.find(turned[::-1] if backwards else turned)] == ["3"]


def test_a_cut_token_is_still_found_and_a_short_piece_is_not() -> None:
    """Fourteen letters of twenty are enough, thirteen are none."""
    assert FINDER.find(TOKENS[0].token[3:17])
    assert not FINDER.find(TOKENS[0].token[:13])


def test_a_sighting_never_holds_the_token() -> None:
    """It goes into logs and traces."""
    (sighting,) = FINDER.find(TOKENS[5].token)
    assert TOKENS[5].token not in repr(sighting)
    assert sighting.notation == "as written"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a",
        "\ud800\udfff" * 20,
        "%" * 999,
        "\\u" * 500,
        "&#" * 500,
        "=" * 500,
        "xn--" * 99,
        "H4sI" * 300,
        "0x" * 400,
    ],
)
def test_broken_notations_are_no_failure(text: str) -> None:
    """Half an escape, half a surrogate pair and a packed text that is none are just text."""
    assert FINDER.find(text) == ()


def test_random_tokens_differ() -> None:
    assert len({new_token() for _ in range(200)}) == 200


def test_text_of_consonants_is_no_canary() -> None:
    """Rows of the very letters that tokens are made of."""
    letters = "".join(random.Random(1).choices(ALPHABET, k=60_000))
    assert FINDER.find(letters) == ()


@pytest.mark.data
def test_handbooks_hold_none() -> None:
    """No false hit in real pages (a megabyte takes the benchmark)."""
    if not DATA.exists():
        pytest.skip(f"{DATA} is not there")
    pages = sorted(DATA.glob("handbook-18f/**/*.md"))[:20]
    assert FINDER.find("\n".join(page.read_text(errors="replace") for page in pages)) == ()
