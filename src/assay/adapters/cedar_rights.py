"""Cedar policies as an authorizer: parsed once, checked against a schema, default deny, forbid overrides, errors deny.

https://docs.cedarpolicy.com/ describes the language. In Cedar a policy that fails while it is evaluated is left out,
also one that forbids; here any such failure denies.
"""

from __future__ import annotations

from typing import Any

from assay.records.digest import sha256_json
from assay.records.errors import ConfigError
from assay.records.tools import Ask, Ruling

SCHEMA = """
entity Group, Tenant, Effect;
entity User in [Group, Tenant] = { tenant: String, purpose: String, groups: Set<String>, roles: Set<String> };
entity Tool in [Effect] = { effect: String, confirm: String };
action call, call_unconfirmed, settle appliesTo {
  principal: User,
  resource: Tool,
  context: {
    app: String, tainted: Bool, lowered: Bool,
    integrity: String, classification: String, level: Long, origins: Set<String>, tenants: Set<String>
  }
};
"""
"""What policies may name. `level` is 0 for public, 1 internal, 2 confidential, 3 restricted."""


class CedarRights:
    """An `Authorizer` over a set of Cedar policies.

    Raises ConfigError `cedar.missing` without the extra, `cedar.schema` and `cedar.policy` for text that cannot be
    parsed or names what the schema does not have.
    """

    def __init__(self, policies: str, schema: str = "", where: str = "policies") -> None:
        try:
            import cedarpy
        except ImportError:
            raise ConfigError(
                "cedar.missing", "the Cedar engine is not installed", where=where, remedy="pip install 'assay[cedar]'"
            ) from None
        self._cedar = cedarpy
        self._digest = sha256_json([policies, schema or SCHEMA])
        try:
            self._schema = cedarpy.Schema.from_str(schema or SCHEMA)
        except ValueError as error:
            raise ConfigError("cedar.schema", f"Cedar does not take the schema: {error}", where=where) from None
        checked = cedarpy.validate_policies(policies, self._schema)
        if not checked:
            told = "; ".join(str(one) for one in checked.errors[:3])
            raise ConfigError(
                "cedar.policy", f"Cedar does not take the policies: {told}", where=where,
                remedy="docs/tools-and-taint.md lists what policies may name",
            )  # fmt: skip
        self._policies = cedarpy.PolicySet.from_str(policies)

    @property
    def recipe(self) -> str:
        return f"cedar.v1({self._digest[:12]})"

    def decide(self, ask: Ask) -> Ruling:
        try:
            answer = self._cedar.is_authorized(_request(ask), self._policies, _entities(ask), self._schema)
        except ValueError:  # a request that Cedar cannot build, such as one with text that has no UTF-8 form
            return Ruling(False, ("cedar.request",))
        told = answer.diagnostics
        if told.errors:
            return Ruling(False, ("cedar.error",))
        named = told.id_annotations_by_reason
        reasons = tuple(f"cedar:{named.get(one) or one}" for one in told.reasons)
        return Ruling(answer.allowed, reasons if answer.allowed or reasons else ("cedar.no_permit",))


def _user(ask: Ask) -> dict[str, str]:
    return {"type": "User", "id": f"{ask.scope.tenant}/{ask.who}"}


def _request(ask: Ask) -> dict[str, Any]:
    label = ask.label
    return {
        "principal": _user(ask),
        "action": {"type": "Action", "id": ask.action},
        "resource": {"type": "Tool", "id": ask.tool.name},
        "context": {
            "app": ask.app, "tainted": ask.tainted, "lowered": ask.lowered, "integrity": label.integrity.value,
            "classification": label.classification.value, "level": label.classification.level,
            "origins": sorted(one.value for one in label.origins), "tenants": sorted(label.tenants),
        },
    }  # fmt: skip


def _entities(ask: Ask) -> list[dict[str, Any]]:
    scope, tool = ask.scope, ask.tool
    user = {
        "tenant": scope.tenant, "purpose": scope.purpose, "groups": sorted(scope.groups), "roles": sorted(ask.roles)
    }  # fmt: skip
    parents = [{"type": "Group", "id": name} for name in sorted(scope.groups)]
    effect = {"type": "Effect", "id": tool.effect.value}
    return [
        {"uid": _user(ask), "attrs": user, "parents": [*parents, {"type": "Tenant", "id": scope.tenant}]},
        {
            "uid": {"type": "Tool", "id": tool.name},
            "attrs": {"effect": tool.effect.value, "confirm": tool.confirm.value},
            "parents": [effect],
        },
    ]
