"""The sentences syncd leaves on tickets (plain text) and on bugs (Jira wiki markup)."""

from __future__ import annotations

from collections.abc import Sequence

from syncd.core.mapping import DECLINED, Stage
from syncd.core.model import IssueSnapshot, TicketSnapshot
from syncd.core.wiki import escape
from syncd.core.world import LinkView, World

SIGNATURE = "(written by syncd)"


def _one_line(text: str, limit: int = 120) -> str:
    flat = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return flat if len(flat) <= limit else flat[: limit - 1] + "…"


def bug_status(issue: IssueSnapshot) -> str:
    """`Done (Fixed)`, as people see it in Jira."""
    if issue.resolution_name:
        return f"{_one_line(issue.status_name)} ({_one_line(issue.resolution_name)})"
    return _one_line(issue.status_name)


def versions(issue: IssueSnapshot) -> str:
    """The fix versions, comma separated; empty when there are none."""
    return ", ".join(_one_line(version.name) for version in issue.fix_versions)


def _news(issue: IssueSnapshot) -> str:
    where = f" in {versions(issue)}" if versions(issue) else ""
    return f"{issue.key} is now {bug_status(issue)}{where}."


def bug_moved(world: World, view: LinkView, *, next_step: str, beside: Sequence[LinkView] = ()) -> str:
    """The note for a ticket whose bug entered another stage; the ticket's other bugs (`beside`) are told with it."""
    issues = list(dict.fromkeys([view.issue.key, *(other.issue.key for other in beside)]))
    news = " ".join([_news(view.issue), *(_news(other.issue) for other in beside if other.issue.key in issues[1:])])
    links = "\n".join([*map(world.issue_link, issues), *_last_word(world, view)])
    made = [_made(world, each) for each in (view, *beside) if each.link.id in world.created]
    told = " ".join(dict.fromkeys(made))
    return f"{told} {news} {next_step}\n{links}\n{SIGNATURE}".lstrip()


def _last_word(world: World, view: LinkView) -> list[str]:
    """The address of the last comment that somebody left on a declined bug: mostly it says why."""
    said = next((mark for mark in view.issue.marks if mark.name == "comment" and mark.actor.kind.is_person), None)
    if view.stage.name != DECLINED or said is None:
        return []
    return [f"{world.issue_link(view.issue.key)}?focusedCommentId={said.id.removeprefix('c')}"]


def _made(world: World, view: LinkView) -> str:
    return f"syncd made {view.issue.key} for this ticket. {world.created[view.link.id]}".strip()


def next_step(stage: Stage, *, linked_now: bool) -> str:
    """What the agent is asked to do when a bug is in this stage."""
    if stage.name == "fixed":
        return "Please verify the fix, answer the customer and solve the ticket."
    if stage.name == "declined":
        return "It will not be changed for the reason given there; please tell the customer."
    if stage.name == "confirmed" and linked_now:
        return "Known and fixed already; please verify and answer the customer."
    if stage.done:
        return "Engineering is done with it; please look at the outcome and answer the customer."
    return "Engineering has it; nothing to do until it moves on."


def solved_without_fix(world: World, view: LinkView, *, came_back: bool) -> str:
    """The note on a solved ticket whose bug moved: nothing is reopened."""
    if came_back:
        step = "The bug came back: reopen the ticket if the customer is affected."
    elif view.stage.done:
        step = "Tell the customer, if they wait to hear of it."
    else:
        step = "Nothing to do."
    left = f"This ticket is {view.ticket.state.category} and was left so."
    return f"{_news(view.issue)} {left} {step}\n{world.issue_link(view.issue.key)}\n{SIGNATURE}"


def ticket_said(world: World, ticket: TicketSnapshot, what: str) -> str:
    """A comment on a bug that names the ticket and what happened there (`what` is plain text)."""
    link = f"[Zendesk #{ticket.id}|{world.ticket_url}/agent/tickets/{ticket.id}]"
    return f"{link} {escape(what)}\n{escape(SIGNATURE)}"


def succeeded(ticket_url: str, ticket_id: int, what: str, key: str) -> str:
    """The comment on a bug that was taken for fixed, when a new one was made in its place."""
    link = f"[Zendesk #{ticket_id}|{ticket_url}/agent/tickets/{ticket_id}]"
    said = f"{what}: the fix of this bug did not help there. {key} was made in its place."
    return f"{link} {escape(said)}\n{escape(SIGNATURE)}"


def conflict_note(world: World, key: str, message: str) -> str:
    """The note for a conflict that a person must settle."""
    return f"{message}\n{world.issue_link(key)}\n{SIGNATURE}"


def released(world: World, keys: Sequence[str], version: str, *, handed_back: bool, solved: bool) -> str:
    """The note on a ticket whose fix was released."""
    which = ", ".join(keys)
    news = f"Version {_one_line(version)} is released: it holds the fix of {which}."
    step = "Tell the customer, if they wait to hear of it." if solved else "Please verify it and answer the customer."
    back = " This ticket was handed back to its group." if handed_back else ""
    links = "\n".join(world.issue_link(key) for key in keys)
    return f"{news} {step}{back}\n{links}\n{SIGNATURE}"


def came_back(issue: IssueSnapshot, ticket_id: int) -> str:
    """What a support lead is told of a bug that came back after its ticket was closed."""
    return f"The bug came back: {issue.key} is {bug_status(issue)}, but ticket #{ticket_id} is closed."
