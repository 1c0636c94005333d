"""What `syncd check` says about clocks: rules, countries, names on the servers, fields that customers see."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.house import House
from tests.scenarios.lab import MIRROR

ROUTE = f"  - {{name: operations, project: OPS, mapping: simple, mirror: {MIRROR}}}\n"
SLA = """
sla:
  calendars: {office: {zone: Asia/Shanghai, week: {mon-fri: 09:00-18:00}, holidays: COUNTRY}}
  metrics: {first_reply: {}}
  holders: [{party: L2, when: {all: [{field: group, value: GROUP}]}}]
  policies: [{name: support, targets: {first_reply: {calendar: office, goals: {any: 4h}}}}]
  fields: [{field: FIELD, metric: first_reply, shows: due}]
"""


def sla(country: str = "DE", group: str = "Support", field: str = "First reply due") -> str:
    return SLA.replace("COUNTRY", country).replace("GROUP", group).replace("FIELD", field)


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    opened = House(tmp_path)
    yield opened
    opened.close()


def test_errors_of_the_clocks_name_their_keys_and_lines_all_at_once(house: House) -> None:
    house.configure(routes=ROUTE, more=sla(country="GERMANY", group="L7", field="Affected product"))
    said = house.syncd("check")
    assert said.code == 78
    wrong = [line for line in said.err.splitlines() if line.startswith("error")]
    for words in (
        ("config.yaml:", "sla.calendars.office", "GERMANY is no country"),
        ("config.yaml:", "sla.holders[0].when.all[0].value", "no group 'L7'."),
        ("config.yaml:", "sla.fields[0]", "Customers can see"),
    ):
        assert [line for line in wrong if all(word in line for word in words)], said


def test_offline_knows_what_is_announced_but_no_groups(house: House) -> None:
    house.configure(routes=ROUTE, more=sla(country="LK", group="L7"))
    said = house.fine("check", "--offline")
    assert "Clocks: 1 policy, 1 metric" in said.out
    assert "holidays are announced until" in said.out
