"""What can be evaluated: an app, a bundle, a system of `assay.yaml`, or one that is named on the command line."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from assay.ports.answering import System
from assay.ports.reading import Clock
from assay.records.digest import sha256_json
from assay.records.errors import InputError, NotFound
from assay.records.golden import GoldenSet
from assay.wiring import apps, tools
from assay.wiring.build import Workspace
from assay.wiring.config import secret
from assay.wiring.settings_systems import EndpointUnderTest, FunctionUnderTest, RepliesUnderTest, UnderTest
from assay.wiring.workspace import Running

if TYPE_CHECKING:
    from assay.adapters.systems.recorded import RecordedSystem

PLAIN_BODY = {"question": "{question}", "history": "{history}"}
"""What an address alone is asked with: the keys of the answer are those that a Python function may give."""
CHAT = "/chat/completions"
_FUNCTION = re.compile(r".+:[A-Za-z_]\w*")


@dataclass(frozen=True)
class Subject:
    """A system ready to be evaluated.

    `free` says that no reply costs anything; `priced` that what it costs will be known, None that only its replies
    will tell. `fingerprint` is empty where replies are not to be kept.
    """

    name: str
    bundle_id: str
    system: System
    free: bool
    priced: bool | None
    fingerprint: str = ""
    running: Running | None = None
    recorded: RecordedSystem | None = None
    ignore_unknown: bool = False


def subject(place: Workspace, reference: str) -> Subject:
    """The system of this name: an app, one of `systems`, `live`, a bundle id, or `python:module:function`,
    `replies:FILE`, `http(s)://…`. Raises NotFound `evaluate.unknown_system` and ConfigError."""
    if reference in place.settings.apps:
        return _of_app(place, reference, apps.start(place, reference, traced=False))
    if reference in place.settings.systems:
        return _brokered(place, _outside(place, reference, place.settings.systems[reference]))
    if (stated := shorthand(reference)) is not None:
        name = re.sub(r"\?[^#]*", "", reference)  # a query may hold a key
        return _brokered(place, _outside(place, name, stated))
    try:
        return _of_app(place, "", apps.start(place, "", reference, traced=False))
    except NotFound as error:
        if error.code != "bundle.unknown":
            raise
        names = ", ".join((*place.settings.apps, *place.settings.systems))
        raise NotFound(
            "evaluate.unknown_system",
            f"no app, no system and no bundle is called so (apps and systems: {names})",
            where=reference,
            remedy="assay bundles list shows the bundles; python:module:function, replies:FILE and http://… work, too",
        ) from None


def shorthand(reference: str) -> UnderTest | None:
    """The settings that a target on the command line stands for; None when it is no such target."""
    kind, _, rest = reference.partition(":")
    if kind == "python" and rest:
        if not _FUNCTION.fullmatch(rest):
            raise InputError(
                "system.function", "a Python function is written module:function", where=reference,
                remedy="such as python:bot:answer, or python:tools/bot.py:answer",
            )  # fmt: skip
        return FunctionUnderTest(kind="python", function=rest)
    if kind == "replies" and rest:
        return RepliesUnderTest(kind="replies", path=rest)
    if kind not in ("http", "https") or not re.fullmatch(r"//\S+", rest):
        return None
    url, _, model = reference.partition("#")
    if url.split("?")[0].endswith(CHAT):
        if not model:
            raise InputError(
                "evaluate.no_model", "a chat endpoint needs a model's name", where=url.split("?")[0],
                remedy="write it behind the address as #MODEL, or declare the endpoint under systems",
            )  # fmt: skip
        return EndpointUnderTest(kind="http", url=url, preset="openai", model=model)
    from assay.adapters.systems.said import KEYS

    paths = {key: f"$.{key}" for key in KEYS - {"usage", "duration_ms"}}
    usage = {key: f"$.usage.{key}" for key in ("tokens_in", "tokens_out", "cost_usd")}
    return EndpointUnderTest(kind="http", url=url, body=PLAIN_BODY, paths=paths | usage)


def _of_app(place: Workspace, app: str, running: Running) -> Subject:
    """An app or bundle. Only what a chat model answers is kept: the rest is free, and its times are worth having."""
    if running.bundle_id:
        parts = place.stores.bundles.get(running.bundle_id).components
    else:
        parts = apps.components(place, app or running.app, apps.HEAD)
    models = [parts[name] for name in ("model", "rewriter") if name in parts]
    paid = [model for model in models if model.get("kind") != "extractive"]
    prices = [model.get(f"price_{way}_usd_per_million") for model in paid for way in ("in", "out")]
    fingerprint = _fingerprint(running.system, {"parts": parts, "corpus": _corpus(place, running)}) if paid else ""
    return Subject(
        running.app, running.bundle_id, running.system, not paid, None not in prices, fingerprint, running
    )  # fmt: skip


def _corpus(place: Workspace, running: Running) -> list[Any]:
    """What the documents are and who may read them now: replies rest on both, also those of a bundle."""
    documents = [[d.doc_id, d.text_sha256, d.access] for d in place.stores.catalog.documents()]
    head = [] if running.bundle_id else [place.index.head().snapshot_id, place.index.head().vectors]
    return [sha256_json(sorted(documents, key=lambda one: str(one[0]))), *head]


def _fingerprint(system: System, more: Mapping[str, Any]) -> str:
    from assay.evaluate.caching import fingerprint

    return fingerprint(system.recipe, more)


def _outside(place: Workspace, name: str, settings: UnderTest) -> Subject:
    if isinstance(settings, FunctionUnderTest):
        from assay.adapters.systems.function import load_function

        system = load_function(settings.function, place.root, place.clock)
        return Subject(name, "", system, False, None, _fingerprint(system, {}) if settings.cache else "")
    if isinstance(settings, RepliesUnderTest):
        from assay.adapters.systems.recorded import read_replies

        recorded = read_replies(place.root / settings.path, name)
        return Subject(name, "", recorded, True, True, recorded=recorded, ignore_unknown=settings.ignore_unknown)
    return _endpoint(name, settings, place.clock)


def _brokered(place: Workspace, found: Subject) -> Subject:
    """Where `tools` are declared, a system's calls count as what the broker lets through. Recorded replies were given
    already, and stay what they are."""
    if not place.settings.tools or found.recorded is not None:
        return found
    system = tools.brokered(place, found.name, found.system, live=False, outside=True)
    kept = _fingerprint(system, {"inner": found.fingerprint}) if found.fingerprint else ""
    return replace(found, system=system, fingerprint=kept)


def _endpoint(name: str, settings: EndpointUnderTest, clock: Clock) -> Subject:
    from assay.adapters.systems.endpoint import OPENAI_BODY, OPENAI_PATHS, EndpointRecipe, EndpointSystem

    url, body, paths = settings.url, settings.body, settings.paths
    if settings.preset == "openai":
        url = url if url.split("?")[0].endswith(CHAT) else f"{url.rstrip('/')}{CHAT}"
        paths = {**OPENAI_PATHS, **paths}
        body = {"model": settings.model, **OPENAI_BODY, **(body if isinstance(body, dict) else {})}
        if settings.prompt:
            body["messages"] = [{"role": "system", "content": settings.prompt}, "{messages}"]
    how = EndpointRecipe(
        url, body, paths, settings.declines, settings.version, settings.price_in_usd_per_million,
        settings.price_out_usd_per_million, settings.price_usd_per_call,
    )  # fmt: skip
    headers = {**settings.headers, **{header: secret(var) for header, var in settings.headers_env.items()}}
    if settings.api_key_env:
        headers["Authorization"] = f"Bearer {secret(settings.api_key_env)}"
    system = EndpointSystem(name, how, clock, headers, settings.timeout_s, settings.max_connections)
    return Subject(name, "", system, False, how.priced, _fingerprint(system, {}) if settings.cache else "")


def check_replies(found: Subject, golden: GoldenSet) -> None:
    """Raise InputError when a recorded file answers cases that the golden set, all splits of it, does not have: an
    id that is spelt wrongly would be a missing reply."""
    if found.recorded is None or found.ignore_unknown:
        return
    unknown = sorted(found.recorded.case_ids - {case.case_id for case in golden.cases})
    if unknown:
        raise InputError(
            "replies.unknown_case",
            f"{len(unknown)} of {len(found.recorded.case_ids)} recorded cases are not in {golden.name}",
            where=found.name,
            remedy="check the ids and the golden set's version; ignore_unknown: true under systems leaves them out",
        )
