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
    assert servers.names("organizations")


def test_people_are_found_by_their_whole_address_only(lab: Lab, servers: Servers) -> None:
    agent = lab.app.zendesk.agents([lab.agent])[0]
    assert [person.id for person in servers.people(agent.email)] == [lab.agent]
    assert servers.people(agent.email[1:]) == ()
    assert servers.account("nobody@dev.example") is None
