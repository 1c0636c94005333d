"""What must hold of comments and files when all is at rest: I4, each that is meant for the other side is there once,
and I5, none that is not.

A copy is known by its source, which it names by a link. A comment is owed to a link that was there before it was made
and still is; what people did to the copy afterwards is theirs.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from syncd.core.model import Link
from syncd.executor.outcome import VERIFY_AFTER
from tests.simulation.books import OFF, Books
from tests.simulation.oracle import BLACK, Oracle, moment, source_on_bug, source_on_ticket

if TYPE_CHECKING:
    from tests.simulation.history import History

Comment = Mapping[str, Any]
LATE_COMMENTS = ("applied_late_jira", "late_comment")
WORDS = re.compile(r"\b[wdeh]\d+ of it")


def _open_links(history: History, oracle: Oracle, books: Books) -> Iterator[tuple[Link, Mapping[str, Any], Any, float]]:
    """The links whose both sides can be read and written, and since when (by the servers' clock) they surely are."""
    for link in books.links:
        ticket, bug = oracle.ticket(link.ticket_id), oracle.bug(link.issue_id)
        if bug is None or ticket["status"] in ("closed", "deleted") or OFF in ticket["tags"]:
            continue
        since = history.known.get((link.id, link.ticket_id, link.issue_id))
        if since is not None:
            yield link, ticket, bug, since


# ---- from bugs to tickets ----


def what_developers_say_reaches_the_ticket(history: History, oracle: Oracle, books: Books) -> None:
    """I4: one note for each comment, which shows its last words. What a ticket was told before it was merged into
    another one is not told that one too."""
    variant = history.variant
    merged = [ticket for ticket in oracle.tickets() if "closed_by_merge" in ticket["tags"]]
    told_there = {source for ticket in merged for source in _by_source(oracle.notes(ticket), source_on_ticket)}
    for link, ticket, bug, since in _open_links(history, oracle, books):
        if variant.to_ticket == "none":
            continue
        notes = _by_source(oracle.notes(ticket), source_on_ticket)
        for comment in _spoken(oracle, bug):
            owed = comment["created"] / 1000 > since
            owed |= variant.history == "all" and str(comment["id"]) not in told_there
            if not owed or (comment["visibility"] is not None and not variant.restricted):
                continue
            mine = notes.get(str(comment["id"]), [])
            what = f"comment {comment['id']} on {bug['key']} ({comment['body'][:30]!r}) for ticket #{ticket['id']}"
            first = [note for note in mine if "commented on" in note["body"]]
            if len(first) != 1:
                history.broken("I4", f"{what}: {len(first)} notes (link {link.id})")
            word = WORDS.search(comment["body"])
            if word and mine and not any(word[0] in note["body"] for note in mine):
                history.broken("I4", f"{what}: its last words {word[0]!r} are on no note")
            _has_its_picture(history, what, comment, first)


def _has_its_picture(history: History, what: str, comment: Comment, notes: list[Comment]) -> None:
    named = re.search(r"!(shot-\d+)\.png", comment["body"])
    if not named or not notes:
        return
    files = [file for note in notes for file in note["attachments"] if file["file_name"].startswith(f"{named[1]}-")]
    if len(files) != 1 and not _says_why(notes[0]):
        history.broken("I4", f"{what}: its picture is there {len(files)} times")


def nothing_is_said_to_the_ticket_that_must_not_be(history: History, oracle: Oracle, books: Books) -> None:
    """I4, I5: no echo; nothing that is for one role only, or was taken back; one note for each comment and ticket."""
    variant = history.variant
    spoken = {str(c["id"]): (bug, c) for bug in oracle.bugs() for c in bug["comments"]}
    open_pairs = {(ticket["id"], bug["id"]) for _, ticket, bug, _ in _open_links(history, oracle, books)}
    for ticket in oracle.tickets():
        for source, notes in _by_source(oracle.notes(ticket), source_on_ticket).items():
            what = f"ticket #{ticket['id']} has a note of comment {source}"
            first = [note for note in notes if "commented on" in note["body"]]
            if len(first) > 1:
                history.broken("I4", f"{what} {len(first)} times")
            if variant.to_ticket == "none":
                history.broken("I4", f"{what}, and nothing is to be carried there")
            bug: Mapping[str, Any] | None
            bug, comment = spoken.get(source, (None, None))
            if comment is not None and oracle.is_ours_on_bug(comment):
                history.broken("I4", f"{what}, which syncd itself wrote")
            if bug is None or comment is None:
                bug = _bug_named_in(oracle, notes[0])
                taken_back = bug is not None
            else:
                taken_back = comment["visibility"] is not None and not variant.restricted
            shows = [note["id"] for note in notes if WORDS.search(note["body"])]
            if taken_back and shows and bug is not None and (ticket["id"], bug["id"]) in open_pairs:
                history.broken("I5", f"{what}, which was deleted or restricted, and its words can be read")


def _bug_named_in(oracle: Oracle, note: Comment) -> Mapping[str, Any] | None:
    found = re.search(r"/browse/([A-Z]+-\d+)\?", note["html_body"])
    return next((bug for bug in oracle.bugs() if found and bug["key"] == found[1]), None)


# ---- from tickets to bugs ----


def what_is_meant_for_developers_reaches_the_bug(history: History, oracle: Oracle, books: Books) -> None:
    """I4: one comment for each, as it reads now; copies that people deleted or rewrote are theirs."""
    for link, ticket, bug, since in _open_links(history, oracle, books):
        copies = _by_source(oracle.comments(bug), source_on_bug)
        lost = len([c for c in oracle.comments(bug) if c["update_author"] != bug_account(history)])
        lost += history.people.deleted_ours[bug["id"]]
        missing = []
        for comment in ticket["comments"]:
            owed = history.variant.history == "all" or moment(comment["created_at"]) > since + 1
            if not owed or not _is_for_developers(history, oracle, comment):
                continue
            mine = _without_forgotten(history, copies.get(str(comment["id"]), []))
            what = f"comment {comment['id']} of ticket #{ticket['id']} ({comment['body'][:30]!r}) for {bug['key']}"
            if len(mine) > 1:
                history.broken("I4", f"{what}: {len(mine)} times")
            if not mine:
                missing.append(f"{what} (link {link.id})")
                continue
            word = WORDS.search(comment["body"])
            if word and word[0] not in mine[0]["body"]:
                history.broken("I4", f"{what}: {word[0]!r} is not in the copy")
            if BLACK in comment["body"] and WORDS.search(mine[0]["body"]):
                history.broken("I5", f"{what}: what was blacked out can be read on the bug")
            _has_its_log(history, what, comment, mine[0], bug)
        if len(missing) > lost:
            history.broken("I4", f"{len(missing)} are not there, and people took {lost}: {missing[0]}")


def bug_account(history: History) -> str:
    """Who syncd is in Jira."""
    return history.seeded.jira_bot


def _has_its_log(history: History, what: str, comment: Comment, copy: Comment, bug: Mapping[str, Any]) -> None:
    for file in comment["attachments"]:
        stem = re.sub(r"[^\w.()-]+", "_", file["file_name"]).removesuffix(".log")
        names = [f["filename"] for f in bug["attachments"] if f["filename"].startswith(f"{stem}-")]
        if not _says_why(copy) and (not names or len(names) != len(set(names))):
            history.broken("I4", f"{what}: its file {file['file_name']} is there as {names}")


def nothing_is_said_on_the_bug_that_must_not_be(history: History, oracle: Oracle, books: Books) -> None:
    """I4: no echo, no copy of what is not meant for it, and none twice."""
    written = {str(c["id"]): (t, c) for t in oracle.tickets() for c in t["comments"]}
    for bug in oracle.bugs():
        for source, copies in _by_source(oracle.comments(bug), source_on_bug).items():
            what = f"{bug['key']} has a copy of comment {source}"
            if len(_without_forgotten(history, copies)) > 1:
                history.broken("I4", f"{what} {len(copies)} times")
            ticket, comment = written.get(source, (None, None))
            if comment is None or ticket is None:
                history.broken("I4", f"{what}, which there is not")
            elif not _is_for_developers(history, oracle, comment):
                history.broken(
                    "I4", f"{what} of ticket #{ticket['id']}, which is not meant for it: {comment['body']!r}"
                )
        doubled = [n for n, times in Counter(f["filename"] for f in _our_files(history, bug)).items() if times > 1]
        if doubled:
            history.broken("I4", f"{bug['key']} has {doubled} twice")


def _says_why(copy: Comment) -> bool:
    """A copy tells which files need not come with it. No history takes a file away, and none has one too many."""
    return "among the files that came before" in copy["body"]


def _our_files(history: History, bug: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [file for file in bug["attachments"] if file["author"] == bug_account(history)]


def _is_for_developers(history: History, oracle: Oracle, comment: Comment) -> bool:
    if comment["author_id"] == history.seeded.bot:
        return False
    by_agent = oracle.is_agent(comment["author_id"])
    match history.variant.to_bug:
        case "all":
            return True
        case "internal":
            return by_agent and comment["public"] is False
        case "tagged":
            return by_agent and comment["body"].startswith("#bug ")
        case _:
            return False


# ---- small things ----


def _spoken(oracle: Oracle, bug: Mapping[str, Any]) -> Iterator[Comment]:
    """What people said on a bug."""
    yield from (comment for comment in bug["comments"] if not oracle.is_ours_on_bug(comment))


def mark_of(comment: Comment) -> str:
    """Our mark on a comment of ours on a bug."""
    return str(comment["properties"].get("syncd.origin", comment["properties"]).get("marker"))


def forgotten_on_the_way(history: History) -> Counter[str]:
    """Marks of comments that Jira had still to make when a backup was put back, within the minute for which syncd waits
    for them: neither the backup nor the bug tells of them then, so that each is there once more."""
    late = [call for call in history.wire.calls if call.fault in LATE_COMMENTS and call.path.endswith("/comment")]
    return Counter(
        str(call.marker) for call in late if any(0.0 <= at - call.at < VERIFY_AFTER for at in history.wire.forgotten_at)
    )


def _without_forgotten(history: History, copies: list[Comment]) -> list[Comment]:
    """Copies on a bug, less the later ones of those that nobody could know of."""
    left = forgotten_on_the_way(history)
    kept: list[Comment] = []
    for copy in copies:
        mark = mark_of(copy)
        if left[mark] > 0 and any(mark_of(other) == mark for other in kept):
            left[mark] -= 1
        else:
            kept.append(copy)
    return kept


def _by_source(comments: list[dict[str, Any]], source: Callable[[Comment], str | None]) -> dict[str, list[Comment]]:
    found: dict[str, list[Comment]] = {}
    for comment in comments:
        name = source(comment)
        if name is not None:
            found.setdefault(name, []).append(comment)
    return found


LOOKS: tuple[Callable[[History, Oracle, Books], None], ...] = (
    what_developers_say_reaches_the_ticket,
    nothing_is_said_to_the_ticket_that_must_not_be,
    what_is_meant_for_developers_reaches_the_bug,
    nothing_is_said_on_the_bug_that_must_not_be,
)
