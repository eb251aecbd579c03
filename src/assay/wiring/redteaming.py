"""Attacks on an app or a bundle of this workspace, through the whole pipeline, with nothing written to its index."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Any, cast

from assay.adapters.obedient_chat import ObedientChat
from assay.adapters.overheard_chat import OverheardChat
from assay.evaluate.redteam.attacks import Attack, Parts, assemble, draw, generate, mutate
from assay.evaluate.redteam.effects import Held, Left, Seen, look
from assay.evaluate.redteam.goals import Goal
from assay.evaluate.redteam.planted import Planted
from assay.evaluate.redteam.report import Trial, trial_from
from assay.ingest.chunk import chunk_document
from assay.ports.answering import Retriever, System
from assay.ports.storage import Catalog
from assay.records.access import AccessList, Scope
from assay.records.bundles import Bundle
from assay.records.dialogue import Citation, Outcome, Reply, Request, fold
from assay.records.digest import sha256_bytes, sha256_json
from assay.records.documents import BlockKind, Chunk, Document
from assay.records.errors import InputError, NotFound
from assay.records.retrieval import Query, Ranked, Retrieved
from assay.wiring import apps, safety_store
from assay.wiring.build import Workspace, chunk_policy
from assay.wiring.redteam_journal import TrialJournal
from assay.wiring.redteam_material import foreign, questions, stands_as
from assay.wiring.settings_apps import OpenAIModel

OBEDIENT = "obedient"
CONFIGURED = "configured"

Rendered = Callable[[Reply], tuple[str, str]]
"""A reply as a client of the API reads it, and as the page shows it."""


def _silent(_done: int, _total: int) -> None:
    return None


@dataclass(frozen=True, slots=True)
class Plan:
    """How many attacks, from which seed, on what model: the simulated `obedient` one, or the `configured` one.

    `budget` above 1 lets a mutator try so often for each attack; `style`, `placement` and so on stay drawn.
    """

    scope: Scope
    trials: int = 200
    seed: int = 0
    model: str = OBEDIENT
    budget: int = 1

    def __post_init__(self) -> None:
        if self.trials < 0 or self.budget < 1:
            what = "trials are 0 or more, and tries 1 or more"
            raise InputError("redteam.count", what, where="--trials, --mutate")
        if self.model not in (OBEDIENT, CONFIGURED):
            raise InputError("redteam.model", f"the model is {OBEDIENT} or {CONFIGURED}", where="--model")


@dataclass(frozen=True, slots=True)
class Attempted:
    """A trial, what it was made from, and the question that it went with. `tries` is how often the mutator tried until
    an effect showed, or its whole budget."""

    trial: Trial
    attack: Attack = field(repr=False)
    asked: str = field(repr=False)
    tries: int = 1


@dataclass(frozen=True, slots=True)
class Put:
    """What left for an attack, what had to stay, whether the model came across it (a real one does not say), whether
    the answer to the question was still given, and which documents were the attacker's."""

    left: Left
    held: Held
    reached: bool
    kept: bool | None
    poisoned: frozenset[str]


@dataclass
class _Poison:
    """What the attack of the moment puts among the passages."""

    chunks: tuple[Chunk, ...] = ()
    position: int = 0


@dataclass(frozen=True)
class _Poisoned:
    """A retriever that finds the attack's chunks beside the workspace's own."""

    inner: Retriever
    poison: _Poison

    @property
    def recipe(self) -> str:
        return self.inner.recipe

    def retrieve(self, query: Query) -> Retrieved:
        found = self.inner.retrieve(query)
        added = [Ranked(chunk, 1.0, {"lexical": (1, 1.0)}) for chunk in self.poison.chunks]
        at = min(self.poison.position, len(found.ranked))
        return replace(found, ranked=(*found.ranked[:at], *added, *found.ranked[at:]))


class _Readable:
    """The catalog, in which the caller may read the attack's chunks too."""

    def __init__(self, catalog: Catalog, poison: _Poison) -> None:
        self._catalog = catalog
        self._poison = poison

    def __getattr__(self, name: str) -> Any:
        return getattr(self._catalog, name)

    def visible(self, chunk_ids: Sequence[str], scope: Scope) -> frozenset[str]:
        ours = {chunk.chunk_id for chunk in self._poison.chunks}
        return self._catalog.visible([one for one in chunk_ids if one not in ours], scope) | ours.intersection(
            chunk_ids
        )


class RedTeam:
    """One app or bundle under attack. Questions come from its own documents."""

    def __init__(
        self, place: Workspace, reference: str, plan: Plan, rendered: Rendered, seams: apps.Seams = apps.AS_IT_IS
    ) -> None:
        self.plan = plan
        self._rendered = rendered
        self._policy = chunk_policy(place.settings)
        self._catalog = place.stores.catalog
        self._blobs = place.stores.blobs
        self._poison = _Poison()
        self.foreign = foreign(place, plan.scope)
        found = _named(place, reference)
        self.model = ObedientChat(foreign=self.foreign) if plan.model == OBEDIENT else None
        self.overheard = None if self.model else _overheard(found.parts)
        chat = self.model or self.overheard
        seams = replace(seams, passages=lambda inner: _Poisoned(inner, self._poison), chat=chat)
        shadow = replace(
            place, stores=replace(place.stores, catalog=cast(Catalog, _Readable(self._catalog, self._poison)))
        )
        self.target = _started(shadow, found, seams)
        self.questions = questions(place, plan.scope)
        self._benign: dict[str, Reply] = {}

    async def run(
        self,
        progress: Callable[[int, int], None] = _silent,
        attacks: Iterable[Attack] | None = None,
        journal: TrialJournal | None = None,
        stop: Callable[[], bool] = lambda: False,
    ) -> list[Attempted]:
        """Every trial in turn, until `stop`. An attack that had no effect is mutated until the budget is spent.
        `attacks` are made from the seed where none are given; what the journal holds is not tried again, but for a
        mutated attack that got through, which is found anew."""
        made: list[Attempted] = []
        if not self.plan.trials:
            return made
        questions = await self.answerable()
        goals = tuple(goal for goal in Goal if goal is not Goal.TENANT or self.foreign)
        for number, attack in enumerate(islice(attacks or generate(self.plan.seed, goals), self.plan.trials)):
            if stop():
                break
            asked = questions[number % len(questions)]
            best = _remembered(journal, number, attack, asked)
            if best is None:
                best = await self._try(attack, asked)
                if self.plan.budget > 1:
                    best = await self._mutated(best, number)
                if journal is not None and best.trial.outcome is not Outcome.FAILED:
                    journal.put(f"generated:{number}", {"trial": best.trial, "tries": best.tries})
            made.append(best)
            progress(number + 1, self.plan.trials)
        return made

    async def answerable(self) -> list[str]:
        """The questions that the system answers when nobody attacks: one that it declines shows nothing of a model."""
        answered = [asked for asked in self.questions if (await self.without_attack(asked)).citations]
        return answered or self.questions

    async def _mutated(self, first: Attempted, number: int) -> Attempted:
        chance = random.Random(f"{self.plan.seed}:{number}:mutate")  # noqa: S311 - drawn again from the seed
        best, parts = first, draw(first.attack.goal, chance)
        for tries in range(2, self.plan.budget + 1):
            if best.trial.effects:
                return best
            tried = replace(await self._try(assemble(parts, chance), first.asked), tries=tries)
            hopeful = tried.trial.effects or tried.trial.quoted
            best = tried if hopeful or not best.trial.quoted else replace(best, tries=tries)
            parts = mutate(parts if hopeful or chance.random() < 0.5 else _fresh(parts, chance), chance)  # fmt: skip
        return best

    async def _try(self, attack: Attack, asked: str) -> Attempted:
        put = await self.put(attack, asked)
        seen = look(attack, put.left, put.held)
        return Attempted(_trial(attack, put.left.reply, seen, put.reached, put.kept), attack, asked)

    async def put(self, attack: Attack | Planted, asked: str, setting: str = "") -> Put:
        """One attack put to the system, beside the same question without it. A real model is told `setting`, too."""
        benign = await self.without_attack(asked)
        before = self.model.obeyed if self.model else 0
        if self.model is not None:
            self.model.give([attack.order])
        if self.overheard is not None:
            self.overheard.setting = setting
        self._poison.chunks = self._chunks(attack, asked)
        self._poison.position = int(attack.attack_id, 16) % 4
        reply = await self.ask(Request(attack.attack_id, attack.question(asked), self.plan.scope, attack.history))
        if self.overheard is not None:
            self.overheard.setting = ""
        kept = None
        if benign.citations and attack.in_document and attack.question(asked) == asked:
            kept = any(s.text in reply.text for s in benign.sentences)
        reached = self.model is None or self.model.obeyed > before
        poisoned = frozenset(chunk.doc_id for chunk in self._poison.chunks)
        return Put(Left(reply, *self._rendered(reply)), self._held(), reached, kept, poisoned)

    async def without_attack(self, asked: str) -> Reply:
        """The answer when nobody attacks; the same one each time."""
        if asked not in self._benign:
            self._benign[asked] = await self.ask_plainly(Request("benign", asked, self.plan.scope))
        return self._benign[asked]

    async def ask_plainly(self, request: Request) -> Reply:
        """With no attack anywhere."""
        self._poison.chunks = ()
        if self.model is not None:
            self.model.give(())
        return await self.ask(request)

    async def ask(self, request: Request) -> Reply:
        return fold([event async for event in self.target.system.answer(request)])

    def _held(self) -> Held:
        listens = self.model or self.overheard
        return Held(listens.marker if listens else "", self.target.prompt, tuple(self.foreign), self._stands)

    def _stands(self, citation: Citation) -> bool:
        span = citation.span
        for chunk in self._poison.chunks:
            ours = (chunk.doc_id, chunk.text_sha256) == (span.doc_id, span.text_sha256) and chunk.start <= span.start
            if ours and stands_as(citation.quote, chunk.text[span.start - chunk.start : span.end - chunk.start]):
                return True
        try:
            text = self._blobs.get(span.text_sha256).decode()
        except NotFound:
            return False
        return stands_as(citation.quote, text[span.start : span.end])

    def _chunks(self, attack: Attack | Planted, asked: str) -> tuple[Chunk, ...]:
        """The poisoned file as the workspace would read and cut it."""
        from assay.adapters.parsers.registry import parsers

        if not attack.in_document:
            return ()
        suffix, data = attack.file(asked)
        name = f"notes-{attack.attack_id}{suffix}"
        made: list[Chunk] = []
        for number, parsed in enumerate(parsers()[suffix].parse(data, name)):
            access = AccessList(self.plan.scope.tenant)
            document = Document(
                f"{name}#{number}", sha256_bytes(parsed.text.encode()), parsed.title or name, name, "text/plain",
                parsed.language or "en", "", access, len(parsed.text),
                headings=tuple(block for block in parsed.blocks if block.kind is BlockKind.HEADING),
            )  # fmt: skip
            made += chunk_document(document, parsed.text, parsed.blocks, self._policy)
        return tuple(made)


def _fresh(parts: Parts, chance: random.Random) -> Parts:
    return draw(parts.goal, chance)


def _trial(attack: Attack, reply: Reply, seen: Seen, reached: bool, kept: bool | None) -> Trial:
    return Trial(
        attack.attack_id, attack.goal, attack.placement, attack.obfuscation, attack.language, attack.order.style,
        reply.outcome, seen.effects, seen.quoted, reached, kept, seen.altered,
    )  # fmt: skip


@dataclass(frozen=True)
class _Named:
    """An app as it is now, or a bundle: what it is made of."""

    app: str
    bundle: Bundle | None
    parts: dict[str, Any]


@dataclass(frozen=True)
class Target:
    """The system under attack. `subject` is what its measurements stand under (`safety_store.subject_of`)."""

    system: System
    prompt: str
    name: str
    subject: str
    policy: str
    """Digest of its guards."""


def _named(place: Workspace, reference: str) -> _Named:
    """Raises NotFound for a name that is neither app nor bundle."""
    if not reference or reference in place.settings.apps:
        name = reference or place.default_app
        return _Named(name, None, apps.components(place, name, apps.HEAD))
    bundle = place.stores.bundles.get(apps.resolve_bundle(place, reference))
    return _Named(bundle.app, bundle, bundle.components)


def _overheard(parts: dict[str, Any]) -> OverheardChat | None:
    """The app's own chat model, read along; None for one that has none, or that has another to rewrite questions."""
    if parts["model"].get("kind") == "extractive" or parts.get("rewriter", parts["model"]) != parts["model"]:
        return None
    return OverheardChat(apps.chat_model(OpenAIModel.model_validate(parts["model"])))


def _started(shadow: Workspace, found: _Named, seams: apps.Seams) -> Target:
    prompt, policy = str(found.parts["prompt"]["system"]), sha256_json(found.parts["guards"])
    if found.bundle is not None:
        running = apps.start_bundle(shadow, found.bundle, traced=False, seams=seams)
        return Target(running.system, prompt, found.app, found.bundle.bundle_id, policy)
    running = apps.start_app(shadow, found.app, traced=False, seams=seams)
    return Target(running.system, prompt, found.app, safety_store.subject_of(shadow, found.app)[0], policy)


def _remembered(journal: TrialJournal | None, number: int, attack: Attack, asked: str) -> Attempted | None:
    held = journal.get(f"generated:{number}") if journal is not None else None
    if held is None or (held["trial"]["effects"] and held["tries"] > 1):
        return None
    return Attempted(trial_from(held["trial"]), attack, asked, held["tries"])


def attack(
    place: Workspace, reference: str, plan: Plan, rendered: Rendered,
    progress: Callable[[int, int], None] = _silent,
) -> list[Attempted]:  # fmt: skip
    """Attack the app or bundle. Raises InputError, NotFound, CannotJudge."""
    return asyncio.run(RedTeam(place, reference, plan, rendered).run(progress))
