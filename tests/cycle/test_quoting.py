"""Whose words go into a mail, and what happens when they cannot be read."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from syncd.alerts.case import Quotes
from syncd.alerts.episodes import Draft
from syncd.alerts.message import Alert, Notification, Reader, Reason, Step
from syncd.alerts.ports import Target
from syncd.core.alert_model import AlertKey, Told
from syncd.core.comment_model import TicketComment, TicketTalkPage
from syncd.core.model import Actor, ActorKind
from syncd.cycle.letters import shown_to
from syncd.cycle.quoting import Quoted, Quoter
from syncd.sources.errors import TransientError

START = datetime(2026, 3, 2, 9, tzinfo=UTC)
AT = int(START.timestamp())
ANN = Actor(ActorKind.AGENT, "7", "Ann")
INES = Actor(ActorKind.CUSTOMER, "8", "Ines")
OURS = Actor(ActorKind.SELF, "9", "syncd")


def comment(minute: int, author: Actor, html: str, *, public: bool | None) -> TicketComment:
    return TicketComment(minute, author, html, START + timedelta(minutes=minute), public)


TALK = (
    comment(5, OURS, "Bug NOVA-1 was moved", public=False),
    comment(4, INES, "<p>Still <b>broken</b>!</p><script>alert(1)</script><p>Hurry</p>", public=True),
    comment(3, ANN, "Reproduced &lt;here&gt;", public=False),
    comment(2, ANN, "We look into it", public=True),
)


class Talk:
    def __init__(self, *comments: TicketComment) -> None:
        self.said, self.asked = comments, list[int]()
        self.is_away = False

    def comments(self, ticket_id: int, since: None) -> TicketTalkPage:
        self.asked.append(ticket_id)
        if self.is_away:
            raise TransientError("Zendesk does not answer")
        return TicketTalkPage(self.said, whole=True)


def draft(*tickets: int, reason: Reason = Reason.FIRST, late: bool = False) -> Draft:
    keys = tuple(AlertKey(ticket, "first_reply", "", 1, "breach") for ticket in tickets)
    return Draft("g", "lead", reason, keys, Told("lead", AT), None, late=late)


INTERNAL = Step("Ann", AT + 180, "Reproduced <here>")
PUBLIC = Step("Ines", AT + 240, "Still broken! Hurry")
WHOSE: dict[Quoted, Quotes] = {"all": Quotes(PUBLIC, INTERNAL), "public": Quotes(PUBLIC, None)}


@pytest.mark.parametrize("quoted", WHOSE)
def test_the_newest_words_of_people_are_quoted_as_plain_text(quoted: Quoted) -> None:
    assert Quoter(Talk(*TALK), lambda: 0).read([draft(1)], quoted) == {1: WHOSE[quoted]}


def test_a_comment_that_does_not_say_whether_it_is_public_is_internal() -> None:
    talk = Talk(comment(1, ANN, "Who knows", public=None))
    assert Quoter(talk, lambda: 0).read([draft(1)], "public") == {1: Quotes()}


UNREAD = {
    "when nobody's words are wanted": ([draft(1)], "none"),
    "of what is over": ([draft(1, reason=Reason.RESOLVED)], "all"),
    "for a table": ([draft(1, 2, 3, 4)], "all"),
    "for what is made up for in a digest": ([draft(1, late=True)], "all"),
    "of more tickets than a cycle may ask about": ([draft(number) for number in range(11)], "all"),
}


@pytest.mark.parametrize(("drafts", "quoted"), UNREAD.values(), ids=list(UNREAD))
def test_nothing_is_read(drafts: list[Draft], quoted: Quoted) -> None:
    talk = Talk(*TALK)
    assert Quoter(talk, lambda: 0).read(drafts, quoted) == {}
    assert talk.asked == []


def test_no_mail_waits_for_words_that_cannot_be_read() -> None:
    talk = Talk(*TALK)
    talk.is_away = True
    assert Quoter(talk, lambda: 0).read([draft(1), draft(2)], "all") == {}
    assert Quoter(talk, lambda: 30).read([draft(1)], "all") == {}
    assert talk.asked == [1]


def test_internal_words_go_by_mail_alone() -> None:
    alert = Alert(1, "first_reply", "breach", "breached", AT, last_public=PUBLIC, last_internal=INTERNAL)
    told = Notification(Reason.FIRST, "lead", "g", 1, AT, (alert,))
    assert shown_to(Target("mail", Reader("lead@acme.example")), told) == told
    (shown,) = shown_to(Target("group", Reader("group")), told).alerts
    assert (shown.last_public, shown.last_internal) == (PUBLIC, Step("Ann", AT + 180, ""))
