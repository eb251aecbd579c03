"""Measurements of safeguards in the workspace's ledger: each is kept, the newest of a check speaks for its subject."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from assay.records.digest import plain, sha256_json
from assay.records.ledger import Entry
from assay.records.safety import Measurement, Slice
from assay.wiring import apps
from assay.wiring.build import Workspace

KIND = "safety.measurement"


def subject_of(place: Workspace, reference: str) -> tuple[str, str]:
    """What measurements of a bundle or of an app as `assay.yaml` has it are kept under, and the app's name.

    A bundle's id; for an app its name and the digest of everything it depends on but the documents, so that a changed
    setting leaves nothing measured. An empty reference is the default app. Raises NotFound.
    """
    name = reference or place.default_app
    if name in place.settings.apps:
        return f"app:{name}:{sha256_json(apps.components(place, name, apps.HEAD))[:16]}", name
    bundle = place.stores.bundles.get(apps.resolve_bundle(place, name))
    return bundle.bundle_id, bundle.app


def record(place: Workspace, made: Iterable[Measurement]) -> tuple[Measurement, ...]:
    """Keep measurements, with the time where they carry none. The same one is kept once."""
    now = place.clock.now()
    dated = tuple(one if one.at else replace(one, at=now) for one in made)
    place.stores.ledger.append([Entry(KIND, one.subject, _key(one), plain(one), one.at) for one in dated])
    return dated


def measurements(place: Workspace, subject: str) -> tuple[Measurement, ...]:
    """The newest measurement of every check of a bundle or app, in order of their names."""
    newest: dict[str, Measurement] = {}
    for entry in place.stores.ledger.entries(KIND, subject):
        one = _read(entry.body)
        if one.check not in newest or newest[one.check].at <= one.at:
            newest[one.check] = one
    return tuple(newest[name] for name in sorted(newest))


def _key(one: Measurement) -> str:
    return f"{one.check}.{sha256_json(one)[:16]}"


def _read(body: dict[str, Any]) -> Measurement:
    fields = dict(body)
    fields["risks"] = tuple(fields["risks"])
    fields["slices"] = tuple(Slice(**one) for one in fields["slices"])
    fields["digests"] = tuple((name, value) for name, value in fields["digests"])
    return Measurement(**fields)
