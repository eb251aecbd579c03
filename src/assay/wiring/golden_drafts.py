"""Drafting cases from a workspace's corpus, and what a person decided of them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from assay.golden.check import check as check_cases
from assay.golden.drafts import Draft, Drafted
from assay.golden.review import (
    DRAFTED,
    REVIEWED,
    Decision,
    accepted_case,
    draft_entry,
    read_draft,
    review_entry,
    settled,
)
from assay.govern.forget_redact import REDACTED
from assay.records.documents import Chunk
from assay.records.errors import ConfigError, InputError, NotFound
from assay.records.golden import Case, GoldenSet
from assay.records.ledger import Entry
from assay.wiring import apps, golden_sets
from assay.wiring.build import Workspace
from assay.wiring.settings_apps import OpenAIModel

if TYPE_CHECKING:
    from assay.golden.draft_chat import ChatDrafter
    from assay.golden.draft_questions import Asked
    from assay.golden.draft_unanswerable import Near

Progress = Callable[[int, int], None]
PASSAGES_PER_DRAFT = 1.5
"""Passages that a model is shown for each draft that is wanted: some of what it writes fails the checks."""
AT_ONCE = 4


def draft(
    place: Workspace, name: str, n: int, *, source: str = "", unanswerable: float = 0.2, seed: int = 0, model: str = "",
    progress: Progress = lambda _done, _total: None,
) -> Drafted:  # fmt: skip
    """At most `n` candidate cases from the corpus, kept apart from the set until somebody accepts them.

    `source` limits them to documents whose id, title or address holds it or that were read from the source of this
    name; `model` names a chat model of `assay.yaml` that writes questions beside the rules. Raises InputError
    `golden.no_documents` and ConfigError `golden.no_model`.
    """
    from assay.golden.draft import Drafting

    chunks = list(_chunks(place, source))
    known = [case.question for case in _cases(place, name)]
    known.extend(entry.body["row"]["question"] for entry in place.stores.ledger.entries(DRAFTED, name))
    going = Drafting(chunks, apps.head_retriever(place), known, seed, name, progress)
    written = _written(place, model, chunks, n, seed) if model and chunks else ((), ())
    made = going.draft(n, unanswerable, *written)
    place.stores.ledger.append([draft_entry(name, one, place.clock.now()) for one in made.drafts])
    return made


def _cases(place: Workspace, name: str) -> tuple[Case, ...]:
    return place.stores.golden.get(name).cases if name in place.stores.golden.names() else ()


def _chunks(place: Workspace, source: str) -> Iterator[Chunk]:
    """The chunks of the documents that were named, in the order of the catalog. Raises InputError when none was."""
    stated = place.settings.sources.get(source) if source else None
    wanted = str(getattr(stated, "path", getattr(stated, "url", source))) if stated else source
    found = False
    for document in place.stores.catalog.documents():
        if not wanted or any(wanted in text for text in (document.doc_id, document.source_uri, document.title)):
            found = True
            yield from place.stores.catalog.chunks_of(document.doc_id)
    if not found:
        what = "no document has this in its id, title or address" if source else "there is no document to draft from"
        raise InputError(
            "golden.no_documents", what, where="--from" if source else "", remedy="assay ingest PATH… reads documents"
        )


def _written(
    place: Workspace, model: str, chunks: Sequence[Chunk], n: int, seed: int
) -> tuple[Sequence[Asked], Sequence[Near]]:
    """What a chat model writes of a sample of passages, one document after another."""
    import numpy as np

    from assay.golden.draft_chat import ChatDrafter
    from assay.ingest.askable import askable

    settings = place.settings.models.get(model)
    if not isinstance(settings, OpenAIModel):
        names = ", ".join(name for name, one in place.settings.models.items() if isinstance(one, OpenAIModel))
        raise ConfigError(
            "golden.no_model", f"no chat model of this name stands under models (there are: {names or 'none'})",
            where=model, remedy="assay config explain",
        )  # fmt: skip
    readable = [chunk for chunk in chunks if askable(chunk) and len(chunk.text.split()) >= 20]
    order = np.random.default_rng(seed).permutation(len(readable))[: round(PASSAGES_PER_DRAFT * n)]
    drafter = ChatDrafter(apps.chat_model(settings))
    return asyncio.run(_ask(drafter, [readable[at] for at in order]))


async def _ask(drafter: ChatDrafter, chunks: Sequence[Chunk]) -> tuple[Sequence[Asked], Sequence[Near]]:
    slots = asyncio.Semaphore(AT_ONCE)

    async def one(chunk: Chunk) -> tuple[Asked | None, Near | None]:
        async with slots:
            return await drafter.draft(chunk)

    found = await asyncio.gather(*(one(chunk) for chunk in chunks))
    return [asked for asked, _ in found if asked], [near for _, near in found if near]


def open_drafts(place: Workspace, name: str) -> tuple[Draft, ...]:
    """The drafts that nobody has decided yet, in the order in which they were made. What was forgotten since is left
    out: nobody could judge it any more."""
    decided = {entry.key for entry in place.stores.ledger.entries(REVIEWED, name)}
    entries = (entry for entry in place.stores.ledger.entries(DRAFTED, name) if entry.key not in decided)
    return tuple(read_draft(entry) for entry in entries if not _is_forgotten(entry))


def _is_forgotten(entry: Entry) -> bool:
    row = entry.body["row"]
    quoted = [one for evidence in row.get("evidence", []) for one in evidence.values()]
    return REDACTED in (row["question"], *row.get("answers", []), *quoted)


def counts(place: Workspace, name: str) -> dict[str, int]:
    """Drafts of a set by what became of them: `open`, `accept`, `edit`, `reject`."""
    told = {"open": len(open_drafts(place, name)), "accept": 0, "edit": 0, "reject": 0}
    for entry in place.stores.ledger.entries(REVIEWED, name):
        told[entry.body["decision"]] += 1
    return told


def decide(place: Workspace, name: str, decisions: Sequence[Decision], by: str) -> tuple[GoldenSet | None, int]:
    """Keep what a person decided, all or nothing; accepted drafts make a new version of the set, which is returned
    with the number of decisions that were new.

    The set is written before the decisions: after a crash between the two, the same decisions can be given again.
    Raises NotFound `golden.no_drafts`, InputError `golden.unknown_draft`, `golden.decided_draft`, `golden.no_name`,
    `golden.unfit_case`, and BadCases for changes that make no case.
    """
    if not by.strip():
        raise InputError("golden.no_name", "a decision needs the name of who made it", remedy="--by NAME")
    before = {entry.key: entry for entry in place.stores.ledger.entries(REVIEWED, name)}
    drafts = {one.draft_id: one for one in open_drafts(place, name)}
    if not drafts and not before:
        raise NotFound("golden.no_drafts", "this set has no drafts", where=name, remedy="assay golden draft NAME")
    new = settled(decisions, drafts, before)
    now = place.clock.now()
    known = {case.case_id for case in _cases(place, name)}
    cases = tuple(
        accepted_case(drafts[one.draft_id], one, by, now)
        for one in new
        if one.decision != "reject" and one.draft_id not in known
    )
    _check_fit(place, cases)
    golden = None
    if cases:
        golden = golden_sets.keep(place, name, (*_cases(place, name), *cases), f"{len(cases)} drafts accepted by {by}")
    place.stores.ledger.append([review_entry(name, one, by, now) for one in new])
    return golden, len(new)


def _check_fit(place: Workspace, cases: Sequence[Case]) -> None:
    """Raises InputError when a case could not be judged by: its quote is not in its document, or it expects nothing."""
    texts = golden_sets.texts(place)
    named = {one.doc_id for case in cases for one in case.expected.evidence}
    wanted: Mapping[str, str] = {doc_id: texts[doc_id] for doc_id in sorted(named) if doc_id in texts}
    found = [one for one in check_cases(GoldenSet("", tuple(cases)), documents=wanted) if one.severity == "error"]
    if found:
        raise InputError(
            "golden.unfit_case", f"{found[0].detail} [{found[0].code}]; nothing was kept",
            where=f"{found[0].case_id} {found[0].where}", remedy="correct the decision, or reject the draft",
        )  # fmt: skip
