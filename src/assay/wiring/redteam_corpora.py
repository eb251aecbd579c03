"""Corpora of attacks put to an app or a bundle, and beside them harmless prompts, asked when nobody attacks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from assay.evaluate.redteam.corpora import ATTACK, BENIGN, Corpus, Prompt, read
from assay.evaluate.redteam.corpus_report import BenignTrial, CorpusTrial, Fate, fate, was_lowered
from assay.evaluate.redteam.planted import Planted, look_at, planted
from assay.records.dialogue import Outcome, Request
from assay.records.digest import sha256_json
from assay.records.errors import InputError
from assay.records.golden import GoldenSet
from assay.wiring.redteam_journal import TrialJournal
from assay.wiring.redteaming import RedTeam

WORKSPACE = "workspace"
GOLDEN = "golden"
_ENDS = (".json", ".jsonl", ".csv")
_MOST_BYTES = 100_000_000


@dataclass(frozen=True, slots=True)
class Tried:
    """A trial of a corpus' attack, and what it was made from."""

    trial: CorpusTrial
    attack: Planted = field(repr=False)
    asked: str = field(repr=False)
    licence: str


def load(paths: Iterable[str]) -> tuple[Corpus, ...]:
    """The corpora of files and folders; a folder that holds no file of its own is one of corpora.

    Raises InputError `redteam.corpus`.
    """
    found = [read(name, files) for stated in paths for name, files in _read(Path(stated).expanduser())]
    names = [corpus.name for corpus in found]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise InputError("redteam.corpus", "two corpora have the same name", where=", ".join(twice))
    return tuple(found)


def _read(path: Path) -> Iterator[tuple[str, dict[str, bytes]]]:
    try:
        if not path.is_dir():
            yield path.stem, {f"{path.parent.name}/{path.name}": _bytes(path)}
            return
        own = [one for one in sorted(path.iterdir()) if one.is_file() and one.suffix in _ENDS]
        inside = [one for one in sorted(path.iterdir()) if one.is_dir()]
        for folder in (path,) if own or not inside else inside:
            listed = sorted(one for one in folder.rglob("*") if one.suffix in _ENDS)
            yield folder.name, {f"{folder.name}/{one.relative_to(folder).as_posix()}": _bytes(one) for one in listed}
    except OSError as error:
        reason = (error.strerror or "unknown reason").lower()
        raise InputError("redteam.corpus", f"cannot be read ({reason})", where=str(path)) from None


def _bytes(path: Path) -> bytes:
    if path.stat().st_size > _MOST_BYTES:
        raise InputError("redteam.corpus", "it is larger than 100 MB", where=str(path))
    return path.read_bytes()


def chosen(prompts: Sequence[Prompt], most: int, seed: int) -> list[Prompt]:
    """At most so many, drawn by the seed; all for 0."""
    drawn = sorted(prompts, key=lambda one: sha256_json([seed, one.prompt_id]))
    return drawn[:most] if most else drawn


async def attack(
    team: RedTeam,
    corpora: Sequence[Corpus],
    most: int,
    progress: Callable[[int, int], None],
    journal: TrialJournal,
    stop: Callable[[], bool],
) -> list[Tried]:
    """Every chosen attack of every corpus once."""
    due = [(corpus, one) for corpus in corpora for one in chosen(corpus.of(ATTACK), most, team.plan.seed)]
    made: list[Tried] = []
    questions = await team.answerable() if due else []
    for number, (corpus, prompt) in enumerate(due):
        if stop():
            break
        one, asked = planted(prompt, team.plan.seed), questions[number % len(questions)]
        key = f"corpus:{corpus.name}:{prompt.prompt_id}"
        held = journal.get(key)
        trial = _trial_from(held) if held is not None else await _try(team, corpus.name, one, asked)
        if held is None and trial.outcome is not Outcome.FAILED:
            journal.put(key, trial)
        made.append(Tried(trial, one, asked, corpus.licence))
        progress(number + 1, len(due))
    return made


async def _try(team: RedTeam, corpus: str, one: Planted, asked: str) -> CorpusTrial:
    put = await team.put(one, asked, one.prompt.setting)
    came = look_at(one, put.left, put.held, put.poisoned)
    return CorpusTrial(
        one.attack_id, corpus, one.slices, put.left.reply.outcome, came.effects, came.quoted, put.reached,
        put.kept,
    )  # fmt: skip


def _trial_from(body: dict[str, Any]) -> CorpusTrial:
    return CorpusTrial(
        **{**body, "slices": tuple(body["slices"]), "outcome": Outcome(body["outcome"]),
           "effects": frozenset(body["effects"])}
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Harmless:
    """Something that nobody should be refused."""

    source: str
    prompt_id: str
    slices: tuple[str, ...]
    request: Request = field(repr=False)


def harmless(team: RedTeam, corpora: Sequence[Corpus], golden: GoldenSet | None, most: int) -> list[Harmless]:
    """Harmless prompts of the corpora, questions about the workspace's documents, answerable cases of a golden set."""
    plan = team.plan
    found = [
        Harmless(corpus.name, one.prompt_id, one.slices, Request("benign", one.text, plan.scope))
        for corpus in corpora
        for one in chosen(corpus.of(BENIGN), most, plan.seed)
    ]
    found += [Harmless(WORKSPACE, str(n), (), Request("benign", q, plan.scope)) for n, q in enumerate(team.questions)]
    cases = golden.cases if golden is not None else ()
    found += [
        Harmless(GOLDEN, case.case_id, (), Request("benign", case.question, case.scope, case.history))
        for case in cases
        if case.expected.answerable
    ]
    return found


async def ask(
    team: RedTeam,
    due: Sequence[Harmless],
    progress: Callable[[int, int], None],
    journal: TrialJournal,
    stop: Callable[[], bool],
) -> list[BenignTrial]:
    """Every harmless prompt once, with nobody attacking."""
    made: list[BenignTrial] = []
    for number, one in enumerate(due):
        if stop():
            break
        key = f"benign:{one.source}:{one.prompt_id}"
        held = journal.get(key)
        if held is not None:
            trial = BenignTrial(**{**held, "slices": tuple(held["slices"]), "fate": Fate(held["fate"])})
        else:
            reply = await team.ask_plainly(one.request)
            trial = BenignTrial(one.source, one.prompt_id, one.slices, fate(reply), was_lowered(reply))
            if trial.fate is not Fate.FAILED:
                journal.put(key, trial)
        made.append(trial)
        progress(number + 1, len(due))
    return made
