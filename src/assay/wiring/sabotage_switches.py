"""Every safeguard with a switch that takes it out of one system: arguments of the assembly, no setting."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, cast

from assay.assist.assistant import Assistant
from assay.assist.chat import ChatGenerator
from assay.assist.prompt import PromptTemplate
from assay.assist.verify import VerifyPolicy, check_sentence
from assay.detect.registry import engine_of
from assay.guard.acting import Acting, Timed
from assay.guard.build import GuardPolicy, LimitsPolicy, MaskPolicy, PolicyPolicy, VisiblePolicy
from assay.guard.policed import Sizes
from assay.guard.policy import Action, Policy, Rule, Where
from assay.ports.index import IndexReader
from assay.ports.storage import Catalog
from assay.records.access import Scope
from assay.records.dialogue import Check, CheckStatus, Turn
from assay.records.findings import Finding
from assay.records.retrieval import Hit, Ranked
from assay.wiring import apps
from assay.wiring.build import Workspace

FAILURES: dict[str, frozenset[str]] = {
    "cited_words": frozenset({"no_citation", "alignment"}),
    "facts": frozenset({"number", "name", "negation"}),
    "addresses": frozenset({"address"}),
    "calls": frozenset({"call"}),
    "sources": frozenset({"source_list"}),
    "added_words": frozenset({"addition"}),
}
"""Switches of the check of a sentence, with the failures that each takes out of it."""
SWITCHES = (
    *FAILURES, "orders", "plain_text", "marker", "data_marks", "scope_filter", "recheck", "recheck_citations",
    "policy_in", "policy_passages", "policy_out", "disguises", "sizes", "hidden_text",
)  # fmt: skip
ENDLESS = 10_000_000


def seams(off: frozenset[str], place: Workspace) -> apps.Seams:
    """An assembly without these safeguards. Switches that are no part of an app's assembly change nothing here."""
    return apps.Seams(
        reader=(lambda reader: _Unscoped(reader, _scopes(place))) if "scope_filter" in off else None,
        assistant=lambda one: _assistant(one, off, place),
        guards=lambda guards: _guards(guards, off),
    )


def catalog(off: frozenset[str], place: Workspace) -> Workspace:
    """The workspace as its retriever sees it: without the look at today's access where that is off."""
    if "recheck" not in off:
        return place
    blind = cast(Catalog, _Unchecked(place.stores.catalog))
    return replace(place, stores=replace(place.stores, catalog=blind))


def _assistant(one: Assistant, off: frozenset[str], place: Workspace) -> Assistant:
    dropped = frozenset[str]().union(*(failures for name, failures in FAILURES.items() if name in off))
    safeguards = one.safeguards
    if dropped:
        safeguards = replace(safeguards, sentence=_Lenient(dropped))
    if "orders" in off:
        safeguards = replace(safeguards, orders=lambda *_: False)
    if "plain_text" in off:
        safeguards = replace(safeguards, plain=lambda text: text)
    one = replace(one, safeguards=safeguards, generator=_generator(one.generator, off))
    if "recheck_citations" in off:
        return replace(one, visible=None, visible_at=None)
    if "recheck" in off:
        return replace(one, visible=place.stores.catalog.visible, visible_at=place.stores.catalog.visible_at)
    return one


def _generator(generator: Any, off: frozenset[str]) -> Any:
    if not isinstance(generator, ChatGenerator):
        return generator
    if "marker" in off:
        generator = replace(generator, new_marker=_unwatched(generator.new_marker))
    if "data_marks" in off:
        generator = replace(generator, assemble=unmarked)
    return generator


def _unwatched(new_marker: Callable[[], str]) -> Callable[[], str]:
    """Markers that no canary finder is made for: one letter short."""
    return lambda: new_marker()[:-1]


def unmarked(
    template: PromptTemplate, question: str, history: Sequence[Turn], passages: Sequence[Ranked], _marker: str,
    _as_json: bool = False,
) -> tuple[Turn, ...]:  # fmt: skip
    """A prompt as many write it: passages as they are between two fixed lines."""
    blocks = [f"[{number}] {one.chunk.title}\n{one.chunk.text}" for number, one in enumerate(passages, start=1)]
    data = "\n\n".join(("passages", *blocks, "end of passages"))
    return (Turn("system", template.system), *history, Turn("user", f"{data}\n\nQuestion: {question}"))


@dataclass(frozen=True)
class _Lenient:
    """The check of a sentence, deaf to some of its failures."""

    dropped: frozenset[str]

    def __call__(self, sentence: str, cited: Sequence[str], policy: VerifyPolicy, language: str) -> Check:
        check = check_sentence(sentence, cited, policy, language)
        left = tuple(name for name in check.failures if name not in self.dropped)
        if left == check.failures:
            return check
        return Check(CheckStatus.UNSUPPORTED if left else CheckStatus.SUPPORTED, check.alignment, left)


@dataclass(frozen=True)
class _Unscoped:
    """A reader that gives everybody what anybody may read."""

    inner: IndexReader
    scopes: tuple[Scope, ...]

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)

    def lexical(self, text: str, _scope: Scope, limit: int) -> tuple[Hit, ...]:
        return self._of_all(lambda one: self.inner.lexical(text, one, limit), limit)

    def dense(self, vector: Any, _scope: Scope, limit: int) -> tuple[Hit, ...]:
        return self._of_all(lambda one: self.inner.dense(vector, one, limit), limit)

    def _of_all(self, found: Callable[[Scope], Sequence[Hit]], limit: int) -> tuple[Hit, ...]:
        best: dict[str, Hit] = {}
        for scope in self.scopes:
            for hit in found(scope):
                if hit.chunk_id not in best or best[hit.chunk_id].score < hit.score:
                    best[hit.chunk_id] = hit
        return tuple(sorted(best.values(), key=lambda hit: -hit.score)[:limit])


def _scopes(place: Workspace) -> tuple[Scope, ...]:
    lists = dict.fromkeys(document.access for document in place.stores.catalog.documents())
    return tuple(dict.fromkeys(Scope(access.tenant, frozenset(access.groups)) for access in lists))


@dataclass(frozen=True)
class _Unchecked:
    """A catalog in which everybody may read everything."""

    inner: Catalog

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)

    def visible(self, chunk_ids: Sequence[str], _scope: Scope) -> frozenset[str]:
        return frozenset(chunk_ids)

    def visible_at(self, chunk_ids: Sequence[str], _scope: Scope, _at: str) -> frozenset[str]:
        return frozenset(chunk_ids)


_POLICED = {
    "policy_in": frozenset({Where.QUESTION, Where.HISTORY}),
    "policy_passages": frozenset({Where.PASSAGES}),
    "policy_out": frozenset({Where.ANSWER}),
}


def _guards(guards: list[GuardPolicy], off: frozenset[str]) -> list[GuardPolicy]:
    kept = [_guard(one, off) for one in guards]
    return [one for one in kept if one is not None]


def _guard(one: GuardPolicy, off: frozenset[str]) -> GuardPolicy | None:
    if isinstance(one, LimitsPolicy):
        return None if "sizes" in off else one
    if isinstance(one, VisiblePolicy):
        return None if "hidden_text" in off else one
    if isinstance(one, MaskPolicy):
        return None if "policy_out" in off else one
    if not isinstance(one, PolicyPolicy):
        return one
    acting, open_to = one.acting, frozenset[Where]().union(*(_POLICED[name] for name in _POLICED if name in off))
    if open_to:
        acting = replace(acting, policy=without(acting.policy, open_to), _groups={})
    if "disguises" in off:
        acting = _undisguised(acting)
    if "sizes" not in off:
        return replace(one, acting=acting)
    limits = replace(one.sizes.question, max_chars=ENDLESS, max_word=ENDLESS, max_run=ENDLESS)
    return replace(one, acting=acting, sizes=Sizes(limits, ENDLESS))


def without(policy: Policy, where: frozenset[Where]) -> Policy:
    """The policy, silent about texts that stand there."""
    rules = [replace(rule, where=(rule.where or frozenset(Where)) - where) for rule in policy.rules]
    allowed = Rule("sabotage", Action.ALLOW, where=where)
    return replace(policy, rules=(*(rule for rule in rules if rule.where), allowed), digest="sabotaged")


def _undisguised(acting: Acting) -> Acting:
    """The same detectors without the look through disguises."""
    looking = tuple(
        replace(one, detector=Timed(one.name, "1", read_plainly, 60_000.0)) if one.name == "rules" else one
        for one in acting.looking
    )
    return replace(acting, looking=looking, _groups={})


def read_plainly(text: str, ids: tuple[str, ...]) -> tuple[Finding, ...]:
    """What the rules find in a text as it is written."""
    return engine_of(ids).find(text) if ids else ()


@dataclass
class Closing:
    """A catalog in which a document is closed to everybody once so many looks have been taken."""

    inner: Catalog
    doc_ids: frozenset[str]
    after: int = 0
    looks: int = field(default=0, init=False)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)

    def visible(self, chunk_ids: Sequence[str], scope: Scope) -> frozenset[str]:
        self.looks += 1
        seen = self.inner.visible(chunk_ids, scope)
        if self.looks <= self.after:
            return seen
        closed = {chunk.chunk_id for doc_id in self.doc_ids for chunk in self.inner.chunks_of(doc_id)}
        return seen - closed
