"""People on both sides: what they do is drawn before the history begins, from numbers of their own, so that neither a
fault nor the removal of one act changes what the others do."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from syncd.sandbox.seed import Seeded
from syncd.sandbox.server import Sandbox
from tests.simulation.talk import Talkers

BUG_FIELD = "Engineering bug"
STATUS_FIELD = "Engineering status"
EVEN: Mapping[str, float] = {}


@dataclass(frozen=True, slots=True)
class Act:
    """Somebody does something. Tickets and bugs are counted round, so that every number names one."""

    round: int
    inside: int | None  # before which call of that round's cycle; None: before the cycle
    verb: str
    ticket: int
    bug: int
    choice: int

    def __str__(self) -> str:
        when = "" if self.inside is None else f" (before call {self.inside})"
        return f"round {self.round}{when}: {self.verb} ticket={self.ticket} bug={self.bug} choice={self.choice}"


def draw(rng: random.Random, rounds: int, count: int, likes: Mapping[str, float] = EVEN) -> tuple[Act, ...]:
    """So many acts, in order of their rounds. People come back to the ticket and bug that they worked on. `likes`: what
    they do so many times as often as usual."""
    weights = [weight * likes.get(verb, 1.0) for verb, weight in VERBS]
    names = [name for name, _ in VERBS]
    acts = []
    ticket, bug = 0, 0
    for place in sorted(rng.randrange(rounds) for _ in range(count)):
        inside = rng.randint(1, 14) if rng.random() < 0.3 else None
        verb = rng.choices(names, weights)[0]
        if rng.random() < 0.6:
            ticket, bug = rng.randrange(60), rng.randrange(60)
        acts.append(Act(place, inside, verb, ticket, bug, rng.randrange(10_000)))
    return tuple(acts)


class People(Talkers):
    """Carries acts out. What the servers refuse a person, that person leaves be."""

    def __init__(
        self,
        sandbox: Sandbox,
        seeded: Seeded,
        ask: Callable[[str, dict[str, Any]], None],
        routes_run: Callable[[], bool],
    ) -> None:
        super().__init__(sandbox, seeded)
        self.deleted_ours = Counter()
        self._ask = ask  # leaves a verb for the daemon, as the command line does
        self.routes_run = routes_run

    # ---- the beginning ----

    def new_ticket(self, choice: int, status: str = "open") -> int:
        """A customer writes; unless it stays new, an agent answers."""
        customer = self.customers[choice % len(self.customers)]
        priority = (None, "low", "normal", "high", "urgent")[choice % 5]
        ticket: int = self._zendesk.create_ticket(
            actor=customer, subject=f"Question {choice}", body="It does not work.", priority=priority
        )
        self._clock.advance(1)
        if status != "new":
            self._zendesk.agent_replies(
                ticket=ticket, actor=self._agent(choice), body="We look into it.", status=status
            )
        self.tickets.append(ticket)
        return ticket

    def new_bug(self, choice: int, project: str = "NOVA") -> str:
        """A developer reports a bug."""
        key = self._jira.create_issue(self._developer(choice), project, f"Bug {choice}")
        bug = str(self._jira.issue_state(key)["id"])
        self.bugs.append(bug)
        return bug

    def link(self, ticket: int, bug: str, how: int) -> None:
        """By hand, by the field or by a tag."""
        key = self._key(bug)
        if how % 3 == 0:
            self._ask("links add", {"ticket": ticket, "issue": key})
        elif how % 3 == 1:
            self._write_key(ticket, key, how)
        else:
            self._zendesk.add_tags(ticket=ticket, actor=self._agent(how), tags=[f"link_{key.lower()}"])

    # ---- one act ----

    def act(self, act: Act) -> bool:
        """Does it; False when nobody could."""
        ticket = self.tickets[act.ticket % len(self.tickets)]
        bug = self.bugs[act.bug % len(self.bugs)]
        try:
            getattr(self, f"_{act.verb}")(ticket, bug, act.choice)
        except (ValueError, LookupError):
            return False
        return True

    def meddle(self, subject: str, rng: random.Random) -> str | None:
        """Does something to this ticket or issue, whoever else is about to; says what, or None when nobody could."""
        kind, _, number = subject.partition(":")
        if kind not in MEDDLING:
            return None
        verb, choice = rng.choice(MEDDLING[kind]), rng.randrange(10_000)
        try:
            getattr(self, f"_{verb}")(int(number), number, choice)
        except (ValueError, LookupError):
            return None
        return f"{verb} {subject} choice={choice}"

    # ---- in Zendesk ----

    def _customer_answers(self, ticket: int, _bug: str, choice: int) -> None:
        answered: int = self._zendesk.customer_replies(ticket=ticket, body=f"Any news? ({choice})")
        if answered not in self.tickets:
            self.tickets.append(answered)  # a follow-up of a closed one

    def _agent_answers(self, ticket: int, _bug: str, choice: int) -> None:
        status = (None, "open", "pending", "hold", "solved")[choice % 5]
        changes: dict[str, Any] = {} if status is None else {"status": status}
        if status == "solved":
            changes["assignee_id"] = self._agent(choice)
        self._zendesk.agent_replies(
            ticket=ticket, actor=self._agent(choice), body=f"Answer {choice}.", public=choice % 4 != 0, **changes
        )

    def _agent_sets(self, ticket: int, _bug: str, choice: int) -> None:
        status = ("open", "pending", "hold", "open", "Escalated", "Fix ready")[choice % 6]
        self._zendesk.set_status(ticket=ticket, actor=self._agent(choice), status=status)

    def _agent_solves(self, ticket: int, _bug: str, choice: int) -> None:
        self._zendesk.solve(ticket=ticket, actor=self._agent(choice), body="Done." if choice % 2 else None)

    def _agent_reopens(self, ticket: int, _bug: str, choice: int) -> None:
        if self._zendesk.ticket_state(ticket=ticket)["status"] != "solved":
            raise ValueError("it is not solved")
        self._zendesk.set_status(ticket=ticket, actor=self._agent(choice), status="open")

    def _automation_closes(self, ticket: int, _bug: str, _choice: int) -> None:
        self._zendesk.close_solved(ticket=ticket)

    def _tags_not_fixed(self, ticket: int, _bug: str, choice: int) -> None:
        self._zendesk.add_tags(ticket=ticket, actor=self._agent(choice), tags=["bug_not_fixed"])

    def _tags(self, ticket: int, bug: str, choice: int) -> None:
        tag = ("syncd_off", "vip", f"link_{self._key(bug).lower()}", "link_nova-9999")[choice % 4]
        if choice % 8 < 5:
            self._zendesk.add_tags(ticket=ticket, actor=self._agent(choice), tags=[tag])
        else:
            self._zendesk.remove_tags(ticket=ticket, actor=self._agent(choice), tags=["syncd_off", tag])

    def _writes_key(self, ticket: int, bug: str, choice: int) -> None:
        self._write_key(ticket, self._key(bug), choice)

    def _write_key(self, ticket: int, key: str, choice: int) -> None:
        self._zendesk.set_field(ticket=ticket, actor=self._agent(choice), field=BUG_FIELD, value=key)

    def _adds_key(self, ticket: int, bug: str, choice: int) -> None:
        present = self._zendesk.ticket_state(ticket=ticket)["fields"].get(BUG_FIELD) or ""
        key = self._key(bug).lower() if choice % 3 == 0 else self._key(bug)
        self._write_key(ticket, f"{present} {key}".strip(), choice)

    def _clears_key(self, ticket: int, _bug: str, choice: int) -> None:
        value = (None, "", "see wiki")[choice % 3]
        self._zendesk.set_field(ticket=ticket, actor=self._agent(choice), field=BUG_FIELD, value=value)

    def _writes_into_mirror(self, ticket: int, _bug: str, choice: int) -> None:
        self._zendesk.set_field(ticket=ticket, actor=self._agent(choice), field=STATUS_FIELD, value=f"as {choice}")

    def _changes_ticket(self, ticket: int, _bug: str, choice: int) -> None:
        agent = self._agent(choice)
        if choice % 3 == 0:
            priority = ("low", "normal", "high", "urgent")[choice % 4]
            self._zendesk.set_priority(ticket=ticket, actor=agent, priority=priority)
        elif choice % 3 == 1:
            self._zendesk.set_subject(ticket=ticket, actor=agent, subject=f"Renamed {choice}")
        else:
            self._zendesk.assign(ticket=ticket, actor=agent, assignee=agent)

    def _merges(self, ticket: int, _bug: str, choice: int) -> None:
        into = self.tickets[choice % len(self.tickets)]
        self._zendesk.merge(source=ticket, target=into, actor=self._agent(choice))

    def _deletes_ticket(self, ticket: int, _bug: str, choice: int) -> None:
        if choice % 3 == 0:
            self._zendesk.mark_as_spam(ticket=ticket, actor=self._agent(choice))
        else:
            self._zendesk.delete_ticket(ticket=ticket, actor=self._agent(choice))

    def _restores_ticket(self, _ticket: int, _bug: str, choice: int) -> None:
        bin_ = [t for t in self.tickets if self._zendesk.ticket_state(ticket=t)["status"] == "deleted"]
        self._zendesk.restore_ticket(ticket=bin_[choice % len(bin_)] if bin_ else 0, actor=self._agent(choice))

    def _follows_up(self, ticket: int, _bug: str, choice: int) -> None:
        self.tickets.append(
            self._zendesk.follow_up(ticket=ticket, actor=self._agent(choice), body="We come back to this.")
        )

    def _blacks_out_our_note(self, ticket: int, _bug: str, choice: int) -> None:
        comments = self._zendesk.ticket_state(ticket=ticket)["comments"]
        ours = [comment for comment in comments if comment["author_id"] == self._seeded.bot]
        if not ours:
            raise LookupError("no note of ours")
        note = ours[choice % len(ours)]
        self._zendesk.redact(ticket=ticket, comment=note["id"], actor=self._agent(choice), text=note["body"][:10])

    # ---- in Jira ----

    def _developer_moves(self, _ticket: int, bug: str, choice: int) -> None:
        """One click on a transition that the workflow offers."""
        issue = self._jira.issue(bug)
        with self._jira.lock:
            user = self._jira.site.user(self._developer(choice))
            edges = self._jira.transitions_for(user, issue)
        if not edges:
            raise LookupError("no way on")
        edge = edges[choice % len(edges)]
        needs = any(entry.id == "resolution" and entry.required for entry in edge.screen or ())
        resolution = RESOLUTIONS[choice // 7 % len(RESOLUTIONS)] if needs else None
        target = self._jira.site.statuses[edge.target].name
        self._jira.transition(self._developer(choice), bug, target, resolution)

    def _developer_forces(self, _ticket: int, bug: str, choice: int) -> None:
        """Straight to any status, as an administrator can."""
        status, resolution = FORCED[choice % len(FORCED)]
        self._jira.force_status(self._developer(choice), bug, status, resolution)

    def _developer_edits(self, _ticket: int, bug: str, choice: int) -> None:
        what: dict[str, Any] = (
            {"summary": f"Bug renamed {choice}"},
            {"priority": ("Highest", "High", "Low")[choice % 3]},
            {"assignee": self._developer(choice // 7)},
            {"assignee": None},
            {"fix_versions": ["3.2"]},
            {"due_date": f"2026-03-{choice % 28 + 1:02}"},
            {"labels": ["triaged"]},  # whatever was there
        )[choice % 7]
        self._jira.edit(self._developer(choice), bug, **what)

    def _deletes_bug(self, _ticket: int, bug: str, choice: int) -> None:
        self._jira.delete_issue(self._developer(choice), bug)

    def _moves_project(self, _ticket: int, bug: str, choice: int) -> None:
        here = self._jira.issue_state(bug)["project"]
        self._jira.move_issue(self._developer(choice), bug, "OPS" if here == "NOVA" else "NOVA")

    def _declares_duplicate(self, _ticket: int, bug: str, choice: int) -> None:
        other = self.bugs[choice % len(self.bugs)]
        if other == bug:
            raise ValueError("not of itself")
        developer = self._developer(choice)
        self._jira.link_issues(developer, "Duplicate", bug, other)
        self._jira.force_status(developer, bug, "Done", "Duplicate")

    def _administrates(self, _ticket: int, bug: str, choice: int) -> None:
        name = self._jira.issue_state(bug)["status"]
        if choice % 3 == 0:
            if not self.routes_run():
                raise ValueError("a mapping names statuses as they are when syncd reads them first")
            self._jira.rename_status(name, f"{name} {choice % 10}")
        elif choice % 3 == 1:
            self._jira.release_version("NOVA", "3.2", "2026-03-20")
        else:
            self._jira.add_status("NOVA", f"Waiting {choice}", "indeterminate")
            self._jira.force_status(self._developer(choice), bug, f"Waiting {choice}")

    # ---- with the command line ----

    def _links(self, ticket: int, bug: str, choice: int) -> None:
        self.link(ticket, bug, choice)

    def _unlinks(self, _ticket: int, _bug: str, choice: int) -> None:
        self._ask("links remove", {"link": choice % 8 + 1})

    def _resolves(self, _ticket: int, _bug: str, choice: int) -> None:
        take = ("bug", "ticket", "as-is")[choice % 3]
        self._ask("conflicts resolve", {"link": choice // 3 % 8 + 1, "take": take})

    # ---- more of them ----

    def _writes_in(self, _ticket: int, bug: str, choice: int) -> None:
        ticket = self.new_ticket(choice, ("new", "open", "pending")[choice % 3])
        self.link(ticket, bug, choice // 3)

    def _asks_anew(self, _ticket: int, _bug: str, choice: int) -> None:
        """Customers write of what nobody knew, and the agent asks for bugs at once."""
        for place in range(1 + choice % 3):
            ticket = self.new_ticket(choice + place, ("new", "open", "pending")[choice % 3])
            self._asks_for_bug(ticket, "", choice)

    def _corrects_newest(self, _ticket: int, bug: str, choice: int) -> None:
        """What was written last is put right."""
        self._changes_ticket(self.tickets[-1 - choice % 2], bug, choice)

    def _reports(self, ticket: int, _bug: str, choice: int) -> None:
        bug = self.new_bug(choice, ("NOVA", "OPS")[choice % 2])
        self.link(ticket, bug, choice // 2)


RESOLUTIONS = ("Fixed", "Done", "Won't Do", "Cannot Reproduce", "Known Error")
FORCED = (
    ("To Do", None),
    ("In Progress", None),
    ("In Review", None),
    ("Done", "Fixed"),
    ("Done", "Done"),
    ("Done", "Won't Do"),
    ("Done", "Known Error"),
    ("Done", None),
    ("Verified", "Fixed"),
    ("Closed", "Done"),
    ("Reopened", None),
    ("In Progress", None),
    ("Done", "Fixed"),
)
MEDDLING = {
    "ticket": ("customer_answers", "agent_answers", "agent_sets", "agent_sets", "agent_solves", "changes_ticket"),
    "issue": ("developer_moves", "developer_forces", "developer_forces", "developer_edits", "developer_says"),
}
"""What people do to the very thing that syncd is writing."""

VANISHING = frozenset(
    {
        "deletes_ticket",
        "restores_ticket",
        "merges",
        "deletes_bug",
        "moves_project",
        "administrates",
        "automation_closes",
    }
)
"""Acts that only a census tells of, at least where the index lags."""

VERBS = (
    ("customer_answers", 8),
    ("agent_answers", 8),
    ("agent_sets", 10),
    ("agent_solves", 8),
    ("agent_reopens", 4),
    ("automation_closes", 1),
    ("tags_not_fixed", 4),
    ("tags", 3),
    ("writes_key", 2),
    ("adds_key", 2),
    ("clears_key", 1),
    ("writes_into_mirror", 2),
    ("changes_ticket", 4),
    ("merges", 1),
    ("deletes_ticket", 1),
    ("restores_ticket", 1),
    ("follows_up", 1),
    ("blacks_out_our_note", 1),
    ("developer_moves", 14),
    ("developer_forces", 14),
    ("developer_edits", 6),
    ("developer_says", 10),
    ("developer_rewords", 3),
    ("developer_unsays", 3),
    ("developer_hides", 3),
    ("developer_labels", 2),
    ("developer_ranks", 2),
    ("strips_our_label", 1),
    ("meddles_with_our_comment", 1),
    ("deletes_our_comment", 1),
    ("agent_writes", 9),
    ("agent_blacks_out", 4),
    ("agent_hides", 1),
    ("asks_for_bug", 5),
    ("asks_for_known_bug", 2),
    ("takes_tag_off", 1),
    ("tags_area", 3),
    ("deletes_bug", 1),
    ("moves_project", 1),
    ("declares_duplicate", 1),
    ("administrates", 1),
    ("links", 3),
    ("unlinks", 1),
    ("resolves", 2),
    ("writes_in", 1),
    ("reports", 1),
    ("asks_anew", 5),
    ("corrects_newest", 3),
)
