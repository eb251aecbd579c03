"""One verdict of one model: by rubric, with references, on claims, on nuggets, and on a pair in both orders."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from assay.evaluate.judges.asking import MALFORMED, OUT_OF_RANGE, Asked, BadAnswer, ask, words
from assay.evaluate.judges.frame import Frame, TokenMaker, new_frame, new_token
from assay.evaluate.judges.prompts import CHECK, NUGGETS, PAIR, RUBRIC, SPLIT, WITH_REFERENCES
from assay.ports.answering import ChatModel
from assay.records.chat import ChatOptions
from assay.records.golden import Nugget
from assay.records.judging import JudgeKind, Judgement, JudgeSpec, Material

ABSTAINED, NO_CLAIMS, NO_EVIDENCE, TOO_LONG = (
    "judge.abstained",
    "judge.no_claims",
    "judge.no_evidence",
    "judge.too_long",
)
LONGEST = 200_000
"""Characters of everything that a judge is shown; more is not judged, because a cut text is another text."""
MOST_CLAIMS = 60
AT_ONCE = 15
"""Claims or nuggets in one request: in long lists models skip entries."""
FIRST, SECOND, TIE = "first", "second", "tie"


@dataclass(frozen=True, slots=True)
class Turned:
    """How a verdict is asked for: lists the other way round, as a control."""

    reverse: bool = False


@dataclass(frozen=True, slots=True)
class Bench:
    """What one verdict is asked with."""

    spec: JudgeSpec
    chat: ChatModel
    token: TokenMaker = new_token
    turned: Turned = field(default_factory=Turned)

    async def put(
        self, system: str, blocks: Mapping[str, str], closing: str, properties: Mapping[str, Any],
        read: Callable[[Mapping[str, Any]], dict[str, Any]], frame: Frame | None = None,
    ) -> Asked:  # fmt: skip
        """One question in a frame of its own."""
        framed = frame or new_frame(self.token)
        options = ChatOptions(self.spec.temperature, self.spec.max_tokens)
        user = f"{framed.blocks(blocks)}\n\n{closing}"
        return await ask(
            self.chat, system, user, frame=framed, properties=properties, read=read, options=options
        )  # fmt: skip

    def listed(self, items: Sequence[Any]) -> list[Any]:
        return list(reversed(items)) if self.turned.reverse else list(items)


Spoken = tuple[Judgement, tuple[str, ...]]
"""A judgement and the raw answers that it was read from."""


async def once(bench: Bench, material: Material) -> Spoken:
    """One verdict by the judge's kind. Never raises for what model or material are."""
    shown = (material.question, material.reply, material.other, *material.references, *material.passages)
    if sum(map(len, shown)) > LONGEST:
        return Judgement(reason=TOO_LONG), ()
    return await _KINDS[bench.spec.kind](bench, material)


def _context(material: Material) -> dict[str, str]:
    """The conversation so far and the question, as blocks."""
    turns = {f"earlier {n} ({turn.role})": turn.content for n, turn in enumerate(material.history, 1)}
    return {**turns, "question": material.question}


def _made(asked: Asked, value: float | None = None, reason: str = "", why: str = "", raw: Any = None) -> Judgement:
    return Judgement(
        value,
        reason if value is None else "",
        dict(raw or {}),
        why,
        usage=asked.usage,
        models=asked.models,
        requests=asked.requests,
    )


# --- rubric and reference ---


async def _rubric(bench: Bench, material: Material) -> Spoken:
    spec = bench.spec
    scale = "\n".join(f"{anchor.value}: {anchor.means}" for anchor in bench.listed(spec.anchors))
    system = RUBRIC.format(criterion=spec.criterion, scale=scale)
    blocks = _context(material)
    if spec.kind is JudgeKind.REFERENCE:
        system += WITH_REFERENCES
        blocks |= {f"reference {n}": text for n, text in enumerate(bench.listed(material.references), 1)}
    blocks["reply"] = material.reply
    values = [anchor.value for anchor in spec.anchors]
    properties = {"why": {"type": "string"}, "verdict": {"type": ["integer", "null"], "enum": [*values, None]}}
    asked = await bench.put(system, blocks, "Grade the reply.", properties, lambda found: _graded(found, values))
    if asked.found is None:
        return _made(asked, reason=asked.reason), asked.texts
    verdict, why = asked.found["verdict"], words(asked.found, "why")
    if verdict is None:
        return _made(asked, reason=ABSTAINED, why=why), asked.texts
    share = (verdict - min(values)) / (max(values) - min(values))
    return _made(asked, share, why=why, raw={"verdict": verdict}), asked.texts


def _graded(found: Mapping[str, Any], values: Sequence[int]) -> dict[str, Any]:
    verdict = found.get("verdict", "")
    if verdict is None:
        return {"verdict": None, "why": words(found, "why")}
    if isinstance(verdict, str) and verdict.strip().lstrip("-").isdecimal():
        verdict = int(verdict)  # some models write numbers as strings, and nothing else is meant by it
    if isinstance(verdict, bool) or not isinstance(verdict, (int, float)) or verdict != verdict:
        raise BadAnswer(MALFORMED, "verdict was no value of the scale")
    if verdict not in values:
        raise BadAnswer(OUT_OF_RANGE, f"verdict was not among {', '.join(map(str, values))}")
    return {"verdict": int(verdict), "why": words(found, "why")}


# --- pairwise ---


async def _pairwise(bench: Bench, material: Material) -> Spoken:
    """Both orders. The value is how much of the two games `other` won: 0, .25, .5, .75 or 1."""
    one, texts_one = await _game(bench, material, material.reply, material.other)
    if one.value is None:
        return one, texts_one
    two, texts_two = await _game(bench, material, material.other, material.reply)
    texts = (*texts_one, *texts_two)
    usage, requests = one.usage.plus(two.usage), one.requests + two.requests
    models = tuple(dict.fromkeys((*one.models, *two.models)))
    spent = replace(two, usage=usage, requests=requests, models=models)
    if two.value is None:
        return spent, texts
    second = 1.0 - two.value  # in this game `other` stood first
    raw = {"orders": [one.raw["winner"], two.raw["winner"]]}
    value = (one.value + second) / 2.0
    return replace(spent, value=value, raw=raw, why=one.why or two.why, flipped=one.value != second), texts


async def _game(bench: Bench, material: Material, first: str, second: str) -> Spoken:
    system = PAIR.format(criterion=bench.spec.criterion)
    blocks = {**_context(material), "first reply": first, "second reply": second}
    properties = {
        "why": {"type": "string"},
        "winner": {"type": ["string", "null"], "enum": [FIRST, SECOND, TIE, None]},
    }
    asked = await bench.put(system, blocks, "Compare the replies.", properties, _winner)
    if asked.found is None:
        return _made(asked, reason=asked.reason), asked.texts
    winner, why = asked.found["winner"], words(asked.found, "why")
    if winner is None:
        return _made(asked, reason=ABSTAINED, why=why), asked.texts
    return _made(asked, {FIRST: 0.0, TIE: 0.5, SECOND: 1.0}[winner], why=why, raw={"winner": winner}), asked.texts


def _winner(found: Mapping[str, Any]) -> dict[str, Any]:
    winner = found.get("winner", "")
    if winner is not None and winner not in (FIRST, SECOND, TIE):
        raise BadAnswer(OUT_OF_RANGE, 'winner was not "first", "second", "tie" or null')
    return {"winner": winner, "why": words(found, "why")}


# --- claims ---

_SUPPORTS = ("supported", "contradicted", "not_found")


async def _claims(bench: Bench, material: Material) -> Spoken:
    """The share of claims that a passage supports. First the reply is split, then the claims are checked."""
    if not material.passages:
        return Judgement(reason=NO_EVIDENCE), ()
    properties = {"claims": {"type": "array", "items": {"type": "string"}}}
    blocks = {**_context(material), "reply": material.reply}
    split = await bench.put(SPLIT, blocks, "List the claims of the reply.", properties, _statements)
    if split.found is None:
        return _made(split, reason=split.reason), split.texts
    claims: list[str] = split.found["claims"]
    if not claims:
        return _made(split, reason=NO_CLAIMS), split.texts
    order = bench.listed(range(len(material.passages)))
    passages = {f"passage {n}": material.passages[index] for n, index in enumerate(order, 1)}

    def properties_for(count: int) -> dict[str, Any]:
        return _list_schema("claim", count, {"support": list(_SUPPORTS)}, {"passage": len(order)})

    async def put(part: Sequence[str]) -> Asked:
        shown = {**passages, **{f"claim {n}": claim for n, claim in enumerate(part, 1)}}
        return await bench.put(
            CHECK, shown, "Check every claim.", properties_for(len(part)),
            lambda found: _list_read(found, "claim", len(part), _SUPPORTS, len(order)),
        )  # fmt: skip

    asked, supports = await _in_parts(split, claims, put)
    if supports is None:
        return _made(asked, reason=asked.reason), asked.texts
    counts = {name: supports.count(name) for name in _SUPPORTS}
    raw = {**counts, "claims": [[claim, found] for claim, found in zip(claims, supports, strict=True)]}
    return _made(asked, counts["supported"] / len(claims), raw=raw), asked.texts


def _statements(found: Mapping[str, Any]) -> dict[str, Any]:
    claims = found.get("claims")
    if not isinstance(claims, list) or not all(isinstance(claim, str) for claim in claims):
        raise BadAnswer(MALFORMED, "claims was no list of strings")
    if len(claims) > MOST_CLAIMS:
        raise BadAnswer(OUT_OF_RANGE, f"there were more than {MOST_CLAIMS} claims")
    kept = [words({"claim": claim}, "claim", 1000).strip() for claim in claims]
    return {"claims": [claim for claim in kept if claim]}


async def _in_parts(
    before: Asked | None, items: Sequence[Any], put: Callable[[Sequence[Any]], Awaitable[Asked]]
) -> tuple[Asked, list[str] | None]:
    """What was found for every item, asked for in requests of AT_ONCE; None as soon as one fails, with its reason."""
    whole = before or Asked({}, "")
    supports: list[str] = []
    for start in range(0, len(items), AT_ONCE):
        part = await put(items[start : start + AT_ONCE])
        whole = Asked(
            part.found,
            part.reason,
            whole.usage.plus(part.usage),
            tuple(dict.fromkeys((*whole.models, *part.models))),
            whole.requests + part.requests,
            (*whole.texts, *part.texts),
        )
        if part.found is None:
            return whole, None
        supports.extend(part.found["supports"])
    return whole, supports


def _list_schema(noun: str, count: int, enums: Mapping[str, list[str]], numbers: Mapping[str, int]) -> dict[str, Any]:
    entry: dict[str, Any] = {noun: {"type": "integer", "minimum": 1, "maximum": count}}
    entry |= {name: {"type": "string", "enum": values} for name, values in enums.items()}
    entry |= {name: {"type": ["integer", "null"], "minimum": 1, "maximum": most} for name, most in numbers.items()}
    one = {"type": "object", "properties": entry, "required": list(entry), "additionalProperties": False}
    return {"verdicts": {"type": "array", "items": one, "minItems": count, "maxItems": count}}


def _list_read(
    found: Mapping[str, Any], noun: str, count: int, allowed: Sequence[str], passages: int = 0
) -> dict[str, Any]:
    """One support for each of 1 to `count`, exactly once; what is supported must name a passage that there is."""
    rows = found.get("verdicts")
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise BadAnswer(MALFORMED, "verdicts was no list of objects")
    by_number: dict[int, str] = {}
    for row in rows:
        number, support, passage = row.get(noun), row.get("support"), row.get("passage")
        if isinstance(number, bool) or not isinstance(number, int) or not 1 <= number <= count or number in by_number:
            raise BadAnswer(OUT_OF_RANGE, f"every {noun} from 1 to {count} must stand there exactly once")
        if support not in allowed:
            raise BadAnswer(OUT_OF_RANGE, f"support was not among {', '.join(allowed)}")
        named = isinstance(passage, int) and not isinstance(passage, bool) and 1 <= passage <= passages
        if passages and support != "not_found" and not named:
            raise BadAnswer(OUT_OF_RANGE, f"passage was not a number from 1 to {passages}")
        by_number[number] = str(support)
    if len(by_number) != count:
        raise BadAnswer(OUT_OF_RANGE, f"every {noun} from 1 to {count} must stand there exactly once")
    return {"supports": [by_number[number] for number in range(1, count + 1)]}


# --- nuggets ---

_HELD = ("support", "partial_support", "not_support")
_STRICT = {"support": 1.0, "partial_support": 0.0, "not_support": 0.0}
_LENIENT = {**_STRICT, "partial_support": 0.5}
NUGGET_SCORES = ("vital_strict", "vital", "all_strict", "all", "weighted_strict", "weighted")
"""Of the TREC 2024 RAG track (Pradeep et al. 2024, arXiv 2411.09607): V_strict, V, A_strict, A, W_strict, W."""


async def _nuggets(bench: Bench, material: Material) -> Spoken:
    nuggets = bench.listed(material.nuggets)
    if not nuggets:
        return Judgement(reason="no_nugget"), ()

    async def put(part: Sequence[Nugget]) -> Asked:
        shown = {**_context(material), "reply": material.reply}
        shown |= {f"nugget {n}": nugget.text for n, nugget in enumerate(part, 1)}
        return await bench.put(
            NUGGETS, shown, "Say of every nugget whether the reply holds it.",
            _list_schema("nugget", len(part), {"support": list(_HELD)}, {}),
            lambda found: _list_read(found, "nugget", len(part), _HELD),
        )  # fmt: skip

    asked, supports = await _in_parts(None, nuggets, put)
    if supports is None:
        return _made(asked, reason=asked.reason), asked.texts
    held = dict(zip(nuggets, supports, strict=True))
    raw = {"nuggets": [[nugget.vital, held[nugget]] for nugget in material.nuggets]}
    value = nugget_score([nugget.vital for nugget in nuggets], supports, bench.spec.score or NUGGET_SCORES[0])
    if value is None:
        return _made(asked, reason="no_vital_nugget", raw=raw), asked.texts
    return _made(asked, value, raw=raw), asked.texts


def nugget_score(vital: Sequence[bool], supports: Sequence[str], score: str) -> float | None:
    """One of NUGGET_SCORES, 0 to 1; None where there is no nugget that counts. In the weighted ones an okay nugget
    weighs half."""
    worth = _STRICT if score.endswith("_strict") else _LENIENT
    family = score.removesuffix("_strict")
    okay = {"vital": 0.0, "all": 1.0, "weighted": 0.5}[family]
    weights = [1.0 if one else okay for one in vital]
    total = sum(weights)
    return sum(w * worth[s] for w, s in zip(weights, supports, strict=True)) / total if total else None


_KINDS: Mapping[JudgeKind, Callable[[Bench, Material], Awaitable[Spoken]]] = {
    JudgeKind.RUBRIC: _rubric,
    JudgeKind.REFERENCE: _rubric,
    JudgeKind.PAIRWISE: _pairwise,
    JudgeKind.CLAIMS: _claims,
    JudgeKind.NUGGETS: _nuggets,
}


def requests_for(spec: JudgeSpec, material: Material) -> int:
    """About how many requests one verdict takes, repairs and probes not counted."""
    if spec.kind is JudgeKind.PAIRWISE:
        return 2
    if spec.kind is JudgeKind.CLAIMS:
        return 2
    if spec.kind is JudgeKind.NUGGETS:
        return max(1, -(-len(material.nuggets) // AT_ONCE))
    return 1
