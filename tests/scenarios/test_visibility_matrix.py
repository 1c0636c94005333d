"""10,000 comments with every combination of what decides who may read them: none rises.

The comments lie in the sandbox's Jira and Zendesk, on a plain project and on a service desk. They are read, planned,
written and read back by production code; what is judged is what the two servers hold in the end, against a rule that is
spelt out here and shares nothing with the code.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any, Literal, get_args

import pytest

from syncd.core.actions import marker_of
from syncd.core.comment_actions import CommentToBug, CommentToTicket
from syncd.core.comment_model import CommentPolicy, Raising
from syncd.core.comments_to_bug import plan_to_bug
from syncd.core.comments_to_ticket import asks_for_customer, plan_to_ticket
from syncd.core.model import Link, Origin
from syncd.executor.bug_comments import BugCommenter
from syncd.executor.notes import NoteWriter
from syncd.executor.outcome import Done
from syncd.executor.raising import Raiser
from tests.scenarios.lab import Deployment, Lab

Shown = Literal["everybody", "a role", "a group"]
Mark = Literal["none", "internal", "public", "internal as text", "garbage"]
Author = Literal["liaison", "developer", "guest", "robot", "ours with mark", "ours"]
Prefix = Literal["none", "first", "later"]
Edited = Literal["never", "by its author", "by another"]
Speaker = Literal["agent", "customer", "ours"]
Mode = Literal["none", "tagged", "internal", "all"]

MARKS: dict[Mark, dict[str, Any]] = {
    "none": {},
    "internal": {"sd.public.comment": {"internal": True}},
    "public": {"sd.public.comment": {"internal": False}},
    "internal as text": {"sd.public.comment": {"internal": "true"}},
    "garbage": {"sd.public.comment": "perhaps"},
}
LIMITS: dict[Shown, dict[str, str] | None] = {
    "everybody": None,
    "a role": {"type": "role", "value": "Users"},
    "a group": {"type": "group", "value": "jira-users"},
}
RAISING = Raising("#customer", roles=("Liaison",))
POLICIES: dict[str, CommentPolicy] = {
    "default": CommentPolicy(),
    "restricted": CommentPolicy(restricted=True),
    "raising": CommentPolicy(raising=RAISING),
    "raising and restricted": CommentPolicy(raising=RAISING, restricted=True),
}
MODES: dict[Mode, CommentPolicy] = {mode: CommentPolicy(to_bug=mode) for mode in get_args(Mode)}
PER_SUBJECT = 45
TOTAL = 10_000


@dataclass(frozen=True)
class Remark:
    """A comment on a bug."""

    number: int
    shown: Shown
    mark: Mark
    author: Author
    prefix: Prefix
    edited: Edited

    @property
    def text(self) -> str:
        word = f"word{self.number}x"
        return {"none": word, "first": f"#customer {word}", "later": f"{word} #customer"}[self.prefix]

    def is_for_the_customer(self, policy: str) -> bool:
        """The rule, spelt out."""
        return (
            policy.startswith("raising")
            and self.shown == "everybody"
            and self.mark in ("none", "public")
            and self.author == "liaison"
            and self.prefix == "first"
            and self.edited != "by another"
        )


@dataclass(frozen=True)
class Answer:
    """A comment of a ticket."""

    number: int
    public: bool
    speaker: Speaker
    tag: Prefix

    @property
    def text(self) -> str:
        word = f"word{self.number}x"
        return {"none": word, "first": f"#bug {word}", "later": f"{word} #bug"}[self.tag]


def remarks() -> Iterator[Remark]:
    """Every combination."""
    kinds = (Shown, Mark, Author, Prefix, Edited)
    for number, row in enumerate(itertools.product(*(get_args(kind) for kind in kinds))):
        yield Remark(number, *row)


def answers(count: int) -> Iterator[Answer]:
    """Every combination, again and again."""
    rows = itertools.cycle(itertools.product((True, False), get_args(Speaker), get_args(Prefix)))
    for number, (public, speaker, tag) in zip(range(count), rows, strict=False):
        yield Answer(number, public, speaker, tag)


class Matrix(Lab):
    """A plain project and a service desk, and a role whose members may speak."""

    def prepare(self) -> None:
        jira = self.sandbox.jira
        jira.add_project("DESK", "Service desk", "simple", jsm=True)
        jira.site.users[self.seeded.jira_bot].admin = True
        self.guest = jira.add_user("Portal Guest", "guest@aurora.example", account_type="customer")
        self.robot = jira.add_user("Automation for Jira", "app@dev.example", account_type="app")
        for account in (self.developer, self.robot, self.seeded.jira_bot):
            jira.site.add_to_role("Liaison", account)

    def put(self, key: str, remark: Remark) -> None:
        """Writes the comment into Jira's own books."""
        jira = self.sandbox.jira
        other = self.seeded.developers["Yusuf Demir"]
        accounts: dict[Author, str] = {
            "liaison": self.developer,
            "developer": other,
            "guest": self.guest,
            "robot": self.robot,
            "ours with mark": self.seeded.jira_bot,
            "ours": self.seeded.jira_bot,
        }
        author = accounts[remark.author]
        properties = dict(MARKS[remark.mark])
        if remark.author == "ours with mark":
            properties["syncd.origin"] = {"marker": "0" * 32}
        entry = jira.add_comment(
            author, jira.issue(key), remark.text, visibility=LIMITS[remark.shown], properties=properties
        )
        if remark.edited != "never":
            entry.update_author = author if remark.edited == "by its author" else self.robot
            entry.updated += 1000

    def say(self, ticket: int, answer: Answer) -> None:
        """Writes the comment into Zendesk's own books."""
        actors: dict[Speaker, int] = {"agent": self.agent, "customer": self.customer, "ours": self.seeded.bot}
        said = {"comment": {"body": answer.text, "public": answer.public or answer.speaker == "customer"}}
        self.sandbox.zendesk._change(ticket, actors[answer.speaker], said)

    def carry_to_ticket(self, ticket: int, key: str, policy: CommentPolicy) -> None:
        """Reads, plans, writes and reads back, as a cycle does."""
        zendesk, jira, store = self.app.zendesk, self.app.jira, self.app.store
        (snapshot,), (issue,) = zendesk.read([ticket]), jira.read([key])
        link = self._link(ticket, issue.id, key)
        page = jira.talk.comments(issue.id, link.created_at)
        speakers = (
            jira.talk.speakers(issue.project_key, RAISING) if asks_for_customer(page, {}, policy) else frozenset()
        )
        actions = plan_to_ticket(
            link, snapshot, issue, page, {}, policy, browse_url="https://j.example", speakers=speakers
        )
        writer = NoteWriter(
            store, zendesk, jira, zendesk.talk, jira.talk, Raiser(store, jira.talk, lambda: {"r": policy})
        )
        for action in actions:
            assert isinstance(action, CommentToTicket)
            self.sandbox.clock.advance(6)
            outcome = writer.write(action, marker_of(action), self.clock.now(), lambda: None)
            assert isinstance(outcome, Done), outcome
            assert outcome.incident is None

    def carry_to_bug(self, ticket: int, key: str, policy: CommentPolicy) -> None:
        """As carry_to_ticket, the other way."""
        zendesk, jira = self.app.zendesk, self.app.jira
        (snapshot,), (issue,) = zendesk.read([ticket]), jira.read([key])
        link = self._link(ticket, issue.id, key)
        page = zendesk.talk.comments(ticket, link.created_at)
        writer = BugCommenter(self.app.store, jira, zendesk.talk, jira.talk)
        for action in plan_to_bug(link, snapshot, issue, page, {}, policy, ticket_url="https://z.example"):
            assert isinstance(action, CommentToBug)
            self.sandbox.clock.advance(6)
            outcome = writer.write(replace(action), marker_of(action), self.clock.now(), lambda: None)
            assert isinstance(outcome, Done), outcome
            assert outcome.incident is None

    def _link(self, ticket: int, issue_id: str, key: str) -> Link:
        return Link(1, ticket, issue_id, key, "r", Origin.MANUAL, self.clock.now() - timedelta(hours=1))

    def read_by(self, ticket: int) -> dict[int, bool]:
        """What syncd wrote on the ticket: the number of the comment, and whether the customer reads it."""
        comments = [c for c in self.sandbox.zendesk.store.ticket(ticket).comments if c.author_id == self.seeded.bot]
        return {int(found[1]): c.public for c in comments if (found := re.search(r"word(\d+)x", c.body))}


def chunks(rows: Sequence[Any]) -> Iterator[Sequence[Any]]:
    for start in range(0, len(rows), PER_SUBJECT):
        yield rows[start : start + PER_SUBJECT]


HALF: dict[Deployment, int] = {"cloud": 0, "data_center": 1}


def test_of_half_of_ten_thousand_comments_none_rises(tmp_path: Path, deployment: Deployment) -> None:
    lab = Matrix(tmp_path, deployment)
    every = list(remarks())
    cases = list(itertools.product(POLICIES, ("NOVA", "DESK")))
    seen = said = 0
    for place, (policy, project) in enumerate(cases):
        # One half of the combinations of each case on each deployment, the other half on the other.
        mine = [remark for remark in every if (remark.number + place + HALF[deployment]) % 2 == 0]
        for part in chunks(mine):
            ticket, key = lab.ticket(), lab.bug(project=project)
            for remark in part:
                lab.put(key, remark)
            lab.carry_to_ticket(ticket, key, POLICIES[policy])
            copies = lab.read_by(ticket)
            wanted = {remark.number for remark in part if remark.is_for_the_customer(policy)}
            assert {number for number, public in copies.items() if public} == wanted
            seen += len(part)
            said += len(copies)
    rest = list(answers(TOTAL // 2 - seen))
    modes = itertools.cycle(itertools.product(MODES, ("NOVA", "DESK")))
    carried = 0
    for part, (mode, project) in zip(chunks(rest), modes, strict=False):
        ticket, key = lab.ticket(), lab.bug(project=project)
        for answer in part:
            lab.say(ticket, answer)
        lab.carry_to_bug(ticket, key, MODES[mode])
        mine_there = [c for c in lab.issue(key)["comments"] if c["author"] == lab.seeded.jira_bot]
        for comment in mine_there:
            assert comment["properties"]["sd.public.comment"] == {"internal": True}
            assert comment["jsdPublic"] is (project == "NOVA")  # on a plain project it says nothing
        carried += len(mine_there)
        seen += len(part)
    assert seen == TOTAL // 2
    assert said > 1000
    assert carried > 300


@pytest.mark.parametrize("policy", list(POLICIES))
def test_the_rule_lets_some_through_and_only_under_an_opt_in(policy: str) -> None:
    through = [remark for remark in remarks() if remark.is_for_the_customer(policy)]
    assert len(through) == (4 if policy.startswith("raising") else 0)
