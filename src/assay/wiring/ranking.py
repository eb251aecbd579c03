"""Rankers of a workspace: trained, proved, kept, named by an app, frozen into a bundle."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from assay.ports.answering import Reranker, Retriever
from assay.records.certificates import TrainedModel
from assay.records.documents import Chunk
from assay.records.errors import CannotJudge, InputError, NotFound
from assay.records.golden import Case
from assay.wiring.build import Workspace

if TYPE_CHECKING:
    from assay.train.ranker import Outcome

KIND = "ranker"
NONE = "none"
_NAME = re.compile(r"[a-z][a-z0-9_-]{0,39}")
_ID = re.compile(r"[0-9a-f]{64}")

Progress = Callable[[int, int], None]


def find(place: Workspace, reference: str) -> TrainedModel:
    """A ranker by its name (the newest of that name) or by the start of its id. Raises NotFound and CannotJudge."""
    models = place.stores.models
    found = models.newest(KIND, reference)
    if found is not None and not _ID.fullmatch(reference):
        return models.get(found.model_id)
    try:
        model = models.get(reference)
    except NotFound:
        model = None
    if model is None or model.kind != KIND:
        names = ", ".join(dict.fromkeys(one.name for one in models.models(KIND))) or "none yet"
        raise NotFound(
            "ranker.unknown", f"no ranker of this name or id (there are: {names})", where=reference,
            remedy="assay ranker list; assay ranker train --golden NAME makes one",
        )  # fmt: skip
    return model


def frozen(place: Workspace, reference: str) -> str:
    """What a bundle keeps of `apps.<app>.retrieve.ranker`: `none`, or the id, which is the digest of the content."""
    return NONE if reference == NONE else find(place, reference).model_id


def reranker(place: Workspace, reference: str) -> Reranker | None:
    """The learned stage that the settings or a bundle name; None for `none`. Raises NotFound and CannotJudge."""
    if reference == NONE:
        return None
    from assay.retrieve.linear_ranker import read_ranker

    model = find(place, reference)
    return read_ranker(model.content, where=model.model_id[:12])


def train(
    place: Workspace,
    name: str,
    *,
    golden: str = "",
    split: str = "",
    synthetic: bool = False,
    app: str = "",
    seed: int = 0,
    progress: Callable[[str], Progress] = lambda _label: lambda _done, _total: None,
) -> Outcome:
    """Train on a golden set, or on questions made from the corpus, and keep the ranker when it is accepted.

    With `synthetic` and a golden set the golden set is not learned from: it is what the ranker is proved on.
    Raises InputError (`ranker.name`, `ranker.no_source`, `ranker.no_evidence`) and CannotJudge (`ranker.no_vectors`).
    """
    from assay.retrieve.features import CandidateFeatures
    from assay.retrieve.linear_ranker import POOL
    from assay.train.examples import examples_of
    from assay.train.ranker import train_ranker

    if not _NAME.fullmatch(name) or name == NONE:
        raise InputError(
            "ranker.name", "a name is a small letter, then small letters, digits, - and _, at most 40", where="--name"
        )
    if not synthetic and not golden:
        raise InputError("ranker.no_source", "say what to train on", remedy="--golden NAME, or --synthetic")
    search = _plain_retriever(place, app)
    features = CandidateFeatures()
    known, told = _golden_cases(place, golden, split) if golden else ((), "")
    made, origin = _synthetic_cases(place, seed) if synthetic else (known, told)
    learned = examples_of(made, search, features, POOL, progress("searching"))
    apart = examples_of(known, search, features, POOL, progress("searching golden")) if synthetic and known else ()
    outcome = train_ranker(
        name, learned, features, trained_on=origin, now=place.clock.now(), asked=not synthetic, kept_apart=apart,
        proved_on=told if apart else "", seed=seed, progress=progress("training"),
    )  # fmt: skip
    if outcome.model is not None:
        place.stores.models.put(outcome.model)
    return outcome


def _plain_retriever(place: Workspace, app: str) -> Retriever:
    """The app's search without its ranker, over the index as it is now, both engines taking part."""
    from assay.retrieve.retriever import HybridRetriever, RetrievePolicy
    from assay.wiring.apps import app_settings

    settings = app_settings(place, app or place.default_app).retrieve
    reader, embedder = place.index.head(), place.embedder(place.settings.index.embedder)
    policy = RetrievePolicy("hybrid", candidates=settings.candidates, rrf_k=settings.rrf_k)
    if embedder is None or reader.vectors < policy.min_vector_share * max(1, reader.chunks):
        raise CannotJudge(
            "ranker.no_vectors", "a ranker weighs words against vectors, and too few chunks have one",
            remedy="assay index embed --patient, then train again",
        )  # fmt: skip
    return HybridRetriever(reader, place.stores.catalog, embedder, policy, place.clock)


def _golden_cases(place: Workspace, reference: str, split: str) -> tuple[Sequence[Case], str]:
    from assay.train.examples import usable
    from assay.wiring import golden_sets

    golden = golden_sets.resolve(place, reference)
    cases = usable(golden_sets.only(golden, split).cases)
    if not cases:
        raise InputError("ranker.no_evidence", "no case of this set names its evidence", where=golden.name)
    return cases, f"{golden.name}@{golden.version}" + (f":{split}" if split else "")


def _synthetic_cases(place: Workspace, seed: int) -> tuple[Sequence[Case], str]:
    from assay.train.synthetic import RECIPE, synthetic_cases

    chunks = _chunks(place)
    cases = synthetic_cases(chunks, seed)
    if not cases:
        raise InputError(
            "ranker.no_evidence", "no question could be made from this corpus", remedy="assay ingest FOLDER first"
        )
    return cases, f"{RECIPE}(seed={seed})"


def _chunks(place: Workspace) -> list[Chunk]:
    catalog = place.stores.catalog
    ids = sorted(catalog.current_chunk_ids())
    return [chunk for start in range(0, len(ids), 500) for chunk in catalog.chunks(ids[start : start + 500]).values()]
