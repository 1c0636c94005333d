"""Who may speak to customers, as both deployments of Jira tell it."""

from __future__ import annotations

from pathlib import Path

import pytest

from syncd.core.comment_model import Raising
from syncd.sources.errors import NotFoundError, RefusedError
from tests.scenarios.lab import Deployment, Lab


class House(Lab):
    """Our account administers Jira, and sixty people are in one group."""

    def prepare(self) -> None:
        site = self.sandbox.jira.site
        site.users[self.seeded.jira_bot].admin = True
        site.add_to_role("Liaison", self.developer)
        self.crowd = {self.sandbox.jira.add_user(f"Person {n:02}", f"p{n}@dev.example") for n in range(60)}
        for person in self.crowd:
            site.add_to_group("liaisons", person)


@pytest.fixture
def house(tmp_path: Path, deployment: Deployment) -> House:
    return House(tmp_path, deployment)


def speakers(house: Lab, **who: tuple[str, ...]) -> frozenset[str]:
    return house.app.jira.talk.speakers("NOVA", Raising("#customer", **who))


def test_roles_groups_and_accounts_add_up(house: House) -> None:
    assert speakers(house, accounts=("someone",)) == {"someone"}
    assert speakers(house, roles=("liaison",)) == {house.developer}
    assert speakers(house, groups=("liaisons",)) == house.crowd
    assert speakers(house, roles=("Liaison",), groups=("liaisons",), accounts=("someone",)) == {
        "someone",
        house.developer,
        *house.crowd,
    }


def test_a_group_that_has_the_role_brings_all_of_its_members(house: House) -> None:
    assert house.crowd | {house.developer} <= speakers(house, roles=("Users",))


@pytest.mark.parametrize("who", [{"roles": ("Nobody",)}, {"groups": ("nobody",)}], ids=["a role", "a group"])
def test_an_unknown_name_is_an_error(house: House, who: dict[str, tuple[str, ...]]) -> None:
    with pytest.raises(NotFoundError):
        speakers(house, **who)


def test_what_jira_does_not_show_is_a_refusal_and_no_question_of_the_credential(house: House) -> None:
    house.sandbox.jira.site.users[house.seeded.jira_bot].admin = False
    with pytest.raises(RefusedError):
        speakers(house, roles=("Liaison",))


def test_the_answer_is_kept_for_ten_minutes(house: House) -> None:
    before = speakers(house, roles=("Liaison",))
    other = house.seeded.developers["Yusuf Demir"]
    house.sandbox.jira.site.add_to_role("Liaison", other)
    assert house.during(lambda: speakers(house, roles=("Liaison",))) == []
    house.sandbox.advance(601)
    assert speakers(house, roles=("Liaison",)) == before | {other}
