"""After all is at rest, each group of links gets one more move, with everything going wrong while it is carried. What
must come of a single move is known exactly, so this tells whether anything was lost."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from syncd.core.model import Link, LinkState
from tests.simulation.books import OFF
from tests.simulation.oracle import Oracle
from tests.simulation.variants import PRIORITIES

if TYPE_CHECKING:
    from tests.simulation.history import History

NOVA_PLACES = (
    ("To Do", None),
    ("In Progress", None),
    ("In Review", None),
    ("Done", "Fixed"),
    ("Done", "Won't Do"),
    ("Verified", "Done"),
    ("Closed", "Done"),
    ("Reopened", None),
)
OPS_PLACES = (("To Do", None), ("In Progress", None), ("Done", "Fixed"), ("Done", "Won't Do"))
NOT_FIXED = "bug_not_fixed"


@dataclass(frozen=True, slots=True)
class Expectation:
    """What must be there in the end. `among`: the values that are right."""

    what: str
    now: Callable[[Oracle], object]
    among: tuple[object, ...]


class Probe:
    """One move for each group of links that is in agreement."""

    def __init__(self, history: History) -> None:
        self._history = history
        self._oracle = history.oracle
        self._random = random.Random(f"{history.seed}:probe")
        self._people = history.people
        with history.process.aside() as tx:
            self._links = [link for link in tx.all_links(limit=None) if link.state is not LinkState.RETIRED]
        self.moves: list[Callable[[], object]] = []
        self.expected: list[Expectation] = []
        self._names = {status.name: status.id for status in history.sandbox.jira.site.statuses.values()}
        robots = history.swarm.has("trigger") or history.swarm.has("automation")  # which make moves of their own
        for group in _groups(self._links):
            if not robots and all(self._is_plain(link) for link in group):
                self._plan(group)

    def judge(self) -> None:
        """Looks whether it came as it must."""
        for expectation in self.expected:
            found = expectation.now(self._oracle)
            if found not in expectation.among:
                self._history.broken("I2", f"{expectation.what}: {found!r} is not among {expectation.among}")

    # ---- which groups ----

    def _is_plain(self, link: Link) -> bool:
        """Nothing special is going on with the link, so that what one move does to it is known."""
        ticket, bug = self._oracle.ticket(link.ticket_id), self._oracle.bug(link.issue_id)
        if link.state is LinkState.CONFLICT or link.vote is not None or link.base is None or bug is None:
            return False
        if ticket["status"] in ("closed", "deleted") or {OFF, NOT_FIXED} & set(ticket["tags"]):
            return False
        stage = self._oracle.stage(bug)
        if stage is None or bug["resolution"] == "Duplicate":
            return False
        return stage == link.base.stage and all(self._exists(bug["project"], place) for place in self._places(bug))

    def _exists(self, project: str, place: tuple[str, str | None]) -> bool:
        """The status still has its name, so that it can be asked for."""
        return place[0] in self._names and self._oracle.is_original(self._names[place[0]])

    @staticmethod
    def _places(bug: Mapping[str, Any]) -> Sequence[tuple[str, str | None]]:
        return NOVA_PLACES if bug["project"] == "NOVA" else OPS_PLACES

    # ---- what to do, and what must come of it ----

    def _plan(self, group: Sequence[Link]) -> None:
        link = self._random.choice(group)
        choice = self._random.randrange(10_000)
        kind = self._random.choice(("developer", "developer", "solve", "tag", "rank", "say"))
        alone = sum(1 for other in group if other.ticket_id == link.ticket_id) == 1
        if kind == "solve" and alone and self._oracle.ticket(link.ticket_id)["status"] != "solved":
            self._solve(group, link, choice)
        elif kind == "tag" and alone:
            self._tag(link, choice)
        elif kind == "rank" and len(group) == 1 and self._history.variant.fields and link.route == "novabrain":
            self._rank(link, choice)
        elif kind == "say":
            self._say(link, choice)
        else:
            self._move(group, link, choice)

    def _move(self, group: Sequence[Link], link: Link, choice: int) -> None:
        bug = self._bug(link)
        here = self._oracle.stage(bug)
        project = bug["project"]
        away = [
            (status, resolution)
            for status, resolution in self._places(bug)
            if self._oracle.stage_of(project, self._names[status], resolution) != here
        ]
        status, resolution = self._random.choice(away)
        there = self._oracle.stage_of(project, self._names[status], resolution)
        assert there is not None
        developer = self._people.developers[choice % len(self._people.developers)]
        self.moves.append(lambda: self._history.sandbox.jira.force_status(developer, bug["id"], status, resolution))
        what = f"{bug['key']} was put into {status}/{resolution} ({here} to {there})"
        for number in sorted({other.ticket_id for other in group if other.issue_id == link.issue_id}):
            self._expect_ticket(what, group, number, bug["id"], there)
        self._expect(f"{what}, where it must stay", self._status_of_bug(bug["id"]), status)

    def _expect_ticket(self, what: str, group: Sequence[Link], number: int, moved: str, there: str) -> None:
        """A ticket follows the least advanced of its bugs."""
        ticket = self._oracle.ticket(number)
        mine = [other for other in group if other.ticket_id == number]
        before = min(mine, key=lambda other: self._progress(other, None))
        after = min(mine, key=lambda other: self._progress(other, there if other.issue_id == moved else None))
        stage_before = self._stage(before)
        stage_after = there if after.issue_id == moved else self._stage(after)
        status = ticket["status"]
        among: tuple[object, ...] = (status,)
        if stage_after != stage_before and status != "solved":
            wanted = self._oracle.rules[self._bug(after)["project"]].wants(stage_after, status) or status
            among = (wanted,)
            if status in ("new", "open") and wanted != "open" and _customer_spoke_last(self._oracle, ticket):
                among = (wanted, status)
        self._expect(f"{what}: ticket #{number} was {status} and must follow", self._status_of_ticket(number), *among)

    def _solve(self, group: Sequence[Link], link: Link, choice: int) -> None:
        bug, number = self._bug(link), link.ticket_id
        stage = self._stage(link)
        asked = self._oracle.rules[bug["project"]].asks(stage, "solved")
        agent = self._people.agents[choice % len(self._people.agents)]
        self.moves.append(lambda: self._history.sandbox.zendesk.solve(ticket=number, actor=agent))
        what = f"ticket #{number} was solved while {bug['key']} was {stage}"
        self._expect(f"{what}; it must stay so", self._status_of_ticket(number), "solved")
        others = {other.ticket_id for other in group if other.issue_id == link.issue_id} - {number}
        if asked == "note":
            said = self._said_on_bug(bug["id"])
            self._expect(f"{what}; the bug is told", self._said_on_bug(bug["id"]), said(self._oracle) + 1)
            self._expect(f"{what}; it moves nothing", self._status_of_bug(bug["id"]), bug["status"])
        elif asked == "confirmed":
            all_solved = all(self._oracle.ticket(other)["status"] == "solved" for other in others)
            self._expect(what, self._status_of_bug(bug["id"]), "Closed" if all_solved else bug["status"])

    def _tag(self, link: Link, choice: int) -> None:
        bug, number = self._bug(link), link.ticket_id
        asked = self._oracle.rules[bug["project"]].asks(self._stage(link), f"tag:{NOT_FIXED}")
        agent = self._people.agents[choice % len(self._people.agents)]
        self.moves.append(lambda: self._history.sandbox.zendesk.add_tags(ticket=number, actor=agent, tags=[NOT_FIXED]))
        what = f"ticket #{number} was tagged {NOT_FIXED} while {bug['key']} was {self._stage(link)}"
        self._expect(what, self._status_of_bug(bug["id"]), "To Do" if asked else bug["status"])
        self._expect(f"{what}; the tag is taken off", self._has_tag(number), not asked)

    def _rank(self, link: Link, choice: int) -> None:
        """A priority that one side changes is that of both."""
        bug, number = self._bug(link), link.ticket_id
        # They need not have the same: a bug keeps the worst of what its tickets were when one of them leaves it.
        by_agent = choice // 3 % 2 == 1
        urgency = another(self._oracle.ticket(number)["priority"] if by_agent else bug["fields"]["priority"], choice)
        if by_agent:
            agent = self._people.agents[choice % len(self._people.agents)]
            zendesk = self._history.sandbox.zendesk
            self.moves.append(lambda: zendesk.set_priority(ticket=number, actor=agent, priority=urgency))
        else:
            developer = self._people.developers[choice % len(self._people.developers)]
            jira = self._history.sandbox.jira
            self.moves.append(lambda: jira.edit(developer, bug["id"], priority=PRIORITIES[urgency]))
        what = f"one side of #{number} and {bug['key']} was made {urgency}"
        self._expect(what, lambda oracle: oracle.ticket(number)["priority"], urgency)
        self._expect(what, lambda oracle: (oracle.bug(bug["id"]) or bug)["fields"]["priority"], PRIORITIES[urgency])

    def _say(self, link: Link, choice: int) -> None:
        """What is said on either side; the invariants know where it must be heard."""
        bug, number = self._bug(link), link.ticket_id
        developer = self._people.developers[choice % len(self._people.developers)]
        agent = self._people.agents[choice % len(self._people.agents)]
        sandbox = self._history.sandbox
        self.moves.append(lambda: sandbox.jira.comment(developer, bug["id"], f"Developers say d{choice} of it."))
        self.moves.append(
            lambda: sandbox.zendesk.agent_replies(
                ticket=number, actor=agent, body=f"#bug Agents say w{choice} of it.", public=False
            )
        )

    # ---- small things ----

    def _expect(self, what: str, now: Callable[[Oracle], object], *among: object) -> None:
        self.expected.append(Expectation(what, now, among))

    def _bug(self, link: Link) -> dict[str, Any]:
        bug = self._oracle.bug(link.issue_id)
        assert bug is not None
        return bug

    def _stage(self, link: Link) -> str:
        stage = self._oracle.stage(self._bug(link))
        assert stage is not None
        return stage

    def _progress(self, link: Link, stage: str | None) -> tuple[float, int]:
        stages = self._oracle.rules[self._bug(link)["project"]].stages
        return stages.index(stage or self._stage(link)) / (len(stages) - 1), link.id

    @staticmethod
    def _status_of_bug(bug: str) -> Callable[[Oracle], object]:
        return lambda oracle: (oracle.bug(bug) or {}).get("status")

    @staticmethod
    def _status_of_ticket(number: int) -> Callable[[Oracle], object]:
        return lambda oracle: oracle.ticket(number)["status"]

    @staticmethod
    def _said_on_bug(bug: str) -> Callable[[Oracle], int]:
        return lambda oracle: len(oracle.comments(oracle.bug(bug) or {"comments": ()}))

    @staticmethod
    def _has_tag(number: int) -> Callable[[Oracle], object]:
        return lambda oracle: NOT_FIXED in oracle.ticket(number)["tags"]


def another(present: str | None, choice: int) -> str:
    """A priority, by its name on tickets, that the ticket or bug with `present` does not have: to choose there what it
    has changes nothing, and nothing is to come of it."""
    return [ours for ours, theirs in PRIORITIES.items() if present not in (ours, theirs)][choice % 3]


def _groups(links: Sequence[Link]) -> list[list[Link]]:
    """Links that hang together by a ticket or a bug."""
    found: list[list[Link]] = []
    for link in sorted(links, key=lambda each: each.id):
        touching = [
            group
            for group in found
            if any(link.ticket_id == other.ticket_id or link.issue_id == other.issue_id for other in group)
        ]
        merged = [link, *(other for group in touching for other in group)]
        found = [group for group in found if group not in touching] + [sorted(merged, key=lambda each: each.id)]
    return found


def _customer_spoke_last(oracle: Oracle, ticket: Mapping[str, Any]) -> bool:
    public = [comment for comment in ticket["comments"] if comment["public"]]
    return bool(public) and not oracle.is_agent(public[-1]["author_id"])
