"""Mails as bytes: the headers that keep robots from answering, threads, ids, and that the same goes out each time."""

from __future__ import annotations

import email
import re
from dataclasses import replace
from email.message import EmailMessage
from email.policy import default

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncd.alerts.letter import Letterhead, message_id, thread_root, write_letter
from syncd.alerts.message import Notification, Reader, Reason, Rendered
from syncd.alerts.render import Renderer
from tests.alerts.mail_kit import ALERT, LENA, MEI, NOON, READERS, one_of_each, told

HEAD = Letterhead(
    sender="syncd@helpdesk.example", domain="helpdesk.example", name="syncd 提醒", reply_to="leads@helpdesk.example"
)
IDENTITY = message_id((12345, "first_reply", 1, 1), LENA.address, HEAD.domain)
RENDERER = Renderer()
KINDS = one_of_each()


def written(notification: Notification, reader: Reader = LENA, identity: str = IDENTITY) -> bytes:
    return write_letter(notification, RENDERER.render(notification, reader), reader, HEAD, identity)


def read(content: bytes) -> EmailMessage:
    mail = email.message_from_bytes(content, policy=default)
    assert isinstance(mail, EmailMessage)
    return mail


@pytest.mark.parametrize("language", READERS)
@pytest.mark.parametrize("kind", KINDS)
def test_every_mail_is_ascii_in_short_lines_with_a_text_and_an_html_part(kind: str, language: str) -> None:
    content = written(KINDS[kind], READERS[language])
    assert content.isascii()
    assert max(len(line) for line in content.split(b"\r\n")) <= 78 + len("Message-ID: ") + 20
    assert b"\n" not in content.replace(b"\r\n", b"")
    mail = read(content)
    assert [part.get_content_type() for part in mail.iter_parts()] == ["text/plain", "text/html"]
    assert mail.defects == []


def test_the_headers_keep_robots_quiet_and_let_people_sort() -> None:
    mail = read(written(told(ALERT)))
    assert {name: mail[name] for name in ("Auto-Submitted", "X-Auto-Response-Suppress", "Precedence")} == {
        "Auto-Submitted": "auto-generated",
        "X-Auto-Response-Suppress": "All",
        "Precedence": "bulk",
    }
    assert mail["List-Id"] == "<sla.syncd.helpdesk.example>"
    assert mail["Reply-To"] == "leads@helpdesk.example"
    assert mail["X-Syncd-Fact"] == "12345.first_reply.1.breach"
    assert mail["X-Syncd-Reason"] == "first"
    assert mail["From"] == "syncd 提醒 <syncd@helpdesk.example>"
    assert mail["To"] == "Lena Vogt <lena.vogt@helpdesk.example>"
    assert mail["Date"] == "Mon, 23 Nov 2026 03:01:00 +0000"


def test_the_same_notification_makes_the_same_bytes() -> None:
    for kind, notification in KINDS.items():
        assert written(notification, MEI) == written(notification, MEI), kind


def test_a_reminder_has_another_id_and_the_same_thread() -> None:
    first = message_id((12345, "first_reply", 1, 1), LENA.address, HEAD.domain)
    second = message_id((12345, "first_reply", 1, 2), LENA.address, HEAD.domain)
    mails = [read(written(told(ALERT, seq=1), identity=first)), read(written(told(ALERT, seq=2), identity=second))]
    assert mails[0]["Message-ID"] != mails[1]["Message-ID"]
    assert {mail["References"] for mail in mails} == {"<thread.12345.1@helpdesk.example>"}
    assert {mail["In-Reply-To"] for mail in mails} == {"<thread.12345.1@helpdesk.example>"}


def test_ids_say_what_they_are_and_differ_by_recipient() -> None:
    assert re.fullmatch(r"<12345\.first_reply\.1\.1\.[0-9a-f]{12}@helpdesk\.example>", IDENTITY)
    assert message_id((12345, "first_reply", 1, 1), "  LENA.vogt@helpdesk.example", HEAD.domain) == IDENTITY
    assert message_id((12345, "first_reply", 1, 1), MEI.address, HEAD.domain) != IDENTITY


@given(parts=st.lists(st.text(max_size=80), min_size=1, max_size=5), other=st.lists(st.text(max_size=80), min_size=1))
def test_an_id_is_an_id_whatever_its_parts_and_tells_them_apart(parts: list[str], other: list[str]) -> None:
    found = message_id(tuple(parts), LENA.address, HEAD.domain)
    assert re.fullmatch(r"<[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*@helpdesk\.example>", found)
    assert len(found.partition("@")[0]) <= 61  # of a local part 64 characters are allowed: RFC 5321 4.5.3.1.1
    assert (found == message_id(tuple(other), LENA.address, HEAD.domain)) == (parts == other)


@pytest.mark.parametrize(
    ("notification", "root"),
    [
        pytest.param(told(ALERT), "<thread.12345.1@d.example>", id="one ticket and cycle"),
        pytest.param(
            told(replace(ALERT, cycle=2)), "<thread.12345.2@d.example>", id="the next cycle is another thread"
        ),
        pytest.param(
            told(ALERT, replace(ALERT, metric="resolution")),
            "<thread.12345.1@d.example>",
            id="two clocks of one ticket",
        ),
        pytest.param(told(ALERT, reason=Reason.DIGEST), "", id="a digest stands alone"),
        pytest.param(told(reason=Reason.HEARTBEAT), "", id="the daily line stands alone"),
    ],
)
def test_what_hangs_together_is_one_thread(notification: Notification, root: str) -> None:
    assert thread_root(notification, "d.example") == root


def test_a_group_of_tickets_is_a_thread_of_its_own() -> None:
    group = told(ALERT, replace(ALERT, ticket=2), group="storm")
    root = thread_root(group, "d.example")
    assert re.fullmatch(r"<thread\.[0-9a-f]{20}@d\.example>", root)
    assert thread_root(replace(group, seq=9), "d.example") == root
    assert thread_root(replace(group, group="another"), "d.example") != root


def test_a_long_thread_id_is_not_encoded() -> None:
    head = replace(HEAD, domain="a-very-long-name-of-a-department." * 2 + "helpdesk.example")
    mail = write_letter(told(ALERT), RENDERER.render(told(ALERT), LENA), LENA, head, IDENTITY)
    assert f"References: <thread.12345.1@{head.domain}>\r\n".encode() in mail


def test_an_address_that_no_header_can_hold_is_left_to_the_envelope() -> None:
    for address in ("名@helpdesk.example", "a@b@c", "", "a\r\nBcc: x@evil.example"):
        mail = read(written(told(ALERT), replace(LENA, address=address)))
        assert mail["To"] == "undisclosed-recipients:;"
        assert mail["Bcc"] is None


@given(text=st.text(max_size=300))
def test_no_text_breaks_out_of_a_header_or_a_part(text: str) -> None:
    rendered = Rendered(text, text, f"<p>{text!r}</p>", text, (("X-Syncd-Fact", text),))
    mail = read(write_letter(told(ALERT), rendered, replace(LENA, name=text), HEAD, IDENTITY))
    assert [part.get_content_type() for part in mail.iter_parts()] == ["text/plain", "text/html"]
    assert mail["Message-ID"] == IDENTITY
    assert set(mail.keys()) <= {
        *("From", "To", "Subject", "Date", "Message-ID", "In-Reply-To", "References", "Reply-To", "List-Id"),
        *("Auto-Submitted", "X-Auto-Response-Suppress", "Precedence", "X-Syncd-Fact", "MIME-Version", "Content-Type"),
    }
    assert NOON
