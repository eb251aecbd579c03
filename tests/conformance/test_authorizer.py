"""Every authorizer denies what it does not allow, lets what forbids override, and never raises."""

import sys
from collections.abc import Callable

import pytest

from assay.adapters.cedar_rights import CedarRights
from assay.guard.rights import DeclaredRights
from assay.ports.guarding import Authorizer
from assay.records.access import Scope
from assay.records.errors import ConfigError
from assay.records.taint import Classification, of_document
from assay.records.tools import CALL, CALL_UNCONFIRMED, SETTLE, Ask, Confirm, Effect, Tool

POLICIES = """
@id("staff") permit (principal in Group::"staff", action == Action::"call", resource);
@id("unasked") permit (principal, action == Action::"call_unconfirmed", resource);
@id("tainted") forbid (principal, action == Action::"call_unconfirmed", resource)
  when { context.tainted && ["write", "external"].contains(resource.effect) };
@id("lowered") forbid (principal, action, resource) when { context.lowered };
@id("operators") permit (principal, action == Action::"settle", resource) when { principal.roles.contains("operate") };
"""


def declared() -> Authorizer:
    return DeclaredRights()


def cedar() -> Authorizer:
    return CedarRights(POLICIES)


MAIL = Tool("mail", effect=Effect.EXTERNAL, confirm=Confirm.WHEN_TAINTED, allow_groups=frozenset({"staff"}))
SECRET = of_document("acme", Classification.RESTRICTED)


def ask(action: str, *groups: str, roles: frozenset[str] = frozenset({"ask"}), **how: bool) -> Ask:
    return Ask(action, MAIL, Scope("acme", frozenset(groups)), "k-1", roles, "desk", label=SECRET, **how)


@pytest.fixture(params=[declared, cedar])
def authorizer(request: pytest.FixtureRequest) -> Authorizer:
    make: Callable[[], Authorizer] = request.param
    return make()


def test_who_is_named_may_and_who_is_not_may_not(authorizer: Authorizer) -> None:
    assert authorizer.decide(ask(CALL, "staff", tainted=True)).allowed
    refused = authorizer.decide(ask(CALL, "guests", tainted=True))
    assert not refused.allowed
    assert refused.reasons


def test_what_forbids_overrides_what_allows(authorizer: Authorizer) -> None:
    assert not authorizer.decide(ask(CALL, "staff", lowered=True)).allowed


def test_a_tainted_call_that_acts_needs_a_person(authorizer: Authorizer) -> None:
    assert authorizer.decide(ask(CALL_UNCONFIRMED, "staff", tainted=False)).allowed
    refused = authorizer.decide(ask(CALL_UNCONFIRMED, "staff", tainted=True))
    assert not refused.allowed
    assert refused.reasons


def test_only_operators_settle_what_waits(authorizer: Authorizer) -> None:
    assert authorizer.decide(ask(SETTLE, roles=frozenset({"operate"}))).allowed
    assert not authorizer.decide(ask(SETTLE, "staff")).allowed


def test_an_action_that_nobody_knows_is_denied(authorizer: Authorizer) -> None:
    assert not authorizer.decide(ask("everything", "staff", roles=frozenset({"operate"}))).allowed


def test_names_with_any_signs_are_names(authorizer: Authorizer) -> None:
    strange = 'a"] ; permit(principal, action, resource);\n'
    assert not authorizer.decide(ask(CALL, strange)).allowed
    assert authorizer.decide(ask(CALL, strange, "staff")).allowed


def test_the_recipe_names_the_rules(authorizer: Authorizer) -> None:
    assert authorizer.recipe == type(authorizer)(*([POLICIES] if isinstance(authorizer, CedarRights) else [])).recipe


def test_a_cedar_policy_that_fails_denies_also_where_it_would_only_forbid() -> None:
    """Cedar itself leaves a policy out that fails, and would allow here."""
    broken = POLICIES + '@id("overflow") forbid(principal, action, resource) when '
    broken += "{ context.level + 9223372036854775807 > 0 };"
    ruling = CedarRights(broken).decide(ask(CALL, "staff"))
    assert (ruling.allowed, ruling.reasons) == (False, ("cedar.error",))


def test_cedar_tells_its_policies_by_their_ids_and_a_missing_permit_as_such() -> None:
    assert cedar().decide(ask(CALL, "staff")).reasons == ("cedar:staff",)
    assert cedar().decide(ask(CALL)).reasons == ("cedar.no_permit",)
    assert cedar().decide(ask(CALL, "staff", lowered=True)).reasons == ("cedar:lowered",)


def test_a_request_that_cedar_cannot_read_is_denied() -> None:
    assert not cedar().decide(ask(CALL, "\ud800")).allowed


@pytest.mark.parametrize(
    ("policies", "schema", "code"),
    [
        ("permit(", "", "cedar.policy"),
        ("permit(principal, action, resource) when { principal.nope };", "", "cedar.policy"),
        (POLICIES, "entity {", "cedar.schema"),
    ],
)
def test_policies_are_checked_before_the_first_call(policies: str, schema: str, code: str) -> None:
    with pytest.raises(ConfigError) as error:
        CedarRights(policies, schema)
    assert error.value.code == code


def test_without_the_extra_it_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cedarpy", None)
    with pytest.raises(ConfigError, match=r"pip install 'assay\[cedar\]'"):
        CedarRights(POLICIES)
