"""Where comments go, and that their visibility never rises."""

from __future__ import annotations

import itertools
import json
from datetime import UTC, datetime, timedelta

import pytest

from syncd.core.comment_actions import CommentToBug, CommentToTicket, WithdrawNote
from syncd.core.comment_files import choose_files, safe_name
from syncd.core.comment_model import (
    BugTalkPage,
    CommentFile,
    CommentPolicy,
    Raising,
    TicketComment,
    TicketTalkPage,
    Twin,
    TwinState,
)
from syncd.core.comment_sentences import digest_of
from syncd.core.comment_visibility import (
    bug_visibility,
    goes_to_bug,
    goes_to_ticket,
    lowest,
    rises,
    ticket_visibility,
)
from syncd.core.comments_to_bug import plan_to_bug
from syncd.core.comments_to_ticket import plan_to_ticket
from syncd.core.model import (
    Actor,
    ActorKind,
    IssueSnapshot,
    Link,
    Origin,
    TicketSnapshot,
    TicketState,
    Visibility,
)
from syncd.core.ports import BugComment, TicketWrite
from syncd.sources.zendesk_write import ticket_object

AT = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
HANA = Actor(ActorKind.AGENT, "u1", "Hana Sato")
LINK = Link(1, 35, "10305", "NOVA-1", "novabrain", Origin.MANUAL, AT)
TICKET = TicketSnapshot(35, TicketState("open"), AT, AT)
ISSUE = IssueSnapshot("10305", "NOVA-1", "NOVA", "1", "Bug", "2", "3", "To Do", "new", 1)


def remark(body: str = "text", **changes: object) -> BugComment:
    """A developer's comment."""
    values: dict[str, object] = {"id": "1", "author": HANA, "body": body, "created": AT, "updated": AT}
    return BugComment(**{**values, **changes})  # type: ignore[arg-type]  # a test's own values


def said(html: str = "<p>text</p>", **changes: object) -> TicketComment:
    """An agent's comment."""
    values: dict[str, object] = {"id": 1, "author": Actor(ActorKind.AGENT, "7", "Priya"), "html": html, "at": AT}
    return TicketComment(**{**values, **changes})  # type: ignore[arg-type]  # as above


BUG_FLAGS = list(itertools.product([True, False], [True, False, None], list(ActorKind), [None, "0" * 32]))
TICKET_FLAGS = list(itertools.product([True, False, None], list(ActorKind), [None, "0" * 32]))
TO_BUG = ("none", "tagged", "internal", "all")


def test_layer_2_no_combination_of_flags_raises_a_comment_on_its_way_to_a_ticket() -> None:
    for restricted, internal, kind, marker in BUG_FLAGS:
        for carries in (True, False):
            comment = remark(restricted=restricted, internal=internal, author=Actor(kind), marker=marker)
            found = goes_to_ticket(comment, CommentPolicy(restricted=carries))
            assert found in (None, Visibility.INTERNAL)
            if marker is not None or kind in (ActorKind.SELF, ActorKind.ROBOT, ActorKind.RULE):
                assert found is None
            if restricted and not carries:
                assert found is None


def test_layer_2_no_combination_of_flags_raises_a_comment_on_its_way_to_a_bug() -> None:
    for public, kind, marker in TICKET_FLAGS:
        for mode in TO_BUG:
            comment = said("<p>#bug text</p>", public=public, author=Actor(kind), marker=marker)
            found = goes_to_bug(comment, CommentPolicy(to_bug=mode))  # type: ignore[arg-type]  # one of the modes
            assert found in (None, Visibility.INTERNAL)
            if mode == "none" or marker is not None:
                assert found is None


def test_layer_1_whatever_is_written_to_a_ticket_says_that_it_is_internal() -> None:
    for write in (TicketWrite(note="n"), TicketWrite(note="n", html="<p>n</p>", uploads=("t",))):
        comment = ticket_object(35, write, AT, "m").comment.to_dict(serialize=True)
        assert comment["public"] is False


def test_ten_thousand_comments_with_every_flag_become_internal_notes_or_nothing() -> None:
    count = 0
    for number in range(10_000):
        restricted, internal, kind, marker = BUG_FLAGS[number % len(BUG_FLAGS)]
        comment = remark(
            f"words {number}",
            id=str(number),
            restricted=restricted,
            internal=internal,
            author=Actor(kind),
            marker=marker,
        )
        page = BugTalkPage((comment,), whole=False)
        policy = CommentPolicy(restricted=number % 2 == 0)
        actions = plan_to_ticket(LINK, TICKET, ISSUE, page, {}, policy, browse_url="https://j.example")
        for action in actions:
            assert isinstance(action, CommentToTicket)
            assert not rises(bug_visibility(comment), action.visibility)
            body = ticket_object(35, TicketWrite(note="n", html=action.html), AT, "m").to_dict(serialize=True)
            assert json.loads(json.dumps(body))["comment"]["public"] is False
            count += 1
    assert count > 1000


def test_unknown_visibility_counts_as_internal() -> None:
    assert ticket_visibility(said(public=None)) is Visibility.INTERNAL
    assert bug_visibility(remark(restricted=True)) is Visibility.INTERNAL
    assert lowest(Visibility.CUSTOMER, Visibility.AGENTS) is Visibility.AGENTS


WHO_GOES = {
    "tagged: an agent's note with the tag": ("tagged", ActorKind.AGENT, False, "<p>#bug look</p>", True),
    "tagged: with a colon and in capitals": ("tagged", ActorKind.AGENT, True, "<p>#BUG: look</p>", True),
    "tagged: the tag is a part of a word": ("tagged", ActorKind.AGENT, False, "<p>#bugs look</p>", False),
    "tagged: the tag stands later": ("tagged", ActorKind.AGENT, False, "<p>look #bug</p>", False),
    "tagged: a customer writes the tag": ("tagged", ActorKind.CUSTOMER, True, "<p>#bug look</p>", False),
    "internal: an agent's note": ("internal", ActorKind.AGENT, False, "<p>look</p>", True),
    "internal: an answer to the customer": ("internal", ActorKind.AGENT, True, "<p>look</p>", False),
    "all: a customer's words": ("all", ActorKind.CUSTOMER, True, "<p>look</p>", True),
    "all: a trigger's words": ("all", ActorKind.RULE, True, "<p>look</p>", False),
}


@pytest.mark.parametrize(
    ("mode", "kind", "public", "html", "goes"), [pytest.param(*row, id=name) for name, row in WHO_GOES.items()]
)
def test_which_comments_reach_the_bug(mode: str, kind: ActorKind, public: bool, html: str, *, goes: bool) -> None:
    policy = CommentPolicy(to_bug=mode)  # type: ignore[arg-type]  # one of the modes
    assert (goes_to_bug(said(html, author=Actor(kind), public=public), policy) is not None) is goes


def test_the_tag_is_left_out_and_the_author_named() -> None:
    page = TicketTalkPage((said("<p>#bug look <b>here</b></p>", public=False),), whole=True)
    (action,) = plan_to_bug(LINK, TICKET, ISSUE, page, {}, CommentPolicy(), ticket_url="https://z.example")
    assert isinstance(action, CommentToBug)
    assert action.body == "*Priya* noted in [Zendesk #35|https://z.example/agent/tickets/35?comment=1]:\n\nlook *here*"


NAMES = {
    "a path": ("../../etc/passwd.txt", "passwd.txt"),
    "a Windows path": ("C:\\temp\\a.log", "a.log"),
    "a turn of direction": ("gpj\u202egnp.exe", "gpjgnp.exe"),
    "blanks and signs": ("my file [1]!.png", "my_file_1_.png"),
    "nothing": ("...", "file"),
    "chinese": ("日志.log", "日志.log"),
    "very long": ("a" * 300 + ".log", "a" * 70 + ".log"),
}


@pytest.mark.parametrize(("name", "safe"), [pytest.param(*row, id=name) for name, row in NAMES.items()])
def test_names_of_files_are_harmless(name: str, safe: str) -> None:
    assert safe_name(name) == safe


def test_files_are_chosen_by_type_and_size_and_the_others_are_named() -> None:
    files = [
        CommentFile("1", "a.png", "u", 10),
        CommentFile("2", "a.html", "u", 10),
        CommentFile("3", "b.log", "u", 11 * 1024 * 1024),
        CommentFile("4", "noending", "u", 1),
    ]
    refs, skipped = choose_files(files, CommentPolicy(), "jira")
    assert [ref.name for ref in refs] == ["a.png"]
    assert refs[0].save_as.startswith("a-")
    assert [sentence.split(" ")[0] for sentence in skipped] == ["a.html", "b.log", "noending"]


SAID = Twin(
    side="jira",
    source_id="1",
    target="ticket:35",
    origin="issue:10305",
    source_at=AT,
    version=int(AT.timestamp() * 1000),
    digest=digest_of("#customer fixed"),
    twin_id="9",
    marker="a" * 32,
    visibility=Visibility.CUSTOMER,
    state=TwinState.CARRIED,
    at=AT,
)
LATER = AT + timedelta(minutes=1)
PUBLIC_COPIES: dict[str, tuple[dict[str, object], str, list[bool]]] = {
    "nothing changed": ({}, "#customer", []),
    "the route has another prefix by now": ({}, "#public", []),
    "internal by now": ({"internal": True}, "#customer", [True]),
    "for one role by now": ({"restricted": True}, "#customer", [False]),
    "the prefix was edited away": ({"body": "fixed", "updated": LATER}, "#customer", [True, False]),
    "edited, and still for the customer": ({"body": "#customer fixed!", "updated": LATER}, "#customer", [False]),
}


@pytest.mark.parametrize(
    ("changes", "prefix", "keeps"), [pytest.param(*row, id=name) for name, row in PUBLIC_COPIES.items()]
)
def test_what_becomes_of_a_public_copy(changes: dict[str, object], prefix: str, keeps: list[bool]) -> None:
    values: dict[str, object] = {"body": "#customer fixed", "edited_by": HANA.id, **changes}
    page = BugTalkPage((remark(**values),), whole=True)  # type: ignore[arg-type]  # a test's own values
    policy = CommentPolicy(raising=Raising(prefix, accounts=(HANA.id,)))
    actions = plan_to_ticket(LINK, TICKET, ISSUE, page, {"1": SAID}, policy, browse_url="https://j.example")
    assert [isinstance(action, WithdrawNote) and action.keeps_text for action in actions] == keeps
    for action in actions:
        if isinstance(action, WithdrawNote):
            assert action.hides
        else:
            assert isinstance(action, CommentToTicket)
            assert action.visibility is Visibility.INTERNAL
