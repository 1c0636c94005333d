"""What both servers say about names, asked of the sandbox."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from syncd.app.sla_names import Servers
from tests.scenarios.lab import Lab


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    made = Lab(tmp_path_factory.mktemp("lab"))
    yield made
    made.app.store.close()


@pytest.fixture
def servers(lab: Lab) -> Servers:
    return Servers(lab.app.zendesk, lab.app.jira)


def test_groups_organizations_and_staff_by_id(lab: Lab, servers: Servers) -> None:
    assert {name: number for number, name in servers.names("groups").items()} == lab.seeded.groups
    staff = servers.names("staff")
    assert {name: number for number, name in staff.items()}.items() >= lab.seeded.agents.items()
    assert not set(staff) & set(lab.seeded.customers.values()), "customers are no staff"


def test_an_organization_is_found_among_any_number_in_one_call(lab: Lab, servers: Servers) -> None:
    desk = lab.sandbox.zendesk
    many = [desk.add_organization(name=f"Customer {number}") for number in range(2_500)]
    calls = lab.during(
        lambda: ([servers.organization(f"customer {n}") for n in (2, 2_499)], servers.organization("No"))
    )
    assert servers.organization("customer 2499") == many[2_499]
    assert servers.organization("Customer") is None
    assert len(calls) == 3


def test_an_account_that_may_not_search_finds_organizations_all_the_same(lab: Lab, servers: Servers) -> None:
    desk = lab.sandbox.zendesk
    made = desk.add_organization(name="Modest")
    desk.add_organization(name="Modest and Sons")
    role, desk.store.user(lab.seeded.bot).role = desk.store.user(lab.seeded.bot).role, "agent"
    try:
        assert servers.organization("modest") == made
        assert servers.organization("Mod") is None
    finally:
        desk.store.user(lab.seeded.bot).role = role


def test_people_are_found_by_their_whole_address_only(lab: Lab, servers: Servers) -> None:
    agent = lab.app.zendesk.agents([lab.agent])[0]
    assert [person.id for person in servers.people(agent.email)] == [lab.agent]
    assert servers.people(agent.email[1:]) == ()
    assert servers.account("nobody@dev.example") is None
