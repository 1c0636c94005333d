"""What must hold when all is at rest, told by the servers' state and journal.

The store is asked for what syncd itself reports: its links, its conflicts, its audit rows. Whether that is right, the
servers say.
"""

from __future__ import annotations

import itertools
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from syncd.core.discover import KEY_CLEARED
from syncd.core.model import Link, LinkState
from syncd.store import IntentState
from tests.simulation import invariants_bugs, invariants_talk
from tests.simulation.books import OFF, Books, read_books
from tests.simulation.clocks_and_rules import REOPENED_NOTE
from tests.simulation.invariants_clocks import judge_promises
from tests.simulation.oracle import Oracle, moment
from tests.simulation.promises import OWED_TO_TIME

if TYPE_CHECKING:
    from tests.simulation.history import History

ROBOTIC = frozenset({"bounced", "repeated"})
"""Conflicts that only a trigger, an automation or another robot may be the cause of."""


def judge(history: History) -> None:
    """Looks at everything; what does not hold is told to the history."""
    history.oracle.look_again()
    books = read_books(history)
    for look in (*LOOKS, *invariants_talk.LOOKS, *invariants_bugs.LOOKS):
        look(history, history.oracle, books)
    judge_promises(history)


# ---- I2: both sides agree ----


def every_pair_agrees(history: History, oracle: Oracle, books: Books) -> None:
    """I2: allowed by the mapping, or said, or in conflict."""
    for link in books.links:
        ticket, bug = oracle.ticket(link.ticket_id), oracle.bug(link.issue_id)
        name = f"link {link.id} (#{link.ticket_id}, {link.issue_key})"
        if OFF in ticket["tags"]:
            continue
        code = link.conflict.code if link.conflict is not None else ""
        if ticket["status"] == "closed":
            if code != "merge_target":  # it was merged into a ticket that is gone: a person must say where it goes on
                history.broken("I2", f"{name} lives although its ticket is closed")
        elif ticket["status"] == "deleted" or bug is None:
            if code not in ("ticket_gone", "bug_gone"):
                history.broken("I2", f"{name}: one side is gone and nobody is told: {link.conflict}")
        elif link.state is LinkState.LIVE:
            _agrees(history, oracle, books, link, ticket, bug)
        else:
            _is_justified(history, oracle, link, ticket, bug)


def _agrees(
    history: History,
    oracle: Oracle,
    books: Books,
    link: Link,
    ticket: Mapping[str, Any],
    bug: Mapping[str, Any],
) -> None:
    stage, status = oracle.stage(bug), ticket["status"]
    name = f"link {link.id} (#{link.ticket_id} {status}, {bug['key']} {bug['status']}/{bug['resolution']})"
    if stage is None:
        history.broken("I2", f"{name}: no stage has this bug, and there is no conflict")
        return
    rules = oracle.rules[bug["project"]]
    if rules.asks(stage, "tag:bug_not_fixed") and "bug_not_fixed" in ticket["tags"] and not _waits(books, link):
        history.broken("I2", f"{name}: the tag bug_not_fixed asks for something and nothing happened")
    if rules.allows(stage, status) or _waits(books, link) or _is_said(oracle, ticket, bug):
        return
    if _is_taken_as_it_is(history, link, ticket, bug):
        return
    # A ticket with several bugs follows the one that is behind, and it is there that it is said.
    others = [oracle.bug(other.issue_id) for other in books.links if other.ticket_id == link.ticket_id]
    if any(_is_said(oracle, ticket, other) for other in others if other is not None):
        return
    if history.people.deleted_ours[bug["id"]] or any(
        comment["update_author"] != history.seeded.jira_bot for comment in oracle.comments(bug)
    ):
        return  # it may have been said, and people took it away
    history.broken("I2", f"{name}: {status} is not allowed in {stage}, and nobody was told")


def _waits(books: Books, link: Link) -> bool:
    """The ticket has asked for something that other tickets of the bug must ask for as well."""
    return link.vote is not None and any(o.issue_id == link.issue_id and o.id != link.id for o in books.links)


def _is_taken_as_it_is(history: History, link: Link, ticket: Mapping[str, Any], bug: Mapping[str, Any]) -> bool:
    """A person was told by the ticket's fields, decided that both may stay, and neither has moved since."""
    base = link.base
    if base is None or (base.ticket.category, base.status_id) != (ticket["status"], bug["status_id"]):
        return False
    with history.process.aside() as tx:
        return any(e.what == "resolved" and e.reason.endswith("as-is") for e in tx.link_history(link.id))


def _is_said(oracle: Oracle, ticket: Mapping[str, Any], bug: Mapping[str, Any]) -> bool:
    keys = {
        bug["key"],
        *(item["old_text"] for entry in bug["changelog"] for item in entry["items"] if item["field"] == "Key"),
    }
    on_ticket = any(key in note["body"] for note in oracle.words(ticket) for key in keys)
    on_bug = any(f"#{ticket['id']}" in comment["body"] for comment in oracle.words_on_bug(bug))
    return on_ticket or on_bug


def _is_justified(
    history: History, oracle: Oracle, link: Link, ticket: Mapping[str, Any], bug: Mapping[str, Any]
) -> None:
    """A conflict says what is so: a person is not called for nothing."""
    assert link.conflict is not None
    code, stage, status = link.conflict.code, oracle.stage(bug), ticket["status"]
    rules = oracle.rules[bug["project"]]
    name = f"link {link.id} (#{link.ticket_id} {status}, {bug['key']} {bug['status']}/{bug['resolution']})"
    fits = stage is not None and rules.allows(stage, status)
    has_rules = history.swarm.has("trigger") or history.swarm.has("automation")
    wrong = (
        code in ("ticket_gone", "bug_gone")
        or (code == "unmapped_status" and stage is not None)
        or (code in ("no_agreement", "not_allowed", "both_moved", "bug_came_back") and fits)
        or (code in ROBOTIC and not has_rules and not _was_turned_back(oracle, ticket, bug))
        or code in ("refused", "missing_field", "unmapped_project")
        or (code == "unreachable" and not _leads_on_alone(history, bug, link.conflict.message))
    )
    if wrong:
        history.broken("I2", f"{name} is in conflict for nothing: {code}: {link.conflict.message}")


def _leads_on_alone(history: History, bug: Mapping[str, Any], message: str) -> bool:
    """All ways out of the bug's status lead to a done one: who does not know the workflow finds no way back there. Or
    the open status that it should go to lies behind a done one, and a walk does not call a bug done on its way."""
    site = history.sandbox.jira.site
    flows = list(site.projects[bug["project"]].workflows.values())
    is_done = {status: site.statuses[status].category == "done" for flow in flows for status in flow.statuses}
    ways = [(here, way.target) for flow in flows for way in flow.transitions for here in is_done if way.leaves(here)]
    if all(is_done[there] for here, there in ways if here == bug["status_id"]):
        return True
    reached = {bug["status_id"]}
    for _ in is_done:
        reached |= {there for here, there in ways if here in reached and not is_done[there]}
    behind = [status for status in is_done if not is_done[status] and status not in reached]
    return not is_done[bug["status_id"]] and any(f" to {site.statuses[it].name}: " in message for it in behind)


def _was_turned_back(oracle: Oracle, ticket: Mapping[str, Any], bug: Mapping[str, Any]) -> bool:
    """A person moved it right after syncd, which undoes a walk as a robot would."""
    moves = (*itertools.pairwise(oracle.moves_of_ticket(ticket)), *itertools.pairwise(oracle.moves_of_bug(bug)))
    return any(ours.by == "bot" and theirs.by == "person" for ours, theirs in moves)


def nothing_is_left_undone(history: History, _oracle: Oracle, books: Books) -> None:
    """I2: no intent waits; I10: none was given up."""
    for intent in books.intents:
        if intent.state in (IntentState.NEW, IntentState.SENT, IntentState.PARKED):
            invariant = "I10" if intent.state is IntentState.PARKED else "I2"
            history.broken(
                invariant,
                f"intent {intent.id} ({intent.kind} {intent.subject}) is still {intent.state} after "
                f"{intent.attempts} tries: {intent.last_error}",
            )


# ---- links, and what the ticket shows ----


def keys_in_fields_are_links(history: History, oracle: Oracle, books: Books) -> None:
    """What an agent wrote into the field is a link; what was taken away was taken away by somebody."""
    live = {(link.ticket_id, link.issue_id) for link in books.links}
    ended = {(ticket, bug) for ticket, bug, reason in books.retired if reason != KEY_CLEARED}
    by_key = {bug["key"]: bug["id"] for bug in oracle.bugs()}
    for ticket in oracle.tickets():
        if ticket["status"] in ("closed", "deleted") or OFF in ticket["tags"]:
            continue
        shown = str(ticket["fields"].get("Engineering bug") or "").upper().replace(",", " ").split()
        for key in shown:
            bug = by_key.get(key)
            if bug is not None and (ticket["id"], bug) not in live | ended:
                history.broken("I2", f"ticket #{ticket['id']} names {key} in its field, and they are not linked")
    for number, bug, reason in books.retired:
        _was_ended_rightly(history, oracle, number, bug, reason)


def _was_ended_rightly(history: History, oracle: Oracle, number: int, bug: str, reason: str) -> None:
    ticket = oracle.ticket(number)
    if reason == "the ticket is closed" and ticket["status"] not in ("closed", "deleted"):
        history.broken("I2", f"the link of #{number} ended because {reason}, and it is {ticket['status']}")
    if reason == KEY_CLEARED:
        is_forgotten = history.outcome.faults["old_backup"]  # then it may have been syncd, and nobody knows why
        touched = [
            event
            for audit in ticket["audits"]
            for event in audit["events"]
            if event.get("field_name") == str(history.seeded.fields["Engineering bug"])
            and (is_forgotten or audit["author_id"] != history.seeded.bot)
        ]
        if not touched:
            history.broken("I1", f"the link of #{number} and {bug} ended because {reason}, and nobody took it out")


def tickets_show_their_bugs(history: History, oracle: Oracle, books: Books) -> None:
    """The mirror tells the truth, whatever became of the status."""
    by_ticket: dict[int, list[Link]] = defaultdict(list)
    for link in books.links:
        by_ticket[link.ticket_id].append(link)
    for number, links in by_ticket.items():
        ticket = oracle.ticket(number)
        bugs = [oracle.bug(link.issue_id) for link in links]
        seen = [bug for bug in bugs if bug is not None]
        if ticket["status"] in ("closed", "deleted") or OFF in ticket["tags"] or len(seen) < len(bugs):
            continue
        if _fought_over(history, ticket):
            continue
        shown = ticket["fields"].get("Engineering status") or ""
        names = ", ".join(dict.fromkeys(str(bug["status"]) for bug in seen))
        if shown != names:
            history.broken("I2", f"ticket #{number} shows status '{shown}' of bugs that are {names}")
        keys = str(ticket["fields"].get("Engineering bug") or "").upper()
        for bug in seen:
            if bug["key"] not in keys:
                history.broken("I2", f"ticket #{number} shows '{keys}' and not {bug['key']}, which it is linked to")
        versions = dict.fromkeys(name for bug in seen for name in bug["fields"]["fixVersions"])
        if (ticket["fields"].get("Engineering fix version") or "") != ", ".join(versions):
            history.broken("I2", f"ticket #{number} shows other fix versions than {list(versions)}")


def _fought_over(history: History, ticket: Mapping[str, Any]) -> bool:
    """People wrote into a field of the mirror several times: it is theirs then."""
    ours = {str(history.seeded.fields[name]) for name in ("Engineering status", "Engineering bug")}
    times = Counter(
        event["field_name"]
        for audit in ticket["audits"]
        for event in audit["events"]
        if audit["author_id"] != history.seeded.bot and event.get("field_name") in ours and event["type"] == "Change"
    )
    return any(count > 1 for count in times.values())


def the_store_knows_what_is_there(history: History, oracle: Oracle, books: Books) -> None:
    """I6: no cursor has passed a change of what is linked that was not stored."""
    for number, version in books.tickets.items():
        stored = history.sandbox.zendesk.store.tickets.get(number)
        if stored is not None and not stored.deleted and int(stored.updated) != version:
            history.broken("I6", f"ticket #{number} changed at {stored.updated}, and {version} is what is stored")
    for bug, version in books.issues.items():
        state = oracle.bug(bug)
        if state is not None and state["updated_ms"] != version:
            history.broken("I6", f"{state['key']} changed at {state['updated_ms']}, and {version} is what is stored")


# ---- never twice ----


def _sets_fields_alone(audit: Mapping[str, Any]) -> bool:
    """Whether it says nothing and changes nothing but values of custom fields."""
    return all(event["type"] == "Change" and str(event["field_name"]).isdigit() for event in audit["events"])


def nothing_is_there_twice(history: History, oracle: Oracle, books: Books) -> None:
    """I4: each marker once; and no text again without anything having happened in between. Who puts an old backup back
    may have fields say again what they said then, until all is read; what Jira carries out later still is forgotten."""
    is_forgotten = history.outcome.faults["old_backup"]
    late = invariants_talk.forgotten_on_the_way(history)
    for ticket in oracle.tickets():
        audits = [audit for audit in ticket["audits"] if not (is_forgotten and _sets_fields_alone(audit))]
        marks = Counter(m for audit in audits if (m := audit["custom"].get("syncd_op")))
        for marker, count in marks.items():
            if count > 1:
                history.broken("I4", f"the write {marker} is {count} times on ticket #{ticket['id']}")
    for bug in oracle.bugs():
        marks = Counter(invariants_talk.mark_of(comment) for comment in oracle.comments(bug))
        for marker, count in marks.items():
            if count > 1 + late[marker]:
                history.broken("I4", f"the comment {marker} is {count} times on {bug['key']}")


def nobody_is_told_twice(history: History, oracle: Oracle, books: Books) -> None:
    """I4: the same words on the same ticket or bug need something new on either side between them."""
    stirs = _stirs(history, oracle)
    for ticket in oracle.tickets():
        notes = [note for note in oracle.words(ticket) if not note["body"].startswith(REOPENED_NOTE)]  # I8 counts these
        said = invariants_bugs.said_in_turn(ticket, notes, history.seeded.bot)
        _not_repeated(history, f"ticket #{ticket['id']}", said, stirs)
    for bug in oracle.bugs():
        said = [(comment["created"] / 1000, comment["body"]) for comment in oracle.words_on_bug(bug)]
        _not_repeated(history, bug["key"], said, stirs)


def _not_repeated(history: History, where: str, said: list[tuple[float, str]], stirs: list[float]) -> None:
    # Two events whose notes waited while the machine slept are told one after the other.
    for text in () if history.outcome.faults["suspend"] else repeated(said, stirs):
        history.broken("I4", f"{where} is told twice, with nothing new between: {text[:80]!r}")


def repeated(said: list[tuple[float, str]], stirs: list[float]) -> list[str]:
    """The texts that were said again without a stir since."""
    last: dict[str, float] = {}
    found = []
    for at, text in said:
        before = last.get(text)
        if before is not None and not any(before - 60 <= stir <= at for stir in stirs):
            found.append(text)
        last[text] = at
    return found


def _stirs(history: History, oracle: Oracle) -> list[float]:
    """When anybody but syncd changed the status of anything."""
    found = [move.at for ticket in oracle.tickets() for move in oracle.moves_of_ticket(ticket) if move.by != "bot"]
    found += [move.at for bug in oracle.bugs() for move in oracle.moves_of_bug(bug) if move.by != "bot"]
    return sorted(found)


def nobody_is_fought(history: History, oracle: Oracle, books: Books) -> None:
    """Never more than two writes of one value to one subject without a person's change between."""
    people = sorted(
        [m.at for t in oracle.tickets() for m in oracle.moves_of_ticket(t) if m.by == "person"]
        + [m.at for b in oracle.bugs() for m in oracle.moves_of_bug(b) if m.by == "person"]
    )
    subjects = [(f"ticket #{t['id']}", oracle.moves_of_ticket(t)) for t in oracle.tickets()]
    subjects += [(str(b["key"]), oracle.moves_of_bug(b)) for b in oracle.bugs()]
    for name, moves in subjects:
        since: dict[str, list[float]] = defaultdict(list)
        for move in moves:
            if move.by != "bot":
                continue
            since[move.after].append(move.at)
            recent = since[move.after][-3:]
            if len(recent) == 3 and not any(recent[0] <= at <= recent[2] for at in people):
                history.broken("I1", f"{name} was set to {move.after} three times with no person's act between")


# ---- nobody's work is undone ----


def only_what_the_mapping_asks_is_written(history: History, oracle: Oracle, books: Books) -> None:
    """I1: every status that syncd wrote is one that the mapping asks for, given what was there before."""
    partners: dict[int, set[str]] = defaultdict(set)
    for number, bug in [(link.ticket_id, link.issue_id) for link in books.links] + [
        (ticket, bug) for ticket, bug, _ in books.retired
    ]:
        partners[number].add(bug)
    everywhere = {str(bug["id"]) for bug in oracle.bugs()}
    lost = history.outcome.faults["old_backup"] > 0
    for ticket in oracle.tickets():
        # A merged ticket's links are those of another now, and a lost store does not know what was linked.
        bugs = everywhere if lost or "closed_by_merge" in ticket["tags"] else partners[ticket["id"]]
        stages = {
            place for bug in bugs if (state := oracle.bug(bug)) is not None for place in oracle.stages_ever(state)
        }
        gone = any(act.verb == "deletes_bug" for act in history.acts)
        for move in oracle.moves_of_ticket(ticket):
            if move.by == "bot" and move.before is not None and not gone:
                _was_asked(history, oracle, ticket, move.before, move.after, stages)


def _was_asked(
    history: History, oracle: Oracle, ticket: Mapping[str, Any], before: str, after: str, stages: set[tuple[str, str]]
) -> None:
    what = f"ticket #{ticket['id']} was set from {before} to {after}"
    taken = any(act.verb == "resolves" and act.choice % 3 == 0 for act in history.acts)  # --take bug
    if before == "solved" and taken:
        return
    if before in ("solved", "closed"):
        history.broken("I1", f"{what} by syncd")
    elif not any(oracle.rules[project].wants(stage, before) == after for project, stage in stages):
        history.broken("I1", f"{what}, which none of {sorted(stages)} asks for")


def no_bug_is_moved_without_a_look(history: History, oracle: Oracle, books: Books) -> None:
    """I1, on Jira, which has no compare-and-swap: between any other write and a transition the bug is read anew."""
    written = float("-inf")
    for call in history.wire.calls:
        if call.write and call.path.endswith("/transitions"):
            bug = call.subject.removeprefix("issue:")
            if not any(written <= at <= call.at and bug in names for at, names in history.wire.reads):
                history.broken("I1", f"{call.subject} was moved at {call.at} and last read before another write")
        if call.write:
            written = call.at


def customers_are_not_buried(history: History, oracle: Oracle, books: Books) -> None:
    """I1: no ticket is taken out of open while a customer's comment, newer than its links and decisions, waits."""
    if history.outcome.faults["clock_jump"] or history.outcome.faults["old_backup"]:
        return  # when the links were made is told by a clock that was wrong, or by a store that is lost
    made: dict[int, list[float]] = defaultdict(list)
    with history.process.aside() as tx:
        for link in tx.all_links(limit=None):
            made[link.ticket_id].append(link.created_at.timestamp())
            took = [entry.at for entry in tx.link_history(link.id) if entry.what == "resolved"]
            made[link.ticket_id].extend(at.timestamp() for at in took)
    for ticket in oracle.tickets():
        ours = [moment(audit["created_at"]) for audit in ticket["audits"] if _is_of_a_link(history, books, audit)]
        for move in oracle.moves_of_ticket(ticket):
            if move.by != "bot" or move.before not in ("new", "open") or move.after == "open":
                continue
            spoken = [c for c in ticket["comments"] if c["public"] and moment(c["created_at"]) < move.at]
            if not spoken or oracle.is_agent(spoken[-1]["author_id"]):
                continue
            asked = moment(spoken[-1]["created_at"])
            # Whoever makes a link, or takes a side of its conflict, knows what was said before; the newest of then
            # counts, to be sure. A stamp of Zendesk's leaves out the fraction of its second.
            since = max((at for at in made[ticket["id"]] if at < move.at + 1), default=float("inf"))
            if asked > since + 1 and any(at < asked for at in ours) and "closed_by_merge" not in ticket["tags"]:
                history.broken("I1", f"ticket #{ticket['id']} was put on {move.after} while a customer waited")


def _is_of_a_link(history: History, books: Books, audit: Mapping[str, Any]) -> bool:
    """Ours, and not for the sake of a clock: that says nothing about the bug."""
    if audit["author_id"] != history.seeded.bot:
        return False
    kinds = {intent.kind for intent in books.intents if intent.id == audit["custom"].get("syncd_op")}
    return not kinds & set(OWED_TO_TIME) and (bool(kinds) or not history.promises.has_clocks)


def visibility_never_rises(history: History, oracle: Oracle, books: Books) -> None:
    """I5: nothing that syncd wrote can be read by a customer."""
    for ticket in oracle.tickets():
        for note in oracle.notes(ticket):
            if note["public"] is not False:
                history.broken("I5", f"a note of syncd on ticket #{ticket['id']} is public")
    for bug in oracle.bugs():
        for comment in oracle.comments(bug):
            if comment["properties"].get("sd.public.comment") != {"internal": True}:
                history.broken("I5", f"a comment of syncd on {bug['key']} is not internal")


def every_write_is_in_the_books(history: History, oracle: Oracle, books: Books) -> None:
    """I9: an audit row for each thing on the servers that carries our mark."""
    if history.outcome.faults["old_backup"]:
        return  # what the lost store had written down is lost with it
    written = {intent for intent, outcome in books.audits if outcome == "done"}
    deleted = any(act.verb == "deletes_ticket" for act in history.acts)  # what became of a write cannot be read then
    for ticket in oracle.tickets():
        for audit in ticket["audits"]:
            marker = audit["custom"].get("syncd_op")
            if marker and marker not in written and not (deleted and _is_named(books, marker)):
                history.broken("I9", f"the write {marker} on ticket #{ticket['id']} is in no audit row")
    for bug in oracle.bugs():
        for move in oracle.moves_of_bug(bug):
            if move.by == "bot" and move.marker not in written and not _is_named(books, move.marker):
                history.broken("I9", f"the move {move.marker} of {bug['key']} is in no audit row")


def _is_named(books: Books, marker: str | None) -> bool:
    """A walk that was given up half way has an audit row that says so."""
    return any(intent == marker for intent, _ in books.audits)


def nothing_is_said_to_be_gone_that_is_not(history: History, oracle: Oracle, books: Books) -> None:
    """I12: nothing is concluded from an empty answer."""
    for ticket in oracle.tickets():
        for note in oracle.notes(ticket):
            if "was deleted, or syncd may no longer see it" in note["body"] and not _ever_gone(history, oracle, note):
                history.broken("I12", f"ticket #{ticket['id']} is told that a bug is gone: {note['body'][:90]!r}")
    with history.process.aside() as tx:
        for link in tx.all_links(limit=None):
            for entry in tx.link_history(link.id):
                if entry.detail.get("code") == "bug_gone" and not _was_gone(history, oracle, link.issue_id):
                    history.broken("I12", f"link {link.id}: {link.issue_key} was taken for gone: {entry.reason}")


def _was_gone(history: History, oracle: Oracle, bug: str) -> bool:
    """Nobody restores a bug: one that is there was never away but with its project."""
    return history.outcome.faults["project_hidden"] > 0 or oracle.bug(bug) is None


def _ever_gone(history: History, oracle: Oracle, note: Mapping[str, Any]) -> bool:
    named = [bug for bug in oracle.bugs() if re.search(rf"\b{bug['key']}\b", note["body"])]
    return not named or history.outcome.faults["project_hidden"] > 0


LOOKS: tuple[Callable[[History, Oracle, Books], None], ...] = (
    every_pair_agrees,
    nothing_is_left_undone,
    keys_in_fields_are_links,
    tickets_show_their_bugs,
    the_store_knows_what_is_there,
    nothing_is_there_twice,
    nobody_is_told_twice,
    nobody_is_fought,
    only_what_the_mapping_asks_is_written,
    no_bug_is_moved_without_a_look,
    customers_are_not_buried,
    visibility_never_rises,
    every_write_is_in_the_books,
    nothing_is_said_to_be_gone_that_is_not,
)
