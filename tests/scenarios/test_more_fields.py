"""Mapped fields of the remaining kinds: components, several options, checkboxes, people, organizations; own marks."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.scenarios.lab import Deployment, Lab
from tests.scenarios.test_create import ask, bugs
from tests.scenarios.test_fields import bug, custom, linked, quiet, route

FIELDS = """
      - {name: product, ticket: Product, bug: components, owner: zendesk,
         map: {web_app: Web app, mobile: Mobile, server: Server}}
      - {name: areas, ticket: Affected areas, bug: Areas, owner: both, winner: jira,
         map: {export: Export, billing: Billing}}
      - {name: regression, ticket: Regression, bug: Flags, owner: zendesk, map: {"true": Regression}}
      - {name: promise, ticket: Promised, bug: Promise kept, owner: jira, map: {"true": "Yes", "false": "No"}}
      - {name: tester, ticket: Tester, bug: Tester, owner: zendesk}
      - {name: architect, ticket: Architect, bug: Architect, owner: jira}
      - {name: customer, ticket: organization, bug: Customer, owner: zendesk}
      - {name: tier, ticket: tier, bug: Tier, owner: zendesk, map: {gold: Gold}, default: Standard}
"""
COMPONENTS = """
      - {name: product, ticket: Product, bug: components, owner: jira, map: {web_app: Web app, mobile: Mobile}}
"""
PRODUCTS = """
      - {name: products, ticket: Products, bug: components, owner: both, winner: jira,
         map: {web_app: Web app, mobile: Mobile}}
"""
PEOPLE = """
      - {name: assignee, ticket: assignee, bug: assignee, owner: both, winner: jira,
         map: {tom.becker@helpdesk.example: yusuf.demir@dev.example}}
"""
GROUP = """
      - {name: team, ticket: group, bug: Team, owner: both, winner: jira, map: {L2: Support, Development: Product}}
"""
TAGS = """
      - {name: everything, ticket: tags, bug: labels, owner: both, winner: jira, only: [a, b, l, s, t]}
"""


class Furnished(Lab):
    """With the fields, components and people that the mapped ones need."""

    def prepare(self) -> None:
        """Before the daemon starts."""
        desk, jira = self.sandbox.zendesk, self.sandbox.jira
        desk.add_ticket_field(title="Product", type="tagger", options=["web_app", "mobile", "server"])
        desk.add_ticket_field(title="Products", type="multiselect", options=["web_app", "mobile"])
        desk.add_ticket_field(title="Affected areas", type="multiselect", options=["export", "billing"])
        desk.add_ticket_field(title="Regression", type="checkbox")
        desk.add_ticket_field(title="Promised", type="checkbox")
        for title in ("Tester", "Architect"):
            desk.add_ticket_field(title=title, type="text")
            jira.site.add_custom_field(title, "userpicker")
        for name in ("Billing core", "Web app", "Mobile", "Server"):
            jira.add_component("NOVA", name)
        jira.site.add_custom_field("Areas", "multiselect", options=("Export", "Billing", "Search"))
        jira.site.add_custom_field("Flags", "multicheckboxes", options=("Regression", "Crash"))
        jira.site.add_custom_field("Promise kept", "select", options=("Yes", "No"))
        jira.site.add_custom_field("Team", "select", options=("Support", "Product"))
        jira.site.add_custom_field("Customer", "text")
        jira.site.add_custom_field("Tier", "select", options=("Gold", "Standard"))

    def agent_fills(self, ticket: int, **values: Any) -> None:
        """The agent sets ticket fields; a blank is written as _."""
        for title, value in values.items():
            self.sandbox.zendesk.set_field(ticket=ticket, actor=self.agent, field=title.replace("_", " "), value=value)


def furnished(folder: Path, deployment: Deployment, fields: str, more: str = "") -> Furnished:
    """A lab whose route maps these fields."""
    made = Furnished(folder, deployment, routes=route(fields, more))
    assert made.app.routing is not None
    assert [str(error) for error in made.app.routing.errors] == []
    return made


@pytest.fixture
def lab(tmp_path: Path, deployment: Deployment) -> Iterator[Furnished]:
    made = furnished(tmp_path, deployment, FIELDS)
    yield made
    made.app.store.close()


def test_a_product_becomes_a_component_beside_those_that_developers_chose(lab: Furnished) -> None:
    ticket, key = linked(lab)
    lab.sandbox.jira.edit(lab.developer, key, components=["Billing core"])
    lab.agent_fills(ticket, Product="mobile")
    lab.settle()
    assert sorted(bug(lab, key)["components"]) == ["Billing core", "Mobile"]
    lab.agent_fills(ticket, Product="server")
    lab.settle()
    assert sorted(bug(lab, key)["components"]) == ["Billing core", "Server"]
    lab.agent_fills(ticket, Product=None)
    lab.settle()
    assert bug(lab, key)["components"] == ["Billing core"]
    quiet(lab)


def test_a_component_becomes_the_product(tmp_path: Path, deployment: Deployment) -> None:
    lab = furnished(tmp_path, deployment, COMPONENTS)
    ticket, key = linked(lab)
    lab.sandbox.jira.edit(lab.developer, key, components=["Billing core", "Mobile"])
    lab.settle()
    assert lab.shown(ticket, "Product") == "mobile"
    lab.sandbox.jira.edit(lab.developer, key, components=["Billing core", "Web app"])
    lab.settle()
    assert lab.shown(ticket, "Product") == "web_app"
    quiet(lab)


def test_products_and_components_follow_each_other(tmp_path: Path, deployment: Deployment) -> None:
    lab = furnished(tmp_path, deployment, PRODUCTS)
    ticket, key = linked(lab)
    lab.agent_fills(ticket, Products=["mobile"])
    lab.sandbox.jira.edit(lab.developer, key, components=["Billing core"])
    lab.settle()
    assert sorted(bug(lab, key)["components"]) == ["Billing core", "Mobile"]
    lab.sandbox.jira.edit(lab.developer, key, components=["Billing core", "Web app"])
    lab.settle()
    assert lab.shown(ticket, "Products") == ["web_app"]
    quiet(lab)


def test_several_options_are_kept_in_step_one_by_one(lab: Furnished) -> None:
    ticket, key = linked(lab)
    lab.sandbox.jira.edit(lab.developer, key, **{custom(lab, "Areas"): ["Search"]})
    lab.agent_fills(ticket, Affected_areas=["export"])
    lab.settle()
    assert sorted(bug(lab, key)[custom(lab, "Areas")]) == ["Export", "Search"]
    assert lab.shown(ticket, "Affected areas") == ["export"]
    lab.sandbox.jira.edit(lab.developer, key, **{custom(lab, "Areas"): ["Search", "Export", "Billing"]})
    lab.settle()
    assert sorted(lab.shown(ticket, "Affected areas")) == ["billing", "export"]
    lab.agent_fills(ticket, Affected_areas=["billing"])
    lab.settle()
    assert sorted(bug(lab, key)[custom(lab, "Areas")]) == ["Billing", "Search"]
    lab.agent_fills(ticket, Affected_areas=[])
    lab.settle()
    assert bug(lab, key)[custom(lab, "Areas")] == ["Search"]
    quiet(lab)


def test_a_checkbox_is_an_option_on_the_bug_and_an_option_a_checkbox_on_the_ticket(lab: Furnished) -> None:
    ticket, key = linked(lab)
    lab.sandbox.jira.edit(lab.developer, key, **{custom(lab, "Flags"): ["Crash"]})
    lab.agent_fills(ticket, Regression=True)
    lab.sandbox.jira.edit(lab.developer, key, **{custom(lab, "Promise kept"): "Yes"})
    lab.settle()
    assert sorted(bug(lab, key)[custom(lab, "Flags")]) == ["Crash", "Regression"]
    assert lab.shown(ticket, "Promised") is True
    lab.agent_fills(ticket, Regression=False)
    lab.sandbox.jira.edit(lab.developer, key, **{custom(lab, "Promise kept"): "No"})
    lab.settle()
    assert bug(lab, key)[custom(lab, "Flags")] == ["Crash"]
    assert not lab.shown(ticket, "Promised")
    quiet(lab)


def test_people_are_found_by_their_address_and_shown_by_their_name(lab: Furnished) -> None:
    ticket, key = linked(lab)
    lab.agent_fills(ticket, Tester="hana.sato@dev.example")
    lab.sandbox.jira.edit(lab.developer, key, **{custom(lab, "Architect"): lab.seeded.developers["Yusuf Demir"]})
    lab.settle()
    assert bug(lab, key)[custom(lab, "Tester")] == lab.developer
    assert lab.shown(ticket, "Architect") == "Yusuf Demir"
    lab.agent_fills(ticket, Tester=None)
    lab.sandbox.jira.edit(lab.developer, key, **{custom(lab, "Architect"): None})
    lab.settle()
    assert bug(lab, key).get(custom(lab, "Tester")) is None
    assert not lab.shown(ticket, "Architect")
    lab.agent_fills(ticket, Tester="nobody@dev.example")
    lab.settle()
    assert "nobody in Jira has the address" in str(lab.shown(ticket, "Sync state"))
    quiet(lab)


def test_the_bug_shows_the_organization_and_its_tier(lab: Furnished) -> None:
    ticket, key = linked(lab)
    fields = bug(lab, key)
    assert (fields[custom(lab, "Customer")], fields[custom(lab, "Tier")]) == ("Aurora Labs", "Gold")
    other = lab.sandbox.zendesk.create_ticket(
        actor=lab.seeded.customers["Peter Novak"], subject="x", body="x", priority="normal"
    )
    second = lab.bug()
    lab.link(other, second)
    lab.settle()
    fields = bug(lab, second)
    assert (fields[custom(lab, "Customer")], fields[custom(lab, "Tier")]) == ("Brightwater Logistics", "Standard")
    assert ticket != other
    quiet(lab)


def test_assignees_follow_each_other_by_address_and_then_by_the_table(tmp_path: Path, deployment: Deployment) -> None:
    lab = furnished(tmp_path, deployment, PEOPLE)
    both = lab.sandbox.jira.site.add_user("Priya Nair", "priya.nair@helpdesk.example")
    ticket, key = linked(lab)
    lab.sandbox.zendesk.assign(ticket=ticket, actor=lab.agent, assignee=lab.seeded.agents["Tom Becker"])
    lab.settle()
    assert bug(lab, key)["assignee"] == lab.seeded.developers["Yusuf Demir"], "by the table"
    lab.sandbox.jira.edit(lab.developer, key, assignee=both)
    lab.settle()
    state = lab.sandbox.zendesk.ticket_state(ticket=ticket)
    assert state["assignee_id"] == lab.agent, "by the address"
    lab.sandbox.jira.edit(lab.developer, key, assignee=lab.developer)
    lab.settle()
    assert "no agent is known" in str(lab.shown(ticket, "Sync state"))
    assert lab.sandbox.zendesk.ticket_state(ticket=ticket)["assignee_id"] == lab.agent
    lab.sandbox.jira.edit(lab.developer, key, assignee=lab.seeded.developers["Yusuf Demir"])
    lab.settle()
    assert lab.sandbox.zendesk.ticket_state(ticket=ticket)["assignee_id"] == lab.seeded.agents["Tom Becker"]
    assert not lab.shown(ticket, "Sync state")
    quiet(lab)


def test_a_group_and_a_team_follow_each_other(tmp_path: Path, deployment: Deployment) -> None:
    lab = furnished(tmp_path, deployment, GROUP)
    ticket, key = linked(lab)
    lab.sandbox.zendesk.assign(ticket=ticket, actor=lab.agent, group=lab.seeded.groups["Development"])
    lab.settle()
    assert bug(lab, key)[custom(lab, "Team")] == "Product"
    lab.sandbox.jira.edit(lab.developer, key, **{custom(lab, "Team"): "Support"})
    lab.settle()
    assert lab.sandbox.zendesk.ticket_state(ticket=ticket)["group_id"] == lab.seeded.groups["L2"]
    quiet(lab)


def test_syncds_own_labels_and_tags_are_never_carried(tmp_path: Path, deployment: Deployment) -> None:
    """Though the beginnings that are kept in step would fit them all."""
    lab = furnished(
        tmp_path, deployment, TAGS, "    create: {act_tag: to_engineering, labels: ['syncd-0123', area_x]}\n"
    )
    lab.link(lab.ticket(), lab.bug())
    lab.settle()
    ticket = ask(lab, tags=["area_ui", "syncd-fake"])
    lab.settle()
    (made,) = bugs(lab)
    mark = next(label for label in made["fields"]["labels"] if label.startswith("syncd-"))
    lab.sandbox.zendesk.add_tags(ticket=ticket, actor=lab.agent, tags=["bug_not_fixed", "link_x", "syncd_off"])
    lab.settle()
    lab.sandbox.zendesk.remove_tags(ticket=ticket, actor=lab.agent, tags=["syncd_off"])
    lab.settle()
    assert sorted(lab.issue(made["key"])["fields"]["labels"]) == sorted(["area_ui", "area_x", mark])
    tags = set(lab.sandbox.zendesk.ticket_state(ticket=ticket)["tags"])
    assert {"area_ui", "area_x"} <= tags
    assert mark not in tags
    assert "to_engineering" not in tags
    quiet(lab)


def test_check_refuses_to_carry_a_tag_that_speaks_to_syncd(tmp_path: Path, deployment: Deployment) -> None:
    fields = "\n      - {ticket: tags, bug: labels, owner: both, winner: jira, map: {bug_not_fixed: again}}\n"
    lab = Furnished(tmp_path, deployment, routes=route(fields))
    assert lab.app.routing is not None
    (error,) = [str(error) for error in lab.app.routing.errors]
    assert "fields[0].map.bug_not_fixed: The tag bug_not_fixed speaks to syncd" in error
