"""Every kind of mapped field under every owner, on both deployments: one table, played once for each."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.scenarios.lab import Deployment, Lab
from tests.scenarios.test_fields import bug, custom, linked, quiet, route


class Kind(NamedTuple):
    """A mapped field, and two values as they are on either side."""

    name: str
    ticket: str  # the field's title, or a system field
    of_ticket: tuple[str, tuple[str, ...]] | None  # how the ticket field is made
    bug: str
    of_bug: tuple[str, tuple[str, ...]] | None
    more: str  # of the configuration
    first: tuple[Any, Any]
    second: tuple[Any, Any]
    owners: tuple[str, ...] = ("zendesk", "jira", "both")


PRODUCTS = "map: {web_app: Web app, mobile: Mobile}"
TEAM = "map: {L2: yusuf.demir@dev.example, Development: hana.sato@dev.example}"
HANA, YUSUF = "hana.sato@dev.example", "yusuf.demir@dev.example"
ONE_WAY = ("zendesk", "jira")

KINDS = (
    Kind("text", "Text", ("text", ()), "Words", ("text", ()), "", ("a b", "a b"), ("c", "c")),
    Kind("lines", "Lines", ("textarea", ()), "Long words", ("textarea", ()), "", ("a\nb", "a\nb"), ("c", "c")),
    Kind("whole", "Whole", ("integer", ()), "Whole number", ("number", ()), "", (5, 5), (8, 8)),
    Kind("part", "Part", ("decimal", ()), "Number", ("number", ()), "", ("2.5", 2.5), ("0.25", 0.25)),
    Kind("day", "Day", ("date", ()), "A day", ("date", ()), "", *[(d, d) for d in ("2026-03-31", "2026-04-01")]),
    Kind("due", "Promised", ("date", ()), "due date", None, "", *[(d, d) for d in ("2026-05-31", "2026-06-01")]),
    Kind(
        *("choice", "Choice", ("tagger", ("hot", "cold")), "Option", ("select", ("Hot", "Cold"))),
        *("map: {hot: Hot, cold: Cold}", ("hot", "Hot"), ("cold", "Cold")),
    ),
    Kind(
        *("choices", "Choices", ("multiselect", ("a", "b")), "Options", ("multiselect", ("A", "B"))),
        *("map: {a: A, b: B}", (["a"], ["A"]), (["b"], ["B"])),
    ),
    Kind(
        *("ticked", "Ticked", ("checkbox", ()), "Yes or no", ("select", ("Yes", "No"))),
        *('map: {"true": "Yes", "false": "No"}', (True, "Yes"), (False, "No")),
    ),
    Kind(
        *("box", "Box", ("checkbox", ()), "Flags", ("multicheckboxes", ("Regression", "Crash"))),
        *('map: {"true": Regression}', (True, ["Regression"]), (False, [])),
    ),
    Kind("tester", "Tester", ("text", ()), "Tester", ("userpicker", ()), "", (HANA, HANA), (YUSUF, YUSUF)),
    Kind("group", "group", None, "Owner", ("userpicker", ()), TEAM, ("Development", HANA), ("L2", YUSUF)),
    Kind(
        *("assignee", "assignee", None, "assignee", None),
        "map: {dana.kim@helpdesk.example: hana.sato@dev.example, tom.becker@helpdesk.example: yusuf.demir@dev.example}",
        *(("Dana Kim", HANA), ("Tom Becker", YUSUF)),
        owners=ONE_WAY,  # both ways is in test_more_fields.py: here the group goes both ways, and it takes people off
    ),
    Kind("tags", "tags", None, "labels", None, "only: [area_]", (["area_a"], ["area_a"]), (["area_b"], ["area_b"])),
    Kind(
        *("product", "Product", ("tagger", ("web_app", "mobile")), "components", None, PRODUCTS),
        *(("web_app", ["Web app"]), ("mobile", ["Mobile"])),
    ),
    Kind(
        *("version", "Version", ("tagger", ("v32", "v33")), "fix versions", None, "map: {v32: '3.2', v33: '3.3'}"),
        *(("v32", ["3.2"]), ("v33", ["3.3"])),
    ),
    Kind(
        "priority",
        "priority",
        None,
        "priority",
        None,
        "map: {urgent: Highest, high: High, normal: Medium, low: Low}",
        ("urgent", "Highest"),
        ("low", "Low"),
    ),
    Kind(
        "type",
        "type",
        None,
        "Sort",
        ("select", ("Defect", "Request")),
        "map: {problem: Defect, task: Request}, ",
        ("problem", "Defect"),
        ("task", "Request"),
    ),
    Kind("subject", "subject", None, "summary", None, "", ("One", "One"), ("Two", "Two"), owners=("zendesk",)),
)


class Desk(Lab):
    """With every field of the table."""

    def prepare(self) -> None:
        """Before the daemon starts."""
        for name in ("Web app", "Mobile", "Core"):
            self.sandbox.jira.add_component("NOVA", name)
        for kind in KINDS:
            if kind.of_ticket is not None:
                self.sandbox.zendesk.add_ticket_field(
                    title=kind.ticket, type=kind.of_ticket[0], options=list(kind.of_ticket[1])
                )
            if kind.of_bug is not None:
                self.sandbox.jira.site.add_custom_field(kind.bug, kind.of_bug[0], options=kind.of_bug[1])

    def agent_fills(self, ticket: int, kind: Kind, value: Any) -> None:
        """The agent gives the ticket a value."""
        desk = self.sandbox.zendesk
        match kind.ticket:
            case "priority":
                desk.set_priority(ticket=ticket, actor=self.agent, priority=value)
            case "type":
                desk.agent_replies(ticket=ticket, actor=self.agent, body="Sorted.", public=False, type=value)
            case "subject":
                desk.set_subject(ticket=ticket, actor=self.agent, subject=value)
            case "group":
                desk.assign(ticket=ticket, actor=self.agent, group=self.seeded.groups[value])
            case "assignee":
                desk.assign(ticket=ticket, actor=self.agent, assignee=self.seeded.agents[value])
            case "tags":
                present = [tag for tag in desk.ticket_state(ticket=ticket)["tags"] if tag.startswith("area_")]
                desk.remove_tags(ticket=ticket, actor=self.agent, tags=present)
                desk.add_tags(ticket=ticket, actor=self.agent, tags=value)
            case title:
                desk.set_field(ticket=ticket, actor=self.agent, field=title, value=value)

    def on_ticket(self, ticket: int, kind: Kind) -> Any:
        """The ticket's value."""
        state = self.sandbox.zendesk.ticket_state(ticket=ticket)
        match kind.ticket:
            case "priority" | "type" | "subject":
                return state[kind.ticket]
            case "group":
                return next(n for n, number in self.seeded.groups.items() if number == state["group_id"])
            case "assignee":
                return next(n for n, number in self.seeded.agents.items() if number == state["assignee_id"])
            case "tags":
                return [tag for tag in state["tags"] if tag.startswith("area_")]
            case title:
                value = state["fields"].get(title)
                return bool(value) if kind.of_ticket == ("checkbox", ()) else value

    def name_on_bug(self, kind: Kind) -> str:
        """What the sandbox calls the bug's field when a person edits it."""
        word = {"due date": "due", "fix versions": "fix_versions"}.get(kind.bug, kind.bug)
        return custom(self, kind.bug) if kind.of_bug is not None else word

    def developer_fills(self, key: str, kind: Kind, value: Any) -> None:
        """The developer gives the bug a value; of lists, beside one that is not mapped."""
        if value in (HANA, YUSUF):
            value = self.account(value)
        if kind.bug == "components":
            value = [*value, "Core"]
        if kind.bug == "labels":
            value = [*value, "mine"]
        self.sandbox.jira.edit(self.developer, key, **{self.name_on_bug(kind): value})

    def on_bug(self, key: str, kind: Kind) -> Any:
        """The bug's value, without what is not mapped."""
        word = {"due date": "duedate", "fix versions": "fixVersions"}.get(kind.bug, kind.bug)
        value = bug(self, key).get(custom(self, kind.bug) if kind.of_bug is not None else word)
        if isinstance(value, list):
            return [entry for entry in value if entry not in ("Core", "mine")]
        return [] if value is None and kind.name == "box" else value

    def account(self, email: str) -> str:
        """A developer's account."""
        return self.seeded.developers["Hana Sato" if email == HANA else "Yusuf Demir"]


@pytest.mark.parametrize("owner", ["zendesk", "jira", "both"])
def test_every_kind_of_field_goes_where_its_owner_says(tmp_path: Path, deployment: Deployment, owner: str) -> None:
    kinds = [kind for kind in KINDS if owner in kind.owners]
    won = ", winner: jira" if owner == "both" else ""
    lines = [
        f"\n      - {{name: {kind.name}, ticket: {kind.ticket}, bug: {kind.bug}, owner: {owner}{won}"
        f"{', ' if kind.more else ''}{kind.more}}}"
        for kind in kinds
    ]
    lab = Desk(tmp_path, deployment, routes=route("".join(lines) + "\n"))
    assert lab.app.routing is not None
    assert [str(error) for error in lab.app.routing.errors] == []
    ticket, key = linked(lab)
    if owner in ("zendesk", "both"):
        for kind in kinds:
            lab.agent_fills(ticket, kind, kind.first[0])
        lab.settle()
        wrong = {k.name: lab.on_bug(key, k) for k in kinds if lab.on_bug(key, k) != _for_jira(lab, k.first[1])}
        assert wrong == {}, "from the ticket"
    if owner in ("jira", "both"):
        for kind in kinds:
            lab.developer_fills(key, kind, kind.second[1])
        lab.settle()
        wrong = {k.name: lab.on_ticket(ticket, k) for k in kinds if lab.on_ticket(ticket, k) != _for_zendesk(k)}
        assert wrong == {}, "from the bug"
        assert "Core" in bug(lab, key)["components"]
        assert "mine" in bug(lab, key)["labels"]
    assert not lab.shown(ticket, "Sync state")
    quiet(lab)
    lab.app.store.close()


def _for_jira(lab: Desk, value: Any) -> Any:
    return lab.account(value) if value in (HANA, YUSUF) else value


def _for_zendesk(kind: Kind) -> Any:
    return "Yusuf Demir" if kind.name == "tester" else kind.second[0]
