"""The way of a new installation: init, check, plan, once, explain, status, on both deployments."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from syncd.sandbox.seed import JIRA_EMAIL
from tests.cli.house import Deployment, House


def init(house: House, *more: str) -> list[str]:
    words = ["init", "--zendesk-url", house.sandbox.zendesk_url, "--jira-url", house.sandbox.jira_url]
    words += ["--project", "NOVA", "--project", "ops"]
    if house.deployment == "cloud":
        words += ["--jira-email", JIRA_EMAIL]
    return [*words, *more]


@pytest.mark.parametrize("deployment", ["cloud", "data_center"])
def test_a_new_user_comes_from_nothing_to_a_desk_in_step(
    make_house: Callable[..., House], deployment: Deployment
) -> None:
    house = make_house(deployment, cases=True)
    house.config = house.folder / "new" / "config.yaml"
    house.environ["SYNCD_CONFIG"] = str(house.config)

    wrote = house.fine(*init(house))
    assert "Wrote" in wrote.out
    assert "syncd check" in wrote.out
    assert sorted(p.name for p in (house.config.parent / "mappings").iterdir()) == ["nova.yaml", "ops.yaml"]
    store = house.folder / "syncd.db"
    text = house.config.read_text(encoding="utf-8")
    house.config.write_text(text.replace("sqlite:///syncd.db", f"sqlite:///{store}"), encoding="utf-8")

    checked = house.fine("check")
    assert "every write settles" in checked.out
    assert checked.err == ""

    planned = house.fine("plan", "--json").json
    assert planned["source"] == "servers"
    assert {brake["reason"] for brake in planned["brakes"]} == {"first_run"}
    assert planned["writes"]
    assert all(write["held"] and write["calls"] > 0 and write["why"] for write in planned["writes"])
    assert planned["cost"]["calls"] == sum(write["calls"] for write in planned["writes"])
    linked = [change for change in planned["changes"] if change["kind"] == "AddLink"]
    assert len(linked) == len(house.seeded.pairs)
    assert house.writes() == []

    held = house.syncd("once", "--json")
    assert held.code == 1
    assert {brake["route"] for brake in held.json["brakes"]} == {"nova", "ops"}
    assert house.writes() == []
    brakes = house.syncd("status")
    assert brakes.code == 1
    assert "syncd once --accept" in brakes.err

    accepted = house.syncd("once", "--accept")
    assert accepted.code == 0, accepted
    assert "Accepted: released" in accepted.err
    assert len(house.links()) == len(house.seeded.pairs)
    after = house.fine("once", "--json").json
    assert (after["done"], after["planned"], after["brakes"]) == (0, 0, [])

    ticket, key = next(iter(house.seeded.pairs.items()))
    for asked in (ticket, f"#{ticket}", key):
        told = house.fine("explain", asked)
        assert f"Link 1: ticket #{ticket} and {key}" in told.out
        assert "What syncd did" in told.out
    shape = house.fine("explain", key, "--json").json
    assert shape["links"][0]["stage"]
    assert shape["links"][0]["base"]["stage"] == shape["links"][0]["stage"]
    assert shape["links"][0]["log"][0]["what"] == "linked"

    status = house.fine("status", "--json").json
    assert status["heartbeat"]["ok"]
    assert status["brakes"] == []
    assert status["sides"]["zendesk"]["server"] == house.sandbox.zendesk_url


def test_init_overwrites_nothing_unless_it_is_told_to(house: House) -> None:
    before = house.config.read_text(encoding="utf-8")
    refused = house.syncd(*init(house))
    assert refused.code == 64
    assert "--force" in refused.err
    assert house.config.read_text(encoding="utf-8") == before
    assert not (house.folder / "mappings").exists()
    house.fine(*init(house, "--force"))
    assert "syncd init" in house.config.read_text(encoding="utf-8")


def test_init_offline_asks_no_server(house: House) -> None:
    house.config = house.folder / "offline.yaml"
    before = house.sandbox.ctx.journal.last
    house.environ = {}
    said = house.fine(*init(house, "--offline"))
    assert house.sandbox.ctx.journal.last == before
    assert "ZENDESK_CLIENT_SECRET and JIRA_TOKEN" in said.out


def test_init_names_everything_that_is_missing_at_once(house: House) -> None:
    said = house.syncd("init")
    assert said.code == 64
    assert "--zendesk-url, --jira-url and --project" in said.err


@pytest.mark.parametrize(
    ("change", "code", "words"),
    [
        pytest.param({"ZENDESK_CLIENT_SECRET": "wrong-secret"}, 1, "no access token", id="a wrong secret"),
        pytest.param({"JIRA_TOKEN": ""}, 78, "JIRA_TOKEN is not set", id="a secret that is not set"),
    ],
)
def test_init_says_why_it_cannot_ask(house: House, change: dict[str, str], code: int, words: str) -> None:
    house.config = house.folder / "new.yaml"
    house.environ |= change
    said = house.syncd(*init(house))
    assert (said.code, words in said.err) == (code, True), said
    assert not house.config.exists()


def test_init_says_that_a_project_is_not_there(house: House) -> None:
    house.config = house.folder / "new.yaml"
    said = house.syncd(*init(house, "--project", "NOPE"))
    assert said.code == 78
    assert "Jira has no project NOPE" in said.err


def test_init_refuses_an_address_that_check_would_refuse(house: House) -> None:
    house.config = house.folder / "new.yaml"
    said = house.syncd(
        "init", "--zendesk-url", "http://acme.example", "--jira-url", "https://j.example", "--project", "A"
    )
    assert said.code == 78
    assert "https" in said.err
