"""Texts made to be slow: milliseconds per kilobyte of every detector on each of them.

The floor is the same detectors on a page of prose. A text of n characters is also read at half its length: a ratio near
two says that time is linear in it.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import time
from collections.abc import Callable

from assay.detect import hidden
from assay.detect.limits import TextLimits, exceeded
from assay.detect.registry import chosen
from assay.detect.scanning import scan

KB = 1024
LIMIT_MS_PER_KB = 50.0


def repeated(piece: str) -> Callable[[int], str]:
    return lambda size: (piece * (size // len(piece) + 1))[:size]


def drawn(signs: str) -> Callable[[int], str]:
    return lambda size: "".join(random.Random(7).choices(signs, k=size))


SHAPES: dict[str, Callable[[int], str]] = {
    "dots": repeated("."),
    "colons": repeated(":"),
    "brackets": repeated("["),
    "brackets, closed": repeated("[]()"),
    "digits": repeated("4"),
    "digits, spaced": repeated("4 "),
    "digits, hyphened": repeated("12-"),
    "digits in brackets": repeated("(1)"),
    "at signs": repeated("@"),
    "addresses, half": repeated("a@"),
    "domain of dots": lambda size: "a@" + repeated("b.")(size),
    "hex and colons": repeated("a:"),
    "schemes": repeated("http://"),
    "schemes with brackets": repeated("http://a)"),
    "link of brackets": lambda size: "http://a" + repeated(").")(size),
    "plus": repeated("+1 "),
    "cards, half": repeated("4111 1111 1111 "),
    "IBANs, half": repeated("DE89 "),
    "labels": repeated("phone tel call fax 1 "),
    "labels and numbers": repeated("account phone ssn tax id 123456789 "),
    "dates": repeated("born 1/1/1980 "),
    "streets": repeated("12 Aa Aa Aa Aa "),
    "streets, joined": repeated("Aastrasse 1 "),
    "private key, open": repeated("-----BEGIN PRIVATE KEY-----"),
    "tokens, half": repeated("eyJabcdefgh.eyJ"),
    "tokens, one long": lambda size: "eyJ" + repeated("hbGciOiJIUzI1NiJ9")(size),
    "assignments": repeated("password=token=secret="),
    "base58": repeated("1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNb "),
    "bech32": repeated("bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5md "),
    "capitals": repeated("ABCDEF12 "),
    "one word": repeated("a"),
    "one word, base64": drawn("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"),
    "random signs": drawn("".join(map(chr, range(32, 127)))),
    "random digits and marks": drawn("0123456789 .-/()+@:"),
    "lone surrogates": repeated("\ud800"),
    "zero width": repeated("\u200b"),
    "zero width in digits": repeated("4\u200b"),
    "full width digits": repeated("４１１１ "),
    "direction overrides": repeated("\u202e1"),
    "combining marks": lambda size: "4" + repeated("\u0301")(size),
    "emoji": repeated("👩\u200d👩\u200d👧"),
}


def detectors() -> dict[str, Callable[[str], object]]:
    personal, secrets = chosen(("personal", "date")), chosen(("secrets",))
    limits = TextLimits(max_chars=1 << 30, max_word=1 << 30, max_run=1 << 30)
    return {
        "personal": lambda text: scan(text, personal),
        "secrets": lambda text: scan(text, secrets),
        "together": lambda text: scan(text, (*secrets, *personal)),
        "hidden": hidden.find,
        "limits": lambda text: exceeded(text, limits),
    }


def ms_per_kb(detector: Callable[[str], object], text: str, rounds: int = 3) -> float:
    best = float("inf")
    for _ in range(rounds):
        began = time.process_time()
        detector(text)
        best = min(best, time.process_time() - began)
    return best * 1000 / (len(text) / KB)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kb", type=int, default=20, help="length of each text in thousands of characters")
    parser.add_argument("--long-mb", type=int, default=10, help="length of the text without a space")
    asked = parser.parse_args()
    every = detectors()
    prose = repeated("The office opens at nine, and who comes later rings the bell at the door. ")(asked.kb * KB)
    for detector in every.values():
        detector(prose)
    floor = {name: ms_per_kb(detector, prose) for name, detector in every.items()}
    print(f"ms per KB, {asked.kb} KB each; linear: time at full length by time at half of it")
    print(f"{'text':26}" + "".join(f"{name:>10}" for name in every) + f"{'linear':>9}")
    print(f"{'prose (floor)':26}" + "".join(f"{value:10.3f}" for value in floor.values()))
    worst, worst_name = 0.0, ""
    for number, (shape, make) in enumerate(SHAPES.items()):
        text = make(asked.kb * KB)
        times = {name: ms_per_kb(detector, text) for name, detector in every.items()}
        half = ms_per_kb(every["together"], text[: len(text) // 2])
        linear = 2 * times["together"] / half if half else 0.0
        print(f"{shape:26}" + "".join(f"{value:10.3f}" for value in times.values()) + f"{linear:9.2f}")
        if max(times.values()) > worst:
            worst, worst_name = max(times.values()), shape
        print(f"{number + 1} of {len(SHAPES)}", end="\r", file=sys.stderr)
    for name, make in (("a", repeated("a")), ("base64", SHAPES["one word, base64"]), ("digits", repeated("4"))):
        text = make(asked.long_mb * KB * KB)
        took = ms_per_kb(every["together"], text, rounds=1)
        print(f"{asked.long_mb} MB without a space, {name:10} {took:10.4f} ms per KB")
        if took > worst:
            worst, worst_name = took, f"{asked.long_mb} MB, {name}"
    times_prose = worst / floor["together"]
    print(f"worst: {worst_name}, {worst:.2f} ms per KB, {times_prose:.0f} times prose; limit {LIMIT_MS_PER_KB}")
    print(json.dumps({"worst_ms_per_kb": round(worst, 3)}))


if __name__ == "__main__":
    main()
