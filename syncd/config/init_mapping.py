"""Writes a first mapping for a project from the statuses it has, each line commented."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

from syncd.config import wellknown
from syncd.config.mapping_file import NO_RESOLUTION
from syncd.config.names import normalise
from syncd.config.problems import listed, one_line
from syncd.config.yamltext import flow_list, scalar
from syncd.core.model import DeskCatalog, ProjectCatalog, StatusInfo

_WAITING: Final = "{new: hold, open: hold}"
_BACK: Final = "{new: open, pending: open, hold: open}"
_UNSOLVED: Final = "[new, open, pending, hold]"
_COLUMN: Final = 49  # where comments begin


@dataclass(frozen=True, slots=True)
class _Workflow:
    """The project's statuses, sorted into stages; names, each once."""

    queued: list[str]
    in_progress: list[str]
    declined: list[str]  # statuses that say no by their name
    fixed: list[str]
    accepted: list[str]  # what comes after fixed; empty where the workflow has no such status
    good: list[str]  # resolutions
    bad: list[str]
    unknown: list[str]
    back_to: str  # where a bug that is sent back goes; empty when there is no such status

    @property
    def back_stage(self) -> str:
        """The stage that a bug is sent back to; empty when there is none."""
        return "queued" if self.queued else "in_progress" if self.in_progress else ""

    @property
    def declines_by_resolution(self) -> bool:
        return bool(self.bad) and bool(self.fixed)

    @property
    def splits_by_resolution(self) -> bool:
        """The resolution decides what a finished bug means, so that each must be named."""
        return bool(self.fixed) and bool(self.bad or self.unknown)


def init_mapping(project: ProjectCatalog, desk: DeskCatalog) -> str:
    """The text of mappings/<name>.yaml for this project; it loads and compiles for it without errors.

    Statuses go to stages by category, and by well-known names among those that are done. A workflow with a Closed
    beside Done gets the stage `confirmed`; without one, a solved ticket and a finished bug simply agree. Raises
    ValueError for a project without statuses.
    """
    flow = _sorted(project)
    if not (flow.back_to or flow.fixed or flow.declined):
        raise ValueError(f"project {project.key} has no statuses: is its key right, and may syncd see it?")
    hold = not desk.custom_statuses or any(s.category == "hold" and s.active for s in desk.custom_statuses)
    page = _Page([])
    _head(page, project, desk, hold=hold)
    page.put("stages:", "in order of progress")
    _unfinished(page, flow, hold=hold)
    _finished(page, flow)
    _moves(page, flow)
    _policies(page, flow)
    return "\n".join(page.lines) + "\n"


@dataclass(frozen=True, slots=True)
class _Page:
    lines: list[str]

    def put(self, text: str = "", comment: str = "") -> None:
        self.lines.append(f"{text:<{_COLUMN - 2}}  # {comment}" if comment and text else text)

    def say(self, comment: str, indent: str = "") -> None:
        self.lines.append(f"{indent}# {comment}".rstrip())


def _sorted(project: ProjectCatalog) -> _Workflow:
    statuses = project.all_statuses()

    def names(test: Callable[[StatusInfo], bool]) -> list[str]:
        return _once(status.name for status in statuses if test(status))

    done = names(lambda s: s.category == "done")
    reopened = names(lambda s: s.category != "done" and normalise(s.name) in wellknown.REOPENED)
    taken = {normalise(name) for name in (*done, *reopened)}
    queued = [n for n in names(lambda s: s.category == "new" or s.name in reopened) if normalise(n) not in _fold(done)]
    in_progress = [
        n for n in names(lambda s: s.category not in ("new", "done")) if normalise(n) not in taken | _fold(queued)
    ]
    declined = [name for name in done if normalise(name) in wellknown.DECLINED_STATUS]
    accepted = [name for name in done if normalise(name) in wellknown.ACCEPTED]
    fixed = [name for name in done if name not in declined and name not in accepted]
    if not fixed:
        fixed, accepted = accepted, []
    resolutions = _once(name for _, name in project.resolutions if normalise(name) != NO_RESOLUTION)
    good = [name for name in resolutions if normalise(name) in wellknown.FIXED_RESOLUTION]
    bad = [name for name in resolutions if normalise(name) in wellknown.DECLINED_RESOLUTION]
    return _Workflow(
        queued=queued,
        in_progress=in_progress,
        declined=declined,
        fixed=fixed,
        accepted=accepted,
        good=good,
        bad=bad,
        unknown=[name for name in resolutions if name not in good and name not in bad],
        back_to=_back_to(queued or in_progress),
    )


def _back_to(candidates: list[str]) -> str:
    """Reopened where there is one (often the only way out of Closed), else the usual beginning, else the first."""
    for known in (wellknown.REOPENED, wellknown.BACKLOG):
        for name in candidates:
            if normalise(name) in known:
                return name
    return candidates[0] if candidates else ""


def _head(page: _Page, project: ProjectCatalog, desk: DeskCatalog, *, hold: bool) -> None:
    page.say(f"A mapping for the project {one_line(project.key)}, written by syncd init from the statuses it had.")
    page.say("Read it once with somebody from support and somebody from development, then run: syncd check")
    page.say("")
    page.say("The bug's status and resolution say which stage it is in. When it enters a stage, set_ticket says what")
    page.say("becomes of the ticket; when a person moves the ticket, when_ticket_moves says what that asks of the bug.")
    page.say("Ticket statuses are new, open, pending, hold and solved, each with all its custom statuses.")
    customs = [f"{one_line(s.name)} ({s.category})" for s in desk.custom_statuses if s.active and not s.default]
    if customs:
        page.say(f"A custom status may be named instead: {listed(customs, 'and')}.")
    if not hold:
        page.say(f"The account has no active on-hold status. With one, write set_ticket: {_WAITING} below.")
    page.put()


def _unfinished(page: _Page, flow: _Workflow, *, hold: bool) -> None:
    stages = (
        ("queued", flow.queued, "nobody works on the bug yet"),
        ("in_progress", flow.in_progress, "somebody does"),
    )
    for name, statuses, comment in stages:
        if not statuses:
            continue
        page.put()
        page.put(f"  {name}:", comment)
        page.put(f"    bug_is: {flow_list(statuses)}", "its statuses in Jira")
        if name == flow.back_stage:
            page.put(f"    move_bug_to: {scalar(flow.back_to)}", "where syncd walks a bug that a ticket sends back")
        if hold:
            page.put(f"    set_ticket: {_WAITING}", "on entering: the ticket waits; never while a customer does")
            page.put(f"    ticket_may_be: {_UNSOLVED}", "what people may make of the ticket meanwhile")
        else:
            page.put("    ticket_may_be: [new, open, pending]", "what people may make of the ticket meanwhile")


def _finished(page: _Page, flow: _Workflow) -> None:
    if flow.declined or flow.declines_by_resolution:
        page.put()
        page.put("  declined:", 'finished without a fix: no customer is told "fixed"')
        page.put("    bug_is:")
        for name in flow.declined:
            page.put(f"      - {scalar(name)}")
        if flow.declines_by_resolution:
            page.put(f"      - status: {flow_list([*flow.fixed, *flow.accepted])}")
            page.put(f"        resolution: {flow_list(flow.bad)}", "the resolution decides")
        page.put(f"    set_ticket: {_BACK}", "back to the agent, with the reason")
        page.put("    ticket_may_be: any")
    if flow.splits_by_resolution and flow.unknown:
        page.put()
        page.say(
            "A bug with one of these resolutions is a conflict until you add it to a stage, since guessing could", "  "
        )
        page.say(f'tell a customer "fixed": {listed(map(one_line, flow.unknown), "and")}.', "  ")
    if flow.fixed:
        page.put()
        page.put("  fixed:", "development is done; the agent verifies it and answers")
        _good(page, flow, flow.fixed)
        page.put(f"    set_ticket: {_BACK}", "back to the agent, with the version")
        if flow.accepted:
            page.put(f"    ticket_may_be: {_UNSOLVED}", "solving says that the fix is good, see below")
        else:
            page.put("    ticket_may_be: any", "solved too: then ticket and bug agree")
    if flow.accepted:
        page.put()
        page.put("  confirmed:", "support has accepted the fix")
        _good(page, flow, flow.accepted)
        page.put("    move_bug_to:", "where syncd walks the bug when its tickets are solved")
        page.put(f"      status: {scalar(flow.accepted[0])}")
        if flow.good:
            page.put(f"      resolution: {scalar(flow.good[0])}", "filled in where Jira asks for one and there is none")
        page.put(f"    set_ticket: {_BACK}", "linked to a bug that was fixed before")
        page.put("    ticket_may_be: any")


def _good(page: _Page, flow: _Workflow, statuses: list[str]) -> None:
    if flow.splits_by_resolution:
        page.put("    bug_is:")
        page.put(f"      - status: {flow_list(statuses)}")
        page.put(f"        resolution: {flow_list([*flow.good, NO_RESOLUTION])}", "none = the resolution is empty")
    else:
        page.put(f"    bug_is: {flow_list(statuses)}", "its statuses in Jira")


def _moves(page: _Page, flow: _Workflow) -> None:
    page.put()
    page.put("when_ticket_moves:", "stage of the bug: {what a person did: what it asks of the bug}")
    count = len(page.lines)
    for stage, statuses in (("queued", flow.queued), ("in_progress", flow.in_progress)):
        if statuses:
            page.put(f"  {stage}:")
            page.put("    solved: note", "solved without the fix: say so on the bug")
    back = flow.back_stage
    if back and (flow.declined or flow.declines_by_resolution):
        page.put("  declined:")
        page.put(f"    tag:bug_not_fixed: {back}", "the agent does not accept it: back to the queue")
    if flow.accepted:
        page.put("  fixed:")
        page.put("    solved: confirmed", "verified and answered: the bug is closed")
        if back:
            page.put(f"    tag:bug_not_fixed: {back}", "back to the queue; syncd takes the tag off")
    if back and flow.fixed:
        page.put(f"  {'confirmed' if flow.accepted else 'fixed'}:")
        if not flow.accepted:
            page.say(
                "Also when the ticket had been solved before the fix and is opened to tell the customer: use", "    "
            )
            page.say("another status than open for that, or remove this line and send bugs back by the tag.", "    ")
        page.put(f"    solved→open by agent: {back}", "it came back (-> may be written for →)")
        page.put("    solved→open by customer: note", '"thanks!" opens a ticket too: the agent decides')
        page.put(f"    tag:bug_not_fixed: {back}", "the fix does not help; syncd takes the tag off")
    if len(page.lines) == count:
        page.lines[-1] = "when_ticket_moves: {}"


def _policies(page: _Page, flow: _Workflow) -> None:
    page.put()
    page.put("customer_reopens_bug: false", "true: a customer's reply to a solved ticket counts too")
    if flow.accepted:
        page.put("many_tickets: {confirmed: all}", "a bug is closed when all its tickets are solved")
    page.put("on_conflict: bug_wins", "or ticket_wins, or flag: when both sides moved at once")
    page.put("unmapped: category", "a status added later: by category; done = conflict")


def _once(names: Iterable[str]) -> list[str]:
    """Each name once, as names compare, in the order of first appearance."""
    found: dict[str, str] = {}
    for name in names:
        found.setdefault(normalise(name), name)
    return list(found.values())


def _fold(names: Iterable[str]) -> set[str]:
    return {normalise(name) for name in names}
