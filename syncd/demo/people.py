"""The people of the demo: customers, agents and developers, each verb one thing that somebody does in a tracker."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from syncd.sandbox.seed import BUG_FIELD, Seeded
from syncd.sandbox.server import Sandbox

OPERATOR: Final = "Operator"
ZENDESK: Final = "Zendesk"
JIRA_ADMIN: Final = "Jira's admin"

Told = Sequence[int | str]
"""Whom syncd has to tell of an act: tickets by number, bugs by key."""


@dataclass(frozen=True, slots=True)
class Act:
    """What somebody did, in sandbox time (epoch seconds), and whom syncd has to tell: `#12` or `NOVA-3` each."""

    at: float
    who: str
    text: str
    reaches: tuple[str, ...]
    timed: bool = True  # False: a command's own start would count as syncd's lag


def shown(subject: int | str) -> str:
    """A ticket as `#12`, a bug as its key."""
    return f"#{subject}" if isinstance(subject, int) else subject


class People:
    """Plays people in the two worlds. After each act `seen` is called with it, which may let time go by.

    `link` is the operator's `syncd links add TICKET ISSUE`, `mail` waits for a mail about a ticket (number, reason).
    What a world refuses raises its `ValueError`.
    """

    def __init__(
        self,
        sandbox: Sandbox,
        seeded: Seeded,
        *,
        seen: Callable[[Act], None],
        link: Callable[[int, str], None],
        mail: Callable[[int, str], None] = lambda _ticket, _reason: None,
    ) -> None:
        self._sandbox = sandbox
        self._desk = sandbox.zendesk
        self._house = sandbox.jira
        self._users = {**seeded.agents, **seeded.customers}
        self._developers = seeded.developers
        self._seen = seen
        self._link = link
        self._mail = mail

    def _did(self, who: str, text: str, tells: Told, *, timed: bool = True) -> None:
        reaches = tuple(shown(subject) for subject in tells)
        self._seen(Act(self._sandbox.clock.now(), who, text, reaches, timed))

    # Customers

    def writes(self, customer: str, subject: str, text: str, *, priority: str = "normal") -> int:
        """A new ticket; its number."""
        ticket: int = self._desk.create_ticket(
            actor=self._users[customer], subject=subject, body=text, priority=priority
        )
        self._did(customer, f"writes {shown(ticket)} “{subject}”", ())
        return ticket

    def takes_down(self, agent: str, customer: str, subject: str, text: str) -> int:
        """An agent writes down what a customer said on the telephone: a new ticket that waits for nobody's answer."""
        ticket: int = self._desk.create_ticket(
            actor=self._users[agent], requester=self._users[customer], subject=subject, body=text, priority="normal"
        )
        self._did(agent, f"takes {shown(ticket)} “{subject}” down for {customer}, who rang up", ())
        return ticket

    def waits_for_mail(self, ticket: int, reason: str) -> None:
        """Nobody does anything until a lead got a mail about the ticket for this reason."""
        self._mail(ticket, reason)

    def replies(self, customer: str, ticket: int, text: str, *, tells: Told = (), tells_follow_up: bool = False) -> int:
        """The customer answers; the ticket's number, or that of the follow-up when it was closed."""
        answered: int = self._desk.customer_replies(ticket=ticket, body=text, actor=self._users[customer])
        follow_up = "" if answered == ticket else f", which is closed: Zendesk makes {shown(answered)}"
        self._did(customer, f"answers {shown(ticket)}{follow_up}: “{text}”", (answered,) if tells_follow_up else tells)
        return answered

    # Agents

    def answers(self, agent: str, ticket: int, text: str, status: str, *, tells: Told = ()) -> None:
        """A public answer of an agent, who leaves the ticket in `status`."""
        actor = self._users[agent]
        self._desk.agent_replies(ticket=ticket, actor=actor, body=text, status=status, assignee_id=actor)
        self._did(agent, f"answers {shown(ticket)} and leaves it {status}", tells)

    def sets(self, agent: str, ticket: int, status: str, *, tells: Told = ()) -> None:
        """An agent sets the status."""
        self._desk.set_status(ticket=ticket, actor=self._users[agent], status=status)
        self._did(agent, f"sets {shown(ticket)} to {status}", tells)

    def solves(self, agent: str, ticket: int, text: str, *, tells: Told = ()) -> None:
        """An agent answers and solves."""
        self._desk.solve(ticket=ticket, actor=self._users[agent], body=text)
        self._did(agent, f"solves {shown(ticket)}: “{text}”", tells)

    def names(self, agent: str, ticket: int, *keys: str) -> None:
        """An agent writes the keys of bugs into the ticket's field."""
        text = ", ".join(keys)
        self._desk.set_field(ticket=ticket, actor=self._users[agent], field=BUG_FIELD, value=text)
        self._did(agent, f"links {shown(ticket)} with {text}, by the field “{BUG_FIELD}”", (ticket,))

    def forgets(self, agent: str, ticket: int) -> None:
        """An agent empties that field."""
        self._desk.set_field(ticket=ticket, actor=self._users[agent], field=BUG_FIELD, value=None)
        self._did(agent, f"takes the key out of {shown(ticket)}", (ticket,))

    def tags(self, agent: str, ticket: int, tag: str, *, tells: Told) -> None:
        """An agent adds a tag."""
        self._desk.add_tags(ticket=ticket, actor=self._users[agent], tags=[tag])
        self._did(agent, f"tags {shown(ticket)} with {tag}", tells)

    def merges(self, agent: str, source: int, target: int) -> None:
        """An agent merges one ticket into another."""
        self._desk.merge(source=source, target=target, actor=self._users[agent])
        self._did(agent, f"merges {shown(source)} into {shown(target)}", (target,))

    # Nobody in particular

    def closes(self, ticket: int) -> None:
        """Zendesk's automation closes a solved ticket."""
        self._desk.close_solved(ticket=ticket)
        self._did(ZENDESK, f"closes {shown(ticket)}, which has been solved for a while", ())

    def links(self, ticket: int, key: str) -> None:
        """The operator links by hand."""
        # Told before it is done: the daemon may be faster than the command's last word.
        self._did(OPERATOR, f"types: syncd links add {ticket} {key}", (ticket,), timed=False)
        self._link(ticket, key)

    def adds_status(self, project: str, name: str, category: str) -> None:
        """Jira's admin adds a status that no mapping names."""
        self._house.add_status(project, name, category)
        self._did(JIRA_ADMIN, f"adds the status “{name}” to {project}", ())

    # Developers

    def reports(self, developer: str, project: str, summary: str, *, due: str | None = None) -> str:
        """A new bug in the first status, assigned to whoever reports it; its key."""
        actor = self._developers[developer]
        fields = {} if due is None else {"due": due}
        key: str = self._house.create_issue(actor, project, summary, assignee=developer, **fields)
        self._did(developer, f"reports {key} “{summary}”", ())
        return key

    def moves(
        self,
        developer: str,
        key: str,
        status: str,
        resolution: str | None = None,
        *,
        version: str | None = None,
        tells: Told = (),
    ) -> None:
        """A developer takes one transition of the workflow."""
        fields = {} if version is None else {"fix_versions": [version]}
        self._house.transition(self._developers[developer], key, status, resolution, **fields)
        self._did(developer, f"moves {key} to {_full(status, resolution, version)}", tells)

    def imports(
        self, developer: str, key: str, status: str, resolution: str | None = None, *, tells: Told = ()
    ) -> None:
        """A script of a developer's sets the status, past the workflow and its screens."""
        self._house.force_status(self._developers[developer], key, status, resolution)
        self._did(developer, f"has a script set {key} to {_full(status, resolution, None)}", tells)

    def duplicates(self, developer: str, key: str, original: str) -> None:
        """A developer links a bug as a duplicate of another."""
        self._house.link_issues(self._developers[developer], "Duplicate", key, original)
        self._did(developer, f"links {key} as a duplicate of {original}", ())


def _full(status: str, resolution: str | None, version: str | None) -> str:
    return status + (f" ({resolution})" if resolution else "") + (f" in {version}" if version else "")
