"""What an access drill plants and who asks: canary documents with unique tokens, identities, and a naive oracle."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations

from assay.records.access import EVERY_TENANT, RESERVED, AccessList

FIELDS = ("text", "title", "heading", "metadata", "file")
"""Where a canary carries a token of its own."""
STAYS, CLOSED_SINCE, REMOVED_SINCE = "", "closed_since", "removed_since"
_FILLING = 24
_LETTERS = "bcdfghjklmnpqrstvwxz"


@dataclass(frozen=True, slots=True)
class Canary:
    """A document that only some may read. `ask` is the word it is searched by, `tokens` stand in its fields, and those
    of the fields in `marked` must not leak: a twin has its text from another canary, and only its names are its own.

    `fate` is what happens to it after the snapshot is frozen: it stays, its list becomes `later`, or it is removed.
    """

    name: str
    access: AccessList
    ask: str
    tokens: dict[str, str]
    fate: str = STAYS
    later: AccessList | None = None
    filling: tuple[str, ...] = ()
    """Words that keep canaries from looking alike: near-duplicates are folded into one."""
    marked: tuple[str, ...] = FIELDS

    @property
    def markers(self) -> tuple[str, ...]:
        """What must reach nobody who may not read it."""
        return tuple(self.tokens[field] for field in self.marked)

    @property
    def in_force(self) -> AccessList:
        """The list that counts while the drill probes."""
        return self.later or self.access

    @property
    def question(self) -> str:
        return f"What is the code word of {self.ask}?"

    @property
    def secret_sentence(self) -> str:
        return f"The code word of {self.ask} is {self.tokens['text']}."

    @property
    def relative(self) -> str:
        """The path of its file below the folder that is planted."""
        return f"{self.name}/{self.tokens['file']}.md"

    def document(self) -> str:
        """The file, as an author would write it. JSON values are YAML, so that any name of a group survives."""
        stated = {
            "title": f"Card {self.tokens['title']}",
            "tenant": self.access.tenant,
            "owner": self.tokens["metadata"],
        }
        front = [f"{key}: {json.dumps(value, ensure_ascii=False)}" for key, value in stated.items()]
        front.append(f"groups: {json.dumps(list(self.access.groups), ensure_ascii=False)}")
        return "\n".join(
            ["---", *front, "---", f"# Section {self.tokens['heading']}", "", self.secret_sentence,
             f"Whoever asks for {self.ask} gets this card.", "", f"{' '.join(self.filling)}.", ""]
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Identity:
    """Somebody who asks. `tenant` None: a caller without a valid credential, who may read nothing."""

    name: str
    tenant: str | None
    groups: tuple[str, ...] = ()
    credential: str = "key"
    """`key`, or how it is no credential: `none`, `wrong`, `revoked`, `expired`."""


def may_read(identity: Identity, access: AccessList) -> bool:
    """The oracle: written apart from the product's own rule, so that a mistake there does not hide itself here."""
    if identity.tenant is None:
        return False
    tenant_fits = access.tenant == EVERY_TENANT or access.tenant == identity.tenant
    group_fits = len(access.groups) == 0 or any(group in identity.groups for group in access.groups)
    return tenant_fits and group_fits


def reads(identity: Identity, canary: Canary) -> bool:
    """True when the identity may read the canary while the drill probes."""
    return canary.fate != REMOVED_SINCE and may_read(identity, canary.in_force)


def rule(identity: Identity, canary: Canary) -> str:
    """Which rule keeps the canary from the identity: what a finding names."""
    if identity.tenant is None:
        return f"{identity.credential}_credential"
    if canary.fate == REMOVED_SINCE:
        return REMOVED_SINCE
    if canary.fate == CLOSED_SINCE and may_read(identity, canary.access):
        return CLOSED_SINCE
    if canary.in_force.tenant not in (identity.tenant, EVERY_TENANT):
        return "other_tenant"
    return "other_group" if identity.groups else "no_group"


@dataclass(frozen=True, slots=True)
class Shape:
    """A tenant of the workspace with its groups; the drill plants in tenants and groups of the same names."""

    tenant: str
    groups: tuple[str, ...]


@dataclass(frozen=True)
class Plan:
    """Canaries and identities of one drill. `left_out` counts groups and tenants beyond the limits."""

    canaries: tuple[Canary, ...]
    identities: tuple[Identity, ...]
    left_out: dict[str, int] = field(default_factory=dict)

    def readers(self, canary: Canary) -> tuple[Identity, ...]:
        return tuple(identity for identity in self.identities if reads(identity, canary))


def shapes(
    lists: Iterable[AccessList], most_tenants: int, most_groups: int
) -> tuple[tuple[Shape, ...], dict[str, int]]:
    """Tenants with their groups, at least two tenants with two groups each, and how many were left out."""
    groups: dict[str, dict[str, None]] = {}
    for access in lists:
        if access.tenant != EVERY_TENANT and not access.tenant.startswith(RESERVED):
            held = (group for group in access.groups if not group.startswith(RESERVED))
            groups.setdefault(access.tenant, {}).update(dict.fromkeys(held))
    names = list(groups) or ["drill-tenant"]
    kept = names[:most_tenants]
    found = [Shape(name, _at_least_two(tuple(groups.get(name, ()))[:most_groups])) for name in kept]
    if len(found) < 2:
        found.append(Shape(f"{kept[0]}-other", found[0].groups))
    beyond = sum(max(0, len(groups.get(name, ())) - most_groups) for name in kept)
    return tuple(found), {"tenants": len(names) - len(kept), "groups": beyond}


def _at_least_two(groups: tuple[str, ...]) -> tuple[str, ...]:
    invented = (name for name in ("drill-red", "drill-blue") if name not in groups)
    return groups if len(groups) >= 2 else (*groups, *invented)[:2]


def make_plan(found: Sequence[Shape], left_out: dict[str, int], token: Callable[[], str]) -> Plan:
    """A canary for every tenant, every group and a pair; shared ones; one for a group nobody was given; one that is
    closed, one that is removed after the snapshot; and a twin of the first under a narrower list. Identities: no group,
    each group, pairs, all groups, and callers without a valid credential. `token` gives a word that stands nowhere
    else."""
    canaries = [canary for number, shape in enumerate(found) for canary in _canaries(number, shape, token)]
    first = found[0]
    shared_group = AccessList(EVERY_TENANT, first.groups[:1])
    later = AccessList(first.tenant, first.groups[1:2])
    canaries += [
        _canary("shared", AccessList(EVERY_TENANT), token),
        _canary("shared-group", shared_group, token),
        _canary("unlisted", AccessList(first.tenant, ("drill-unlisted",)), token),
        _canary("closed", AccessList(first.tenant), token, CLOSED_SINCE, later),
        _canary("removed", AccessList(first.tenant), token, REMOVED_SINCE),
    ]
    canaries.append(_twin(canaries[0], first, token))
    identities = [identity for number, shape in enumerate(found) for identity in _identities(number, shape)]
    identities.append(Identity("unlisted", first.tenant, ("drill-unlisted",)))
    identities += [Identity(how, None, credential=how) for how in ("none", "wrong", "revoked", "expired")]
    return Plan(tuple(canaries), tuple(identities), left_out)


def _canaries(number: int, shape: Shape, token: Callable[[], str]) -> list[Canary]:
    lists = [("tenant", ()), *((f"group{n}", (group,)) for n, group in enumerate(shape.groups))]
    lists.append(("pair", shape.groups[:2]))
    return [_canary(f"t{number}-{name}", AccessList(shape.tenant, groups), token) for name, groups in lists]


def _canary(
    name: str, access: AccessList, token: Callable[[], str], fate: str = STAYS, later: AccessList | None = None
) -> Canary:
    filling = tuple(token() for _ in range(_FILLING))
    return Canary(name, access, token(), {place: token() for place in FIELDS}, fate, later, filling)


def _twin(of: Canary, shape: Shape, token: Callable[[], str]) -> Canary:
    """The same text under a narrower list: where both are found they are folded, and the one must not tell of the
    other."""
    own = ("title", "metadata", "file")
    tokens = {**of.tokens, **{name: token() for name in own}}
    return replace(of, name="twin", access=AccessList(shape.tenant, shape.groups[:1]), tokens=tokens, marked=own)


def _identities(number: int, shape: Shape) -> list[Identity]:
    """Nobody in particular, each group alone, pairs of neighbours, and all groups at once."""
    pairs = [pair for pair in combinations(shape.groups, 2) if len(shape.groups) <= 4 or pair[0] == shape.groups[0]]
    kinds = [(), *((group,) for group in shape.groups), *pairs]
    if len(shape.groups) > 2:
        kinds.append(shape.groups)
    return [Identity(f"t{number}-{'+'.join(_short(shape, k)) or 'nobody'}", shape.tenant, k) for k in kinds]


def _short(shape: Shape, groups: tuple[str, ...]) -> list[str]:
    """Groups by number: a certificate may be shown where names of groups should not be."""
    return [f"g{shape.groups.index(group)}" for group in groups]


def tokens(choose: Callable[[str], str]) -> Callable[[], str]:
    """Words of sixteen consonants, which no stemmer shortens and no document holds by chance."""
    return lambda: "zq" + "".join(choose(_LETTERS) for _ in range(14))
