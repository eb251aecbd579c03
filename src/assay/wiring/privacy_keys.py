"""What an erasure reaches beside documents and records: values in the vault, and the keys of names in the audit log."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from assay.adapters.pseudonym_keys import KeyFilePseudonyms
from assay.adapters.sql.owned import owned
from assay.adapters.vault_files import FileVault
from assay.govern.forget import Remain
from assay.govern.forget_marks import Marks, words
from assay.records.errors import CannotJudge, NotFound
from assay.wiring.auditing import NAMES

if TYPE_CHECKING:
    from assay.wiring.build import Workspace

VAULT = "vault"


def vault(store: Path) -> FileVault:
    return FileVault(store / VAULT)


def names(store: Path) -> KeyFilePseudonyms:
    return KeyFilePseudonyms(store / NAMES)


def tenants(place: Workspace) -> tuple[str, ...]:
    """Every tenant that is named anywhere: in documents, keys, settings, the audit log's keys and the vault."""
    settings = place.settings
    found = {settings.access.default.tenant, settings.serve.demo_tenant}
    found |= {key.tenant for key in place.stores.keys.keys()}  # noqa: SIM118 - a store, not a dict
    found |= {document.access.tenant for document in place.stores.catalog.documents()}
    found |= {entry for entry in names(place.store).held() if "\0" not in entry}
    return tuple(sorted({*found, *vault(place.store).tenants()} - {""}))


def values_of(held: FileVault, tenant: str) -> dict[str, str]:
    """What a tenant's names turn back into; empty where its key is gone, for then nothing can be read."""
    try:
        return held.values(tenant)
    except (CannotJudge, NotFound):
        return {}


def values_in(place: Workspace, gone: Iterable[str], kept: Iterable[str]) -> frozenset[str]:
    """Values in any vault that stand in texts which go and in none that stay."""
    held = vault(place.store)
    if not (place.store / VAULT).is_dir():
        return frozenset()
    held.name_tenants(tenants(place))
    known: dict[tuple[str, ...], set[str]] = {}
    for tenant in held.tenants():
        for value in values_of(held, tenant).values():
            if spelt := tuple(words(value)):
                known.setdefault(spelt, set()).add(value)
    standing = _standing(gone, known)
    if standing:
        standing -= _standing(kept, standing)
    return frozenset(value for spelt in standing for value in known[spelt])


def _standing(texts: Iterable[str], known: Collection[tuple[str, ...]]) -> set[tuple[str, ...]]:
    lengths = sorted({len(spelt) for spelt in known})
    wanted, found = frozenset(known), set[tuple[str, ...]]()
    for text in texts:
        spoken = words(text) if lengths else []
        for n in lengths:
            found.update(run for run in zip(*(spoken[i:] for i in range(n)), strict=False) if run in wanted)
    return found


def marked_values(held: FileVault, marks: Marks) -> dict[str, frozenset[str]]:
    """By tenant the codes of values that are to be forgotten."""
    found: dict[str, frozenset[str]] = {}
    for tenant in held.tenants():
        values = values_of(held, tenant)
        codes = frozenset(c for c, value in values.items() if marks.holds_subject(value) or marks.is_name(value))
        if codes:
            found[tenant] = codes
    return found


def marked_slots(held: KeyFilePseudonyms, marks: Marks) -> tuple[str, ...]:
    return tuple(entry for entry in sorted(held.held()) if "\0" in entry and marks.is_tagged("slot", entry))


def left(store: Path, marks: Marks) -> tuple[int, int]:
    """`(values and vaults, keys of names)` that an erasure still has to remove."""
    held, named = vault(store), names(store)
    sealed = sum(map(len, marked_values(held, marks).values()))
    sealed += sum(marks.is_tagged("tenant", tenant) for tenant in held.tenants())
    keys = len(marked_slots(named, marks))
    return sealed, keys + sum(marks.is_tagged("tenant", entry) for entry in named.held() if "\0" not in entry)


def counted(place: Workspace, marks: Marks) -> dict[str, int]:
    """What of all this goes, by kind; kinds of which there is nothing are left out."""
    rows = {f"owned {kind}": len(held) for kind, held in owned(place.database, marks).items()}
    sealed, keys = left(place.store, marks)
    return {kind: count for kind, count in {**rows, "vault": sealed, "names": keys}.items() if count}


def probe(store: Path, marks: Marks) -> tuple[dict[str, int], list[Remain]]:
    """The vault opened and read, and the keys of names counted: neither can be found by its bytes."""
    held = vault(store)
    looked = {"sealed": sum(len(values_of(held, tenant)) for tenant in held.tenants())}
    counts = zip(("vault", "names"), left(store, marks), strict=True)
    return looked, [Remain("sealed", where, count) for where, count in counts if count]


def slots_of(place: Workspace, people: Iterable[str]) -> Iterator[tuple[str, str]]:
    """`(slot, person)` of those of these people who have a key of their own, in any tenant."""
    named = names(place.store)
    held = named.held()
    for who in people:
        for tenant in sorted(entry for entry in held if "\0" not in entry):
            if (slot := named.slot(tenant, who)) in held:
                yield slot, who
