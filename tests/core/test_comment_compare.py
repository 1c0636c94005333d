"""Which copies that are found on a server show what their source says by now."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from syncd.core.comment_actions import CommentToBug, CommentToTicket
from syncd.core.comment_compare import comment_shows, note_shows
from syncd.core.model import Visibility

SAID = datetime(2026, 3, 2, 9, tzinfo=UTC)
HEAD = '<p><strong>Hana Sato</strong> commented on <a href="https://jira.example/browse/NOVA-2">NOVA-2</a>:</p>'
RENAMED = '<p><strong>Hana S.</strong> commented on <a href="https://jira.example/browse/OPS-7">OPS-7</a>:</p>'
REFUSED = "<p>The text could not be carried over; please read it in Jira.</p>"


def to_ticket(body: str, public: str = "") -> CommentToTicket:
    return CommentToTicket(
        ticket_id=6,
        source="jira:10003",
        reason="Hana Sato commented on NOVA-2",
        issue_id="10003",
        issue_key="NOVA-2",
        comment_id="10003",
        said_at=SAID,
        version=1,
        digest="abc",
        html=HEAD + body,
        placeholder=HEAD + REFUSED,
        visibility=Visibility.CUSTOMER if public else Visibility.INTERNAL,
        public_html=public,
    )


def to_bug(body: str) -> CommentToBug:
    return CommentToBug(
        issue_id="10003",
        issue_key="NOVA-2",
        source="zendesk:77",
        reason="Dana Kim noted in ticket #6",
        ticket_id=6,
        comment_id="77",
        said_at=SAID,
        digest="abc",
        body=body,
        placeholder="",
        visibility=Visibility.INTERNAL,
    )


@pytest.mark.parametrize(
    ("note", "body", "shows"),
    [
        pytest.param(HEAD + "<p>It is the cache.</p>", "<p>It is the cache.</p>", True, id="the same words"),
        pytest.param(HEAD + "<p>It is the cache.</p>", "<p>It is the disk.</p>", False, id="other words"),
        pytest.param(HEAD + "<p>It is the cache.</p>", "<p>It is</p>", False, id="fewer words"),
        pytest.param(HEAD + "<p>It is</p>", "<p>It is the cache.</p>", False, id="more words"),
        pytest.param(
            RENAMED + "<p>It is so.</p>", "<p>It is so.</p>", True, id="the author and the bug have new names"
        ),
        pytest.param(
            f'<div class="zd-comment" dir="auto">{HEAD}<p dir="auto">It\n is so.</p></div>',
            "<p>It is so.</p>",
            True,
            id="Zendesk put it into a frame of its own",
        ),
        pytest.param(
            HEAD + "<p>It is so.</p><p><em>a.png was left out.</em></p>",
            "<p>It is so.</p>",
            True,
            id="a sentence of ours stands below it",
        ),
        pytest.param(HEAD + "<p>The key is ▇▇▇.</p>", "<p>The key is 123.</p>", True, id="a word was blacked out"),
        pytest.param(
            HEAD + "<p>The key is ▇▇▇.</p>", "<p>A key is 123.</p>", False, id="a word too, and others differ"
        ),
        pytest.param(HEAD + "<p>a ▇ b ▇ c</p>", "<p>a 1 b 2 c</p>", True, id="two words were blacked out"),
        pytest.param(HEAD + "<p>a ▇ b ▇ c</p>", "<p>a 1 d 2 c</p>", False, id="two words, and another differs"),
        pytest.param(HEAD + "<p>one ▇ one</p>", "<p>one</p>", False, id="what is left of it is longer than the words"),
        pytest.param(HEAD + "<p>▇▇▇</p>", "<p>It is so.</p>", True, id="all was blacked out"),
        pytest.param(HEAD + REFUSED, "<p>It is so.</p>", True, id="the words had been refused"),
    ],
)
def test_a_note_is_of_the_present_words_or_of_older_ones(note: str, body: str, shows: bool) -> None:
    assert note_shows(note, to_ticket(body)) is shows


@pytest.mark.parametrize(
    ("note", "shows"),
    [("<p>We are on it.</p>", True), ("<p>We look into it.</p>", False), (HEAD + "<p>We are on it.</p>", True)],
    ids=["a customer reads the same", "a customer reads older words", "it was not said to the customer"],
)
def test_what_customers_read_has_no_first_line(note: str, shows: bool) -> None:
    assert note_shows(note, to_ticket("<p>We are on it.</p>", public="<p>We are on it.</p>")) is shows


@pytest.mark.parametrize(
    ("copy", "body", "shows"),
    [
        pytest.param("*Dana*: rewritten", "*Dana*: the key is 123", True, id="nothing was redacted, and it is theirs"),
        pytest.param("*Dana*: the key is 123", "*Dana*: the key is ▇▇▇", False, id="redacted since it was copied"),
        pytest.param("*Dana*:\r\nthe key is ▇▇▇", "*Dana*:\nthe key is ▇▇▇", True, id="redacted in the copy as well"),
        pytest.param("key ▇▇▇\n\n_a.log was left out._", "key ▇▇▇", True, id="a sentence of ours stands below it"),
    ],
)
def test_a_copy_on_a_bug_must_show_nothing_that_was_redacted(copy: str, body: str, shows: bool) -> None:
    assert comment_shows(copy, to_bug(body)) is shows
