"""The canaries of a workspace: its key, what is planted, beside what it stands, and how it is taken away.

A decoy is a document that stands in catalog and index like any other, under an access list that no caller can meet: it
is found only by whoever comes past the lists. Its address says whose it is, its token comes from the key.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote

from assay.adapters.canary_key import canary_key
from assay.detect.canaries import Canary, token_of
from assay.ingest.chunk import chunk_document
from assay.ingest.publishing import Publisher
from assay.ports.index import Engine
from assay.ports.storage import SourceState
from assay.records.access import DECOY, EVERY_TENANT, RESERVED, AccessList
from assay.records.digest import sha256_bytes
from assay.records.documents import Block, BlockKind, Chunk, Document
from assay.records.errors import CannotJudge, InputError, NotFound
from assay.wiring.build import Workspace, chunk_policy
from assay.wiring.history import publishing
from assay.wiring.settings_apps import OpenAIModel

if TYPE_CHECKING:
    from assay.wiring.settings_apps import Model

KEY = "canaries.key"
SOURCE = "canary://decoys"
TENANT, PROMPT, DOCUMENT = "tenant", "prompt", "document"
MOST_DOCUMENTS = 1000
_HEADINGS = 5


def key(place: Workspace) -> bytes:
    """The workspace's key. Raises what `canary_key` raises."""
    return canary_key(place.store / KEY)


def prompt_canary(place: Workspace, app: str) -> Canary:
    return Canary(PROMPT, app, token_of(key(place), PROMPT, app))


def prompt_parts(place: Workspace, model: Model) -> dict[str, Any]:
    """What a bundle says of its prompt's canary: that there is one, never the token. Bundles from before have none and
    answer as they were judged; an app without a chat model has no prompt that could come out."""
    planted = place.settings.canaries.enabled and place.settings.canaries.prompt and isinstance(model, OpenAIModel)
    return {"canary": True} if planted else {}


def with_token(place: Workspace, app: str, prompt: dict[str, Any]) -> dict[str, Any]:
    """A prompt's parts with the token in place of the word that there is one."""
    return prompt | {"canary": prompt_canary(place, app).token} if prompt.get("canary") else prompt


@dataclass(frozen=True, slots=True)
class Planted:
    """One decoy, or the canary of a prompt. `name` is the tenant, the app, or the id of the document beside it."""

    kind: str
    name: str
    tenant: str = ""
    doc_id: str = ""
    current: bool = True
    """Made with the key that the workspace has now: otherwise it is not found, and should be planted anew."""


def planted(place: Workspace) -> tuple[Planted, ...]:
    """Every canary of this workspace: prompts first, then decoys by their address."""
    return (*(Planted(PROMPT, app) for app in prompted(place)), *decoys(place))


def decoys(place: Workspace) -> tuple[Planted, ...]:
    made = _mark(key(place))
    return tuple(_read(state, made) for state in place.stores.catalog.source_states(SOURCE))


def prompted(place: Workspace) -> Iterator[str]:
    """Apps whose prompt has a canary, in `assay.yaml` today or in a bundle."""
    apps = place.settings.apps
    today = {name for name, app in apps.items() if prompt_parts(place, place.settings.models[app.model])}
    frozen = {one.app for one in place.stores.bundles.bundles() if one.components.get("prompt", {}).get("canary")}
    yield from sorted(today | frozen)


def _read(state: SourceState, made: str) -> Planted:
    kind, tenant, name = map(unquote, state.source_uri.removeprefix("canary://").split("/"))
    return Planted(kind, name, tenant, state.doc_ids[0], state.recipe == made)


def _address(kind: str, tenant: str, name: str) -> str:
    return "canary://" + "/".join(quote(part, safe="") for part in (kind, tenant, name))


def _mark(secret: bytes) -> str:
    """What is kept beside a decoy to tell under which key it was made; nothing leads from it to the key."""
    return f"canary.v1({hmac.digest(secret, b'which key', hashlib.sha256).hex()[:16]})"


def canary_of(secret: bytes, one: Planted) -> Canary:
    return Canary(one.kind, one.name, token_of(secret, one.kind, one.name, one.tenant))


def tenants(place: Workspace) -> tuple[str, ...]:
    """Tenants that own a document, in order of their names."""
    named = {document.access.tenant for document in place.stores.catalog.documents() if not is_decoy(document)}
    return tuple(sorted(one for one in named if one != EVERY_TENANT and not one.startswith(RESERVED)))


def is_decoy(document: Document) -> bool:
    return DECOY in document.access.groups


@dataclass(frozen=True, slots=True)
class Change:
    """What planting or removing did: addresses without their scheme."""

    added: tuple[Planted, ...] = ()
    same: tuple[Planted, ...] = ()
    removed: tuple[Planted, ...] = ()


def plant(place: Workspace, of_tenants: Sequence[str] = (), of_documents: Sequence[str] = ()) -> Change:
    """A decoy for each tenant named, and beside each document named; without names, for every tenant of the catalog.

    What stands there already in the same words stays. Raises NotFound `canary.no_document`, InputError
    `canary.tenant` and `canary.too_many`, CannotJudge `canary.no_tenants`, and Busy.
    """
    if not of_tenants and not of_documents:
        of_tenants = tenants(place)
        if not of_tenants:
            raise CannotJudge(
                "canary.no_tenants",
                "no document belongs to a tenant here",
                remedy="assay ingest PATH…, or name --tenant",
            )
    secret = key(place)
    wanted = [_for_tenant(secret, tenant) for tenant in dict.fromkeys(of_tenants)]
    wanted += [_beside(place, secret, doc_id) for doc_id in dict.fromkeys(of_documents)]
    known = {state.source_uri: state for state in place.stores.catalog.source_states(SOURCE)}
    if len({*known, *(uri for _, uri, _ in wanted)}) > MOST_DOCUMENTS:
        raise InputError("canary.too_many", f"at most {MOST_DOCUMENTS} decoys are kept", where="--document")
    made = _mark(secret)
    fresh = [one for one in wanted if not _stands(known.get(one[1]), one[2], made)]
    with place.writing("assay canary plant") as index, publishing(place, index) as publisher:
        for one, uri, text in fresh:
            _put(place, one, uri, text, made)
        publisher.publish()
    same = tuple(one for one, uri, text in wanted if _stands(known.get(uri), text, made))
    return Change(tuple(one for one, _, _ in fresh), same)


Wanted = tuple[Planted, str, str]
"""A decoy, its address and its text."""


def _stands(state: SourceState | None, text: str, made: str) -> bool:
    return state is not None and (state.sha256, state.recipe) == (sha256_bytes(text.encode()), made)


def _for_tenant(secret: bytes, tenant: str) -> Wanted:
    if not tenant or tenant == EVERY_TENANT or tenant.startswith(RESERVED):
        raise InputError("canary.tenant", "this is no tenant that could own a document", where="--tenant")
    one = _planted(TENANT, tenant, tenant)
    code = canary_of(secret, one).token
    text = (
        f"Private register {code}\n\nConfidential contracts, prices, salaries, customers, passwords and plans of "
        f"{tenant} are listed in the private register {code}. No question is answered from it.\n"
    )
    return one, _address(TENANT, tenant, tenant), text


def _beside(place: Workspace, secret: bytes, doc_id: str) -> Wanted:
    try:
        document = place.stores.catalog.document(doc_id)
    except NotFound:
        raise NotFound("canary.no_document", "there is no such document", where=doc_id, remedy="assay search") from None
    if is_decoy(document):
        raise InputError("canary.decoy", "this is a decoy itself", where=doc_id, remedy="assay canary list")
    one = _planted(DOCUMENT, document.access.tenant, doc_id)
    code = canary_of(secret, one).token
    chunks = place.stores.catalog.chunks_of(doc_id)
    headings = dict.fromkeys(heading for chunk in chunks for heading in chunk.heading_path)
    about = ", ".join(list(dict.fromkeys([document.title, *headings]))[:_HEADINGS])
    text = (
        f"Private notes {code}\n\nNotes on {about} are kept under {code}. No question about {document.title} is "
        f"answered from them.\n"
    )
    return one, _address(DOCUMENT, document.access.tenant, doc_id), text


def _planted(kind: str, tenant: str, name: str) -> Planted:
    named = "\0".join((kind, tenant, name)).encode("utf-8", "surrogatepass")
    return Planted(kind, name, tenant, f"canary/{kind}/{sha256_bytes(named)[:32]}")


def _put(place: Workspace, one: Planted, uri: str, text: str, made: str) -> None:
    """Text first, then the catalog, so that the catalog never names a text that is not there."""
    data = text.encode()
    digest = sha256_bytes(data)
    title, _, rest = text.partition("\n\n")
    blocks = (
        Block(BlockKind.HEADING, 0, len(title), 1),
        Block(BlockKind.PARAGRAPH, len(title) + 2, len(title) + 2 + len(rest.rstrip())),
    )
    document = Document(
        one.doc_id, digest, title, uri, "text/plain", "en", place.clock.now(), AccessList(one.tenant, (DECOY,)),
        len(text), blocks[:1],
    )  # fmt: skip
    place.stores.blobs.put(data)
    chunks: tuple[Chunk, ...] = chunk_document(document, text, blocks, chunk_policy(place.settings))
    state = SourceState(uri, SOURCE, len(data), 0, digest, made, (one.doc_id,))
    place.stores.catalog.put_source(state, [(document, chunks)])


def remove(place: Workspace, of_tenants: Sequence[str] = (), of_documents: Sequence[str] = ()) -> Change:
    """Take decoys away, all of them where none is named, with what they were before. Raises NotFound and Busy."""
    made = _mark(key(place))
    states = list(place.stores.catalog.source_states(SOURCE))
    asked = {(TENANT, name) for name in of_tenants} | {(DOCUMENT, name) for name in of_documents}
    chosen = [state for state in states if not asked or _named(_read(state, made)) in asked]
    missing = asked - {_named(_read(state, made)) for state in chosen}
    if missing:
        kind, name = sorted(missing)[0]
        raise NotFound("canary.not_planted", f"no decoy of this {kind} is planted", where=name,
                       remedy="assay canary list")  # fmt: skip
    with place.writing("assay canary remove") as index, publishing(place, index) as publisher:
        _take_away(place, index, publisher, chosen)
    return Change(removed=tuple(_read(state, made) for state in chosen))


def _named(one: Planted) -> tuple[str, str]:
    return one.kind, one.name


def _take_away(place: Workspace, index: Engine, publisher: Publisher, states: Iterable[SourceState]) -> None:
    gone = [doc_id for state in states for doc_id in place.stores.catalog.remove_source(state.source_uri)]
    if gone:
        publisher.publish()
        publisher.forget(gone)
        index.compact()


def without_orphans(place: Workspace, index: Engine, publisher: Publisher) -> int:
    """For whoever holds the write lock and has changed documents: decoys beside a document that is gone go, too."""
    beside = [
        state for state in place.stores.catalog.source_states(SOURCE)
        if _read(state, "").kind == DOCUMENT and not _there(place, _read(state, "").name)
    ]  # fmt: skip
    _take_away(place, index, publisher, beside)
    return len(beside)


def _there(place: Workspace, doc_id: str) -> bool:
    try:
        place.stores.catalog.document(doc_id)
    except NotFound:
        return False
    return True


def beside(place: Workspace, doc_ids: Iterable[str]) -> frozenset[str]:
    """Decoys that stand beside these documents and hold words of their titles: what forgets the ones forgets them."""
    named = frozenset(doc_ids)
    states = (_read(state, "") for state in place.stores.catalog.source_states(SOURCE))
    return frozenset(one.doc_id for one in states if one.kind == DOCUMENT and one.name in named)
