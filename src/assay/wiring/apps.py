"""From settings to components, and from components to a system that answers: the same path for an app and a bundle."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from pydantic import TypeAdapter

from assay.ports.answering import ChatModel, Generator, Retriever, Rewriter, System
from assay.ports.index import Embedder, IndexReader
from assay.ports.storage import Catalog
from assay.records.bundles import Bundle
from assay.records.chat import ChatOptions
from assay.records.documents import Span
from assay.records.errors import NotFound
from assay.wiring.build import Workspace
from assay.wiring.config import secret
from assay.wiring.settings_apps import (
    AbstainSettings,
    App,
    ExtractiveModel,
    Guard,
    LimitsGuard,
    MaskGuard,
    Model,
    OpenAIModel,
    RetrieveSettings,
    VerifySettings,
)
from assay.wiring.workspace import Running, Services

if TYPE_CHECKING:
    from assay.assist.assistant import Assistant
    from assay.guard.build import GuardPolicy

HEAD = {"id": "", "embedder": ""}

_MODEL: TypeAdapter[Model] = TypeAdapter(Model)
_GUARD: TypeAdapter[Guard] = TypeAdapter(Guard)


def new_request_id() -> str:
    """32 hex digits; also the trace's id."""
    return uuid.uuid4().hex


def app_settings(place: Workspace, app: str) -> App:
    found = place.settings.apps.get(app)
    if found is None:
        names = ", ".join(place.settings.apps)
        raise NotFound(
            "app.unknown", f"no app of this name in assay.yaml (there are: {names})", where=app,
            remedy="assay config explain",
        )  # fmt: skip
    return found


def components(place: Workspace, app: str, snapshot: dict[str, Any]) -> dict[str, Any]:
    """Everything an app depends on, as JSON values. Keys of models stay in the environment; only their name is here."""
    from assay.assist.prompt import DEFAULT_PROMPT
    from assay.wiring import canarying, embedders, guarding, planning_tools, ranking

    settings = app_settings(place, app)
    model = place.settings.models[settings.model]
    return {
        "prompt": {"system": settings.prompt or DEFAULT_PROMPT.system, **canarying.prompt_parts(place, model)},
        "model": model.model_dump(mode="json"),
        "snapshot": snapshot,
        "retrieve": {
            **settings.retrieve.model_dump(mode="json"),
            "embedder": place.settings.index.embedder,
            "ranker": ranking.frozen(place, settings.retrieve.ranker),
        },
        **embedders.frozen(place, place.settings.index.embedder),
        **_rewriting(place, settings.retrieve),
        **planning_tools.frozen(place, settings),
        **({"max_classification": settings.max_classification} if settings.max_classification != "restricted" else {}),
        "verify": settings.verify.model_dump(mode="json"),
        "abstain": _abstain(place, app, settings.abstain),
        "guards": [{"name": name, **guarding.frozen(place, name)} for name in settings.guards],
    }  # fmt: skip


def _rewriting(place: Workspace, settings: RetrieveSettings) -> dict[str, Any]:
    """The model that rewrites questions, whole; nothing for apps without one, whose bundles keep their ids."""
    if not settings.rewrite:
        return {}
    return {"rewriter": place.settings.models[settings.rewrite].model_dump(mode="json")}


def _abstain(place: Workspace, app: str, settings: AbstainSettings) -> dict[str, Any]:
    from assay.assist.confidence import DEFAULT_THRESHOLD

    if settings.threshold != "calibrated":
        return {"threshold": float(settings.threshold), "origin": "assay.yaml"}
    calibration = place.stores.calibrations.get(app)
    if calibration is None:
        return {"threshold": DEFAULT_THRESHOLD, "origin": "packaged"}
    return {
        "threshold": calibration.threshold,
        "origin": "calibrated",
        "golden": f"{calibration.golden_name}@{calibration.golden_version}",
        "target_error": calibration.target_error,
        "coverage": calibration.coverage,
        "error": [calibration.error, calibration.error_low, calibration.error_high],
    }


def start(place: Workspace, app: str = "", bundle: str = "", *, traced: bool = True) -> Running:
    """Make an app or a bundle (`live`, or an id) ready to answer."""
    name = app or place.default_app
    if not bundle:
        app_settings(place, name)
        return start_app(place, name, traced=traced)
    return start_bundle(place, place.stores.bundles.get(resolve_bundle(place, bundle, name)), traced=traced)


def resolve_bundle(place: Workspace, reference: str, app: str = "") -> str:
    """`live` or a prefix to a whole bundle id. Raises NotFound."""
    if reference != "live":
        try:
            return place.stores.bundles.get(reference).bundle_id
        except NotFound:
            raise NotFound(
                "bundle.unknown", "no bundle has this id", where=reference, remedy="assay bundles list"
            ) from None
    pointer = place.stores.releases.pointer(app or place.default_app)
    if pointer is None:
        raise NotFound(
            "release.nothing_live", "nothing is promoted yet", where=app or place.default_app,
            remedy="assay release promote BUNDLE --override --reason '…' makes the first one live",
        )  # fmt: skip
    return pointer.bundle_id


@dataclass(frozen=True)
class Seams:
    """Where a caller may put something of its own between the parts of an app, such as evidence for a replay."""

    reader: Callable[[IndexReader], IndexReader] | None = None
    ranking: Callable[[Retriever], Retriever] | None = None
    passages: Callable[[Retriever], Retriever] | None = None
    chat: ChatModel | None = None
    """Writes in place of the configured model, and of the one that rewrites questions."""
    assistant: Callable[[Assistant], Assistant] | None = None
    guards: Callable[[list[GuardPolicy]], list[GuardPolicy]] | None = None
    """These two let a sabotage run take a safeguard out; no setting does."""


AS_IT_IS = Seams()


def start_app(
    place: Workspace, app: str, *, traced: bool = True, threshold: float | None = None, seams: Seams = AS_IT_IS
) -> Running:
    """An app as `assay.yaml` has it now, on the index as it is now; `threshold` replaces its abstention threshold."""
    parts = components(place, app, HEAD)
    if threshold is not None:
        parts["abstain"] = {"threshold": threshold, "origin": "stated"}
    return _assemble(place, app, "", parts, place.index.head(), traced, seams)


def start_bundle(place: Workspace, bundle: Bundle, *, traced: bool = True, seams: Seams = AS_IT_IS) -> Running:
    """A bundle, from nothing but its components. Raises CannotJudge when its snapshot no longer matches its name.

    Its snapshot is opened in the engine that it was frozen in, whichever `assay.yaml` names today.
    """
    engine = str(bundle.components["snapshot"].get("engine", "embedded"))
    try:
        reader = place.engine(engine).open(bundle.snapshot_id)
    except NotFound:
        raise NotFound(
            "bundle.no_snapshot", f"the engine {engine} no longer has the snapshot that this bundle pins",
            where=bundle.bundle_id[:12], remedy="assay bundle APP, then gate the new one",
        ) from None  # fmt: skip
    return _assemble(place, bundle.app, bundle.bundle_id, bundle.components, reader, traced, seams)


def _assemble(
    place: Workspace,
    app: str,
    bundle_id: str,
    parts: dict[str, Any],
    reader: IndexReader,
    traced: bool,
    seams: Seams,
) -> Running:
    from assay.assist.assistant import Abstention, Assistant
    from assay.assist.verify import VerifyPolicy
    from assay.guard.build import build_guards
    from assay.records.taint import Classification
    from assay.wiring import canary_guard, canarying
    from assay.wiring.embedders import thawed
    from assay.wiring.guarding import guarded_retriever
    from assay.wiring.planning_tools import PLANNER, planned
    from assay.wiring.privacy_redacting import by_policies
    from assay.wiring.taint import labelled
    from assay.wiring.tools import brokered

    # Bundles from before folding do not fold: they answer as they were judged.
    retrieve = RetrieveSettings.model_validate({"fold_duplicates": False, **_without(parts["retrieve"], "embedder")})
    verify = VerifySettings.model_validate(parts["verify"])
    cleared = _cleared(place, app, parts.get("max_classification", "restricted"))
    finder = retriever(place, reader, retrieve, parts["retrieve"]["embedder"], seams, thawed(place, parts), cleared)
    guards = [_guard(place, app, guard) for guard in parts["guards"]]
    guards = seams.guards(guards) if seams.guards else guards
    finder = labelled(guarded_retriever(finder, guards), place.stores.catalog, place.settings)
    prompt = parts["prompt"]
    assistant = Assistant(
        finder,
        _generator(_MODEL.validate_python(parts["model"]), canarying.with_token(place, app, prompt), seams.chat),
        place.clock,
        verify=VerifyPolicy(min_alignment=verify.min_alignment, on_failure=verify.on_failure),
        abstain=Abstention(threshold=float(parts["abstain"]["threshold"])),
        passages=retrieve.passages,
        mode=retrieve.mode,
        page_of=_Pages(place),
        visible=cleared(place.stores.catalog).visible,
        visible_at=cleared(place.stores.catalog).visible_at,
        rewriter=_rewriter(parts["rewriter"], seams.chat) if "rewriter" in parts else None,
        unlabelled=Classification(place.settings.labels.default),
    )
    assistant = seams.assistant(assistant) if seams.assistant else assistant
    system: System = assistant
    if parts.get("kind") == PLANNER:
        system = planned(place, app, parts, finder, seams.chat)
    system = build_guards(system, guards)
    prompted = bool(prompt.get("canary"))
    system, searched = canary_guard.guarded(place, app, system, finder, prompted=prompted)
    system = brokered(place, app, system, live=traced)
    if traced:
        system = place.traced(system, app, bundle_id, by_policies(place, app, guards))
    return Running(app, bundle_id, system, searched)


def _cleared(place: Workspace, app: str, frozen: str) -> Callable[[Catalog], Catalog]:
    """What this app may find: no more than its bundle says, and no more than `assay.yaml` says today."""
    from assay.records.taint import Classification, lowest
    from assay.wiring.taint import with_clearance

    today = place.settings.apps[app].max_classification if app in place.settings.apps else "restricted"
    most = lowest(Classification(frozen), Classification(today))
    return lambda catalog: with_clearance(catalog, place.settings, most.value)


class _Pages:
    """The page on which a span starts, from the catalog; 0 where the source has none or the text has changed."""

    def __init__(self, place: Workspace) -> None:
        self._catalog = place.stores.catalog

    def __call__(self, span: Span) -> int:
        try:
            document = self._catalog.document(span.doc_id)
        except NotFound:
            return 0
        if document.text_sha256 != span.text_sha256:
            return 0
        return next((page.number for page in document.pages if page.start <= span.start < page.end), 0)


def head_retriever(place: Workspace) -> Retriever:
    """Search over the index as it is now, with the default app's retrieval settings."""
    settings = app_settings(place, place.default_app).retrieve
    return retriever(place, place.index.head(), settings, place.settings.index.embedder)


def retriever(
    place: Workspace,
    reader: IndexReader,
    settings: RetrieveSettings,
    embedder: str,
    seams: Seams = AS_IT_IS,
    encoder: dict[str, Any] | None = None,
    cleared: Callable[[Catalog], Catalog] = lambda catalog: catalog,
) -> Retriever:
    """What searches `reader`: also as of an earlier moment, and with near-duplicates folded.

    `encoder` is a bundle's own, whatever `assay.yaml` says of that name today. `cleared` narrows what may be found.
    """
    from assay.retrieve.folding import FoldingRetriever
    from assay.wiring.embedders import settings_of
    from assay.wiring.history import with_as_of

    recipe = str(getattr(reader, "embedder", "")) if reader.vectors else ""
    encoder = encoder or settings_of(place, embedder)
    asking = place.embedders.questions(embedder, encoder, recipe)
    reader = seams.reader(reader) if seams.reader else reader
    found = with_as_of(place, reader, lambda one, catalog: _searching(place, one, cleared(catalog), settings, asking))
    found = seams.ranking(found) if seams.ranking else found
    found = FoldingRetriever(found) if settings.fold_duplicates else found
    return seams.passages(found) if seams.passages else found


def _searching(
    place: Workspace, reader: IndexReader, catalog: Catalog, settings: RetrieveSettings, asking: Embedder | None
) -> Retriever:
    from assay.retrieve.retriever import HybridRetriever, RetrievePolicy
    from assay.wiring import ranking

    policy = RetrievePolicy(settings.mode, candidates=settings.candidates, rrf_k=settings.rrf_k)
    learned = ranking.reranker(place, settings.ranker)
    return HybridRetriever(reader, catalog, asking, policy, place.clock, learned)


def _generator(model: Model, prompt: dict[str, Any], chat: ChatModel | None = None) -> Generator:
    if chat is not None:
        return _writing(chat, model, prompt)
    if isinstance(model, ExtractiveModel):
        from assay.assist.extractive import ExtractiveComposer, ExtractivePolicy

        return ExtractiveComposer(ExtractivePolicy(max_sentences=model.max_sentences))
    return _chat_generator(model, prompt)


def _rewriter(parts: dict[str, Any], chat: ChatModel | None = None) -> Rewriter:
    from assay.assist.rewrite import QuestionRewriter

    return QuestionRewriter(chat or chat_model(OpenAIModel.model_validate(parts)))


def rewriter(place: Workspace, app: str) -> Rewriter | None:
    """What makes this app's follow-up questions stand alone, when `assay.yaml` names a model for it."""
    parts = _rewriting(place, app_settings(place, app).retrieve)
    return _rewriter(parts["rewriter"]) if parts else None


def chat_model(model: OpenAIModel) -> ChatModel:
    """What asks an endpoint of `models`. Raises ConfigError when its key is not in the environment."""
    from assay.adapters.openai_chat import OpenAIChat

    return OpenAIChat(
        base_url=model.base_url,
        model=model.model,
        api_key=secret(model.api_key_env) if model.api_key_env else None,
        timeout_s=model.timeout_s,
        first_token_timeout_s=model.first_token_timeout_s,
        max_retries=model.max_retries,
        price_in_per_million=model.price_in_usd_per_million,
        price_out_per_million=model.price_out_usd_per_million,
    )


def _chat_generator(model: OpenAIModel, prompt: dict[str, Any]) -> Generator:
    return _writing(chat_model(model), model, prompt)


def _writing(chat: ChatModel, model: Model, prompt: dict[str, Any]) -> Generator:
    """`chat` under the app's own prompt; an app without a chat model has no options to state."""
    from assay.assist.chat import ChatGenerator
    from assay.assist.prompt import PromptTemplate

    template = PromptTemplate(system=str(prompt["system"]), canary=str(prompt.get("canary", "")))
    if not isinstance(model, OpenAIModel):
        return ChatGenerator(chat, template)
    options = ChatOptions(temperature=model.temperature, max_tokens=model.max_tokens)
    return ChatGenerator(chat, template, options, output=model.output)


def _guard(place: Workspace, app: str, parts: dict[str, Any]) -> GuardPolicy:
    from assay.guard.build import LimitsPolicy, MaskPolicy, VisiblePolicy
    from assay.guard.passages import PassageNotes
    from assay.wiring.guarding import policy_of

    if parts.get("kind") == "policy":
        return policy_of(place, app, parts, PassageNotes())
    settings = _GUARD.validate_python(_without(parts, "name"))
    if isinstance(settings, LimitsGuard):
        return LimitsPolicy(settings.max_question_chars)
    if isinstance(settings, MaskGuard):
        return MaskPolicy(settings.rules)
    return VisiblePolicy()


def _without(parts: dict[str, Any], key: str) -> dict[str, Any]:
    return {name: value for name, value in parts.items() if name != key}


def services(place: Workspace) -> Services:
    """What server and console work with."""
    from assay.wiring.freshness import age_of
    from assay.wiring.tool_desk import ToolDesk

    return Services(
        stores=place.stores,
        index=place.index,
        clock=place.clock,
        apps=tuple(place.settings.apps),
        default_app=place.default_app,
        start_bundle=partial(start_bundle, place),
        start_app=partial(start_app, place),
        label=place.settings.label,
        age_of=age_of(place),
        auditor=place.auditor,
        tools=ToolDesk(place),
    )
