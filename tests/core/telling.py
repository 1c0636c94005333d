"""Stories told line by line: what there is, what people do, `sync`, and what must be true then.

ticket 1 open                            a ticket; more words are tags
bug ENG-1 Done (Fixed)                   a bug; without parentheses it has no resolution
link 1 ENG-1                             made by hand just now; or: link 1 ENG-1 adopted
agent sets 1 solved                      agent, customer, rule (Zendesk); developer, robot (Jira)
customer answers 1                       a public comment; Zendesk opens a pending, held or solved ticket
sync                                     cycles until nothing is planned any more
1 is hold · ENG-1 is To Do · notes 1 = 1 · conflict 1 ENG-1 bounced · …
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Final

from syncd.config.ideal import SELF, Ideal
from syncd.core.actions import Plan
from syncd.core.mapping import StageMapping
from syncd.core.model import (
    Actor,
    ActorKind,
    IssueSnapshot,
    Link,
    LinkState,
    Origin,
    TicketState,
    Version,
)
from syncd.core.world import RouteView
from tests.core.given import (
    CUSTOM,
    INFOS,
    LINK_FIELD,
    NAMES_OF_RESOLUTIONS,
    SHOWN,
    issue_of,
    pair,
    resolution_id,
    route_for,
    status_id,
    ticket_of,
)

AGENT: Final = Actor(ActorKind.AGENT, "7", "Ann Agent")
CUSTOMER: Final = Actor(ActorKind.CUSTOMER, "8", "Carl Customer")
RULE: Final = Actor(ActorKind.RULE, "9", "Close after four days")
DEVELOPER: Final = Actor(ActorKind.AGENT, "d", "Dev Eloper")
ROBOT: Final = Actor(ActorKind.ROBOT, "r", "Release robot")
ACTORS: Final = {
    "agent": AGENT,
    "customer": CUSTOMER,
    "rule": RULE,
    "developer": DEVELOPER,
    "robot": ROBOT,
    "self": SELF,
}


class Telling:
    """Carries a story out, a line at a time."""

    def __init__(self, mapping: StageMapping, *others: RouteView, custom: bool = False) -> None:
        views = [route_for(mapping), *others]
        customs = CUSTOM if custom else ()
        self.ideal = Ideal(
            routes={view.name: view for view in views},
            statuses=INFOS,
            resolutions=NAMES_OF_RESOLUTIONS,
            defaults={status.category: status.id for status in customs if status.default},
        )
        self.custom = {status.name.casefold(): status for status in customs}
        self.plans: list[Plan] = []
        self.written = 0

    def tell(self, text: str) -> None:
        """Every line of the story; raises AssertionError naming the line that is not so."""
        for line in filter(None, (raw.split("#")[0].strip() for raw in text.splitlines())):
            for pattern, do in LINES:
                match = re.fullmatch(pattern, line)
                if match is not None:
                    try:
                        do(self, *match.groups())
                    except AssertionError as error:
                        raise AssertionError(f"{line!r}: {error}\n{self.history()}") from error
                    break
            else:
                raise AssertionError(f"no such line: {line!r}")

    def history(self) -> str:
        """What the plans did, for a failed story."""
        return "\n".join(
            f"plan {number}: "
            + "; ".join([_shown(a) for a in plan.actions] + [f"waits: {why}" for _, why in plan.waiting])
            for number, plan in enumerate(self.plans, 1)
        )

    def link_between(self, ticket: str, key: str) -> Link:
        """The newest link of a ticket and a bug."""
        found = [k for k in self.ideal.links.values() if k.ticket_id == int(ticket) and k.issue_key == key]
        assert found, f"no link between {ticket} and {key}"
        return found[-1]

    def issue(self, key: str) -> IssueSnapshot:
        return next(issue for issue in self.ideal.issues.values() if issue.key == key)

    def state(self, text: str) -> TicketState:
        """A category, or the name of a custom status."""
        found = self.custom.get(text.casefold())
        return TicketState(found.category, found.id) if found else TicketState(text, self.ideal.defaults.get(text))


def _shown(action: object) -> str:
    name = type(action).__name__
    for attribute in ("reason", "stage", "conflict"):
        value = getattr(action, attribute, None)
        if value:
            return f"{name}({getattr(value, 'message', value)})"
    return name


# ---- what there is ---------------------------------------------------------------------------------------------


GIVEN: Final = {
    "hold": "ticket 1 new\nbug ENG-1 To Do\nlink 1 ENG-1\nsync\n1 is hold",
    "fixed": "given hold\ndeveloper moves ENG-1 to Done (Fixed)\nsync\n1 is open",
    "closed": "given fixed\nagent sets 1 solved\nsync\nENG-1 is Closed (Fixed)",
}
"""How most stories begin: a ticket on hold for its bug, handed back, or solved."""


def stories_in(folder: Path) -> dict[str, str]:
    """The stories of all files of a folder, by their headings (`== …`)."""
    found: dict[str, str] = {}
    for file in sorted(folder.glob("*.txt")):
        for story in re.split(r"^== ", file.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]:
            name, _, text = story.partition("\n")
            assert name not in found, name
            found[name] = text
    return found


def _ticket(tale: Telling, number: str, status: str, tags: str | None) -> None:
    state = tale.state(status)
    words = tuple((tags or "").split())
    tale.ideal.add_ticket(ticket_of(int(number), state.category, custom_id=state.custom_id, tags=words))


def _follow_up(tale: Telling, number: str, source: str, status: str) -> None:
    before = tale.ideal.tickets[int(source)]  # Zendesk copies tags and fields of the closed ticket
    new = ticket_of(int(number), status, tags=before.tags, fields=before.fields, followup_of=before.id)
    tale.ideal.tick()
    tale.ideal.add_ticket(new)
    tale.ideal.say(int(number), CUSTOMER)


def _bug(tale: Telling, key: str, what: str) -> None:
    status, resolution = pair(what)
    tale.ideal.add_issue(issue_of(key, status, resolution))


def _link(tale: Telling, number: str, key: str, origin: str | None) -> None:
    issue = tale.issue(key)
    route = next(r.name for r in tale.ideal.routes.values() if r.project_key == issue.project_key)
    tale.ideal.add_link(int(number), issue.id, route, Origin(origin or "manual"))


# ---- what happens ----------------------------------------------------------------------------------------------


def _sets(tale: Telling, who: str, number: str, status: str) -> None:
    tale.ideal.move_ticket(int(number), tale.state(status), ACTORS[who])


def _answers(tale: Telling, who: str, number: str, status: str | None) -> None:
    before = tale.ideal.tickets[int(number)].state
    state = tale.state(status) if status else None
    if who == "customer" and state is None and before.category in ("pending", "hold", "solved"):
        state = TicketState("open")
    tale.ideal.say(int(number), ACTORS[who], state=state)


def _tags(tale: Telling, number: str, tag: str) -> None:
    tale.ideal.tag(int(number), tag, AGENT)


def _untags(tale: Telling, number: str, tag: str) -> None:
    tale.ideal.tag(int(number), tag, AGENT, remove=True)


def _fills(tale: Telling, number: str, text: str) -> None:
    tale.ideal.set_field(int(number), LINK_FIELD, text, AGENT)


def _clears(tale: Telling, number: str) -> None:
    tale.ideal.set_field(int(number), LINK_FIELD, "", AGENT)


def _moves(tale: Telling, who: str, key: str, what: str) -> None:
    status, resolution = pair(what)
    tale.ideal.move_issue(tale.issue(key).id, status_id(status), resolution_id(resolution), ACTORS[who])


def _version(tale: Telling, key: str, name: str) -> None:
    tale.ideal.edit_issue(tale.issue(key).id, fix_versions=(Version("1", name),))


def _duplicates(tale: Telling, key: str, original: str) -> None:
    tale.ideal.edit_issue(tale.issue(key).id, duplicates=(tale.issue(original).id,))


def _rekeyed(tale: Telling, key: str, new: str) -> None:
    issue = tale.issue(key)
    tale.ideal.unlinked_keys[key] = issue.id  # Jira goes on answering to the old key
    prefix = new.split("-", maxsplit=1)[0]
    tale.ideal.edit_issue(issue.id, key=new, project_key=prefix, project_id=f"id of {prefix}")


def _retyped(tale: Telling, key: str, name: str) -> None:
    tale.ideal.edit_issue(tale.issue(key).id, issue_type=name, issue_type_id="77")


def _hides(tale: Telling, key: str) -> None:
    tale.ideal.edit_issue(tale.issue(key).id, visible=False)


def _deleted(tale: Telling, number: str) -> None:
    tale.ideal.move_ticket(int(number), TicketState("deleted"), AGENT)


def _merged(tale: Telling, number: str, target: str) -> None:
    ticket = tale.ideal.tickets[int(number)]
    tale.ideal.edit_ticket(
        int(number),
        AGENT,
        (),
        state=TicketState("closed"),
        tags=tuple(sorted({*ticket.tags, "closed_by_merge"})),
        merged_into=int(target),
    )


def _trigger(tale: Telling, written: str, undone: str) -> None:
    tale.ideal.trigger = lambda state: TicketState(undone) if state.category == written else None


def _automation(tale: Telling, written: str, undone: str) -> None:
    status, resolution = pair(undone)
    tale.ideal.automation = lambda to: (
        (status_id(status), resolution_id(resolution)) if to == status_id(written) else None
    )


def _busy(tale: Telling, subject: str) -> None:
    numbered = subject.isdigit()
    named = f"ticket:{subject}" if numbered else f"issue:{tale.issue(subject).id}"
    tale.ideal.busy = tale.ideal.busy | {named}


def _settled(tale: Telling) -> None:
    tale.ideal.busy = frozenset()


def _sync(tale: Telling) -> None:
    tale.written = 0
    for plan, written in tale.ideal.run():
        tale.plans.append(plan)
        tale.written += len(written)
        _is_sane(plan)
    assert not tale.plans[-1].actions, f"it does not come to rest: {tale.plans[-1].actions}"
    assert not tale.ideal.again, f"planned again what was done: {tale.ideal.again}"


def _plans(tale: Telling) -> None:
    tale.ideal.tick()
    tale.plans.append(tale.ideal.plan())
    tale.ideal.enqueue(tale.plans[-1])


def _drains(tale: Telling) -> None:
    tale.written = len(tale.ideal.drain())


def _is_sane(plan: Plan) -> None:
    """At most one status write a ticket and one walk a bug, whatever the story is."""
    moves = [a.subject for a in plan.remote if a.kind == "move_bug"]
    statuses = [a.subject for a in plan.remote if a.kind == "update_ticket" and getattr(a, "status", None)]
    assert len(moves) == len(set(moves)), f"two walks of one bug: {moves}"
    assert len(statuses) == len(set(statuses)), f"two statuses for one ticket: {statuses}"


def _off(tale: Telling, days: str) -> None:
    tale.ideal.ticks += int(timedelta(days=int(days)) / timedelta(minutes=1))


# ---- what must be true -----------------------------------------------------------------------------------------


def _ticket_is(tale: Telling, number: str, status: str) -> None:
    state, wanted = tale.ideal.tickets[int(number)].state, tale.state(status)
    assert state == wanted, f"it is {state}"


def _bug_is(tale: Telling, key: str, what: str) -> None:
    issue = tale.issue(key)
    assert (issue.status_name, issue.resolution_name) == pair(what), (
        f"it is {issue.status_name} ({issue.resolution_name})"
    )


def _notes(tale: Telling, number: str, count: str) -> None:
    notes = tale.ideal.notes.get(int(number), ())
    assert len(notes) == int(count), "\n".join(notes)


def _note_says(tale: Telling, number: str, text: str) -> None:
    notes = tale.ideal.notes.get(int(number), ())
    assert notes, "there is no note"
    assert text in notes[-1], notes[-1]


def _no_note_says(tale: Telling, number: str, text: str) -> None:
    notes = tale.ideal.notes.get(int(number), ())
    assert not any(text.casefold() in note.casefold() for note in notes), notes


def _comments(tale: Telling, key: str, count: str) -> None:
    comments = tale.ideal.comments.get(tale.issue(key).id, ())
    assert len(comments) == int(count), "\n".join(comments)


def _comment_says(tale: Telling, key: str, text: str) -> None:
    comments = tale.ideal.comments.get(tale.issue(key).id, ())
    assert comments, "there is no comment"
    assert text in comments[-1], comments[-1]


def _shows(tale: Telling, number: str, what: str, text: str | None) -> None:
    value = tale.ideal.tickets[int(number)].fields.get(SHOWN[what])
    assert (value or "") == (text or ""), f"it shows {value!r}"


def _conflict(tale: Telling, number: str, key: str, code: str) -> None:
    link = tale.link_between(number, key)
    assert link.conflict is not None, f"the link is {link.state}"
    assert (link.state, link.conflict.code) == (LinkState.CONFLICT, code), link.conflict


def _conflict_says(tale: Telling, number: str, key: str, text: str) -> None:
    conflict = tale.link_between(number, key).conflict
    assert conflict is not None, "there is no conflict"
    assert text in conflict.message, conflict.message


def _no_conflict(tale: Telling) -> None:
    found = [link.conflict.message for link in tale.ideal.links.values() if link.conflict and link.state != "retired"]
    assert not found, found


def _live(tale: Telling, number: str, key: str) -> None:
    link = tale.link_between(number, key)
    assert link.state is LinkState.LIVE, f"it is {link.state}: {tale.ideal.why_retired.get(link.id, link.conflict)}"


def _retired(tale: Telling, number: str, key: str) -> None:
    link = tale.link_between(number, key)
    assert link.state is LinkState.RETIRED, f"it is {link.state}"


def _not_linked(tale: Telling, number: str) -> None:
    found = [k for k in tale.ideal.links.values() if k.ticket_id == int(number) and k.state is not LinkState.RETIRED]
    assert not found, found


def _stage(tale: Telling, number: str, key: str, stage: str) -> None:
    base = tale.link_between(number, key).base
    assert base is not None, "there is no base"
    assert base.stage == stage, f"it is {base.stage}"


def _writes(tale: Telling, count: str) -> None:
    assert tale.written == int(count), f"there were {tale.written}"


def _tagged(tale: Telling, number: str, tags: str | None) -> None:
    assert tale.ideal.tickets[int(number)].tags == tuple((tags or "").split())


def _waits(tale: Telling, number: str, key: str, text: str) -> None:
    reasons: Mapping[int, str] = dict(tale.plans[-1].waiting)
    why = reasons.get(tale.link_between(number, key).id, "it does not wait")
    assert text in why, why


def _warns(tale: Telling, text: str) -> None:
    warnings = [warning for plan in tale.plans for warning in plan.warnings]
    assert any(text in warning for warning in warnings), warnings


def _planned(tale: Telling, count: str) -> None:
    actions = tale.plans[-1].remote
    assert len(actions) == int(count), actions


LINES: Final[tuple[tuple[str, Callable[..., None]], ...]] = (
    (r"given (hold|fixed|closed)", lambda tale, name: tale.tell(GIVEN[name])),
    (r"ticket (\d+) follows up (\d+) (\w+)", _follow_up),
    (r"ticket (\d+) (On-hold|Escalated|Fix ready|With engineering|\w+)((?: [\w-]+)*)", _ticket),
    (r"bug ([A-Z]+-\d+) (.+)", _bug),
    (r"link (\d+) ([A-Z]+-\d+)(?: (adopted|created|field|tag))?", _link),
    (r"(agent|customer|rule|self) sets (\d+) (.+)", _sets),
    (r"(agent|customer|robot) answers (\d+)(?: (\w+))?", _answers),
    (r"agent tags (\d+) (\S+)", _tags),
    (r"agent untags (\d+) (\S+)", _untags),
    (r"agent writes (.+) into the link field of (\d+)", lambda tale, text, number: _fills(tale, number, text)),
    (r"agent clears the link field of (\d+)", _clears),
    (r"agent merges (\d+) into (\d+)", _merged),
    (r"agent deletes (\d+)", _deleted),
    (r"(developer|robot|self) moves ([A-Z]+-\d+) to (.+)", _moves),
    (r"([A-Z]+-\d+) gets version (.+)", _version),
    (r"([A-Z]+-\d+) duplicates ([A-Z]+-\d+)", _duplicates),
    (r"([A-Z]+-\d+) becomes ([A-Z]+-\d+)", _rekeyed),
    (r"([A-Z]+-\d+) turns into a (.+)", _retyped),
    (r"([A-Z]+-\d+) disappears", _hides),
    (r"a trigger turns (\w+) into (\w+)", _trigger),
    (r"an automation turns (.+) into (.+)", _automation),
    (r"a write to (\S+) is not settled", _busy),
    (r"every write is settled", _settled),
    (r"(\d+) days go by", _off),
    (r"sync", _sync),
    (r"plan", _plans),
    (r"drain", _drains),
    (r"(\d+) is (.+)", _ticket_is),
    (r"([A-Z]+-\d+) is (.+)", _bug_is),
    (r"notes (\d+) = (\d+)", _notes),
    (r"note on (\d+) says (.+)", _note_says),
    (r"no note on (\d+) says (.+)", _no_note_says),
    (r"comments ([A-Z]+-\d+) = (\d+)", _comments),
    (r"comment on ([A-Z]+-\d+) says (.+)", _comment_says),
    (r"(\d+) shows (\w+)(?: (.+))?", _shows),
    (r"conflict (\d+) ([A-Z]+-\d+) (\w+)", _conflict),
    (r"conflict of (\d+) ([A-Z]+-\d+) says (.+)", _conflict_says),
    (r"no conflict", _no_conflict),
    (r"live (\d+) ([A-Z]+-\d+)", _live),
    (r"retired (\d+) ([A-Z]+-\d+)", _retired),
    (r"(\d+) has no link", _not_linked),
    (r"stage (\d+) ([A-Z]+-\d+) = (\w+)", _stage),
    (r"writes = (\d+)", _writes),
    (r"planned writes = (\d+)", _planned),
    (r"tags (\d+) =((?: \S+)*)", _tagged),
    (r"(\d+) and ([A-Z]+-\d+) wait: (.+)", _waits),
    (r"warning: (.+)", _warns),
)
